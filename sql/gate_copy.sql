-- gate_copy: COPY reads and writes as SELECT and INSERT do; to a file it also exports
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

\c - regress_bob
COPY app.accounts TO STDOUT;
COPY app.accounts (id) TO STDOUT;
COPY (SELECT iban FROM app.accounts) TO STDOUT;
COPY (DELETE FROM app.accounts RETURNING *) TO STDOUT;
COPY app.accounts FROM STDIN;
9	x	x	0
\.
COPY app.accounts (id) FROM STDIN WHERE id > 0;
9
\.
COPY app.notes TO STDOUT;
\c - regress_alice
SELECT jit.request('accounts', actions => '{SELECT, INSERT}') AS r \gset
COPY app.accounts TO STDOUT;
COPY (SELECT iban FROM app.accounts ORDER BY id) TO STDOUT;
COPY app.accounts FROM STDIN;
9	ida	DE09	900
\.
COPY (UPDATE app.accounts SET balance = 0 RETURNING 1) TO STDOUT;
-- To a file or program of the server: the rows lie where nobody guards them.
\c - postgres
SELECT jit.alter_policy('accounts', eligible => '{regress_alice, regress_dba}');
\c - regress_dba
SELECT jit.request('accounts', actions => '{SELECT}') AS r \gset
COPY app.accounts TO STDOUT;
COPY app.accounts TO '/dev/null';
COPY (SELECT * FROM app.accounts) TO '/dev/null';
COPY app.accounts TO PROGRAM 'cat > /dev/null';
COPY app.notes TO '/dev/null';
SELECT jit.request('accounts', actions => '{EXPORT}') AS e \gset
COPY app.accounts TO '/dev/null';
COPY (SELECT * FROM app.accounts) TO '/dev/null';
\set ECHO none
\i :end
