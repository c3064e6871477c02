-- The calls about policies. Members of jit_admin only: the functions look at the authenticated person themselves.

CREATE FUNCTION jit.create_policy(
    name             text,
    actions          text[]    DEFAULT '{}',
    objects          text[]    DEFAULT '{}',
    lends            regrole   DEFAULT NULL,
    elevates_to      regrole   DEFAULT NULL,
    eligible         regrole[] DEFAULT '{}',
    approvers        regrole[] DEFAULT '{}',
    approvals        integer   DEFAULT 1,
    exempt           regrole[] DEFAULT '{}',
    max_duration     interval  DEFAULT '1 hour',
    default_duration interval  DEFAULT NULL,
    pending_timeout  interval  DEFAULT '4 hours',
    require_reason   boolean   DEFAULT true,
    ticket_pattern   text      DEFAULT NULL,
    hours            text      DEFAULT NULL,
    networks         cidr[]    DEFAULT '{}',
    max_uses         integer   DEFAULT NULL,
    max_rows         integer   DEFAULT NULL,
    break_glass      regrole[] DEFAULT '{}',
    break_glass_duration interval DEFAULT '15 min',
    stages           jsonb     DEFAULT '[]',
    escalate_to      regrole[] DEFAULT '{}',
    escalate_after   interval  DEFAULT NULL,
    remind_after     interval  DEFAULT NULL,
    rules            jsonb     DEFAULT '[]',
    on_expiry        text      DEFAULT 'cancel',
    mode             text      DEFAULT 'enforce',
    comment          text      DEFAULT NULL,
    statement        text      DEFAULT 'optional',
    require_mfa      text      DEFAULT 'none',
    mfa_max_age      interval  DEFAULT '5 min',
    record_parameters boolean  DEFAULT false,
    pim_group        text      DEFAULT NULL,
    weaker           boolean   DEFAULT false
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_create_policy';
REVOKE ALL ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean)
    IS 'Guards actions on objects, or a role, and says who may ask, who approves and for how long';

CREATE FUNCTION jit.alter_policy(
    name             text,
    actions          text[]    DEFAULT NULL,
    objects          text[]    DEFAULT NULL,
    lends            regrole   DEFAULT NULL,
    elevates_to      regrole   DEFAULT NULL,
    eligible         regrole[] DEFAULT NULL,
    approvers        regrole[] DEFAULT NULL,
    approvals        integer   DEFAULT NULL,
    exempt           regrole[] DEFAULT NULL,
    max_duration     interval  DEFAULT NULL,
    default_duration interval  DEFAULT NULL,
    pending_timeout  interval  DEFAULT NULL,
    require_reason   boolean   DEFAULT NULL,
    ticket_pattern   text      DEFAULT NULL,
    hours            text      DEFAULT NULL,
    networks         cidr[]    DEFAULT NULL,
    max_uses         integer   DEFAULT NULL,
    max_rows         integer   DEFAULT NULL,
    break_glass      regrole[] DEFAULT NULL,
    break_glass_duration interval DEFAULT NULL,
    stages           jsonb     DEFAULT NULL,
    escalate_to      regrole[] DEFAULT NULL,
    escalate_after   interval  DEFAULT NULL,
    remind_after     interval  DEFAULT NULL,
    rules            jsonb     DEFAULT NULL,
    on_expiry        text      DEFAULT NULL,
    mode             text      DEFAULT NULL,
    comment          text      DEFAULT NULL,
    statement        text      DEFAULT NULL,
    require_mfa      text      DEFAULT NULL,
    mfa_max_age      interval  DEFAULT NULL,
    record_parameters boolean  DEFAULT NULL,
    pim_group        text      DEFAULT NULL,
    weaker           boolean   DEFAULT false,
    new_name         text      DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_alter_policy';
REVOKE ALL ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text) FROM PUBLIC;
COMMENT ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text)
    IS 'Changes terms of a policy; NULL leaves a term as it is; {}, [], ''-'' (a role), '''' (a text), 0 (max_uses, max_rows) and ''0'' (an interval) empty it';

CREATE FUNCTION jit.drop_policy(name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_policy';
REVOKE ALL ON FUNCTION jit.drop_policy(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_policy(text)
    IS 'Drops a policy: revokes its approvals, running statements included, and cancels its pending requests';

CREATE FUNCTION jit.export_policies() RETURNS json
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_export_policies';
REVOKE ALL ON FUNCTION jit.export_policies() FROM PUBLIC;
COMMENT ON FUNCTION jit.export_policies()
    IS 'All policies as one JSON document for jit.apply_policies(): ordered, one term a line, without what is as by default';

CREATE FUNCTION jit.apply_policies(
    document json,
    dry_run  boolean DEFAULT false,
    prune    boolean DEFAULT false,
    OUT policy text, OUT term text, OUT old text, OUT new text, OUT effect text, OUT result text
) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_apply_policies';
REVOKE ALL ON FUNCTION jit.apply_policies(json, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.apply_policies(json, boolean, boolean)
    IS 'Makes the policies those of a document and shows the difference; dry_run only shows it; prune also drops the policies that the document does not have';

CREATE FUNCTION jit.seal() RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_seal';
REVOKE ALL ON FUNCTION jit.seal() FROM PUBLIC;
COMMENT ON FUNCTION jit.seal()
    IS 'From here on for ever: jit_guard''s own protection is enforced, superusers do not count as jit_admin, and what weakens a policy needs two people';

CREATE FUNCTION jit.rebind(OUT policy text, OUT object text, OUT result text) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_rebind';
REVOKE ALL ON FUNCTION jit.rebind() FROM PUBLIC;
COMMENT ON FUNCTION jit.rebind()
    IS 'After a restore, copy or upgrade: binds the policies to the objects of these names, ends every approval and request, and shows what was found';
