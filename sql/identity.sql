-- identity: the person is who logged in, whatever role is in force
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
GRANT regress_alice, regress_carol TO regress_bob;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
CREATE FUNCTION mine.reads() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE FUNCTION mine.as_alice() RETURNS text LANGUAGE plpgsql SET role = regress_alice AS $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); END $$;
CREATE VIEW mine.shows AS SELECT max(iban) FROM app.accounts;
GRANT ALL ON mine.shows TO PUBLIC;
SELECT mine.reads(), mine.as_alice();
-- Bob may take Alice's role; her approval he may not.
\c - regress_bob
SELECT count(*) FROM app.accounts;
SET ROLE regress_alice;
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM jit.my_requests;
RESET ROLE;
SELECT set_config('role', 'regress_alice', false);
SELECT count(*) FROM app.accounts;
SELECT set_config('role', 'none', false);
UPDATE pg_settings SET setting = 'regress_alice' WHERE name = 'role';
SELECT count(*) FROM app.accounts;
DISCARD ALL;
SELECT mine.reads();
SELECT mine.as_alice();
SELECT * FROM mine.shows;
\c - postgres
ALTER ROLE regress_bob SET role = regress_alice;
\c - regress_bob
SELECT current_user, session_user;
SELECT count(*) FROM app.accounts;
SELECT jit.release(1);
\c - regress_dba
SET SESSION AUTHORIZATION regress_alice;
SELECT current_user, session_user;
SELECT count(*) FROM app.accounts;
SELECT jit.release(1);
RESET SESSION AUTHORIZATION;
SELECT set_config('session_authorization', 'regress_alice', false);
SELECT count(*) FROM app.accounts;
-- And the other way: Alice keeps her approval whatever role she takes, as far as that role's privileges go.
\c - postgres
GRANT regress_owner TO regress_alice;
\c - regress_alice
SET ROLE regress_owner;
SELECT count(*) FROM app.accounts;
RESET ROLE;
SELECT count(*) FROM app.accounts;
-- Exempt is who is a member of an exempt role: Bob is, of Alice's and Carol's.
\c - postgres
SELECT jit.alter_policy('accounts', exempt => '{regress_carol}');
\c - regress_bob
SELECT count(*) FROM app.accounts;
-- An approval belongs to the role, not to its name.
\c - postgres
SELECT jit.alter_policy('accounts', exempt => '{}');
REVOKE regress_alice, regress_carol FROM regress_bob;
ALTER ROLE regress_bob RESET role;
ALTER ROLE regress_alice RENAME TO regress_alicia;
ALTER ROLE regress_bob RENAME TO regress_alice;
\c - regress_alicia
SELECT count(*) FROM app.accounts;
\c - regress_alice
SELECT count(*) FROM app.accounts;
\c - postgres
ALTER ROLE regress_alice RENAME TO regress_bob;
ALTER ROLE regress_alicia RENAME TO regress_alice;
\set ECHO none
\i :end
