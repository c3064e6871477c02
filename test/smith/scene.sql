-- What sqlsmith's statements are let loose on: a schema whose every row carries marks, guarded as a whole and lent in part,
-- and unguarded things that lead into it. The marks are put together here, so that no catalog and no log holds one.
\set ON_ERROR_STOP on
CREATE EXTENSION jit_guard;
CREATE ROLE owner;
CREATE ROLE lender;
CREATE ROLE alice LOGIN;   -- asks, and gets an approval for everything that is guarded
CREATE ROLE mallory LOGIN; -- holds the privileges, and no approval
CREATE ROLE nadia LOGIN;   -- holds the privileges, and an approval to read vault.people and nothing else
CREATE ROLE mia LOGIN;     -- may read three rows of vault.few with each of her approvals
CREATE ROLE victor LOGIN;  -- holds no privilege and no approval
CREATE ROLE sue LOGIN SUPERUSER; -- holds every privilege, and no approval
CREATE ROLE bob LOGIN;     -- approves
CREATE SCHEMA vault AUTHORIZATION owner;
CREATE SCHEMA part AUTHORIZATION owner;
CREATE SCHEMA free AUTHORIZATION owner;
GRANT USAGE ON SCHEMA vault, part, free TO PUBLIC;
ALTER DATABASE postgres SET search_path = public, free; -- sqlsmith writes operators without their schema

CREATE FUNCTION pg_temp.word(n int) RETURNS text LANGUAGE sql AS $$ SELECT repeat(chr(113) || chr(122) || 'xjkvb', 3) || n $$;
CREATE FUNCTION pg_temp.number(n int) RETURNS int LANGUAGE sql AS $$ SELECT (1739 * 1000000 + 114620 + n % 10) $$;
-- Others for vault.people, so that what nadia may see is told from what she may not.
CREATE FUNCTION pg_temp.her_word(n int) RETURNS text LANGUAGE sql AS $$ SELECT repeat(chr(119) || chr(118) || 'kqjzp', 3) || n $$;
CREATE FUNCTION pg_temp.her_number(n int) RETURNS int LANGUAGE sql AS $$ SELECT (1846 * 1000000 + 172950 + n % 10) $$;
CREATE FUNCTION pg_temp.few_word(n int) RETURNS text LANGUAGE sql AS $$ SELECT chr(106) || 'kwqvxz' || lpad(n::text, 3, '0') $$;
SET ROLE owner;

