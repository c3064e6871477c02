-- report: a whole page in plain ASCII, on which what people wrote is text
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE "regress_<b>&""asker" LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
SELECT jit.accept_drift('the people of this test');
SELECT jit.report() ~ 'Nobody held a right in this time' AS empty;
SELECT jit.create_policy('</text><script>alert(1)</script>', '{READ}', '{pay.a}', eligible => '{"regress_<b>&\"asker"}', approvers => '{regress_boss}');
\c - "regress_<b>&""asker"
\set VERBOSITY terse
SELECT jit.request('</text><script>alert(1)</script>', reason => E'--></title><img src=x onerror="alert(1)"> Grüße, \'quoted\'') AS id \gset
SELECT jit.report();
\c - regress_boss
\set VERBOSITY terse
SELECT jit.approve(:id);

\c - regress_auditor
\set VERBOSITY terse
SET timezone = 'Europe/Berlin';
SELECT jit.report() AS page \gset
SELECT :'page' ~ '^<!DOCTYPE html>' AS begins, :'page' ~ '</html>\s*$' AS ends, :'page' !~ '[^\x0a\x20-\x7e]' AS ascii,
    :'page' ~ 'time zone Europe/Berlin' AS zone;
SELECT :'page' !~* '<script|<img|<b>&|javascript:|https?:|url\(|@import|\ssrc=|\son[a-z]+=' AS harmless,
    :'page' ~ '<bdi>regress_&#x3C;b&#x3E;&#x26;&#x22;asker</bdi>' AS person, :'page' ~ '<bdi>&#x3C;/text&#x3E;&#x3C;script&#x3E;alert\(1\)' AS policy;
SELECT tag, count(*) FILTER (WHERE close = '') = count(*) FILTER (WHERE close = '/') AS balanced
  FROM (SELECT m[1] AS close, m[2] AS tag FROM regexp_matches(:'page', '<(/?)(section|svg|table|tbody|thead|tr|td|ul|li|text|title|desc|bdi|dl|dt|dd|div|p|main|header|footer|body|html|style)\y[^>]*>', 'g') m) t
 GROUP BY tag ORDER BY tag;
SELECT m[1] AS section FROM regexp_matches(:'page', '<section id="(\w+)"', 'g') m;
SELECT (SELECT count(*) FROM regexp_matches(:'page', ' role="img"', 'g')) AS pictures,
    (SELECT count(*) FROM regexp_matches(:'page', ' role="img" aria-labelledby="(\w+)-t \1-d"><title id="\1-t">[^<]+</title><desc id="\1-d">[^<]+</desc>', 'g')) AS described;

-- Times that are none.
SELECT jit.report('infinity', now());
SELECT jit.report(now(), now() - '1 day'::interval);
SELECT jit.report(now() - '11 years'::interval, now());
SELECT length(jit.report('2020-01-01', '2020-01-02')) > 1000 AS long_ago;
SELECT length(jit.report(to_time => now())) > 1000 AS default_begin;
BEGIN READ ONLY;
SELECT length(jit.report()) > 1000 AS reads_only;
COMMIT;

\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE "regress_<b>&""asker", regress_boss, regress_auditor;
