-- gate_views: a view shows what its reader may read; an approval that names the view opens it, while it is what it was
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

\c - regress_owner
CREATE VIEW app.names AS SELECT id, owner FROM app.accounts;
CREATE VIEW app.chain AS SELECT owner FROM app.names;
CREATE VIEW app.invoker WITH (security_invoker) AS SELECT id, owner FROM app.accounts;
CREATE VIEW app.barrier WITH (security_barrier) AS SELECT owner FROM app.accounts WHERE balance > 100;
CREATE RULE copy AS ON INSERT TO app.notes WHERE new.note = 'rule'
    DO ALSO UPDATE app.accounts SET balance = balance + 1 WHERE id = new.id;
GRANT ALL ON app.names, app.chain, app.invoker, app.barrier TO regress_alice, regress_bob, regress_carol;
-- The view's owner may read the table, its reader may not: refused through every kind of view.
\c - regress_bob
SELECT * FROM app.names;
SELECT * FROM app.chain;
SELECT * FROM app.invoker;
SELECT * FROM app.barrier;
SELECT count(*) FROM app.names;
UPDATE app.names SET owner = 'x';
DELETE FROM app.names;
INSERT INTO app.names VALUES (9, 'x');
INSERT INTO app.notes VALUES (2, 'rule');
INSERT INTO app.notes VALUES (2, 'no rule');
-- With an approval of the table the owner's views may be used, the rule too.
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT * FROM app.chain WHERE owner = 'ann';
SELECT * FROM app.invoker WHERE id = 1;
SELECT * FROM app.barrier;
UPDATE app.names SET owner = 'ann' WHERE id = 1;
INSERT INTO app.notes VALUES (3, 'rule');
SELECT balance FROM app.accounts WHERE id = 3;
SELECT jit.release(:r);

