-- Statements that are asked for one by one: what an approval of one is bound to. Written by jit.request() and never changed.

CREATE TABLE jit.statements (
    request_id bigint PRIMARY KEY, -- no foreign key: a parallel pg_restore loads the tables in any order
    statement  text NOT NULL,
    digest     text NOT NULL,
    settings   text[] NOT NULL,
    open_ends  text[] NOT NULL,
    estimate   text NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.statements IS 'The statement of a request: an approval of it opens for this one and for no other';
COMMENT ON COLUMN jit.statements.request_id IS 'The request, in jit.requests';
COMMENT ON COLUMN jit.statements.statement IS 'The statement as it was written';
COMMENT ON COLUMN jit.statements.digest IS 'SHA-256 of the statement as the server understood it: names resolved, views expanded, row security added, without places in the text';
COMMENT ON COLUMN jit.statements.settings IS 'The settings that it was understood under: search_path, role, TimeZone and the like';
COMMENT ON COLUMN jit.statements.open_ends IS 'What cannot be bound, in words: dynamic SQL, rows that the requester can write, and the like';
COMMENT ON COLUMN jit.statements.estimate IS 'What the planner expected when it was asked for, or why it was not asked';

CREATE TABLE jit.statement_parts (
    request_id bigint NOT NULL,
    class_id   oid NOT NULL,
    object_id  oid NOT NULL,
    written    boolean NOT NULL,
    object     text NOT NULL,
    digest     text NOT NULL,
    PRIMARY KEY (request_id, class_id, object_id)
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.statement_parts IS 'What the statement of a request reaches: when the definition of one of these changes, its approval does not hold any more';
COMMENT ON COLUMN jit.statement_parts.request_id IS 'The request, in jit.requests';
COMMENT ON COLUMN jit.statement_parts.class_id IS 'The catalog of the object';
COMMENT ON COLUMN jit.statement_parts.object_id IS 'Its OID; 0 in pg_proc: all functions of the server itself that it calls';
COMMENT ON COLUMN jit.statement_parts.written IS 'Whether the statement writes it: then what that fires is a part, too';
COMMENT ON COLUMN jit.statement_parts.object IS 'What it is, when it was asked for';
COMMENT ON COLUMN jit.statement_parts.digest IS 'SHA-256 of its definition then';
