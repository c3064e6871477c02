-- mfa: proof of person before a request is decided, and before somebody approves it; a proof is good once, whatever is rolled back
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_alice LOGIN;
CREATE ROLE regress_bob LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_chief LOGIN;
CREATE ROLE regress_admin LOGIN IN ROLE jit_admin;
CREATE ROLE regress_leads NOLOGIN ROLE regress_boss, regress_chief;
CREATE TABLE vault (a int);
INSERT INTO vault VALUES (1);
GRANT SELECT ON vault TO regress_alice;
\set SHOW_CONTEXT never

-- Terms.
\c - regress_admin
\set SHOW_CONTEXT never
SELECT jit.create_policy('v', '{ALL}', '{public.vault}', eligible => '{regress_alice}', approvers => '{regress_leads}', require_mfa => 'yes');
SELECT jit.create_policy('v', '{ALL}', '{public.vault}', eligible => '{regress_alice}', approvers => '{regress_leads}', require_mfa => 'both', mfa_max_age => '0.9 seconds');
SELECT jit.create_policy('v', '{ALL}', '{public.vault}', eligible => '{regress_alice}', approvers => '{regress_leads}', require_mfa => 'both', mfa_max_age => '2 days');
SELECT jit.create_policy('v', '{ALL}', '{public.vault}', eligible => '{regress_alice}', approvals => 0, require_mfa => 'approvers');
SELECT jit.create_policy('v', '{ALL}', '{public.vault}', eligible => '{regress_alice}', approvers => '{regress_leads}', require_mfa => 'both', require_reason => false,
    break_glass => '{regress_alice}');
SELECT detail -> 'require_mfa' AS require_mfa, detail -> 'mfa_max_age' AS mfa_max_age FROM jit.events WHERE event = 'policy_created';
SELECT e.t ~ '"require_mfa" *: *"both"' AS exported, e.t ~ 'mfa_max_age' AS age_as_well FROM (SELECT jit.export_policies()::text AS t) e;

-- vector 204: a request waits for its requester, who has no factor yet.
\c - regress_alice
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT policy, require_mfa FROM jit.available;
SELECT what, who, why FROM jit.preview('v', '10 min') WHERE step <= 2;
SELECT suggestion FROM jit.check('SELECT * FROM vault');
SELECT jit.request('v', '10 min') AS r \gset
SELECT state, waits_for, replace(to_prove, :'r', 'N') AS to_prove FROM jit.my_requests WHERE request_id = :r;
SELECT jit.prove(:r, '123456');
SELECT jit.prove(:r, 'abc');
SELECT jit.prove(:r, NULL);
\c - regress_boss
SELECT waits_for, to_prove, to_approve, to_deny IS NOT NULL AS may_deny FROM jit.pending WHERE request_id = :r;
SELECT jit.may_decide(:r);
\set VERBOSITY terse
SELECT jit.approve(:r);
SELECT jit.prove(:r, '123456');

-- Enrolling: the secret is shown once, sealed, and proves nothing before its first code.
\c - regress_alice
\set SHOW_CONTEXT never
-- vector 116: not in a transaction that outlives the session.
BEGIN;
SELECT uri FROM jit.enroll_totp() \gset
PREPARE TRANSACTION 'regress_enrolled';
SELECT uri, qr FROM jit.enroll_totp() \gset
SELECT regexp_replace(:'uri', 'secret=[A-Z2-7]{32}&', 'secret=...&') AS uri, length(split_part(:'qr', E'\n', 1)) > 40 AS has_picture;
SELECT substring(:'uri' FROM 'secret=([A-Z2-7]+)') AS secret \gset
\setenv SECRET :secret
SELECT kind, name, confirmed_at IS NOT NULL AS confirmed, failures FROM jit.factors;
SELECT secret FROM jit.authenticators;
SELECT jit.prove(:r, '000000');
SELECT * FROM jit.confirm_totp('000000');
SELECT * FROM jit.confirm_totp('not a code');
SELECT jit.confirm_totp('000000');
SELECT failures FROM jit.factors;
\set code `oathtool --totp --base32 "$SECRET"`
\getenv out PG_ABS_BUILDDIR
\set file :out /results/mfa_codes
\setenv FILE :file
\o :file
\pset tuples_only on
\pset format unaligned
SELECT * FROM jit.confirm_totp(:'code');
\o
\pset format aligned
\pset tuples_only off
\! grep -cE '^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$' "$FILE"
SELECT * FROM jit.confirm_totp(:'code');
SELECT kind, name, confirmed_at IS NOT NULL AS confirmed, codes_left, failures FROM jit.factors ORDER BY kind;

