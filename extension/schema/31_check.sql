-- jit.check analyses the statement as its caller would, so it has no search_path of its own and runs as the caller.

CREATE FUNCTION jit.check(
    statement       text,
    OUT action      text,
    OUT object      text,
    OUT column_name text,
    OUT policy      text,
    OUT allowed     text,
    OUT why         text,
    OUT suggestion  text
) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER
    AS 'MODULE_PATHNAME', 'jit_check';
REVOKE ALL ON FUNCTION jit.check(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.check(text) TO PUBLIC;
COMMENT ON FUNCTION jit.check(text)
    IS 'What the gate would say to a statement, without running it: yes, no or depends, why, and the call that would help';
