-- Second factors, and proving with them. Everybody for themselves; a reset is for jit_admin.

CREATE FUNCTION jit.enroll_totp(proof text DEFAULT NULL, OUT uri text, OUT qr text) RETURNS record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_enroll_totp';
REVOKE ALL ON FUNCTION jit.enroll_totp(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.enroll_totp(text) TO PUBLIC;
COMMENT ON FUNCTION jit.enroll_totp(text)
    IS 'Makes a secret for my authenticator app and shows it this once, as URI and as QR code; it proves something after jit.confirm_totp(). Whoever has a factor already gives a proof with it';

CREATE FUNCTION jit.confirm_totp(code text) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_confirm_totp';
REVOKE ALL ON FUNCTION jit.confirm_totp(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.confirm_totp(text) TO PUBLIC;
COMMENT ON FUNCTION jit.confirm_totp(text)
    IS 'Takes the secret of jit.enroll_totp() into use by a code of it; returns ten recovery codes, this once, to whoever has none';

CREATE FUNCTION jit.enroll_key(public_key text, proof text DEFAULT NULL) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_enroll_key';
REVOKE ALL ON FUNCTION jit.enroll_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.enroll_key(text, text) TO PUBLIC;
COMMENT ON FUNCTION jit.enroll_key(text, text)
    IS 'Enrols an SSH key, the line of its .pub file; returns the number of the factor. Whoever has a factor already gives a proof with it';

CREATE FUNCTION jit.new_recovery_codes(proof text) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_new_recovery_codes';
REVOKE ALL ON FUNCTION jit.new_recovery_codes(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.new_recovery_codes(text) TO PUBLIC;
COMMENT ON FUNCTION jit.new_recovery_codes(text) IS 'Ten new recovery codes, shown this once, in place of those that I have';

CREATE FUNCTION jit.remove_factor(factor_id bigint, proof text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_remove_factor';
REVOKE ALL ON FUNCTION jit.remove_factor(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.remove_factor(bigint, text) TO PUBLIC;
COMMENT ON FUNCTION jit.remove_factor(bigint, text) IS 'Removes a second factor of mine, by a proof with one of them';

CREATE FUNCTION jit.reset_factors(person regrole, reason text) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_reset_factors';
REVOKE ALL ON FUNCTION jit.reset_factors(regrole, text) FROM PUBLIC;
COMMENT ON FUNCTION jit.reset_factors(regrole, text)
    IS 'Removes all second factors of somebody else, and a lock-out, so that the person can enrol anew; returns how many there were';

CREATE FUNCTION jit.challenge(request_id bigint DEFAULT NULL) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_challenge';
REVOKE ALL ON FUNCTION jit.challenge(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.challenge(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.challenge(bigint)
    IS 'What to sign with ssh-keygen -Y sign -n jit_guard, to prove myself for this request, or without a request for enrolling and removing factors';

CREATE FUNCTION jit.prove(request_id bigint, proof text) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_prove';
REVOKE ALL ON FUNCTION jit.prove(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.prove(bigint, text) TO PUBLIC;
COMMENT ON FUNCTION jit.prove(bigint, text)
    IS 'Proves for this request that it is me: by a code of my app, a recovery code, or a signature over jit.challenge(); returns the state of the request';

CREATE FUNCTION jit.present_token(token text, request_id bigint DEFAULT NULL) RETURNS text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_present_token';
REVOKE ALL ON FUNCTION jit.present_token(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.present_token(text, bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.present_token(text, bigint)
    IS 'Proves for this request, or the only one that waits for it, that it is me, by an access token of Entra ID as a bind parameter; returns the state of the request';
