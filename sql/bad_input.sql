-- bad_input: whatever is wrong gets one clear error and changes nothing else
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_group;
CREATE ROLE regress_empty;
CREATE ROLE regress_lent;
CREATE ROLE regress_login LOGIN;
CREATE ROLE regress_super SUPERUSER;
CREATE ROLE regress_shared ROLE regress_asker;
CREATE SCHEMA bad;
CREATE TABLE bad.t (id int, "Quoted ""col""" int);
CREATE INDEX t_id ON bad.t (id);
CREATE SEQUENCE bad.s;
CREATE TYPE bad.pair AS (a int, b int);
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE FOREIGN TABLE bad.f (id int) SERVER regress_server;
CREATE TEMPORARY TABLE temporary (id int);

-- One call for all that is wrong with a policy: only what a test names differs from a good one.
CREATE FUNCTION bad.policy(what text, name text DEFAULT 'p', actions text[] DEFAULT '{SELECT}', objects text[] DEFAULT '{bad.t}',
    lends regrole DEFAULT NULL, elevates_to regrole DEFAULT NULL, eligible regrole[] DEFAULT '{regress_asker}',
    approvers regrole[] DEFAULT '{regress_boss}', approvals int DEFAULT 1, exempt regrole[] DEFAULT '{}',
    max_duration interval DEFAULT '1 hour', default_duration interval DEFAULT NULL, pending_timeout interval DEFAULT '4 hours',
    ticket_pattern text DEFAULT NULL, on_expiry text DEFAULT 'cancel', mode text DEFAULT 'enforce') RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    PERFORM jit.create_policy(name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, max_duration,
        default_duration, pending_timeout, true, ticket_pattern, on_expiry => on_expiry, mode => mode);
    RAISE INFO '%: accepted', what;
    PERFORM jit.drop_policy(name);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE INFO E'% [%] %\n  detail: %\n  hint: %', what, SQLSTATE, message, detail, hint;
END $$;
\pset tuples_only on
\pset format unaligned
\set VERBOSITY terse

SELECT bad.policy('the good one');

