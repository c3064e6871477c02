-- gate_functions: nothing changes inside functions, DO, procedures, triggers and queries given as text
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

\c - regress_owner
CREATE FUNCTION app.plpgsql() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE FUNCTION app.inlined() RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(iban) FROM app.accounts $$;
CREATE FUNCTION app.rows() RETURNS SETOF app.accounts LANGUAGE sql STABLE AS $$ SELECT * FROM app.accounts $$;
CREATE FUNCTION app.atomic() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT max(iban) FROM app.accounts; END;
CREATE FUNCTION app.definer() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE FUNCTION app.dynamic(query text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN EXECUTE query INTO t; RETURN t; END $$;
CREATE FUNCTION app.constant() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE FUNCTION app.cursor() RETURNS refcursor LANGUAGE plpgsql AS
    $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT iban FROM app.accounts ORDER BY id; RETURN c; END $$;
CREATE FUNCTION app.swallow() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused'; END $$;
CREATE PROCEDURE app.procedure() LANGUAGE plpgsql AS $$ BEGIN COMMIT; UPDATE app.accounts SET balance = 0 WHERE id = 1; COMMIT; END $$;
CREATE FUNCTION app.fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.note := (SELECT max(iban) FROM app.accounts); RETURN new; END $$;
CREATE FUNCTION app.more(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT EXISTS (SELECT FROM app.accounts WHERE iban > $2) $$;
CREATE OPERATOR app.>>> (FUNCTION = app.more, LEFTARG = text, RIGHTARG = text);
CREATE TRIGGER fired BEFORE INSERT ON app.notes FOR EACH ROW WHEN (new.id > 1) EXECUTE FUNCTION app.fired();
CREATE TABLE mine.calls (n serial, statement text);
INSERT INTO mine.calls (statement) VALUES
    ('SELECT app.plpgsql()'), ('SELECT app.inlined()'), ('SELECT max(iban) FROM app.rows()'), ('SELECT app.atomic()'),
    ('SELECT app.definer()'), ($s$SELECT app.dynamic('SELECT max(iban) FROM app.accounts')$s$),
    ('SELECT app.constant()'), ('SELECT app.swallow()'), ('CALL app.procedure()'),
    ($s$DO 'BEGIN PERFORM iban FROM app.accounts; END'$s$), ($s$DO 'DECLARE t text; BEGIN t := app.plpgsql(); END'$s$),
    ($s$INSERT INTO app.notes VALUES (2, 'x') RETURNING note$s$), ($s$DELETE FROM app.notes WHERE id = 2$s$),
    ($s$SELECT length(query_to_xml('SELECT max(iban) FROM app.accounts', true, true, '')::text) > 0 AS xml$s$),
    ($s$SELECT length(table_to_xml('app.accounts', true, true, '')::text) > 0 AS xml$s$),
    ($s$SELECT count(*) > 0 AS words FROM ts_stat('SELECT to_tsvector(iban) FROM app.accounts')$s$),
    ($s$SELECT 'x' OPERATOR(app.>>>) 'A'$s$),
    ($s$SELECT CASE WHEN app.plpgsql() > '' THEN 1 END AS expression$s$),
    ($s$SELECT count(*) AS filtered FROM app.notes WHERE app.plpgsql() > ''$s$),
    ($s$SELECT x FROM generate_series(1, length(app.plpgsql())) x LIMIT 1$s$);
GRANT SELECT ON mine.calls TO PUBLIC;
-- No approval.
\c - regress_bob
SELECT statement FROM mine.calls ORDER BY n \gexec
BEGIN;
SELECT app.cursor();
ROLLBACK;
-- An approval: code of the table's owner may use it.
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT statement FROM mine.calls ORDER BY n \gexec
BEGIN;
SELECT app.cursor();
FETCH ALL IN c;
COMMIT;
\set ECHO none
\i :end
