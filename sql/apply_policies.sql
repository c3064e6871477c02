-- apply_policies: policies as a document: round trip, difference, dry run, prune, and what is refused
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE "regress Odd" LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_lent;
CREATE SCHEMA pay;
CREATE TABLE pay.accounts (id int PRIMARY KEY, owner text);
CREATE TABLE pay."Odd ""name""" ("a b" int);

-- Nothing yet.
\pset format unaligned
\pset tuples_only on
SELECT jit.export_policies();
SELECT jit.create_policy('accounts', '{READ, WRITE}', '{pay.accounts}', lends => 'regress_lent', eligible => ARRAY['regress_asker', '"regress Odd"']::regrole[],
    approvers => '{regress_boss,regress_boss2}', approvals => 2, max_duration => '2 hours', require_reason => false,
    ticket_pattern => 'OPS-[0-9]+', networks => '{10.0.0.0/8,192.168.1.0/24}', max_uses => 5, break_glass => '{regress_boss}',
    on_expiry => 'terminate', comment => E'who owns "what"\nand why');
SELECT jit.create_policy('odd', '{ALL}', ARRAY['pay."Odd ""name"""'], eligible => '{regress_asker}', approvers => '{regress_boss}',
    max_duration => '10 min', mode => 'monitor');
SELECT jit.export_policies() AS doc \gset
\echo :doc

-- The same again changes nothing.
SELECT * FROM jit.apply_policies(:'doc');
SELECT count(*) FROM jit.events WHERE event LIKE 'policy_%';

-- Elsewhere: the same text comes out.
SELECT jit.drop_policy('accounts'), jit.drop_policy('odd');
\pset format aligned
\pset tuples_only off
SET client_min_messages = warning;
SELECT * FROM jit.apply_policies(:'doc');
RESET client_min_messages;
SELECT jit.export_policies()::text = :'doc' AS same;
SELECT * FROM jit.apply_policies(:'doc', prune => true);
SELECT * FROM jit.apply_policies(:'doc'::jsonb::json);

-- A trial shows the difference and does nothing; what is not said is as by default again.
SELECT * FROM jit.apply_policies('{"comment": "ours", "policies": {"accounts": {"actions": ["READ"], "objects": ["pay.accounts"],
    "eligible": ["regress_asker"], "approvers": ["regress_boss"], "max_duration": "30 min"}}}', dry_run => true, prune => true);
SELECT jit.export_policies()::text = :'doc' AS same;
SELECT * FROM jit.apply_policies('{"comment": "ours", "policies": {"accounts": {"actions": ["READ"], "objects": ["pay.accounts"],
    "eligible": ["regress_asker"], "approvers": ["regress_boss"], "max_duration": "30 min"}}}');
SELECT name, mode, max_duration, approvals, comment FROM jit.policies ORDER BY name;
SELECT * FROM jit.apply_policies('{"comment": "ours", "policies": {"accounts": {"actions": ["READ"], "objects": ["pay.accounts"],
    "eligible": ["regress_asker"], "approvers": ["regress_boss"], "max_duration": "30 min"}}}', prune => true);
\pset format unaligned
\pset tuples_only on
SELECT jit.export_policies() AS doc \gset
\echo :doc
\pset format aligned
\pset tuples_only off

-- A renamed table has its new name in the document.
ALTER TABLE pay.accounts RENAME TO ledger;
SELECT jit.export_policies() #>> '{policies,accounts,objects}' AS objects;
ALTER TABLE pay.ledger RENAME TO accounts;

-- Refused, with the place, and nothing of it is done.
SELECT * FROM jit.apply_policies(NULL);
SELECT * FROM jit.apply_policies('{');
SELECT * FROM jit.apply_policies('[]');
SELECT * FROM jit.apply_policies('null');
SELECT * FROM jit.apply_policies('{}');
SELECT * FROM jit.apply_policies('{"policies": []}');
SELECT * FROM jit.apply_policies('{"policies": null}');
SELECT * FROM jit.apply_policies('{"version": 2, "policies": {}}');
SELECT * FROM jit.apply_policies('{"policies": {}, "policy": {}}');
SELECT * FROM jit.apply_policies('{"comment": 1, "policies": {}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": [], "b": {}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {}, "a": {}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"mode": "off", "mode": "off"}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"aprovals": 2}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"approvals": "2"}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"approvals": 2.5}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"require_reason": "yes"}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"max_duration": "a while"}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"max_duration": 30}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"eligible": "regress_asker"}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"eligible": ["regress_nobody"]}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"eligible": [1]}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"networks": ["10.0.0.1/8"]}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {"stages": {}}}}');
SELECT * FROM jit.apply_policies('{"policies": {"a": {}}}');
SELECT * FROM jit.apply_policies('{"policies": {"jit_guard": {"actions": ["READ"], "objects": ["pay.accounts"], "eligible": ["regress_asker"], "approvers": ["regress_boss"]}}}');
SELECT * FROM jit.apply_policies('{"policies": {
    "first": {"actions": ["READ"], "objects": ["pay.accounts"], "eligible": ["regress_asker"], "approvers": ["regress_boss"]},
    "second": {"actions": ["READ"], "objects": ["pay.missing"], "eligible": ["regress_asker"], "approvers": ["regress_boss"]}}}');
SELECT * FROM jit.apply_policies('{"policies": {
    "first": {"actions": ["READ"], "objects": ["pay.accounts"], "eligible": ["regress_asker"], "approvers": ["regress_boss"]},
    "second": {"actions": ["READ"], "objects": ["pay.missing"], "eligible": ["regress_asker"], "approvers": ["regress_boss"]}}}', dry_run => true);
SELECT jit.export_policies()::text = :'doc' AS same;
-- The same transaction goes on after a trial.
BEGIN;
CREATE TEMPORARY TABLE before AS SELECT 1;
SELECT count(*) FROM jit.apply_policies('{"policies": {}}', true, true);
SELECT count(*) FROM before;
ROLLBACK;

\c - regress_asker
SELECT jit.export_policies();
SELECT * FROM jit.apply_policies('{"policies": {}}');
\c - postgres
SET client_min_messages = warning;
DROP EXTENSION jit_guard;
DROP SCHEMA pay CASCADE;
DROP OWNED BY regress_asker, "regress Odd", regress_boss, regress_boss2, regress_lent;
DROP ROLE regress_asker, "regress Odd", regress_boss, regress_boss2, regress_lent;
