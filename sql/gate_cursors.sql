-- gate_cursors: a cursor is decided when it is opened and again at every fetch; none is held beyond the transaction
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

\c - regress_bob
BEGIN;
DECLARE c CURSOR FOR SELECT iban FROM app.accounts;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT note FROM app.notes;
FETCH c;
ROLLBACK;
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT iban FROM app.accounts ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
MOVE ALL IN c;
COMMIT;
-- WITH HOLD keeps rows where no check is made.
BEGIN;
\set VERBOSITY default
DECLARE c CURSOR WITH HOLD FOR SELECT iban FROM app.accounts ORDER BY id;
\set VERBOSITY terse
ROLLBACK;
DECLARE c CURSOR WITH HOLD FOR SELECT iban FROM app.accounts ORDER BY id;
FETCH c;
DECLARE n CURSOR WITH HOLD FOR SELECT note FROM app.notes;
FETCH n;
CLOSE n;
CREATE FUNCTION mine.reads() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT iban FROM app.accounts; END $$;
DECLARE h CURSOR WITH HOLD FOR SELECT * FROM mine.reads();
FETCH h;
-- UPDATE and DELETE at a cursor's row.
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM app.accounts WHERE id = 1 FOR UPDATE;
FETCH c;
UPDATE app.accounts SET balance = 1 WHERE CURRENT OF c;
ROLLBACK;
-- A release counts once it is committed: then the next cursor is refused.
BEGIN;
DECLARE c CURSOR FOR SELECT iban FROM app.accounts ORDER BY id;
FETCH c;
SELECT jit.release(:r);
FETCH c;
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT iban FROM app.accounts ORDER BY id;
ROLLBACK;
-- A cursor in a loop of a procedure that commits.
SELECT jit.request('accounts') AS r \gset
CREATE PROCEDURE mine.loop() LANGUAGE plpgsql AS $$
DECLARE row record; n int := 0;
BEGIN
    FOR row IN SELECT iban FROM app.accounts ORDER BY id LOOP
        n := n + 1;
        COMMIT;
    END LOOP;
    RAISE NOTICE '% rows', n;
END $$;
CALL mine.loop();
\c - regress_bob
CALL mine.loop();
\set ECHO none
\i :end
