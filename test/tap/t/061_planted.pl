# Nothing planted: what a person to whom a role is lent makes does not go on serving anybody after the loan, unless an approval
# names it; and everything that is made under a loan is an event of its transaction.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitAttacks ();
use JitCluster;

my $names_it = qr/needs a just-in-time approval that names it|cannot prepare a transaction while a role is lent/;

# dba owns the tables and may do much; alice may borrow it. "named" names some of what may be planted.
sub scene {
    my ($node) = @_;
    $node->safe_psql('postgres', 'CREATE DATABASE plain');
    $node->safe_psql('app', <<'SQL');
ALTER ROLE dba CREATEROLE CREATEDB; GRANT CREATE ON DATABASE app TO dba; GRANT CREATE ON DATABASE plain TO dba;
CREATE ROLE poor; CREATE ROLE old LOGIN; GRANT poor, old TO dba WITH ADMIN OPTION; GRANT CREATE ON DATABASE app TO poor;
CREATE SCHEMA store AUTHORIZATION dba; GRANT USAGE ON SCHEMA store TO PUBLIC;
CREATE SCHEMA free AUTHORIZATION dba; CREATE SCHEMA hers AUTHORIZATION alice; GRANT CREATE ON SCHEMA store TO poor;
CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO dba, poor;
SET ROLE dba;
CREATE TABLE store.t (id int, name text); INSERT INTO store.t VALUES (1, 'x');
CREATE TABLE store.keyed (id int PRIMARY KEY); CREATE TABLE store.other (id int); CREATE TABLE store.top (id int, name text);
CREATE TABLE store.parts (id int, name text) PARTITION BY LIST (id);
CREATE FUNCTION store.f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION store.own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER old BEFORE INSERT ON store.t FOR EACH ROW EXECUTE FUNCTION store.own();
CREATE RULE old AS ON UPDATE TO store.other DO ALSO NOTHING;
CREATE POLICY old ON store.t USING (true);
CREATE VIEW store.shown AS SELECT 1 AS one;
CREATE DOMAIN store.word AS text;
CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw;
RESET ROLE;
SQL
    $node->safe_psql('plain', 'CREATE SCHEMA store AUTHORIZATION dba; SET ROLE dba; CREATE TABLE store.t (id int)');
    return;
}