-- vector 202: a code is used up by what it proved, also by enrolling, and a rollback gives it no second life.
SELECT jit.prove(:r, :'code');
\set code `oathtool --totp --base32 --now "+30 seconds" "$SECRET"`
BEGIN;
SELECT jit.prove(:r, :'code');
ROLLBACK;
SELECT jit.prove(:r, :'code');
\set rec1 `sed -n 1p "$FILE"`
\set rec2 `sed -n 2p "$FILE" | tr 'A-Z' 'a-z' | tr -d -`
\set rec3 `sed -n 3p "$FILE"`
\set rec4 `sed -n 4p "$FILE"`
\set rec5 `sed -n 5p "$FILE"`
\set rec6 `sed -n 6p "$FILE"`
\set rec7 `sed -n 7p "$FILE"`
\set rec8 `sed -n 8p "$FILE"`
\set rec9 `sed -n 9p "$FILE"`
SELECT codes_left, failures FROM jit.factors WHERE kind = 'recovery';
BEGIN;
SAVEPOINT s;
SELECT jit.prove(:r, :'rec1');
ROLLBACK TO s;
SELECT jit.prove(:r, :'rec1');
ROLLBACK;
SELECT codes_left, failures FROM jit.factors WHERE kind = 'recovery';

-- By the client itself, at an isolation level that sees what others did.
DO $$ BEGIN PERFORM jit.prove(1, '123456'); END $$;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT jit.prove(:r, :'rec2');
ROLLBACK;
SELECT jit.prove(:r, :'rec2');
SELECT waits_for, to_prove FROM jit.my_requests WHERE request_id = :r;
SELECT jit.prove(:r, :'rec3');
SELECT codes_left, failures FROM jit.factors WHERE kind = 'recovery';

-- vector 205: an approver proves himself for this request; what he proved is used up by his vote.
\c - regress_boss
\set SHOW_CONTEXT never
SELECT waits_for, to_prove IS NOT NULL AS must_prove, to_approve FROM jit.pending WHERE request_id = :r;
\set VERBOSITY default
SELECT jit.approve(:r);
\set VERBOSITY terse
SELECT uri FROM jit.enroll_totp() \gset
SELECT substring(:'uri' FROM 'secret=([A-Z2-7]+)') AS secret \gset
\setenv BOSS :secret
\set code `oathtool --totp --base32 "$BOSS"`
\o :file
SELECT * FROM jit.confirm_totp(:'code');
\o
\set code `oathtool --totp --base32 --now "+30 seconds" "$BOSS"`
BEGIN;
SELECT jit.prove(:r, :'code');
SELECT jit.approve(:r);
ROLLBACK;
SELECT jit.approve(:r);
\set bossrec1 `sed -n 3p "$FILE" | tr -d ' '`
\set bossrec2 `sed -n 4p "$FILE" | tr -d ' '`
\set bossrec3 `sed -n 5p "$FILE" | tr -d ' '`
SELECT jit.prove(:r, :'bossrec1');
SELECT to_prove, to_approve IS NOT NULL AS may_approve FROM jit.pending WHERE request_id = :r;
SELECT jit.approve(:r);
\c - regress_admin
SELECT person::regrole, split_part(factor, ' ', 1) AS factor, used_at IS NOT NULL AS used FROM jit.proofs ORDER BY proved_at;
SELECT event, person, actor, detail FROM jit.events WHERE event IN ('proved', 'factor_enrolled') ORDER BY event_id;
CALL jit.catch_up();
SELECT person, action, object, policy, why, statement FROM jit.refusals WHERE action = 'PROVE' ORDER BY at;

-- vector 206: a proof of an approver does not last, and is for one request.
\c - regress_alice
SET client_min_messages = warning;
SELECT jit.release(:r);
SELECT jit.request('v', '10 min') AS r \gset
SELECT jit.prove(:r, :'rec3');
SELECT jit.request('v', '10 min', actions => '{SELECT}') AS r2 \gset
SELECT jit.prove(:r2, :'rec4');
\c - regress_boss
SET client_min_messages = warning;
SELECT jit.prove(:r, :'bossrec2');
SELECT jit.approve(:r2);
\c - regress_admin
SELECT jit.alter_policy('v', mfa_max_age => '1 second');
\c - regress_boss
SELECT pg_sleep(1.1);
SELECT jit.approve(:r);
SELECT to_prove IS NOT NULL AS must_prove, to_approve FROM jit.pending WHERE request_id = :r;
-- Nobody needs to prove anything to say no.
SELECT jit.deny(:r, 'no');
SELECT jit.deny(:r2, 'no');

