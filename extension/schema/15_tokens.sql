-- Keys that verify tokens of Entra ID, as the courier fetched them. Not dumped: they are fetched again.

CREATE TABLE jit.token_issuers (
    version    smallint PRIMARY KEY CHECK (version IN (1, 2)),
    source     text NOT NULL,
    issuer     text,
    fetched_at timestamptz,
    tried_at   timestamptz NOT NULL,
    failures   integer NOT NULL,
    last_error text
);
COMMENT ON TABLE jit.token_issuers IS 'How fetching the keys of Entra ID went, for tokens of each version; written by the courier';
COMMENT ON COLUMN jit.token_issuers.version IS 'Of the tokens: 1 or 2';
COMMENT ON COLUMN jit.token_issuers.source IS 'The authority and the tenant that were asked, of jit_guard.entra_authority and jit_guard.entra_tenant';
COMMENT ON COLUMN jit.token_issuers.issuer IS 'What it calls itself; NULL: it never answered';
COMMENT ON COLUMN jit.token_issuers.fetched_at IS 'When its keys were fetched last; after 24 hours they verify nothing';
COMMENT ON COLUMN jit.token_issuers.tried_at IS 'When that was tried last';
COMMENT ON COLUMN jit.token_issuers.failures IS 'How often in a row it did not work';
COMMENT ON COLUMN jit.token_issuers.last_error IS 'Why, the last time';

CREATE TABLE jit.token_keys (
    version  smallint NOT NULL REFERENCES jit.token_issuers ON DELETE CASCADE,
    kid      text NOT NULL,
    issuer   text NOT NULL,
    modulus  bytea NOT NULL,
    exponent bytea NOT NULL,
    PRIMARY KEY (version, kid)
);
COMMENT ON TABLE jit.token_keys IS 'Public keys of Entra ID; written by the courier';
COMMENT ON COLUMN jit.token_keys.version IS 'Of the tokens that it verifies, in jit.token_issuers';
COMMENT ON COLUMN jit.token_keys.kid IS 'Name of the key';
COMMENT ON COLUMN jit.token_keys.issuer IS 'Whose tokens it verifies';
COMMENT ON COLUMN jit.token_keys.modulus IS 'Of the RSA key';
COMMENT ON COLUMN jit.token_keys.exponent IS 'Of the RSA key';
