-- The calls of the people: asking, deciding, ending. Everybody may call them; the functions look at the
-- authenticated person and at the policy.

CREATE FUNCTION jit.request(
    policy    text,
    duration  interval    DEFAULT NULL,
    reason    text        DEFAULT NULL,
    ticket    text        DEFAULT NULL,
    actions   text[]      DEFAULT NULL,
    objects   text[]      DEFAULT NULL,
    uses      integer     DEFAULT NULL,
    rows      integer     DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    statement text        DEFAULT NULL
) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_request';
REVOKE ALL ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) TO PUBLIC;
COMMENT ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text)
    IS 'Asks for power under a policy: for all of it, for fewer actions, objects, uses and rows, or for one statement; returns the request''s number';

CREATE FUNCTION jit.approve(request_id bigint, comment text DEFAULT NULL, duration interval DEFAULT NULL) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_approve';
REVOKE ALL ON FUNCTION jit.approve(bigint, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.approve(bigint, text, interval) TO PUBLIC;
COMMENT ON FUNCTION jit.approve(bigint, text, interval)
    IS 'An approver''s yes, for the time asked or less; returns the state: pending while more votes are needed, or approved';

CREATE FUNCTION jit.deny(request_id bigint, comment text DEFAULT NULL) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_deny';
REVOKE ALL ON FUNCTION jit.deny(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.deny(bigint, text) TO PUBLIC;
COMMENT ON FUNCTION jit.deny(bigint, text) IS 'An approver''s no: ends the request';

CREATE FUNCTION jit.cancel(request_id bigint) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_cancel';
REVOKE ALL ON FUNCTION jit.cancel(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.cancel(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.cancel(bigint) IS 'Takes one''s own pending request back';

CREATE FUNCTION jit.release(request_id bigint) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_release';
REVOKE ALL ON FUNCTION jit.release(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.release(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.release(bigint) IS 'Gives one''s own approved right back before its end';

CREATE FUNCTION jit.revoke(request_id bigint, reason text DEFAULT NULL) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_revoke';
REVOKE ALL ON FUNCTION jit.revoke(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.revoke(bigint, text) TO PUBLIC;
COMMENT ON FUNCTION jit.revoke(bigint, text)
    IS 'An approver or jit_admin ends an approved right at once, running statements included';

-- No SET clause: a procedure with one cannot end its transactions, and waiting must not hold a snapshot.
CREATE PROCEDURE jit.await(request_id bigint, timeout interval DEFAULT '5 min')
    LANGUAGE C SECURITY INVOKER
    AS 'MODULE_PATHNAME', 'jit_await';
REVOKE ALL ON PROCEDURE jit.await(bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE jit.await(bigint, interval) TO PUBLIC;
COMMENT ON PROCEDURE jit.await(bigint, interval)
    IS 'Waits until the request is decided; an error unless it was approved. Call it outside a transaction block';
