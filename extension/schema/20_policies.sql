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
    on_expiry        text      DEFAULT 'cancel',
    mode             text      DEFAULT 'enforce',
    weaker           boolean   DEFAULT false
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_create_policy';
REVOKE ALL ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean)
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
    on_expiry        text      DEFAULT NULL,
    mode             text      DEFAULT NULL,
    weaker           boolean   DEFAULT false,
    new_name         text      DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_alter_policy';
REVOKE ALL ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean, text) FROM PUBLIC;
COMMENT ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean, text)
    IS 'Changes terms of a policy; NULL leaves a term as it is; {}, ''-'' (a role) and '''' (the pattern) empty it';

CREATE FUNCTION jit.drop_policy(name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_policy';
REVOKE ALL ON FUNCTION jit.drop_policy(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_policy(text)
    IS 'Drops a policy: revokes its approvals, running statements included, and cancels its pending requests';

CREATE FUNCTION jit.rebind(OUT policy text, OUT object text, OUT result text) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_rebind';
REVOKE ALL ON FUNCTION jit.rebind() FROM PUBLIC;
COMMENT ON FUNCTION jit.rebind()
    IS 'After a restore, copy or upgrade: binds the policies to the objects of these names, ends every approval and request, and shows what was found';
