-- check_function: jit.check says before what then happens
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - regress_owner
CREATE VIEW app.names AS SELECT owner FROM app.accounts;
CREATE FUNCTION app.reads() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE TABLE app.part (id int) PARTITION BY LIST (id);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES IN (1);
CREATE TABLE app.base (id int);
CREATE TABLE app.child () INHERITS (app.base);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob, regress_carol;
\c - postgres
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');
SELECT jit.create_policy('columns', '{SELECT, UPDATE}', '{app.notes(note), app.part_1, app.child}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
CREATE TABLE mine.asked (n serial, statement text);
INSERT INTO mine.asked (statement) VALUES
    ('SELECT * FROM app.accounts'), ('SELECT id FROM app.notes'), ('SELECT note FROM app.notes'), ('SELECT n FROM app.notes n'),
    ('INSERT INTO app.accounts VALUES (9)'), ('UPDATE app.accounts SET balance = 0'), ('DELETE FROM app.accounts'),
    ('UPDATE app.notes SET note = note'), ('UPDATE app.notes SET id = id'),
    ('MERGE INTO app.accounts a USING app.notes n ON a.id = n.id WHEN MATCHED THEN DELETE'),
    ('SELECT 1 FROM app.accounts FOR UPDATE'), ('TRUNCATE app.accounts'), ('LOCK app.accounts'), ('TABLE app.names'),
    ('CREATE TABLE mine.copy AS SELECT * FROM app.accounts'), ('INSERT INTO mine.loot SELECT iban FROM app.accounts'),
    ('WITH x AS (DELETE FROM app.accounts RETURNING 1) SELECT count(*) FROM x'), ('SELECT app.reads()'),
    ('DECLARE c CURSOR FOR SELECT * FROM app.accounts'), ('EXPLAIN SELECT * FROM app.accounts'),
    ('COPY app.accounts TO STDOUT'), ('COPY (SELECT 1 FROM app.accounts) TO STDOUT'), ('ALTER TABLE app.accounts ADD x int'),
    ('DROP TABLE app.accounts'), ('GRANT SELECT ON app.accounts TO PUBLIC'), ('CREATE INDEX ON app.accounts (iban)'),
    ('COMMENT ON TABLE app.accounts IS NULL'), ('SELECT * FROM app.part'), ('SELECT * FROM app.base'), ('SELECT * FROM ONLY app.base'), ('UPDATE app.base SET id = 1'), ('DELETE FROM app.base'), ('SELECT * FROM app.part_1'), ('INSERT INTO app.part VALUES (1)'),
    ('SELECT 1'), ('SELECT * FROM jit.my_requests'), ('DELETE FROM jit.guards'), ('SELECT * FROM pg_stats'), ('CREATE TABLE mine.y (id int REFERENCES app.accounts)');
CREATE TABLE mine.loot (v text);
GRANT ALL ON mine.asked, mine.loot TO PUBLIC;
-- What it says, and what then happens: a "yes" that the gate refuses afterwards would be a lie.
CREATE FUNCTION mine.compare() RETURNS TABLE (statement text, said text, happened text) LANGUAGE plpgsql AS $$
DECLARE asked record;
BEGIN
    FOR asked IN SELECT * FROM mine.asked ORDER BY n LOOP
        statement := asked.statement;
        SELECT string_agg(DISTINCT allowed, ', ' ORDER BY allowed) INTO said FROM jit.check(asked.statement);
        happened := 'allowed';
        BEGIN
            IF statement ~ '^(DECLARE|COPY)' THEN
                happened := 'not tried';
            ELSE
                EXECUTE statement;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'UE000';
        EXCEPTION
            WHEN SQLSTATE 'UE000' THEN NULL;
            WHEN insufficient_privilege THEN happened := replace(SQLERRM, 'a just-in-time approval', 'one');
        END;
        RETURN NEXT;
    END LOOP;
END $$;
\c - regress_bob
SELECT * FROM mine.compare();
\c - regress_alice
SELECT jit.request('accounts', actions => '{READ, DELETE}') AS r \gset
SELECT * FROM mine.compare();
\c - regress_carol
SELECT * FROM mine.compare();
-- The whole answer.
\c - regress_bob
SELECT * FROM jit.check('SELECT a.iban, n.note FROM app.accounts a, app.notes n') \gx
SELECT * FROM jit.check('SELECT FROM FROM');
SELECT * FROM jit.check('SELECT 1; SELECT 2');
SELECT * FROM jit.check('SELECT * FROM app.nothing');
SELECT * FROM jit.check('');
SELECT * FROM jit.check(NULL);
\set ECHO none
\i :end
