-- A dry run of jit.request(): the same arguments in the same order.

CREATE FUNCTION jit.preview(
    policy    text,
    duration  interval    DEFAULT NULL,
    reason    text        DEFAULT NULL,
    ticket    text        DEFAULT NULL,
    actions   text[]      DEFAULT NULL,
    objects   text[]      DEFAULT NULL,
    uses      integer     DEFAULT NULL,
    rows      integer     DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    statement text        DEFAULT NULL,
    OUT step  integer,
    OUT what  text,
    OUT who   text,
    OUT why   text
) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_preview';
REVOKE ALL ON FUNCTION jit.preview(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.preview(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) TO PUBLIC;
COMMENT ON FUNCTION jit.preview(text, interval, text, text, text[], text[], integer, integer, timestamptz, text)
    IS 'What would become of jit.request() with these arguments: by which rule, or who would have to approve, and why; writes nothing';
