# jit.findings(): each kind of finding with the rows that produce it, and a twin beside them that must not. What happened is
# written into the tables by hand, without the library, because it happened over months.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $node = new_cluster('findings');
sql($node, <<'SQL');
CREATE ROLE auditor LOGIN IN ROLE jit_auditor; CREATE ROLE eve LOGIN;
CREATE ROLE team; CREATE ROLE chief LOGIN IN ROLE leads; CREATE ROLE hasty LOGIN IN ROLE leads; CREATE ROLE prompt LOGIN IN ROLE leads;
CREATE TABLE t1 (v int); CREATE TABLE t2 (v int); CREATE TABLE t3 (v int); CREATE TABLE t4 (v int);
SQL
for (['reads', 't1'], ['writes', 't2'], ['idle', 't3'], ['young', 't4']) {
    sql($node, qq{SELECT jit.create_policy('$$_[0]', '{READ}', '{public.$$_[1]}', eligible => '{staff}', approvers => '{leads}')});
}

sql($node, q{SELECT jit.accept_drift('the people of this test')});

sub findings {
    my ($since) = @_;
    my ($code, $out, $err) = as_person($node, 'auditor', "SELECT severity, kind, finding FROM jit.findings($since)");
    $code == 0 or die $err;
    return $out;
}
sub found { my ($all, $like, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; like($all, $like, $test) || diag($all) }
sub quiet { my ($all, $like, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; return unlike($all, $like, "not: $test") }

is(findings(''), '', 'nothing has happened, nothing is found');
refused($node, 'alice', 'SELECT * FROM jit.findings()', qr/permission denied/, 'for auditors and admins only');

# ---- what happened ----
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $triggers = sql($node, q{SELECT format('ALTER TABLE %s %%s TRIGGER %I;', tgrelid::regclass, tgname)
    FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'jit.%' AND NOT tgisinternal});
my @off = map { s/%s/DISABLE/r } split /\n/, $triggers;
my @on = map { s/%s/ENABLE ALWAYS/r } split /\n/, $triggers;
sql($node, "@off " . <<'SQL' . "@on");
UPDATE jit.policies SET created_at = now() - '1 year'::interval WHERE name <> 'young';
CREATE FUNCTION pg_temp.ask(who regrole, what text, at timestamptz, state text DEFAULT 'ended', authn text DEFAULT NULL, glass bool DEFAULT false)
RETURNS bigint LANGUAGE sql AS $$
INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, state, end_reason, actions, objects, narrowed, duration, requested_at,
    pending_until, decided_at, starts_at, ends_at, ended_at, break_glass, review)
SELECT p.policy_id, p.name, who, who::text, authn, state, CASE state WHEN 'ended' THEN 'expired' END, '{SELECT}', p.objects, false, '1 hour', at,
       at + '4 hours', at + '20 min', at + '20 min', at + '80 min', at + '80 min', glass, CASE WHEN glass THEN 'awaiting' ELSE 'none' END
  FROM jit.policies p WHERE p.name = what RETURNING request_id $$;
CREATE FUNCTION pg_temp.vote(who regrole, request bigint, after interval) RETURNS void LANGUAGE sql AS $$
INSERT INTO jit.votes (request_id, voter, voter_name, vote, voted_at)
SELECT r.request_id, who, who::text, 'approve', r.requested_at + after FROM jit.requests r WHERE r.request_id = request $$;
-- alice asks twelve times in a month, and never did; bob just as often, as he always does; dave nine times
SELECT pg_temp.ask('alice', 'reads', now() - n * '2 days'::interval) FROM generate_series(1, 12) n;
SELECT pg_temp.ask('bob', 'reads', now() - n * '2 days'::interval) FROM generate_series(1, 60) n;
SELECT pg_temp.ask('dave', 'reads', now() - n * '3 days'::interval) FROM generate_series(1, 9) n;
-- "writes" is asked for forty times, and was ten times a month; nobody of them more than nine times
SELECT pg_temp.ask(('{alice,bob,dave,chief,hasty}'::regrole[])[1 + n % 5], 'writes', now() - n * '17 hours'::interval) FROM generate_series(1, 40) n;
SELECT pg_temp.ask('dave', 'writes', now() - '30 days'::interval - n * '3 days'::interval) FROM generate_series(1, 30) n;
-- hasty says yes after four seconds, five times in a row; prompt four times; chief takes his time
SELECT pg_temp.vote('hasty', r.request_id, '4 seconds') FROM (SELECT request_id FROM jit.requests WHERE person_name = 'alice' AND policy = 'reads' ORDER BY requested_at LIMIT 5) r;
SELECT pg_temp.vote('prompt', r.request_id, '4 seconds') FROM (SELECT request_id FROM jit.requests WHERE person_name = 'dave' AND policy = 'reads' ORDER BY requested_at LIMIT 4) r;
SELECT pg_temp.vote('chief', r.request_id, '40 seconds') FROM (SELECT request_id FROM jit.requests WHERE policy = 'writes' ORDER BY requested_at DESC LIMIT 20) r;
-- one role, two identities
SELECT pg_temp.ask('eve', 'writes', now() - '3 hours'::interval, 'cancelled', 'peer:eve');
SELECT pg_temp.ask('eve', 'writes', now() - '2 hours'::interval, 'cancelled', 'peer:mallory');
SELECT pg_temp.ask('chief', 'reads', now() - n * '1 hour'::interval, 'cancelled', 'peer:chief') FROM generate_series(1, 2) n;
-- broken glass: two days ago, and an hour ago
SELECT pg_temp.ask('dave', 'writes', now() - '2 days'::interval, 'ended', NULL, true);
SELECT pg_temp.ask('bob', 'writes', now() - '90 minutes'::interval, 'ended', NULL, true);
ANALYZE jit.requests, jit.votes;
SQL
# The indexes of the ledger need the library.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'jit_guard'\njit_guard.enabled = off");
$node->restart;
sql($node, <<'SQL');
-- Records of the ledger: tags as in extension/core/evidence.hpp. A partition that the keeper has not come to.
CREATE FUNCTION pg_temp.field(tag int, value bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT set_byte('\x00', 0, tag) || int4send(length(value)) || value $$;
CREATE FUNCTION pg_temp.said(tag int, value text) RETURNS bytea LANGUAGE sql AS $$ SELECT pg_temp.field(tag, convert_to(value, 'UTF8')) $$;
CREATE SEQUENCE pg_temp.record START 1000000;
CREATE FUNCTION pg_temp.write(kind int, at timestamptz, who text, program text, rest bytea) RETURNS void LANGUAGE sql AS $$
INSERT INTO jit.ledger (segment, seq, at, record)
SELECT 24, nextval('pg_temp.record'), at, '\x01' || set_byte('\x00', 0, kind) || pg_temp.field(1, int8send((EXTRACT(epoch FROM at) * 1000000)::bigint))
       || pg_temp.said(3, who) || pg_temp.said(7, program) || rest $$;
CREATE FUNCTION pg_temp.used(who text, what text, request bigint, at timestamptz, program text DEFAULT 'psql') RETURNS void LANGUAGE sql AS $$
SELECT pg_temp.write(2, at, who, program, pg_temp.field(18, pg_temp.said(19, what) || pg_temp.field(20, int8send(request)) || pg_temp.said(22, 'SELECT') || pg_temp.said(23, 'public.t1'))) $$;
CREATE FUNCTION pg_temp.refused(who text, what text, at timestamptz, kind int DEFAULT 3) RETURNS void LANGUAGE sql AS $$
SELECT pg_temp.write(kind, at, who, 'psql', pg_temp.said(19, 'reads') || pg_temp.said(21, 'SELECT') || pg_temp.said(23, what) || pg_temp.said(26, 'You hold no approval.')) $$;
-- dave uses his rights in their first minutes, alice until shortly before their end, and bob not at all
SELECT pg_temp.used('dave', 'reads', request_id, starts_at + '4 minutes') FROM jit.requests WHERE person_name = 'dave' AND policy = 'reads';
SELECT pg_temp.used('alice', 'reads', request_id, starts_at + '50 minutes') FROM jit.requests WHERE person_name = 'alice' AND policy = 'reads';
-- "etl" ran 5 statements an hour, and then 60 in one; "shop" 20 an hour, and then 60
SELECT pg_temp.used('robot', 'jobs', 0, date_trunc('hour', now()) - '35 days'::interval + h * '1 hour'::interval + n * '1 minute'::interval, 'etl')
  FROM generate_series(1, 12) h, generate_series(1, 5) n;
SELECT pg_temp.used('robot', 'jobs', 0, date_trunc('hour', now()) - '5 days'::interval + n * '30 seconds'::interval, 'etl') FROM generate_series(1, 60) n;
SELECT pg_temp.used('robot', 'jobs', 0, date_trunc('hour', now()) - '35 days'::interval + h * '1 hour'::interval + n * '1 minute'::interval, 'shop')
  FROM generate_series(1, 12) h, generate_series(1, 20) n;
SELECT pg_temp.used('robot', 'jobs', 0, date_trunc('hour', now()) - '5 days'::interval + n * '30 seconds'::interval, 'shop') FROM generate_series(1, 60) n;
-- chief and hasty work at ten, every day; then one at three in the night, the other at eleven
SELECT pg_temp.used(who, 'writes', 0, date_trunc('day', now()) - n * '1 day'::interval + '10 hours'::interval) FROM unnest('{chief,hasty}'::text[]) who, generate_series(31, 55) n;
SELECT pg_temp.used('chief', 'writes', 0, date_trunc('day', now()) - '3 days'::interval + '3 hours'::interval);
SELECT pg_temp.used('hasty', 'writes', 0, date_trunc('day', now()) - '3 days'::interval + '11 hours'::interval);
-- eve is refused twelve times on a day, bob nine times; in mode monitor nobody is
SELECT pg_temp.refused('eve', 'public.t1', date_trunc('day', now()) - '2 days'::interval + n * '1 minute'::interval) FROM generate_series(1, 12) n;
SELECT pg_temp.refused('bob', 'public.t1', date_trunc('day', now()) - '2 days'::interval + n * '1 minute'::interval) FROM generate_series(1, 9) n;
SELECT pg_temp.refused('alice', 'public.t1', date_trunc('day', now()) - '2 days'::interval + n * '1 minute'::interval, 4) FROM generate_series(1, 12) n;
ANALYZE jit.requests, jit.votes;
SQL
$node->append_conf('postgresql.conf', 'jit_guard.enabled = on');
$node->restart;

my $all = findings('');
found($all, qr/^low\|asks_often\|alice asked 12 times for "reads"; before: 0\.0 times in as long$/m, 'alice asks much more often');
quiet($all, qr/asks_often\|(bob|dave)/, 'bob asks as often as ever, dave nine times');
found($all, qr/^low\|policy_asked_often\|"writes" was asked for \d+ times by \d people; before: \d+\.\d times/m, 'everybody asks for "writes"');
quiet($all, qr/policy_asked_often\|"reads"/, '"reads" is asked for as ever');
found($all, qr/^medium\|quick_fire\|hasty said yes 5 times in a row/m, 'hasty does not look');
quiet($all, qr/quick_fire\|(prompt|chief)/, 'four times is no row, and forty seconds are a look');
found($all, qr/^high\|two_identities\|eve was used by 2 identities$/m, 'two identities, one role');
quiet($all, qr/two_identities\|chief/, 'one identity twice');
found($all, qr/^high\|glass_not_reviewed\|dave broke the glass of "writes"/m, 'broken glass, two days old');
found($all, qr/^medium\|glass_not_reviewed\|bob broke the glass of "writes"/m, 'broken glass, just now');
found($all, qr/^low\|policy_unused\|nobody asked for "idle"$/m, 'a policy that nobody uses');
quiet($all, qr/policy_unused\|.*"(reads|writes|young)"/, 'used, or too young to tell');
quiet($all, qr/drift|certification_late/, 'no drift, no campaign');
found($all, qr/^medium\|never_used\|bob did not use \d+ approvals of "reads"$/m, 'rights that nobody used');
quiet($all, qr/never_used\|(alice|dave) .* of "reads"/, 'used');
found($all, qr/^low\|longer_than_used\|dave had "reads" for 01:00:00 and used it for 00:04:00 on average$/m, 'an hour, for four minutes');
quiet($all, qr/longer_than_used\|alice/, 'used nearly to the end');
found($all, qr/^medium\|burst\|etl used rights 60 times in one hour; before: at most 5$/m, 'a burst');
quiet($all, qr/burst\|shop/, 'three times as much is no burst');
found($all, qr/^medium\|unusual_hours\|chief used "writes" 1 times at unusual hours$/m, 'in the night');
quiet($all, qr/unusual_hours\|hasty/, 'an hour later than usual');
found($all, qr/^medium\|repeated_refusals\|eve was refused 12 times on public\.t1$/m, 'somebody tries doors');
quiet($all, qr/repeated_refusals\|(bob|alice)/, 'nine times, and in mode monitor');

my $week = findings(q{'7 days'});
quiet($week, qr/asks_often\|alice|quick_fire/, 'in a week: too few');
my $past = findings(q{'30 days', now() - '60 days'::interval});
quiet($past, qr/alice|hasty|\beve\b/, 'sixty days ago: not yet');

# ---- what is so now ----
sql($node, 'GRANT leads TO eve; GRANT staff TO team; GRANT SELECT ON t1 TO eve; REVOKE leads FROM prompt; GRANT team TO eve');
$all = findings('');
found($all, qr/^high\|drift\|by hand: eve is a member of leads$/m, 'an approver made by hand');
found($all, qr/^medium\|drift\|by hand: team is a member of staff$/m, 'people who may ask');
found($all, qr/^high\|drift\|by hand: eve has SELECT on public\.t1$/m, 'a privilege on what is guarded');
found($all, qr/^low\|drift\|no longer: prompt is a member of leads$/m, 'one approver less');
sql($node, q{SELECT jit.accept_drift('as meant')});
quiet(findings(''), qr/drift/, 'accepted');

sql($node, q{SELECT jit.start_certification('1 second', '{reads}')});
sql($node, q{SELECT jit.start_certification('1 day', '{writes}')});
wait_for($node, 'SELECT bool_or(late) FROM jit.certifications', 'a second goes by');
$all = findings('');
found($all, qr/^medium\|certification_late\|"reads" was to be certified until /m, 'a policy that is late');
quiet($all, qr/certification_late\|"writes"/, 'due tomorrow');
is((as_person($node, 'chief', q{SELECT jit.certify('reads', 'yes')}))[0], 0, 'certified');
quiet(findings(''), qr/certification_late/, 'certified, if late');

# ---- each says what to do, and shows its rows; the worst come first ----
is(sql($node, q{SELECT bool_and(what_to_do <> '' AND evidence <> '{}') FROM jit.findings()}), 't', 'evidence, and what to do');
is(sql($node, q{SELECT string_agg(DISTINCT severity, ',' ORDER BY severity) = 'high,low,medium' AND
    bool_and(n >= was) FROM (SELECT severity, n, lag(n, 1, 0) OVER () AS was FROM (SELECT severity, array_position('{high,medium,low}', severity) AS n FROM jit.findings()) s) s}),
    't', 'the worst come first');
is(sql($node, q{SELECT jsonb_array_length(evidence -> 'requests') FROM jit.findings() WHERE kind = 'quick_fire'}), '5', 'the requests of a finding');
done_testing();
