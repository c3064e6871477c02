-- redteam: holes that were found by attacking the functions, each closed
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_security LOGIN IN ROLE jit_admin; -- makes policies, and is no superuser
CREATE ROLE regress_small;
CREATE ROLE regress_other;
CREATE ROLE regress_root SUPERUSER;
CREATE ROLE regress_towards_root IN ROLE regress_root;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice, regress_dba}', approvers => '{regress_boss}',
    require_reason => false);
-- An UPDATE of the extension's row is no CREATE EXTENSION, which would open everything until its transaction ends.
\c - regress_dba
BEGIN;
UPDATE pg_extension SET extversion = extversion WHERE extname = 'jit_guard';
CREATE SCHEMA moves_the_cache;
SELECT count(*) FROM app.accounts;
ROLLBACK;

-- A table of the extension without rows is filled by pg_restore only where pg_dump takes it: not with approvals.
COPY jit.approvals FROM PROGRAM 'printf ""';
COPY jit.scopes FROM PROGRAM 'printf ""';
COPY jit.instance FROM PROGRAM 'printf ""';
-- Nor with votes, where anything is on record already.
SELECT jit.request('accounts') AS r \gset
BEGIN;
COPY jit.votes (request_id, voter, voter_name, vote, voted_at) FROM PROGRAM 'printf "1\t1\tregress_boss\tapprove\t2020-01-01\n"';
SELECT count(*) FROM jit.instance WHERE database_oid <> 0;
ROLLBACK;
SELECT jit.cancel(:r);

-- Nobody approves under another name: functions of jit_guard stay what they are, and count under their own names only.
CREATE OR REPLACE FUNCTION jit.deny(request_id bigint, comment text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE SECURITY DEFINER AS '$libdir/jit_guard', 'jit_approve';
ALTER FUNCTION jit.deny(bigint, text) RENAME TO approve_not;
ALTER FUNCTION jit.deny(bigint, text) OWNER TO regress_mallory;
ALTER FUNCTION jit.deny(bigint, text) SECURITY INVOKER;
ALTER FUNCTION jit.deny(bigint, text) SET search_path = mine;
ALTER FUNCTION jit.deny(bigint, text) SET SCHEMA mine;
CREATE FUNCTION mine.health_check(bigint, text DEFAULT NULL, interval DEFAULT NULL) RETURNS text
    LANGUAGE c AS '$libdir/jit_guard', 'jit_approve';
SELECT jit.request('accounts') AS r \gset
\c - regress_boss
SELECT mine.health_check(:r);
SELECT state FROM jit.my_requests;
SELECT jit.deny(:r);
\c - postgres
DROP FUNCTION mine.health_check;

-- A jit_admin hands out roles, but not the power over the server that only a superuser has.
\c - regress_security
SELECT jit.create_policy('root', elevates_to => 'regress_root', eligible => '{regress_security}', approvals => 0);
SELECT jit.create_policy('root', elevates_to => 'regress_towards_root', eligible => '{regress_security}', approvals => 0);
SELECT jit.create_policy('root', elevates_to => 'pg_execute_server_program', eligible => '{regress_security}', approvals => 0);
SELECT jit.create_policy('root', lends => 'regress_root', actions => '{READ}', objects => '{app.accounts}',
    eligible => '{regress_security}', approvals => 0);
\c - regress_dba
SELECT jit.create_policy('root', elevates_to => 'regress_root', eligible => '{regress_alice}', approvers => '{regress_boss}');
\c - regress_security
SELECT jit.alter_policy('root', approvals => 0, eligible => '{regress_security}');
SELECT jit.drop_policy('root');

-- Who was approved for one role is not lent another, and votes on the one are no votes on the other.
SELECT jit.create_policy('elevated', elevates_to => 'regress_small', eligible => '{regress_alice}', approvers => '{regress_boss}',
    require_reason => false);
\c - regress_alice
SELECT jit.request('elevated') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_alice
SELECT jit.request('elevated') AS r2 \gset
\c - regress_security
SELECT jit.alter_policy('elevated', max_duration => '50 min');
SELECT jit.alter_policy('elevated', elevates_to => 'regress_other');
SELECT request_id - :r AS request, state, end_reason FROM jit.requests WHERE request_id IN (:r, :r2) ORDER BY 1;
SELECT count(*) FROM jit.approvals;

-- Terms are not changed on an old view of what was approved: approvals after it would grow with the policy.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT jit.alter_policy('accounts', objects => '{app.*}');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT jit.alter_policy('accounts', objects => '{app.*}');
ROLLBACK;

-- A ticket pattern is refused when it is made, not when somebody needs access.
SELECT jit.alter_policy('accounts', ticket_pattern => '(?i)chg-[0-9]+');
SELECT jit.alter_policy('accounts', ticket_pattern => '***=CHG');
SELECT jit.alter_policy('accounts', ticket_pattern => 'a)|(b');
SELECT jit.drop_policy('elevated');
\set ECHO none
\c - postgres
SET client_min_messages = warning;
DROP ROLE regress_security, regress_small, regress_other, regress_towards_root, regress_root;
\i :end