-- Names
SELECT bad.policy('null name', NULL);
SELECT bad.policy('empty name', '');
SELECT bad.policy('blank name', '  ');
SELECT bad.policy('trailing blank', 'p ');
SELECT bad.policy('newline in name', E'a\nb');
SELECT bad.policy('64 bytes', repeat('x', 64));
SELECT bad.policy('63 bytes', repeat('x', 63));
SELECT bad.policy('64 bytes in 32 characters', repeat('é', 32));
SELECT bad.policy('quotes and Unicode', 'it''s "größer" 表 $1 %s \');

-- Actions
SELECT bad.policy('unknown action', actions => '{SELECT, SELEKT}');
SELECT bad.policy('action of another kind', actions => '{EXECUTE}');
SELECT bad.policy('ALTER SYSTEM', actions => '{ALTER SYSTEM}');
SELECT bad.policy('null action', actions => '{NULL}');
SELECT bad.policy('empty action', actions => '{""}');
SELECT bad.policy('no actions', actions => '{}');
SELECT bad.policy('null actions', actions => NULL);
SELECT bad.policy('1 MB of action', actions => ARRAY[repeat('S', 1024 * 1024)]);

-- Objects
SELECT bad.policy('unknown table', objects => '{bad.nothing}');
SELECT bad.policy('unknown schema', objects => '{nowhere.t}');
SELECT bad.policy('unknown schema wildcard', objects => '{nowhere.*}');
SELECT bad.policy('unknown column', objects => '{"bad.t(id, nothing)"}');
SELECT bad.policy('system column', objects => '{bad.t(ctid)}');
SELECT bad.policy('no schema', objects => '{t}');
SELECT bad.policy('three parts', objects => '{regression.bad.t}');
SELECT bad.policy('unterminated quote', objects => ARRAY['bad."t']);
SELECT bad.policy('empty object', objects => '{""}');
SELECT bad.policy('injection', objects => ARRAY['bad.t; DROP TABLE bad.t']);
SELECT bad.policy('no objects', objects => '{}');
SELECT bad.policy('null object', objects => '{bad.t, NULL}');
SELECT bad.policy('too many objects', objects => array_fill('bad.t'::text, ARRAY[1001]));
SELECT bad.policy('index', objects => '{bad.t_id}');
SELECT bad.policy('sequence', actions => '{INSERT}', objects => '{bad.s}');
SELECT bad.policy('type', objects => '{bad.pair}');
SELECT bad.policy('function', objects => ARRAY['function bad.policy(text)']);
SELECT bad.policy('role', objects => '{role regress_boss}');
SELECT bad.policy('catalog', objects => '{pg_catalog.pg_class}');
SELECT bad.policy('information schema', objects => '{information_schema.*}');
SELECT bad.policy('own tables', objects => '{jit.policies}');
SELECT bad.policy('own schema', objects => '{jit.*}');
SELECT bad.policy('temporary', objects => '{pg_temp.temporary}');
SELECT bad.policy('columns of DELETE', actions => '{SELECT, DELETE}', objects => '{bad.t(id)}');
SELECT bad.policy('columns, quoted', objects => ARRAY['bad.t("Quoted ""col""")']);
SELECT bad.policy('column twice', objects => ARRAY['bad.t(id, id)']);
SELECT bad.policy('no scope at all', actions => '{}', objects => '{}');

-- Roles
SELECT bad.policy('unknown role', eligible => '{regress_nobody}');
SELECT bad.policy('OID of no role', eligible => '{4000000000}');
SELECT bad.policy('null role', approvers => '{NULL}');
SELECT bad.policy('nobody eligible', eligible => '{}');
SELECT bad.policy('null eligible', eligible => NULL);
SELECT bad.policy('no approvers', approvers => '{}');
SELECT bad.policy('approvers without members', approvers => '{regress_empty}');
SELECT bad.policy('too few approvers', approvals => 2);
SELECT bad.policy('only the asker may approve', approvers => '{regress_asker}');
SELECT bad.policy('two, one of them the asker', approvers => '{regress_asker, regress_boss}', approvals => 2);
SELECT bad.policy('some can never be approved', eligible => '{regress_asker, regress_boss}');
SELECT bad.policy('nobody at all approves', approvers => '{}', approvals => 0);
SELECT bad.policy('-1 approvals', approvals => -1);
SELECT bad.policy('101 approvals', approvals => 101);
SELECT bad.policy('lending a login', lends => 'regress_login');
SELECT bad.policy('lending a superuser', lends => 'regress_super');
SELECT bad.policy('lending a role with members', lends => 'regress_shared');
SELECT bad.policy('lending a foreign table', lends => 'regress_lent', objects => '{bad.f}');
SELECT bad.policy('guarding a foreign table', objects => '{bad.f}');
SELECT bad.policy('lending without scope', actions => '{}', objects => '{}', lends => 'regress_lent', elevates_to => 'regress_group');
SELECT bad.policy('elevation to jit_admin', elevates_to => 'jit_admin');
SELECT bad.policy('elevation to pg_database_owner', elevates_to => 'pg_database_owner');
SELECT bad.policy('elevation to a superuser', elevates_to => 'regress_super');

-- Durations and words
SELECT bad.policy('no time', max_duration => '0');
SELECT bad.policy('negative', max_duration => '-1 hour');
SELECT bad.policy('367 days', max_duration => '367 days');
SELECT bad.policy('13 months', max_duration => '13 months');
SELECT bad.policy('366 days', max_duration => '366 days');
SELECT bad.policy('178000000 years', max_duration => '178000000 years');
SELECT bad.policy('sum that is small', max_duration => '178000000 years -2135999999 months 1 hour');
SELECT bad.policy('default beyond maximum', default_duration => '2 hours');
SELECT bad.policy('negative default', default_duration => '-2 hours');
SELECT bad.policy('no time to decide', pending_timeout => '0');
SELECT bad.policy('years to decide', pending_timeout => '2 years');
SELECT bad.policy('null duration', max_duration => NULL);
SELECT bad.policy('broken pattern', ticket_pattern => 'OPS-[0-9');
SELECT bad.policy('pattern that ends a group', ticket_pattern => 'a)|(b');
SELECT bad.policy('unknown on_expiry', on_expiry => 'explode');
SELECT bad.policy('unknown mode', mode => 'on');
SELECT bad.policy('null mode', mode => NULL);

SELECT count(*) FROM jit.policies;
SELECT count(*) FROM jit.guards;

-- Policies that are not there, or there already
\set VERBOSITY default
SELECT jit.alter_policy('nothing', approvals => 2);
SELECT jit.alter_policy(NULL);
SELECT jit.drop_policy('nothing');
SELECT jit.drop_policy(NULL);
SELECT jit.create_policy('p', '{SELECT}', '{bad.t}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('p', '{DELETE}', '{bad.t}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.alter_policy('p', approvals => 7);
SELECT jit.alter_policy('p', new_name => '');
SELECT jit.alter_policy('p', objects => '{}');
SELECT jit.alter_policy('p', actions => '{}');
SELECT jit.alter_policy('p', default_duration => '2 hours');
SELECT name, actions, objects, approvals FROM jit.policies;

-- Requests
\c - regress_asker
\pset tuples_only on
\pset format unaligned
SELECT jit.request(NULL);
SELECT jit.request('p', reason => repeat('x', 1024 * 1024));
SELECT jit.request('p', reason => 'x', ticket => repeat('x', 201));
SELECT jit.request('p', '0', 'x');
SELECT jit.request('p', '-1 min', 'x');
SELECT jit.request('p', '178000000 years', 'x');
SELECT jit.request('p', reason => 'x', actions => '{NULL}');
SELECT jit.request('p', reason => 'x', actions => '{SELEKT}');
SELECT jit.request('p', reason => 'x', objects => '{bad.nothing}');
SELECT jit.request('p', reason => 'x', objects => '{pg_catalog.*}');
SELECT jit.request('p', reason => 'x', starts_at => '-infinity');
SELECT jit.request(repeat('p', 100000), reason => 'x');
\set VERBOSITY terse
-- Four-byte characters and what other languages would interpret are kept as they are.
SELECT jit.request('p', reason => E'\U0001F600 '' " \\ %s $1 {"a": 1}', actions => '{}', objects => '{}') AS r \gset
SELECT reason FROM jit.my_requests WHERE request_id = :r;
SELECT jit.request('p', reason => repeat('é', 4000), actions => '{select}', objects => '{BAD.T, "\"bad\".\"t\""}') AS r2 \gset
\set VERBOSITY default

-- Numbers
SELECT jit.cancel(NULL);
SELECT jit.cancel(0);
SELECT jit.cancel(-1);
SELECT jit.cancel(9223372036854775807);
SELECT jit.release(NULL);
CALL jit.await(NULL);
CALL jit.await(:r, NULL);
CALL jit.await(:r, '0');
CALL jit.await(:r, '-1 s');
CALL jit.await(9223372036854775807);
\c - regress_boss
\pset tuples_only on
\pset format unaligned
SELECT jit.approve(NULL);
SELECT jit.deny(NULL);
SELECT jit.revoke(NULL);
SELECT jit.approve(9223372036854775807);
SELECT jit.approve(:r, repeat('x', 4001));
SELECT jit.deny(:r, repeat('x', 4001));
SELECT jit.revoke(:r, repeat('x', 4001));
SELECT jit.approve(:r, duration => '1 year');
\set VERBOSITY terse
SELECT jit.approve(:r, NULL, NULL);

-- What policies and approvals name cannot be dropped unseen.
\c - postgres
\pset tuples_only on
\pset format unaligned
DROP ROLE regress_boss;
DROP ROLE regress_asker;
SELECT jit.alter_policy('p', eligible => '{regress_login}');
DROP ROLE regress_asker;
SELECT count(*) FROM jit.requests WHERE state = 'pending';
DROP TABLE bad.t;
SELECT name, objects FROM jit.policies;
SELECT count(*) FROM jit.guards;
SELECT jit.alter_policy('p', require_reason => false);
SELECT jit.drop_policy('p');
DROP ROLE regress_asker;

-- Internal functions are nobody's.
SELECT jit._install();
SELECT jit._unbind();

SET client_min_messages = warning;
DROP SCHEMA bad CASCADE;
DROP SERVER regress_server;
DROP FOREIGN DATA WRAPPER regress_fdw;
DROP ROLE IF EXISTS regress_asker, regress_boss, regress_group, regress_empty, regress_lent, regress_login, regress_super, regress_shared;
