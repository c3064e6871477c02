-- policies: what create_policy, alter_policy and drop_policy accept, refuse, store and say
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_asker2 LOGIN;
CREATE ROLE regress_askers ROLE regress_asker, regress_asker2;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_bosses ROLE regress_boss, regress_boss2;
CREATE ROLE regress_admin LOGIN IN ROLE jit_admin;
CREATE ROLE regress_exempt LOGIN SUPERUSER;
CREATE ROLE regress_lent;
CREATE ROLE regress_power;
CREATE SCHEMA pay;
CREATE TABLE pay.accounts (id int PRIMARY KEY, owner text, iban text);
CREATE VIEW pay.owners AS SELECT owner FROM pay.accounts;
CREATE TABLE pay."Odd ""name""" ("a b" int);
CREATE SEQUENCE pay.numbers;
CREATE TABLE pay.parts (id int) PARTITION BY RANGE (id);
CREATE TABLE pay.parts_1 PARTITION OF pay.parts FOR VALUES FROM (0) TO (10);

-- Only jit_admin and superusers: the function itself looks at the person, SET ROLE does not help.
\c - regress_boss
SELECT jit.create_policy('mine', '{ALL}', '{pay.accounts}', eligible => '{regress_boss}', approvers => '{regress_boss2}');
\c - regress_admin
SELECT jit.create_policy('accounts', '{read, write}', ARRAY['pay.accounts', '"pay"."accounts"'], lends => 'regress_lent',
    eligible => '{regress_askers,regress_askers}', approvers => '{regress_bosses}', exempt => '{regress_exempt}');
SELECT name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, max_duration, default_duration,
    pending_timeout, require_reason, ticket_pattern, on_expiry, mode, created_by FROM jit.policies \gx
SELECT object_class, object_id::regclass, attnums, actions, object FROM jit.guards;

-- The grants that the NOTICE asked for, and no NOTICE after them.
\c - postgres
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON pay.accounts TO regress_lent;
SELECT jit.alter_policy('accounts', require_reason => false);
SELECT jit.alter_policy('accounts', require_reason => false);

-- Every form of object; names come back as they are pasted.
SELECT jit.create_policy('forms', '{SELECT}',
    ARRAY['pay.owners', 'pay."Odd ""name"""', 'pay.parts', 'pay.parts_1', 'pay.*', 'pay.accounts(iban, owner)', 'pay.accounts(id)'],
    eligible => '{regress_askers}', approvers => '{regress_bosses}', mode => 'monitor');
SELECT objects FROM jit.policies WHERE name = 'forms';
SELECT object_class, attnums, object FROM jit.guards g JOIN jit.policies p USING (policy_id) WHERE name = 'forms';
SELECT jit.drop_policy('forms');

-- Spellings: other words for actions are explained.
SELECT jit.create_policy('words', '{vacuum, " merge ", copy  to, ALTER   table}', '{pay.parts}',
    eligible => '{regress_askers}', approvers => '{regress_bosses}', mode => 'off');
SELECT actions FROM jit.policies WHERE name = 'words';
SELECT jit.alter_policy('words', actions => '{ALL}');
SELECT actions FROM jit.policies WHERE name = 'words';
SELECT jit.drop_policy('words');

-- Overlap: an equal policy with fewer approvals is refused, unless said; a more specific one is none of that.
SELECT jit.create_policy('strict', '{SELECT}', '{pay.parts}', eligible => '{regress_askers}', approvers => '{regress_bosses}',
    approvals => 2);
SELECT jit.create_policy('lax', '{SELECT, INSERT}', '{pay.parts}', eligible => '{regress_askers}', approvers => '{regress_bosses}');
SELECT jit.create_policy('lax', '{SELECT, INSERT}', '{pay.parts}', eligible => '{regress_askers}', approvers => '{regress_bosses}',
    weaker => true);
SELECT jit.alter_policy('lax', require_reason => false);
SELECT jit.alter_policy('lax', approvals => 0);
SELECT jit.alter_policy('lax', approvals => 2);
SELECT jit.create_policy('wide', '{SELECT}', '{pay.*}', eligible => '{regress_askers}', approvers => '{regress_bosses}');
SELECT jit.create_policy('other action', '{DELETE}', '{pay.parts}', eligible => '{regress_askers}', approvals => 0);
SELECT jit.drop_policy('lax');
SELECT jit.drop_policy('wide');
SELECT jit.drop_policy('other action');

-- Altering: a new name, terms emptied, and the difference on record.
SELECT jit.alter_policy('strict', new_name => 'stricter', ticket_pattern => '[A-Z]+-[0-9]+', exempt => '{regress_exempt}',
    max_duration => '20 min');
SELECT name, ticket_pattern, exempt, max_duration, default_duration FROM jit.policies WHERE name = 'stricter';
SELECT jit.alter_policy('stricter', ticket_pattern => '', exempt => '{}', max_duration => '1 hour');
SELECT jit.alter_policy('stricter', new_name => 'accounts');
SELECT jit.alter_policy('accounts', lends => '-');
SELECT name, ticket_pattern, exempt, lends FROM jit.policies ORDER BY name;
SELECT event, policy, actor, detail FROM jit.history WHERE event = 'policy_altered' AND policy = 'stricter' ORDER BY event_id;

-- Elevation: a role of one's own.
SELECT jit.create_policy('power', elevates_to => 'regress_power', eligible => '{regress_askers}', approvers => '{regress_bosses}');
SELECT jit.create_policy('lender', elevates_to => 'jit_lender', eligible => '{regress_askers}', approvers => '{regress_bosses}');
GRANT CREATE ON SCHEMA pay TO regress_power;
ALTER ROLE regress_power CREATEDB;
SELECT jit.alter_policy('power', elevates_to => '-', actions => '{ALTER TABLE}', objects => '{pay.parts}');
SELECT jit.alter_policy('power', elevates_to => 'regress_power');
SELECT jit.drop_policy('power');

-- Names of objects follow their objects; what is dropped is no longer guarded, and on record.
SELECT jit.alter_policy('accounts', objects => '{pay.accounts, pay.parts}', weaker => true);
\c - regress_exempt
ALTER TABLE pay.accounts RENAME TO "Accounts";
SELECT objects FROM jit.policies WHERE name = 'accounts';
SELECT DISTINCT object FROM jit.guards ORDER BY 1;
ALTER SCHEMA pay RENAME TO pay2;
SELECT jit.alter_policy('accounts', require_reason => true);
SELECT objects FROM jit.policies WHERE name = 'accounts';
ALTER SCHEMA pay2 RENAME TO pay;
SELECT jit.alter_policy('accounts', require_reason => false);
DROP VIEW pay.owners;
DROP TABLE pay."Accounts";
SELECT objects FROM jit.policies WHERE name = 'accounts';
\c - postgres
SELECT event, policy, detail FROM jit.history WHERE event = 'guard_dropped' ORDER BY event_id;

-- Roles that policies name stay.
DROP ROLE regress_askers;
SELECT jit.alter_policy('accounts', exempt => '{}');
DROP ROLE regress_exempt;
CREATE ROLE regress_exempt;
SELECT jit.drop_policy('accounts');
SELECT jit.drop_policy('accounts');
SELECT jit.drop_policy('stricter');
SELECT count(*) FROM jit.guards;

DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_asker2, regress_askers, regress_boss, regress_boss2, regress_bosses, regress_admin,
    regress_exempt, regress_lent, regress_power;
