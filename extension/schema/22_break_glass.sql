-- Power without consent, and the word on it afterwards.

CREATE FUNCTION jit.break_glass(policy text, reason text DEFAULT NULL, proof text DEFAULT NULL) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_break_glass';
REVOKE ALL ON FUNCTION jit.break_glass(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.break_glass(text, text, text) TO PUBLIC;
COMMENT ON FUNCTION jit.break_glass(text, text, text)
    IS 'An emergency: all of the policy at once, without votes, hours or rules, for its break_glass_duration; returns the number of the request that somebody else has to review';

CREATE FUNCTION jit.review(request_id bigint, verdict text, comment text DEFAULT NULL) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_review';
REVOKE ALL ON FUNCTION jit.review(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.review(bigint, text, text) TO PUBLIC;
COMMENT ON FUNCTION jit.review(bigint, text, text)
    IS 'An approver''s word on broken glass: justified, or unjustified with a comment; once and for all';
