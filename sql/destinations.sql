-- destinations: who may make them, and what they may be
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SELECT current_user AS superuser \gset
CREATE ROLE regress_dest_admin LOGIN IN ROLE jit_admin;
CREATE ROLE regress_dest_auditor LOGIN IN ROLE jit_auditor;
CREATE ROLE regress_dest_person LOGIN;
CREATE ROLE regress_dest_approver LOGIN;
CREATE TABLE dest_t (v int);
SELECT jit.create_policy('dest', actions => '{SELECT}', objects => '{public.dest_t}', eligible => '{regress_dest_person}',
    approvers => '{regress_dest_approver}');

-- Only jit_admin; whoever else, not.
\c - regress_dest_person
SELECT jit.create_destination('x', 'webhook', 'https://example.com/');
SELECT * FROM jit.destinations;
SELECT * FROM jit.destination_terms;
\c - regress_dest_auditor
SELECT jit.create_destination('x', 'webhook', 'https://example.com/');
SELECT count(*) FROM jit.destinations;
\c - regress_dest_admin
SELECT jit.create_destination('x', 'webhook', 'https://example.com/', enabled => false);
SELECT name, kind, format, url, url_file, secret_file, events, policies, state, dead_letters FROM jit.destinations;

-- What is wrong with it is said.
SELECT jit.create_destination('x', 'webhook', 'https://example.com/', enabled => false);
SELECT jit.create_destination('', 'webhook', 'https://example.com/');
SELECT jit.create_destination('y', 'pigeon', 'https://example.com/');
SELECT jit.create_destination('y', 'webhook');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', url_file => 'f');
SELECT jit.create_destination('y', 'webhook', 'http://example.com/');
SELECT jit.create_destination('y', 'webhook', 'http://127.0.0.1:8080/');
SELECT jit.create_destination('y', 'webhook', 'file:///etc/passwd');
SELECT jit.create_destination('y', 'webhook', 'https://user:secret@example.com/');
SELECT jit.create_destination('y', 'webhook', 'tls://example.com:6514');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', format => 'cef');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', secret_file => '../postgresql.conf');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', secret_file => '/etc/passwd');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', events => '{request}');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', policies => '{no_such}');
SELECT jit.create_destination('y', 'webhook', 'https://example.com/', from_seq => 0);
SELECT jit.create_destination('y', 'slack', 'https://hooks.slack.com/services/T/B/X');
SELECT jit.create_destination('y', 'syslog', 'https://example.com/');
SELECT jit.create_destination('y', 'syslog', 'tls://example.com');
SELECT jit.create_destination('y', 'syslog', 'tls://example.com:6514', secret_file => 'f');
SELECT jit.create_destination('y', 'azure_blob', 'https://evil.example/anchors');
SELECT jit.create_destination('y', 'azure_blob', 'https://blob.core.windows.net.evil.example/anchors');
SELECT jit.create_destination('y', 'azure_blob', 'https://acct.blob.core.windows.net');
SELECT jit.create_destination('y', 'azure_blob', 'https://acct.blob.core.windows.net/anchors/');
SELECT jit.create_destination('y', 'azure_blob', 'https://acct.blob.core.windows.net/anchors?sv=2023-11-03&sig=secret');
SELECT jit.create_destination('y', 'azure_blob', 'http://acct.blob.core.windows.net/anchors');
SELECT jit.create_destination('y', 'azure_blob', url_file => 'f');
SELECT jit.create_destination('y', 'azure_blob', 'https://acct.blob.core.windows.net/anchors', events => '{requested}');
SELECT jit.create_destination('worm', 'azure_blob', 'https://acct.blob.core.windows.net/anchors/prod', enabled => false, from_seq => 1);
SELECT name, kind, format, url, state, acknowledged FROM jit.destinations WHERE name = 'worm';
SELECT jit.drop_destination('worm');

