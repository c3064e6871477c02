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
\set ECHO none
\i :end