-- ---- guarded ----
CREATE TYPE vault.mood AS ENUM ('fine', 'bad');
CREATE DOMAIN vault.amount AS bigint CHECK (VALUE > 0);
CREATE TYPE vault.pair AS (label text, n int);
CREATE SEQUENCE vault.numbers START 1;
CREATE TABLE vault.people (
    id int PRIMARY KEY, name text NOT NULL, salary vault.amount, note jsonb, tags text[], born date DEFAULT '2001-01-01',
    mood vault.mood DEFAULT 'fine', pairs vault.pair, code int UNIQUE, big text, upper_name text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE INDEX people_lower ON vault.people (lower(name));
CREATE STATISTICS vault.people_stats ON name, code FROM vault.people;
CREATE TABLE vault.payments (id int, paid date, person int REFERENCES vault.people, memo text, code int, PRIMARY KEY (id, paid))
    PARTITION BY RANGE (paid);
CREATE TABLE vault.payments_old PARTITION OF vault.payments FOR VALUES FROM ('2000-01-01') TO ('2010-01-01');
CREATE TABLE vault.payments_new PARTITION OF vault.payments FOR VALUES FROM ('2010-01-01') TO ('2030-01-01') PARTITION BY HASH (id);
CREATE TABLE vault.payments_new_0 PARTITION OF vault.payments_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE vault.payments_new_1 PARTITION OF vault.payments_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE vault.parent (id int, label text);
CREATE TABLE vault.child (extra text) INHERITS (vault.parent);
CREATE TABLE vault.own_rows (who name, secret text, code int);
ALTER TABLE vault.own_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON vault.own_rows USING (who = current_user);
CREATE TABLE vault.lent (id int PRIMARY KEY, secret text, code int);
CREATE TABLE vault.lent_parts (id int, secret text, code int) PARTITION BY LIST (id);
CREATE TABLE vault.lent_parts_1 PARTITION OF vault.lent_parts FOR VALUES IN (1, 2);
CREATE TABLE vault.lent_parts_2 PARTITION OF vault.lent_parts DEFAULT;
CREATE TABLE vault.few (id int PRIMARY KEY, word text, part int);
CREATE INDEX ON vault.few (part);
CREATE FUNCTION vault.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.memo := coalesce(NEW.memo, (SELECT max(name) FROM vault.people)); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON vault.payments FOR EACH ROW EXECUTE FUNCTION vault.stamp();
CREATE VIEW vault.names AS SELECT id, name, code FROM vault.people;
CREATE VIEW vault.careful WITH (security_barrier) AS SELECT id, name, salary FROM vault.people WHERE mood = 'fine';
CREATE VIEW vault.as_caller WITH (security_invoker) AS SELECT * FROM vault.people;

-- ---- guarded in some columns: no statement that names one of them may end well ----
CREATE TABLE part.people (id int PRIMARY KEY, name text, hidden_text text, hidden_number int, hidden_json jsonb);
CREATE INDEX ON part.people (hidden_number);
CREATE TABLE part.logs (id int, hidden_line text, at date) PARTITION BY RANGE (at);
CREATE TABLE part.logs_old PARTITION OF part.logs FOR VALUES FROM ('2000-01-01') TO ('2010-01-01');
CREATE TABLE part.logs_new PARTITION OF part.logs DEFAULT;
CREATE VIEW part.names AS SELECT id, name FROM part.people;
CREATE VIEW part.everything AS SELECT * FROM part.people;

-- ---- not guarded, and on the way to it ----
CREATE TABLE free.notes (id int PRIMARY KEY, person int, body text, at timestamptz DEFAULT '2020-01-01');
CREATE TABLE free.parts (id int, body text) PARTITION BY HASH (id);
CREATE TABLE free.parts_0 PARTITION OF free.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE free.parts_1 PARTITION OF free.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE free.numbers (n int, big bigint, f float8, num numeric, b bool, d date, ts timestamptz, i interval, j jsonb, a int[], t text, u uuid,
    h inet, bits varbit);
CREATE VIEW free.people AS SELECT * FROM vault.people;
CREATE VIEW free.joined AS SELECT n.id, p.name, p.code, n.body FROM free.notes n LEFT JOIN vault.people p ON p.id = n.person;
CREATE VIEW free.as_caller WITH (security_invoker) AS SELECT * FROM vault.payments;
CREATE VIEW free.lent AS SELECT * FROM vault.lent;
CREATE FUNCTION free.name_of(int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT name FROM vault.people WHERE id = $1 $$;
CREATE FUNCTION free.few_word(int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT word FROM vault.few WHERE id = $1 $$;
CREATE FUNCTION free.code_of(int) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT code FROM vault.people WHERE id = $1 $$;
CREATE FUNCTION free.find(text) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ BEGIN RETURN QUERY SELECT memo FROM vault.payments WHERE memo LIKE '%' || $1 || '%'; END $$;
CREATE FUNCTION free.longest(int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE out text; BEGIN
    EXECUTE 'SELECT max(secret) FROM vault.lent WHERE id >= $1' INTO out USING $1; RETURN out; EXCEPTION WHEN others THEN RETURN SQLERRM; END $$;
CREATE FUNCTION free.rows(statement text) RETURNS SETOF json LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
    FOR r IN EXECUTE statement LOOP RETURN NEXT to_json(r); END LOOP; END $$;
CREATE FUNCTION free.counting(state int, int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT $1 + coalesce((SELECT max(code) FROM vault.people), 0) $$;
CREATE AGGREGATE free.total(int) (SFUNC = free.counting, STYPE = int, INITCOND = '0');
CREATE FUNCTION free.worse(int, text) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN EXISTS (SELECT FROM vault.people WHERE id = $1 AND name > $2); END $$;
CREATE OPERATOR free.<<>> (LEFTARG = int, RIGHTARG = text, FUNCTION = free.worse);
CREATE FUNCTION free.looks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.body := coalesce(NEW.body, '') || (SELECT max(name) FROM vault.people); RETURN NEW; END $$;
CREATE TRIGGER looks BEFORE INSERT OR UPDATE ON free.parts FOR EACH ROW EXECUTE FUNCTION free.looks();
CREATE FUNCTION free.visible(int) RETURNS bool LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT FROM vault.payments WHERE person = $1) $$;
CREATE TABLE free.by_rows (id int, body text);
ALTER TABLE free.by_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY looks ON free.by_rows USING (free.visible(id));

-- ---- rows: marks in each that is guarded ----
RESET ROLE;
INSERT INTO vault.people (id, name, salary, note, tags, pairs, code, big) SELECT i, pg_temp.her_word(i), pg_temp.her_number(i)::bigint * 1000 + i,
    jsonb_build_object('word', pg_temp.her_word(i), 'n', pg_temp.her_number(i)), ARRAY[pg_temp.her_word(i), 'x'], ROW(pg_temp.her_word(i), pg_temp.her_number(i))::vault.pair,
    pg_temp.her_number(i) + i / 10 * 10, repeat(pg_temp.her_word(i), 500) FROM generate_series(1, 30) i;
INSERT INTO vault.payments SELECT i, date '2005-01-01' + i * 200, 1 + i % 30, pg_temp.word(i), pg_temp.number(i) FROM generate_series(1, 40) i;
INSERT INTO vault.parent SELECT i, pg_temp.word(i) FROM generate_series(1, 5) i;
INSERT INTO vault.child SELECT i, pg_temp.word(i), pg_temp.word(i) FROM generate_series(1, 5) i;
INSERT INTO vault.own_rows SELECT w, pg_temp.word(i), pg_temp.number(i) FROM generate_series(1, 3) i, unnest('{alice,mallory,nadia,sue,victor}'::name[]) w;
INSERT INTO vault.lent SELECT i, pg_temp.word(i), pg_temp.number(i) FROM generate_series(1, 20) i;
INSERT INTO vault.lent_parts SELECT i, pg_temp.word(i), pg_temp.number(i) FROM generate_series(1, 6) i;
INSERT INTO part.people SELECT i, 'person ' || i, pg_temp.word(i), pg_temp.number(i), jsonb_build_object('w', pg_temp.word(i)) FROM generate_series(1, 20) i;
INSERT INTO part.logs SELECT i, pg_temp.word(i), date '2005-01-01' + i * 300 FROM generate_series(1, 20) i;
INSERT INTO vault.few SELECT i, pg_temp.few_word(i), i % 7 FROM generate_series(1, 100) i;
INSERT INTO free.notes SELECT i, i, 'note ' || i FROM generate_series(1, 10) i;
INSERT INTO free.by_rows SELECT i, 'row ' || i FROM generate_series(1, 10) i;
INSERT INTO free.numbers SELECT i, i * 1000, i / 7.0, i / 3.0, i % 2 = 0, date '2020-01-01' + i, '2020-01-01'::timestamptz + i * interval '1 hour',
    i * interval '1 day', jsonb_build_object('n', i), ARRAY[i, i + 1], 'text ' || i, md5(i::text)::uuid, '10.0.0.1'::inet + i, i::bit(8)::varbit
    FROM generate_series(1, 10) i;
ALTER TABLE free.parts DISABLE TRIGGER ALL;
INSERT INTO free.parts SELECT i, 'part ' || i FROM generate_series(1, 10) i;
ALTER TABLE free.parts ENABLE TRIGGER ALL;
SET ROLE owner;
CREATE MATERIALIZED VIEW vault.summary AS SELECT mood, max(name) AS name, max(code) AS code FROM vault.people GROUP BY mood;
RESET ROLE;
ANALYZE;
GRANT ALL ON ALL TABLES IN SCHEMA vault, part, free TO alice, mallory, nadia, mia, owner;
GRANT ALL ON ALL TABLES IN SCHEMA free TO victor;
GRANT ALL ON ALL SEQUENCES IN SCHEMA vault TO alice, mallory, nadia;
REVOKE ALL ON vault.lent, vault.lent_parts FROM alice, mallory, nadia, mia;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.lent, vault.lent_parts TO lender;

-- ---- the guard, and who has an approval ----
SELECT jit.create_policy('vault', '{ALL}', '{vault.*, free.people, free.joined, free.as_caller, free.lent}', eligible => '{alice, nadia}',
    approvers => '{bob}', max_duration => '2 days', require_reason => false);
SELECT jit.create_policy('lent', '{READ, WRITE}', '{vault.lent, vault.lent_parts}', lends => 'lender', eligible => '{alice}',
    approvers => '{bob}', max_duration => '2 days', require_reason => false);
SELECT jit.create_policy('part', '{SELECT, INSERT, UPDATE}', '{"part.people(hidden_text, hidden_number, hidden_json)", part.logs(hidden_line)}',
    eligible => '{alice}', approvers => '{bob}', max_duration => '2 days', require_reason => false);
SELECT jit.create_policy('few', '{ALL}', '{vault.few}', eligible => '{mia}', approvals => 0, max_rows => 3,
    max_duration => '2 days', require_reason => false, weaker => true);
\c - alice
SELECT jit.request('vault', '1 day');
SELECT jit.request('lent', '1 day');
SELECT jit.request('part', '1 day');
\c - nadia
SELECT jit.request('vault', '1 day', actions => '{SELECT}', objects => '{vault.people}');
\c - bob
SELECT jit.approve(1);
SELECT jit.approve(2);
SELECT jit.approve(3);
SELECT jit.approve(4);
