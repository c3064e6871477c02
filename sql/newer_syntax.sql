-- newer_syntax: ways to rows that PostgreSQL 17 and 18 added; each beside what it allows
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT current_setting('server_version_num')::int >= 170000 AS has_17, current_setting('server_version_num')::int >= 180000 AS has_18 \gset
CREATE MATERIALIZED VIEW app.copied AS SELECT iban FROM app.accounts;
GRANT ALL ON app.copied TO PUBLIC;
SELECT jit.create_policy('accounts', '{SELECT, EXPORT}', '{app.accounts(iban), app.copied}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
-- vector 210
\if :has_17
-- 17: JSON_TABLE, MERGE that returns rows or looks at those without a match, EXPLAIN that writes out the rows
\c - regress_bob
SELECT j.* FROM app.accounts a, JSON_TABLE(to_jsonb(a), '$' COLUMNS (iban text PATH '$.iban')) j;
SELECT j.* FROM app.accounts a, JSON_TABLE(to_jsonb(a.owner), '$' COLUMNS (owner text PATH '$')) j ORDER BY 1;
SELECT id FROM app.accounts WHERE JSON_EXISTS(to_jsonb(iban), '$ ? (@ == "DE01")');
MERGE INTO app.accounts a USING (VALUES (1)) v (id) ON a.id = v.id WHEN MATCHED THEN UPDATE SET balance = 0 RETURNING a.iban;
MERGE INTO app.accounts a USING (VALUES (1)) v (id) ON a.id = v.id WHEN MATCHED THEN UPDATE SET balance = 1 RETURNING merge_action(), a.id;
MERGE INTO app.accounts a USING (VALUES (1)) v (id) ON a.id = v.id WHEN NOT MATCHED BY SOURCE AND a.iban = 'DE02' THEN DELETE;
MERGE INTO app.accounts a USING (VALUES (1)) v (id) ON a.id = v.id WHEN NOT MATCHED BY SOURCE AND a.owner = 'nobody' THEN DELETE;
EXPLAIN (COSTS OFF, SERIALIZE, ANALYZE) SELECT iban FROM app.accounts;
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT j.* FROM app.accounts a, JSON_TABLE(to_jsonb(a), '$' COLUMNS (iban text PATH '$.iban')) j ORDER BY 1;
SELECT jit.release(:r);
\endif
\if :has_18
-- 18: columns that are computed when they are read, RETURNING of old and new rows, COPY of a materialized view
\c - postgres
ALTER TABLE app.accounts ADD shown text GENERATED ALWAYS AS ('x' || iban), ADD doubled int GENERATED ALWAYS AS (2 * balance) VIRTUAL;
\c - regress_bob
SELECT shown FROM app.accounts;
SELECT id FROM app.accounts WHERE shown = 'xDE01';
SELECT count(*), shown FROM app.accounts GROUP BY shown;
SELECT doubled FROM app.accounts WHERE id = 2;
SELECT count(*), upper(iban) FROM app.accounts GROUP BY upper(iban);
SELECT count(*), upper(owner) FROM app.accounts GROUP BY upper(owner) ORDER BY 2;
UPDATE app.accounts SET balance = 5 WHERE id = 2 RETURNING old.iban;
UPDATE app.accounts SET balance = 5 WHERE id = 2 RETURNING new.shown;
UPDATE app.accounts SET balance = 5 WHERE id = 2 RETURNING old;
UPDATE app.accounts SET balance = 5 WHERE id = 2 RETURNING old.balance, new.balance;
INSERT INTO app.accounts (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET balance = 6 RETURNING old.iban;
INSERT INTO app.accounts (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET balance = 6 RETURNING old.balance;
COPY app.copied TO STDOUT;
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT shown FROM app.accounts WHERE id = 1;
UPDATE app.accounts SET balance = 7 WHERE id = 2 RETURNING old.iban, new.shown;
COPY app.copied TO STDOUT;
SELECT jit.release(:r);
\endif
\set ECHO none
\i :end
