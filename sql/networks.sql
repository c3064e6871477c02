-- networks: from which addresses one may ask and use. These sessions come over a unix socket, which counts as 127.0.0.1
-- and ::1; connections over TCP are in test/tap/t/041_uses.pl.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{SELECT}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, networks => '{10.0.0.0/8, 2001:db8::/32}');
\c - regress_alice
SELECT policy, networks FROM jit.available;
\set VERBOSITY default
SELECT jit.request('accounts');
\set VERBOSITY terse
SELECT count(*) FROM jit.my_requests;
-- Loopback, in each spelling that contains it.
\c - regress_dba
SELECT jit.alter_policy('accounts', networks => '{10.0.0.0/8, 127.0.0.1/32}');
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM app.accounts;
SELECT object, allowed FROM jit.check('SELECT iban FROM app.accounts');
\c - regress_dba
SELECT jit.alter_policy('accounts', networks => '{::1}');
\c - regress_alice
SELECT count(*) FROM app.accounts;
-- A policy that changes reaches a session that is there, and jit.check says why; a cursor that is open as well.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts ORDER BY id;
FETCH 1 FROM c;
ROLLBACK;
PREPARE p AS SELECT count(*) FROM app.accounts;
EXECUTE p;
\c - regress_dba
SELECT jit.alter_policy('accounts', networks => '{192.0.2.0/24}');
\c - regress_alice
\set VERBOSITY default
SELECT count(*) FROM app.accounts;
\set VERBOSITY terse
SELECT object, allowed, why FROM jit.check('SELECT iban FROM app.accounts');
-- Another policy of equal rank that serves the address suffices; an exemption does not depend on it.
\c - regress_dba
SELECT jit.create_policy('also', '{SELECT}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}', weaker => true);
SELECT jit.alter_policy('accounts', exempt => '{regress_carol}');
\c - regress_alice
SELECT jit.request('also') AS also \gset
SELECT count(*) FROM app.accounts;
SELECT jit.release(:also);
SELECT count(*) FROM app.accounts;
\c - regress_carol
SELECT count(*) FROM app.accounts;
-- A view that the approval names opens what it reads under the same terms.
\c - regress_dba
SELECT jit.drop_policy('also');
CREATE VIEW app.shown AS SELECT id FROM app.accounts;
ALTER VIEW app.shown OWNER TO regress_owner;
GRANT SELECT ON app.shown TO regress_alice;
SELECT jit.create_policy('shown', '{SELECT}', '{app.shown}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    exempt => '{regress_carol}', max_uses => 1);
\c - regress_alice
SELECT jit.request('shown') AS s \gset
SELECT count(*) FROM app.shown;
SELECT count(*) FROM app.shown;
\c - regress_dba
SELECT jit.alter_policy('shown', max_uses => 0);
\c - regress_alice
SELECT jit.request('shown') AS s \gset
SELECT count(*) FROM app.shown;
\c - regress_dba
SELECT jit.alter_policy('shown', networks => '{192.0.2.0/24}');
\c - regress_alice
SELECT count(*) FROM app.shown;
-- Terms that cannot stand.
\c - regress_dba
SELECT jit.alter_policy('accounts', networks => ARRAY[NULL]::cidr[]);
SELECT jit.alter_policy('accounts', networks => '{{10.0.0.0/8},{11.0.0.0/8}}');
SELECT jit.alter_policy('accounts', networks => '{10.0.0.1/8}');
SELECT jit.alter_policy('accounts', networks => (SELECT array_agg(('10.0.0.' || i)::cidr) FROM generate_series(1, 65) i));
SELECT jit.create_policy('lends', elevates_to => 'regress_owner', eligible => '{regress_alice}', approvals => 0, networks => '{10.0.0.0/8}');
SELECT jit.alter_policy('accounts', networks => '{}');
\c - regress_alice
SELECT count(*) FROM app.accounts;
\set ECHO none
\i :end
