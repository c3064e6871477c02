-- shown_text: who decides sees what was written: nothing in it is invisible, moves the terminal or reorders the rest. How
-- many requests and delegations of one person wait is limited.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\set VERBOSITY default
SELECT jit.create_policy('accounts', '{SELECT}', '{app.*}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    break_glass => '{regress_alice}', ticket_pattern => '.*');
-- Everything that people write for others to read.
\c - regress_alice
SELECT jit.request('accounts', reason => E'for the audit \u202Etfard\u202C', ticket => 'T-1');
\set VERBOSITY terse
SELECT jit.request('accounts', reason => E'line\rover it', ticket => 'T-1');
SELECT jit.request('accounts', reason => E'\x1b[2Jcleared', ticket => 'T-1');
SELECT jit.request('accounts', reason => 'plain', ticket => E'T-1\u200B');
SELECT jit.break_glass('accounts', E'emergency\u2066');
-- Foreign is not hidden; a reason may have lines.
SELECT jit.request('accounts', reason => E'Prüfung שלום مرحبا 日本\n1.\tone\r\n2.\ttwo', ticket => 'T-1') AS r \gset
SELECT jit.delegate('regress_bob', '1 h', reason => E'on leave\u202E');
\c - regress_boss
\set VERBOSITY terse
SELECT reason FROM jit.pending;
SELECT jit.approve(:r, comment => E'yes\u202E');
SELECT jit.deny(:r, comment => E'\u009b31mno');
SELECT jit.delegate('regress_bob', '1 h', reason => E'on\u2028leave');
SELECT jit.approve(:r, comment => 'go ahead');
SELECT jit.revoke(:r, E'\u0085');
SELECT jit.revoke(:r, 'done');
-- Names: of policies, of objects that somebody else named, of people.
\c - postgres
\set VERBOSITY default
SELECT jit.create_policy(E'acc\u202Eounts', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvers => '{regress_boss}');
CREATE TABLE app.U&"no\202Eset" (a int);
CREATE ROLE U&"regress_bo\200Bss";
SELECT jit.create_policy('named', '{SELECT}', ARRAY[E'app."no\u202Eset"'], eligible => '{regress_alice}', approvers => '{regress_boss}');
\set VERBOSITY terse
SELECT jit.create_policy('named', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvers => ARRAY[E'"regress_bo\u200Bss"'::regrole]);
SELECT jit.create_policy('named', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvers => '{regress_boss}', comment => E'\u202E');
\c - regress_alice
\set VERBOSITY default
SELECT jit.request('accounts', reason => 'x', ticket => 'T-1', objects => ARRAY[E'app."no\u202Eset"']);
\c - postgres
DROP TABLE app.U&"no\202Eset";
ALTER ROLE regress_alice RENAME TO U&"regress_\2067alice";
SELECT U&'regress_\2067alice' AS strange \gset
\c - :strange
\set VERBOSITY terse
SELECT jit.request('accounts', reason => 'x', ticket => 'T-1');
\c - postgres
ALTER ROLE U&"regress_\2067alice" RENAME TO regress_alice;
DROP ROLE U&"regress_bo\200Bss";
-- One hundred of a person's requests wait; what is decided at once does not.
SELECT jit.alter_policy('accounts', rules => '[{"verdict": "deny", "longer_than": "50 min", "why": "too long"}]');
\c - regress_alice
SET client_min_messages = error;
SELECT count(jit.request('accounts', duration => make_interval(secs => 60 + i), reason => 'x', ticket => 'T-' || i, starts_at => now() + make_interval(mins => i)))
  FROM generate_series(1, 99) i;
SELECT step, what FROM jit.preview('accounts', reason => 'x', ticket => 'T-1');
SELECT count(jit.request('accounts', reason => 'x', ticket => 'T-1'));
\set VERBOSITY default
SELECT jit.request('accounts', reason => 'x', ticket => 'T-2', uses => 1);
\set VERBOSITY terse
SELECT step, what, why FROM jit.preview('accounts', reason => 'x', ticket => 'T-2', uses => 1);
SELECT count(jit.request('accounts', '55 min', reason => 'x', ticket => 'T-3', uses => 2)) AS denied_at_once;
SELECT count(jit.cancel(request_id)) FROM (SELECT request_id FROM jit.my_requests WHERE state = 'pending' LIMIT 1) s;
SELECT count(jit.request('accounts', reason => 'x', ticket => 'T-2', uses => 1)) AS now_there_is_room;
-- And one hundred delegations.
\c - regress_boss
SET client_min_messages = error;
\set VERBOSITY default
\set ECHO none
\o /dev/null
SELECT format('SELECT jit.delegate(''regress_bob'', ''1 min'', starts_at => %L)', now() + make_interval(hours => i)) FROM generate_series(1, 100) i \gexec
\o
\set ECHO all
SELECT jit.delegate('regress_bob', '1 h');
SELECT min(delegation_id) AS first FROM jit.my_delegations \gset
SELECT jit.undelegate(:first);
SELECT jit.delegate('regress_bob', '1 h') AS now_there_is_room \gset
\echo :now_there_is_room
\set ECHO none
\i :end
