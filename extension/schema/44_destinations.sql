-- Destinations of events.

CREATE FUNCTION jit.create_destination(
    name        text,
    kind        text,
    url         text    DEFAULT NULL,
    url_file    text    DEFAULT NULL,
    secret_file text    DEFAULT NULL,
    format      text    DEFAULT NULL,
    events      text[]  DEFAULT NULL,
    policies    text[]  DEFAULT NULL,
    enabled     boolean DEFAULT true,
    from_seq    bigint  DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_create_destination';
REVOKE ALL ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint) FROM PUBLIC;
COMMENT ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint)
    IS 'Lets the courier send events to a webhook, Slack, Teams, syslog or Azure Monitor, or checkpoints to a container, from now on or from a record of the ledger on';

CREATE FUNCTION jit.alter_destination(
    name        text,
    url         text    DEFAULT NULL,
    url_file    text    DEFAULT NULL,
    secret_file text    DEFAULT NULL,
    format      text    DEFAULT NULL,
    events      text[]  DEFAULT NULL,
    policies    text[]  DEFAULT NULL,
    enabled     boolean DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_alter_destination';
REVOKE ALL ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean)
    IS 'Changes what is given, and tries again at once; an empty list or text is none';

CREATE FUNCTION jit.drop_destination(name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_destination';
REVOKE ALL ON FUNCTION jit.drop_destination(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_destination(text) IS 'Sends nothing more there; what was not delivered stays in the ledger only';

CREATE FUNCTION jit.redeliver(destination text) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_redeliver';
REVOKE ALL ON FUNCTION jit.redeliver(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.redeliver(text) IS 'Sends what the destination rejected once more, and does not wait for the next try; returns how many records that are';

-- Never a secret: an address that is one lies in a file, and so do keys.
CREATE VIEW jit.destinations WITH (security_barrier) AS
SELECT t.name,
       t.kind,
       t.format,
       t.url,
       t.url_file,
       t.secret_file,
       t.events,
       t.policies,
       CASE WHEN NOT t.enabled THEN 'disabled'
            WHEN d.stopped THEN 'stopped'
            WHEN t.kind = 'azure_blob' AND EXISTS (SELECT FROM jit.dead_letters l WHERE l.destination_id = t.destination_id) THEN 'contradicted'
            WHEN d.failures > 0 THEN 'failing'
            WHEN d.acknowledged >= CASE t.kind WHEN 'azure_blob' THEN s.signed_size ELSE s.tree_size END THEN 'delivered'
            ELSE 'delivering' END AS state,
       d.acknowledged,
       GREATEST(CASE t.kind WHEN 'azure_blob' THEN s.signed_size ELSE s.tree_size END - d.acknowledged, 0) AS lag,
       d.delivered,
       (SELECT pg_catalog.count(*) FROM jit.dead_letters l WHERE l.destination_id = t.destination_id) AS dead_letters,
       d.failures,
       d.failing_since,
       d.next_try,
       d.last_success,
       d.last_error,
       d.last_error_at
  FROM jit.destination_terms t
  JOIN jit.deliveries d ON d.destination_id = t.destination_id
 CROSS JOIN jit.ledger_state s
 WHERE (SELECT jit.sees_all());
COMMENT ON VIEW jit.destinations IS 'Where events are sent, and how far that got; for auditors and admins';
COMMENT ON COLUMN jit.destinations.name IS 'Argument of jit.alter_destination(), jit.drop_destination() and jit.redeliver()';
COMMENT ON COLUMN jit.destinations.kind IS 'webhook, slack, teams, syslog, azure_monitor or azure_blob';
COMMENT ON COLUMN jit.destinations.format IS 'How a record is written';
COMMENT ON COLUMN jit.destinations.url IS 'The address; NULL: it is a secret, in url_file';
COMMENT ON COLUMN jit.destinations.url_file IS 'The file in jit_guard.courier_directory, or the secret of a vault, that the address is read from';
COMMENT ON COLUMN jit.destinations.secret_file IS 'The file, or the secret of a vault, with the secrets that messages are signed with';
COMMENT ON COLUMN jit.destinations.events IS 'Which events and kinds of records it gets; NULL: as its kind has it';
COMMENT ON COLUMN jit.destinations.policies IS 'Of which policies; NULL: all';
COMMENT ON COLUMN jit.destinations.state IS 'delivered, delivering, failing, contradicted (a container has other checkpoints), stopped (it wants nothing more) or disabled';
COMMENT ON COLUMN jit.destinations.acknowledged IS 'Records of jit.ledger up to this one are done with; of a container: are anchored';
COMMENT ON COLUMN jit.destinations.lag IS 'How many records that is behind the ledger, or its last checkpoint';
COMMENT ON COLUMN jit.destinations.delivered IS 'How many records it has taken';
COMMENT ON COLUMN jit.destinations.dead_letters IS 'How many it rejected; jit.redeliver() sends them once more';
COMMENT ON COLUMN jit.destinations.failures IS 'How often in a row it did not work';
COMMENT ON COLUMN jit.destinations.failing_since IS 'When the first of these was';
COMMENT ON COLUMN jit.destinations.next_try IS 'When the courier tries again';
COMMENT ON COLUMN jit.destinations.last_success IS 'When it took something last';
COMMENT ON COLUMN jit.destinations.last_error IS 'What went wrong last';
COMMENT ON COLUMN jit.destinations.last_error_at IS 'When';