-- An approval that names the view opens the view, and nothing else.
\c - postgres
SELECT jit.create_policy('names', '{SELECT}', '{app.names}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    weaker => true);
\c - regress_alice
SELECT * FROM app.names;
SELECT jit.request('names') AS r \gset
SELECT * FROM app.names ORDER BY id;
SELECT owner FROM app.names WHERE id = 2;
SELECT * FROM app.chain ORDER BY owner;
SELECT * FROM app.accounts;
SELECT n.owner, a.iban FROM app.names n JOIN app.accounts a USING (id);
SELECT * FROM app.barrier;
SELECT n.owner FROM app.names n, app.barrier b;
UPDATE app.names SET owner = 'x';
CREATE TABLE mine.copy AS SELECT * FROM app.names;
-- Changed after it was approved, it no longer opens: the change wants a request of its own.
\c - regress_owner
CREATE OR REPLACE VIEW app.names AS SELECT id, iban AS owner FROM app.accounts;
\c - regress_alice
SELECT * FROM app.names WHERE id = 1;
SELECT jit.release(:r);
SELECT jit.request('names') AS r \gset
SELECT * FROM app.names WHERE id = 1;
SELECT jit.release(:r);
SELECT * FROM app.names WHERE id = 1;

-- Somebody else's view does not ride on an approval, whether it runs as its owner or as its reader.
\c - regress_mallory
CREATE VIEW mine.as_owner AS SELECT owner FROM app.accounts;
CREATE VIEW mine.as_reader WITH (security_invoker) AS SELECT owner FROM app.accounts;
GRANT SELECT ON mine.as_owner, mine.as_reader TO PUBLIC;
\c - regress_alice
CREATE VIEW mine.own AS SELECT owner FROM app.accounts;
SELECT jit.request('accounts') AS r \gset
SELECT * FROM mine.as_owner;
SELECT * FROM mine.as_reader;
SELECT * FROM mine.own WHERE owner = 'ann';
-- Unless the approval names it.
\c - postgres
SELECT jit.create_policy('theirs', '{SELECT}', '{mine.as_owner, mine.as_reader}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_alice
SELECT jit.request('theirs') AS r \gset
SELECT * FROM mine.as_owner WHERE owner = 'ann';
SELECT * FROM mine.as_reader WHERE owner = 'ann';
SELECT jit.release(:r);
SELECT * FROM mine.as_owner WHERE owner = 'ann';
SELECT * FROM mine.as_reader WHERE owner = 'ann';

-- vector 256: what an approval of a view opens, it opens to the view's own definition. Not to another rule of its owner, be it
-- on the view or on what a statement writes, whose condition or action reads the same table.
\c - regress_owner
CREATE TABLE app.vault (id int, secret text);
INSERT INTO app.vault SELECT i, 'secret ' || i FROM generate_series(1, 4) i;
CREATE VIEW app.shown WITH (security_barrier) AS SELECT id FROM app.vault WHERE id < 3;
CREATE TABLE app.plain (id int);
CREATE TABLE app.logged (id int);
CREATE TABLE app.conditional (id int);
CREATE TABLE app.replaced (id int);
INSERT INTO app.replaced VALUES (1);
CREATE RULE shows AS ON UPDATE TO app.shown DO INSTEAD SELECT * FROM app.vault;
CREATE RULE log AS ON INSERT TO app.logged DO ALSO INSERT INTO app.plain VALUES (new.id);
CREATE RULE conditional AS ON INSERT TO app.conditional WHERE EXISTS (SELECT FROM app.vault WHERE id = 4) DO INSTEAD NOTHING;
CREATE RULE replaced AS ON DELETE TO app.replaced DO INSTEAD UPDATE app.plain SET id = v.id FROM app.vault v WHERE v.id = 4 RETURNING v.id;
GRANT ALL ON app.vault, app.shown, app.plain, app.logged, app.conditional, app.replaced TO regress_alice;
\c - postgres
SELECT jit.create_policy('vault', '{SELECT}', '{app.vault}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SELECT jit.create_policy('shown', '{SELECT}', '{app.shown}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    weaker => true);
\c - regress_alice
SELECT jit.request('shown') AS r \gset
SELECT * FROM app.shown ORDER BY id;
INSERT INTO app.plain SELECT id FROM app.shown RETURNING id;
DELETE FROM app.plain WHERE id IN (SELECT id FROM app.shown WHERE id > 1) RETURNING id;
INSERT INTO app.logged VALUES (1);
INSERT INTO app.replaced SELECT id FROM app.shown RETURNING id;
WITH w AS (UPDATE app.plain SET id = id RETURNING id) SELECT DISTINCT w.id, s.id AS shown FROM w, app.shown s WHERE s.id = 1;
UPDATE app.shown SET id = id;
INSERT INTO app.logged SELECT id FROM app.shown;
INSERT INTO app.conditional SELECT id FROM app.shown;
WITH w AS (DELETE FROM app.replaced RETURNING id) SELECT w.id, s.id AS shown FROM w, app.shown s;
-- An approval of the table is another matter: under that the owner's rules may be used.
SELECT jit.request('vault') AS v \gset
UPDATE app.shown SET id = id;
INSERT INTO app.conditional SELECT id FROM app.shown;
SELECT jit.release(:v);
SELECT jit.release(:r);

-- vector 257: nor to a row security policy of a table that the view reads as well, which reads in the view's name, or a view
-- that does not; nor to another view of its owner's that reaches the table by way of the table's parent.
\c - regress_mallory
CREATE TABLE mine.secured (id int);
INSERT INTO mine.secured VALUES (1);
ALTER TABLE mine.secured ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON mine.secured TO PUBLIC;
\c - regress_owner
CREATE TABLE app.whole (id int, secret text) PARTITION BY LIST (id);
CREATE TABLE app.chest PARTITION OF app.whole FOR VALUES IN (1, 4);
INSERT INTO app.whole VALUES (1, 'one'), (4, 'four');
CREATE VIEW app.some AS SELECT id FROM app.chest WHERE id < 3;
CREATE VIEW app.every AS SELECT * FROM app.whole;
CREATE VIEW app.joined AS SELECT c.id FROM app.chest c JOIN mine.secured s ON c.id = s.id;
GRANT ALL ON app.whole, app.chest, app.some, app.every, app.joined TO regress_alice, regress_mallory;
\c - regress_mallory
CREATE POLICY p ON mine.secured USING ((SELECT count(*) FROM app.chest) > 0);
CREATE VIEW mine.invoker WITH (security_invoker) AS SELECT count(*) FROM app.chest;
GRANT SELECT ON mine.invoker TO PUBLIC;
\c - regress_owner
CREATE VIEW app.counted AS SELECT c.id, i.count FROM app.chest c, mine.invoker i WHERE c.id < 3;
GRANT SELECT ON app.counted TO regress_alice;
\c - postgres
SELECT jit.create_policy('chest', '{SELECT}', '{app.chest}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SELECT jit.create_policy('some', '{SELECT}', '{app.some, app.joined, app.counted}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, weaker => true);
\c - regress_alice
SELECT jit.request('some') AS r \gset
SELECT * FROM app.some;
SELECT e.* FROM app.every e, app.some s;
SELECT * FROM app.joined;
SELECT * FROM app.counted;
\c - regress_mallory
DROP POLICY p ON mine.secured;
CREATE POLICY p ON mine.secured USING (id > 0);
CREATE OR REPLACE VIEW mine.invoker WITH (security_invoker) AS SELECT count(*) FROM app.notes;
\c - regress_alice
SELECT * FROM app.joined;
SELECT * FROM app.counted;
\set ECHO none
\i :end