# A line: what, the statement, what names it ([actions, objects] of a policy; undef: nothing can), the vectors it shows.
# vector 109, vector 110, vector 111, vector 112, vector 113, vector 114, vector 115, vector 116, vector 122
my @plants = (
    ['a definer function', q{CREATE FUNCTION store.d() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT id FROM store.t'}, ['CREATE', 'schema store']],
    ['a function made a definer', q{ALTER FUNCTION store.f(text) SECURITY DEFINER}, ['ALTER FUNCTION', 'function store.f(text)']],
    ['a function that others run, replaced', q{CREATE OR REPLACE FUNCTION store.own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'}, ['ALTER FUNCTION', 'function store.own()']],
    ['a definer procedure in a DO block', q{DO $$ BEGIN EXECUTE 'CREATE PROCEDURE store.p() SECURITY DEFINER LANGUAGE sql AS ''SELECT 1'''; END $$}, ['CREATE', 'schema store']],
    ['a view', 'CREATE VIEW store.v AS SELECT * FROM store.t', ['CREATE', 'schema store']],
    ['a view, replaced', 'CREATE OR REPLACE VIEW store.shown AS SELECT 2 AS one', ['CREATE VIEW', 'store.shown']],
    ['a temporary view', 'CREATE TEMPORARY VIEW v AS SELECT * FROM store.t', undef],
    ['a materialized view', 'CREATE MATERIALIZED VIEW store.m AS SELECT * FROM store.t', ['CREATE', 'schema store']],
    ['a view among the parts of a schema', 'CREATE SCHEMA another CREATE TABLE t (id int) CREATE VIEW v AS SELECT * FROM t', undef],
    ['a rule', 'CREATE RULE r AS ON INSERT TO store.other DO ALSO NOTHING', ['CREATE RULE', 'store.other']],
    ['another owner', 'ALTER TABLE store.t OWNER TO poor', ['ALTER TABLE', 'store.t']],
    ['another owner of a function', 'ALTER FUNCTION store.f(text) OWNER TO poor', ['ALTER FUNCTION', 'function store.f(text)']],
    ['another owner of a schema', 'ALTER SCHEMA free OWNER TO poor', ['ALTER SCHEMA', 'schema free']],
    ['another owner of all', 'REASSIGN OWNED BY dba TO poor', undef],
    ['a grant', 'GRANT SELECT ON store.t TO PUBLIC', ['GRANT', 'store.t']],
    ['a grant of a column', 'GRANT SELECT (name) ON store.t TO alice WITH GRANT OPTION', ['GRANT', 'store.t']],
    ['a grant in a whole schema', 'GRANT SELECT ON ALL TABLES IN SCHEMA store TO alice', ['GRANT', 'store.*']],
    ['a grant of a function', 'GRANT EXECUTE ON FUNCTION store.f(text) TO alice', ['GRANT', 'function store.f(text)']],
    ['a grant of a schema', 'GRANT CREATE ON SCHEMA store TO alice', ['GRANT', 'schema store']],
    ['a revoke', 'REVOKE ALL ON store.t FROM PUBLIC', ['REVOKE', 'store.t']],
    ['default privileges', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC', ['ALTER DEFAULT PRIVILEGES', 'role dba']],
    ['default privileges of a schema', 'ALTER DEFAULT PRIVILEGES IN SCHEMA store GRANT SELECT ON TABLES TO PUBLIC', ['ALTER DEFAULT PRIVILEGES', 'schema store']],
    ['a trigger', 'CREATE TRIGGER mine BEFORE UPDATE ON store.t FOR EACH ROW EXECUTE FUNCTION store.own()', ['TRIGGER', 'store.t']],
    ['a trigger switched off', 'ALTER TABLE store.t DISABLE TRIGGER old', ['ALTER TABLE, TRIGGER', 'store.t']],
    ['a rule switched off', 'ALTER TABLE store.other DISABLE RULE old', ['ALTER TABLE, ALTER RULE', 'store.other']],
    ['a policy of rows', 'CREATE POLICY mine ON store.t USING (store.f(name) > $$$$)', ['CREATE POLICY', 'store.t']],
    ['a policy of rows, altered', 'ALTER POLICY old ON store.t USING (store.f(name) > $$$$)', ['ALTER POLICY', 'store.t']],
    ['row security', 'ALTER TABLE store.t ENABLE ROW LEVEL SECURITY', ['ALTER TABLE', 'store.t']],
    ['an index of a function', 'CREATE INDEX ON store.t (store.f(name))', ['CREATE INDEX', 'store.t']],
    ['an index with a condition', 'CREATE INDEX ON store.t (id) WHERE store.f(name) > $$$$', ['CREATE INDEX', 'store.t']],
    ['statistics of a function', 'CREATE STATISTICS store.s ON store.f(name), id FROM store.t', ['CREATE STATISTICS', 'store.t']],
    ['a default', 'ALTER TABLE store.t ALTER name SET DEFAULT store.f($$x$$)', ['ALTER TABLE', 'store.t']],
    ['a default that runs a query', q{ALTER TABLE store.t ALTER name SET DEFAULT table_to_xml('store.t', true, true, '')::text}, ['ALTER TABLE', 'store.t']],
    ['a check', 'ALTER TABLE store.t ADD CHECK (store.f(name) > $$$$)', ['ALTER TABLE', 'store.t']],
    ['a check of a domain', 'ALTER DOMAIN store.word ADD CHECK (store.f(value) > $$$$)', ['ALTER TYPE', 'type store.word']],
    ['a domain with a check', 'CREATE DOMAIN store.longer AS text CHECK (store.f(value) > $$$$)', ['CREATE', 'schema store']],
    ['a parent', 'ALTER TABLE store.t INHERIT store.top', ['ALTER TABLE', 'store.t, store.top']],
    ['a partition that is there', 'ALTER TABLE store.parts ATTACH PARTITION store.t DEFAULT', ['ALTER TABLE', 'store.t, store.parts']],
    ['a parent\'s child of one\'s own', 'RESET ROLE; CREATE TABLE hers.child () INHERITS (store.t)', ['ALTER TABLE', 'store.t']], # vector 152
    ['a partition of one\'s own', 'RESET ROLE; CREATE TABLE hers.part PARTITION OF store.parts DEFAULT', ['ALTER TABLE', 'store.parts']],
    ['a foreign key as a lasting question', 'RESET ROLE; CREATE TABLE hers.asks (id int REFERENCES store.keyed)', ['REFERENCES', 'store.keyed']],
    ['a default of a domain', 'ALTER DOMAIN store.word SET DEFAULT store.f($$x$$)', ['ALTER TYPE', 'type store.word']],
    ['whose rights a view uses', 'ALTER VIEW store.shown SET (security_barrier = off)', ['ALTER VIEW', 'store.shown']],
    ['a role', 'CREATE ROLE mine LOGIN IN ROLE poor', ['CREATE ROLE, GRANT', 'role poor']],
    ['a role with members', 'CREATE ROLE mine ROLE alice', ['CREATE ROLE', 'server']],
    ['a role granted', 'GRANT poor TO old WITH ADMIN OPTION', ['GRANT', 'role poor']],
    ['a role by ALTER GROUP', 'ALTER GROUP poor ADD USER old', ['GRANT', 'role poor']],
    ['a password', 'ALTER ROLE old PASSWORD $$x$$', ['ALTER ROLE', 'role old']],
    ['a setting of a role', 'ALTER ROLE old SET search_path = evil', ['ALTER ROLE', 'role old']],
    ['a database', 'CREATE DATABASE copy', ['CREATE DATABASE', 'server'], undef, 'alone'],
    ['an extension', 'CREATE EXTENSION hstore SCHEMA free', ['CREATE EXTENSION', 'server']],
    ['a foreign server', 'CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw', ['CREATE SERVER', 'server']],
    ['a user mapping', 'CREATE USER MAPPING FOR PUBLIC SERVER there', ['CREATE USER MAPPING', 'server']],
    ['a publication', 'CREATE PUBLICATION mine FOR TABLE store.t', ['CREATE PUBLICATION', 'store.t']],
    ['a publication, named for the database', 'CREATE PUBLICATION mine FOR TABLE store.t', ['CREATE PUBLICATION', 'database app']],
    ['a transaction for later', 'UPDATE store.t SET id = 2; PREPARE TRANSACTION $$mine$$', undef],
);

# What DDL is there for, and stays free.
my @free = (
    'CREATE TABLE store.made (id serial PRIMARY KEY, at timestamptz DEFAULT now(), name text DEFAULT upper($$x$$) CHECK (name <> $$$$))',
    'CREATE TABLE store.part PARTITION OF store.parts DEFAULT', 'ALTER TABLE store.t ADD COLUMN more text DEFAULT lower($$Y$$)',
    'CREATE INDEX ON store.t (lower(name))', 'CREATE INDEX ON store.t (id) WHERE id > 0', 'CREATE SEQUENCE store.q',
    q{CREATE FUNCTION store.helps(int) RETURNS int LANGUAGE sql AS 'SELECT $1'}, 'ALTER TABLE store.t ALTER id TYPE bigint',
    'ALTER TABLE store.other ADD PRIMARY KEY (id)', 'CREATE TYPE store.mood AS ENUM ($$good$$)', 'CREATE DOMAIN store.small AS int CHECK (value < 10)',
    'CREATE STATISTICS store.s ON id, name FROM store.t', 'COMMENT ON TABLE store.t IS $$x$$', 'DROP TABLE store.other CASCADE',
    'CREATE TEMPORARY TABLE mine AS SELECT * FROM store.t', 'CREATE SCHEMA again', 'TRUNCATE store.t', 'VACUUM store.t',
);

sub attempt {
    my ($session, $statement, $alone) = @_;
    $session->run('BEGIN') if !$alone && $statement !~ /^VACUUM/;
    my ($out, $err) = $session->run($statement);
    $session->run('ROLLBACK');
    $session->run('SET ROLE dba') if $statement =~ /RESET ROLE/;
    return $err;
}

sub lent_session {
    my ($node, %how) = @_;
    my $session = session($node, 'alice', %how);
    $session->run('SET ROLE dba');
    return $session;
}

# ---- seen planted with the check switched off ----
if (defined(my $tree = JitAttacks::_switch_tree())) {
    my $open = new_cluster('planted_open', "max_prepared_transactions = 4\nwal_level = logical", install_path => $tree);
    scene($open);
    lend($open, 'alice', '10 min');
    my $session = lent_session($open, options => '-c jit_guard.test_off=planted,prepare');
    for my $plant (@plants) {
        my ($what, $statement, $names, $before, $alone) = @$plant;
        sql($open, $before) if defined $before;
        my $err = attempt($session, $statement, $alone);
        unlike($err, qr/ERROR/, "planted: $what without the check") or diag($err);
        sql($open, 'ROLLBACK PREPARED $$mine$$') if $statement =~ /PREPARE/;
        sql($open, 'REVOKE alice FROM dba') if defined $before;
    }
    $session->close;
    $open->stop;
}

my $node = new_cluster('planted', "max_prepared_transactions = 4\nwal_level = logical");
scene($node);
my $loan = lend($node, 'alice', '20 min');
my $session = lent_session($node);
for my $plant (@plants) {
    my ($what, $statement, $names, $before, $alone) = @$plant;
    sql($node, $before) if defined $before;
    like(attempt($session, $statement, $alone), $names_it, "$what is refused");
    if (defined $names) {
        my ($actions, $objects) = @$names;
        my $list = join '","', split /, (?![^(]*\))/, $objects;
        sql($node, qq{SELECT jit.create_policy('named', '{$actions}', '{"$list"}', eligible => '{staff}', approvals => 0, weaker => true)});
        like(attempt($session, $statement, $alone), qr/needs a just-in-time approval/, "$what: a policy alone names nothing");
        my ($code, $id, $err) = as_person($node, 'alice', q{SELECT jit.request('named', reason => 'test')});
        is($code, 0, "$what: asked for") or diag($err);
        is(attempt($session, $statement, $alone), '', "$what: an approval that names it allows it");
        sql($node, q{SELECT jit.drop_policy('named')});
    }
    sql($node, 'REVOKE alice FROM dba') if defined $before;
}
is(attempt($session, $_), '', "free: $_") for @free;
is(attempt($session, $_, 'alone'), '', "free: $_") for 'CREATE INDEX CONCURRENTLY apart ON store.t (name)', 'REINDEX INDEX CONCURRENTLY store.apart', 'DROP INDEX CONCURRENTLY store.apart';

# Whoever holds the privilege without a loan is not concerned.
my $dave = session($node, 'dave');
sql($node, 'GRANT dba TO dave');
$dave->run('SET ROLE dba');
for my $plant (grep { !defined $_->[3] && $_->[1] !~ /PREPARE|CREATE DATABASE|hers/ } @plants) {
    is(attempt($dave, $plant->[1]), '', "without a loan: $plant->[0]");
}
$dave->close;
sql($node, 'REVOKE dba FROM dave');

# ---- a superuser's power, lent ----
my @root_plants = (
    ['a library', q{LOAD 'auto_explain'}], ['a setting of the server', 'ALTER SYSTEM SET work_mem = 65536', 'alone'],
    ['an event trigger', 'CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION store.fires()'],
    ['a function in the catalog', 'UPDATE pg_proc SET prosecdef = true WHERE proname = $$f$$'],
    ['a row of a catalog by COPY', q{COPY pg_description FROM PROGRAM 'printf ""'}], ['a program', q{COPY store.t TO PROGRAM 'cat >/dev/null'}],
    ['a cast', 'CREATE CAST (store.mood AS int) WITH FUNCTION store.casts(store.mood)'],
    ['an operator', 'CREATE OPERATOR store.<<< (FUNCTION = store.compares, LEFTARG = text, RIGHTARG = text)'],
    ['a subscription', q{CREATE SUBSCRIPTION mine CONNECTION 'dbname=app' PUBLICATION p WITH (connect = false)}],
    ['a slot', q{SELECT pg_create_physical_replication_slot('mine', false, true)}], ['a file', q{SELECT lo_export(4711, '/dev/null')}],
    ['code', q{CREATE FUNCTION store.c() RETURNS int LANGUAGE internal AS 'pg_backend_pid'}],
    ['a right on a parameter', 'GRANT SET ON PARAMETER log_statement TO PUBLIC'],
);
sql($node, <<'SQL');
CREATE ROLE root SUPERUSER; SELECT lo_from_bytea(4711, 'x'); CREATE TYPE store.mood AS ENUM ('good');
CREATE FUNCTION store.fires() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION store.casts(store.mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION store.compares(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
SQL
sql($node, q{SELECT jit.create_policy('root-window', elevates_to => 'root', eligible => '{staff}', approvers => '{leads}')});
lend($node, 'bob', '20 min', policy => 'root-window');
my $root = session($node, 'bob');
$root->run('SET ROLE root');
for my $plant (@root_plants) {
    my ($what, $statement, $alone) = @$plant;
    like(attempt($root, $statement, $alone), $names_it, "as a superuser: $what is refused");
}
is(attempt($root, 'CREATE TABLE store.plain (id int)'), '', 'as a superuser: a table is not');
sql($node, q{SELECT jit.create_policy('server', '{ADMIN, GRANT, REVOKE}', '{server}', eligible => '{staff}', approvals => 0)});
as_person($node, 'bob', q{SELECT jit.request('server', reason => 'test')});
for my $plant (@root_plants) {
    my ($what, $statement, $alone) = @$plant;
    unlike(attempt($root, $statement, $alone), qr/ERROR/, "as a superuser: $what, named");
}
sql($node, q{SELECT jit.drop_policy('server')});
sql($node, 'ALTER SYSTEM RESET work_mem');
is(attempt($root, q{SELECT length(pg_read_file('PG_VERSION'))}), '', 'as a superuser: reading a file leaves nothing behind');
$root->close;

# ---- another database, without the extension ----
my $plain = lent_session($node, db => 'plain');
for my $statement ('CREATE VIEW store.v AS SELECT 1', 'GRANT SELECT ON store.t TO PUBLIC', 'GRANT poor TO old') {
    like(attempt($plain, $statement), $names_it, "in a database without jit_guard: $statement");
}
is(attempt($plain, 'ALTER TABLE store.t ADD COLUMN name text'), '', 'and what is free is free there');
$plain->run('ALTER TABLE store.t ADD COLUMN name text');
$plain->close;
like(slurp_file($node->logfile), qr/"jit_guard": "left_behind".*"request": $loan.*ALTER TABLE.*table store\.t/, 'which is a line in the log');

# ---- what is made is an event of its transaction ----
sub events { return sql($node, q{SELECT string_agg(detail::text, E'\n' ORDER BY event_id) FROM jit.events WHERE event = 'left_behind' AND happened_at > (SELECT now() - interval '10 s')}) }
sql($node, q{SELECT jit.create_policy('named', '{GRANT, CREATE}', '{store.t, schema store}', eligible => '{staff}', approvals => 0, weaker => true)});
as_person($node, 'alice', q{SELECT jit.request('named', reason => 'test')});
my $before = sql($node, q{SELECT coalesce(max(event_id), 0) FROM jit.events WHERE event = 'left_behind'});
$session->run('BEGIN; CREATE TABLE store.rolled_back (id int); ROLLBACK');
$session->run('CREATE TABLE store.kept (id serial PRIMARY KEY, name text)');
$session->run('CREATE VIEW store.kept_view AS SELECT 1 AS one');
$session->run('GRANT SELECT ON store.t TO old');
$session->run('DROP TABLE store.kept');
$session->run(q{DO $$ BEGIN BEGIN CREATE TABLE store.gone (id int); RAISE 'x'; EXCEPTION WHEN raise_exception THEN NULL; END; CREATE TABLE store.stays (id int); END $$});
$session->run('CREATE TEMPORARY TABLE passing (id int)');
is(sql($node, "SELECT string_agg(detail->>'command' || ': ' || coalesce('made ' || (detail->>'made'), 'changed ' || (detail->>'changed'), 'dropped ' || (detail->>'dropped')), E'\\n' ORDER BY event_id) FROM jit.events WHERE event = 'left_behind' AND event_id > $before"),
    "CREATE TABLE: made sequence store.kept_id_seq, table store.kept, index store.kept_pkey\nCREATE VIEW: made view store.kept_view\nGRANT: changed table store.t\n"
    . 'DROP TABLE: dropped index store.kept_pkey, sequence store.kept_id_seq, table store.kept' . "\nCREATE TABLE: made table store.stays", 'what was committed is on record, and nothing else');
is(sql($node, "SELECT DISTINCT request_id || ' ' || policy || ' ' || person FROM jit.events WHERE event = 'left_behind' AND event_id > $before"), "$loan dba-window alice", 'for the loan');
like((as_person($node, 'alice', q{SELECT story FROM jit.history WHERE event = 'left_behind' ORDER BY event_id DESC LIMIT 1}))[1],
    qr/^alice used "dba-window" for CREATE TABLE: table store\.stays$/, 'as a sentence');

# jit.check does not say yes to what would be refused.
is((as_person($node, 'alice', q{SELECT DISTINCT allowed FROM jit.check('CREATE VIEW store.w AS SELECT 1')}))[1], 'depends', 'jit.check does not promise');

# ---- after the loan nothing is different from before ----
as_person($node, 'alice', "SELECT jit.release($loan)");
$node->poll_query_until('app', "SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole AND member = 'alice'::regrole)") or die 'the loan was not taken back';
my ($out, $err) = $session->run('RESET ROLE; CREATE TEMPORARY VIEW v AS SELECT 1; PREPARE p AS SELECT 1');
is($err, '', 'without the loan she is as free as before') or diag($err);
$session->close;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal (?!9)/, 'nothing crashed');
$node->stop;
done_testing();