-- A rule that denies decides at once; one that approves waits for the proof, and counts as it did when it was asked.
\c - regress_admin
SELECT jit.alter_policy('v', require_mfa => 'requester', mfa_max_age => '5 min', rules => '[{"verdict": "deny", "longer_than": "50 min", "why": "too long"},
    {"verdict": "approve", "at_most": "5 min", "fewer_than": 5, "within": "1 day"}]');
\c - regress_alice
SELECT jit.request('v', '55 min') IS NOT NULL AS asked;
SELECT what, who FROM jit.preview('v', '5 min');
SELECT jit.request('v', '5 min') AS r \gset
SELECT count(*) FROM vault;
SELECT jit.prove(:r, :'rec5');
SELECT count(*) FROM vault;

-- So do an extension and broken glass: there the proof is an argument.
SELECT jit.extend(:r, '1 min') AS x \gset
SELECT state, to_prove IS NOT NULL AS must_prove FROM jit.my_requests WHERE request_id = :x;
SELECT jit.cancel(:x);
SELECT jit.release(:r);
SELECT jit.break_glass('v', 'fire');
SELECT jit.break_glass('v', 'fire', '111111');
SELECT count(*) FROM vault;
SET client_min_messages = error;
SELECT jit.break_glass('v', 'fire', :'rec6') AS r \gset
RESET client_min_messages;
SELECT count(*) FROM vault;
SELECT jit.release(:r);

-- Another factor, and removing one, take a proof.
SELECT jit.enroll_key('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPOnwrFzD0/jvBDw31id1hFzsOD4HmY0N2qTzhzJpN8M alice@example');
SELECT jit.enroll_key('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPOnwrFzD0/jvBDw31id1hFzsOD4HmY0N2qTzhzJpN8M alice@example', :'rec6');
SELECT jit.challenge();
SELECT jit.enroll_key('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPOnwrFzD0/jvBDw31id1hFzsOD4HmY0N2qTzhzJpN8M alice@example', :'rec7') AS key \gset
SELECT jit.enroll_key('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPOnwrFzD0/jvBDw31id1hFzsOD4HmY0N2qTzhzJpN8M alice@example', :'rec8');
\set VERBOSITY default
SELECT jit.enroll_key('ssh-ed25519 AAAA alice');
\set VERBOSITY terse
SELECT kind, name, fingerprint FROM jit.factors WHERE kind = 'ssh';
BEGIN;
SELECT jit.challenge() AS c1 \gset
PREPARE TRANSACTION 'regress_challenged';
SELECT jit.challenge() AS c1 \gset
SELECT jit.challenge() AS c2 \gset
SELECT regexp_replace(:'c1', '(facts|nonce) [0-9a-f]+', '\1 ...', 'g') AS challenge, :'c1' <> :'c2' AS differs;
SELECT jit.remove_factor(:key, '111111');
SELECT jit.remove_factor(:key, NULL);
SELECT jit.remove_factor(:key, :'rec9');
SELECT count(*) FROM jit.factors WHERE kind = 'ssh';
\c - regress_boss
SELECT jit.remove_factor(1, '123456');
SELECT count(*) AS of_others FROM jit.factors WHERE person <> 'regress_boss'::regrole;

-- vector 203: five failures within five minutes, each counted before it is looked at, lock out; what is right then is refused as well, and
-- counts for nothing: it can be used later.
\c - regress_alice
\set rec10 `sed -n 12p "$FILE" | tr -d ' '`
SELECT jit.request('v', '30 min') AS r \gset
BEGIN;
SAVEPOINT s;
SELECT jit.prove(:r, '000001');
ROLLBACK TO s;
SELECT jit.prove(:r, '000002');
ROLLBACK TO s;
SELECT jit.prove(:r, 'AAAA-BBBB-CCCC-DDDD');
ROLLBACK TO s;
SELECT jit.prove(:r, '000003');
ROLLBACK TO s;
SELECT jit.prove(:r, '000004');
ROLLBACK TO s;
SELECT jit.prove(:r, '000005');
ROLLBACK;
SELECT kind, failures, locked_until - clock_timestamp() BETWEEN '4 min' AND '5 min' AS locked FROM jit.factors ORDER BY kind;
\c - regress_admin
\set shown 'SELECT event, person, actor, detail - ''until'' AS detail FROM jit.events WHERE event IN (''locked_out'', ''factors_reset'', ''factor_removed'') ORDER BY event_id'
DO $$ BEGIN FOR i IN 1 .. 300 LOOP EXIT WHEN EXISTS (SELECT FROM jit.events WHERE event = 'locked_out'); PERFORM pg_sleep(0.1); END LOOP; END $$;
:shown;
CALL jit.catch_up();
SELECT regexp_replace(why, 'until [^.]+', 'until then') AS why, count(*) FROM jit.refusals WHERE action = 'PROVE' AND why ~ 'until' GROUP BY 1 ORDER BY 1;

