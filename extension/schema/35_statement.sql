-- One statement that was approved: looking at it, and running it.

CREATE FUNCTION jit.statement(request_id bigint, OUT part text, OUT what text) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_statement';
REVOKE ALL ON FUNCTION jit.statement(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.statement(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.statement(bigint)
    IS 'The statement of a request for those who decide about it: its text, what it reaches, what cannot be bound, settings, and an estimate';

-- jit.run runs the statement as its caller would, so it has no search_path of its own and runs as the caller.
CREATE FUNCTION jit.run(request_id bigint) RETURNS SETOF json
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER
    AS 'MODULE_PATHNAME', 'jit_run';
REVOKE ALL ON FUNCTION jit.run(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.run(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.run(bigint)
    IS 'Runs the statement of my approved request; returns its rows, or one object with their number';