-- Of Azure Monitor only the hosts and the paths of the API, because a token goes there: vector 221.
\set azure 'https://x.eastus-1.ingest.monitor.azure.com/dataCollectionRules'
SELECT jit.create_destination('a', 'azure_monitor', 'https://example.com/dataCollectionRules/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X?api-version=2023-01-01');
SELECT jit.create_destination('a', 'azure_monitor', 'http://10.1.2.3/dataCollectionRules/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X?api-version=2023-01-01');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/my-rule/streams/Custom-X?api-version=2023-01-01');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/dcr-000a00a000a00000a000000aa000a0aa/streams/X?api-version=2023-01-01');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X?api-version=2023-01-01', secret_file => 'f');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X?api-version=2023-01-01', format => 'json');
SELECT jit.create_destination('a', 'azure_monitor', :'azure' || '/dcr-000a00a000a00000a000000aa000a0aa/streams/Custom-X?api-version=2023-01-01', enabled => false);
SELECT format, url FROM jit.destinations WHERE name = 'a';
SELECT jit.drop_destination('a');

-- Made, changed, dropped; a name that is not there.
SELECT jit.create_destination('chat', 'slack', url_file => 'slack_url', events => '{requested,break_glass}', policies => '{dest}', enabled => false);
SELECT jit.create_destination('siem', 'syslog', 'tls://siem.example.com:6514', format => 'cef', enabled => false, from_seq => 1);
SELECT jit.alter_destination('chat', events => '{}', policies => '{}');
SELECT jit.alter_destination('x', url_file => 'hook_url', format => 'cloudevents-batch');
SELECT jit.alter_destination('siem', format => 'card');
SELECT jit.alter_destination('no_such', enabled => true);
SELECT name, kind, format, url, url_file, events, policies, state FROM jit.destinations ORDER BY name;
SELECT jit.redeliver('siem');
SELECT jit.redeliver('no_such');
SELECT value FROM jit.status WHERE fact = 'destinations';
SELECT jit.drop_destination('x');
SELECT jit.drop_destination('x');
SELECT event, detail ->> 'destination' AS destination, detail ->> 'url' AS url FROM jit.events WHERE event LIKE 'destination%' ORDER BY event_id;

-- Sealed, where evidence goes takes two members of jit_admin; what it was before can still be sent again.
\c - :superuser
CREATE ROLE regress_dest_second LOGIN IN ROLE jit_admin;
CREATE ROLE regress_dest_dba LOGIN SUPERUSER IN ROLE jit_admin;
\c - regress_dest_admin
SELECT jit.seal();
SELECT jit.create_destination('z', 'webhook', 'https://example.com/', enabled => false);
SELECT jit.alter_destination('siem', enabled => true);
SELECT jit.drop_destination('siem');
SELECT jit.redeliver('siem');
\set VERBOSITY terse
SELECT jit.request('jit_guard', '30 min', reason => 'another siem') AS id \gset
\c - regress_dest_second
\set VERBOSITY terse
SELECT jit.approve(:id);
\c - regress_dest_admin
SELECT jit.alter_destination('siem', url => 'tls://siem2.example.com:6514');
DO $$ BEGIN PERFORM jit.drop_destination('siem'); END $$;
SELECT name, url FROM jit.destinations ORDER BY name;
SELECT jit.drop_destination('chat');
SELECT jit.drop_destination('siem');

-- Nobody writes the tables by hand, not even a superuser.
\c - :superuser
INSERT INTO jit.destination_terms (name, kind, format, url, enabled, created_by, created_at) VALUES ('z', 'webhook', 'cloudevents', 'https://x/', true, '', now());
UPDATE jit.deliveries SET acknowledged = 1000000;
DELETE FROM jit.dead_letters;
DROP TABLE jit.dead_letters;


-- The end of it.
\c - regress_dest_dba
\set VERBOSITY terse
SELECT jit.request('jit_guard', '30 min', reason => 'the test is over') AS id \gset
\c - regress_dest_second
SELECT jit.approve(:id);
\c - regress_dest_dba
SET client_min_messages = warning;
DROP EXTENSION jit_guard;
DROP TABLE dest_t;
\c - :superuser
DROP ROLE regress_dest_admin, regress_dest_auditor, regress_dest_person, regress_dest_approver, regress_dest_second, regress_dest_dba;