-- An administrator resets, not his own, with a reason; then a first factor is free again.
SELECT jit.reset_factors('regress_admin', 'mine');
SELECT jit.reset_factors('regress_alice', ' ');
SELECT jit.reset_factors('regress_alice', 'lost her phone');
SELECT count(*) FROM jit.factors WHERE person = 'regress_alice'::regrole;
:shown;
\c - regress_alice
SELECT jit.reset_factors('regress_boss', 'x');
SELECT jit.prove(:r, :'rec8');
SELECT uri FROM jit.enroll_totp() \gset
SELECT substring(:'uri' FROM 'secret=([A-Z2-7]+)') AS secret \gset
\setenv SECRET :secret
\set code `oathtool --totp --base32 "$SECRET"`
\o :file
SELECT * FROM jit.confirm_totp(:'code');
\o
\set code `oathtool --totp --base32 --now "+30 seconds" "$SECRET"`
SELECT jit.prove(:r, :'code');
SELECT jit.cancel(:r);
-- Without a need nothing is used up.
\c - regress_admin
SELECT jit.alter_policy('v', require_mfa => 'none');
\c - regress_alice
SELECT jit.request('v', '30 min') AS r \gset
SELECT jit.prove(:r, '123456');
SELECT jit.challenge(:r);
SELECT jit.cancel(:r);
SELECT story FROM jit.history WHERE event IN ('proved') ORDER BY event_id LIMIT 1;

-- vector 291: a vote without the proof that the policy asks for by now does not count, and is given again; what was decided stands.
\c - regress_admin
SELECT jit.alter_policy('v', require_mfa => 'none', approvals => 2, rules => '[]');
\c - regress_alice
SET client_min_messages = warning;
SELECT jit.request('v', '10 min') AS r \gset
SELECT jit.request('v', '10 min', actions => '{SELECT}') AS r2 \gset
SELECT jit.request('v', '10 min', actions => '{INSERT}') AS r3 \gset
\c - regress_boss
SET client_min_messages = warning;
SELECT jit.approve(:r);
SELECT jit.approve(:r2);
SELECT jit.approve(:r3);
\c - regress_chief
SET client_min_messages = warning;
SELECT jit.approve(:r2);
\c - regress_admin
SELECT jit.alter_policy('v', require_mfa => 'approvers');
\c - regress_chief
\set SHOW_CONTEXT never
SELECT uri FROM jit.enroll_totp() \gset
SELECT substring(:'uri' FROM 'secret=([A-Z2-7]+)') AS secret \gset
\setenv CHIEF :secret
\set code `oathtool --totp --base32 "$CHIEF"`
\o :file
SELECT * FROM jit.confirm_totp(:'code');
\o
\set code `oathtool --totp --base32 --now "+30 seconds" "$CHIEF"`
SET client_min_messages = warning;
SELECT jit.prove(:r, :'code');
RESET client_min_messages;
SELECT jit.approve(:r);
\c - regress_boss
\set VERBOSITY terse
SELECT approvals_given, to_prove IS NOT NULL AS must_prove, to_approve FROM jit.pending WHERE request_id = :r;
SELECT jit.approve(:r);
SET client_min_messages = warning;
SELECT jit.prove(:r, :'bossrec3');
SELECT jit.approve(:r);
SELECT jit.approve(:r);
SELECT jit.deny(:r3, 'not any more');
SELECT event, actor, count(*) FROM jit.history WHERE request_id IN (:r, :r3) AND event = 'vote' GROUP BY 1, 2 ORDER BY 2;
\c - regress_alice
SET client_min_messages = warning;
SELECT state, votes FROM jit.my_requests WHERE request_id IN (:r, :r2, :r3) ORDER BY request_id;
SELECT jit.release(:r);
SELECT jit.release(:r2);

\c - postgres
SET client_min_messages = error;
DROP EXTENSION jit_guard;
DROP TABLE vault;
DROP ROLE regress_alice, regress_bob, regress_boss, regress_chief, regress_leads, regress_admin;
