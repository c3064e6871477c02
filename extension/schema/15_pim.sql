-- What was heard of activations in PIM for Groups (Microsoft Entra ID).

CREATE TABLE jit.pim_syncs (
    group_id      text PRIMARY KEY,
    last_success  timestamptz,
    activations   integer NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    last_error    text,
    last_error_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE jit.pim_syncs IS 'How the last look at each group of a policy''s pim_group went; written by the courier';
COMMENT ON COLUMN jit.pim_syncs.group_id IS 'Object id of the group';
COMMENT ON COLUMN jit.pim_syncs.last_success IS 'When all of its activations were seen last';
COMMENT ON COLUMN jit.pim_syncs.activations IS 'How many of them were active then';
COMMENT ON COLUMN jit.pim_syncs.failures IS 'How often in a row it did not work';
