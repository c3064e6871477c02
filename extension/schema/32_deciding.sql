-- Who may decide, as jit.approve() sees it: what the views are filtered by.

CREATE FUNCTION jit.waiting(
    mine                  boolean,
    OUT request_id        bigint,
    OUT stage             integer,
    OUT stages            integer,
    OUT approvals_needed  integer,
    OUT approvals_given   integer,
    OUT escalated         boolean,
    OUT waits_for         text,
    OUT may_approve       boolean,
    OUT may_deny          boolean,
    OUT in_place_of       text,
    OUT person            oid,
    OUT unproved          boolean,
    OUT must_prove        boolean
) RETURNS SETOF record
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_waiting';
REVOKE ALL ON FUNCTION jit.waiting(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.waiting(boolean) TO PUBLIC;
COMMENT ON FUNCTION jit.waiting(boolean)
    IS 'My own pending requests, or those that I may decide; read jit.my_requests and jit.pending instead';

CREATE FUNCTION jit.may_decide(request_id bigint) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_may_decide';
REVOKE ALL ON FUNCTION jit.may_decide(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.may_decide(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.may_decide(bigint) IS 'Whether jit.approve() would take my vote on a request now';

CREATE FUNCTION jit.decides(OUT policy_id integer, OUT policy text) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_decides';
REVOKE ALL ON FUNCTION jit.decides() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.decides() TO PUBLIC;
COMMENT ON FUNCTION jit.decides()
    IS 'The policies of which I am an approver of any stage, in escalate_to, or in the place of one';
