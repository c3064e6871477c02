-- strangers: a request that concerns somebody else is answered as one that does not exist, whatever is asked of it.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_second LOGIN;
SELECT jit.create_policy('accounts', '{SELECT}', '{app.accounts}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    require_reason => false, stages => '[{"approvers": ["regress_second"]}]');
\c - regress_alice
SET client_min_messages = error;
SELECT jit.request('accounts') AS r \gset
-- A member of nothing, with the number of somebody else's request and with one that nobody has.
\c - regress_bob
\set VERBOSITY default
SELECT jit.approve(:r);
SELECT jit.approve(4711);
\set VERBOSITY terse
-- Word for word the same.
DO $$
DECLARE
    call text; n bigint; told text; mine text; hint text; code text; answers text[];
BEGIN
    FOREACH call IN ARRAY ARRAY['cancel(%s)', 'release(%s)', 'may_decide(%s)', 'statement(%s)'] LOOP
        answers := '{}';
        FOREACH n IN ARRAY ARRAY[1, 4711] LOOP
            BEGIN
                EXECUTE 'SELECT jit.' || format(call, n);
                answers := answers || 'none'::text;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS told = MESSAGE_TEXT, mine = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
                answers := answers || replace(concat_ws('|', code, told, mine, hint), n::text, 'N');
            END;
        END LOOP;
        RAISE NOTICE '%: %', call, CASE WHEN answers[1] = answers[2] AND code = '42704' THEN 'the same' ELSE answers::text END;
    END LOOP;
END$$;
SELECT jit.extend(:r, '1 min');
SELECT jit.extend(4711, '1 min');
SELECT jit.deny(:r);
SELECT jit.deny(4711);
SELECT jit.revoke(:r);
SELECT jit.revoke(4711);
SELECT jit.review(:r, 'justified');
SELECT jit.review(4711, 'justified');
SELECT * FROM jit.run(:r);
SELECT * FROM jit.run(4711);
SELECT jit.prove(:r, '123456');
SELECT jit.prove(4711, '123456');
SELECT jit.challenge(:r);
SELECT jit.challenge(4711);
CALL jit.await(:r, '1 ms');
CALL jit.await(4711, '1 ms');
-- vector 294: the statement of somebody else's request, and whether a number is one.
SELECT jit.statement(:r);
SELECT jit.statement(4711);
SELECT jit.certify('accounts');
SELECT jit.certify('none');
-- Those whom it concerns are told what they are to do: its requester, approvers of any stage, admins and auditors.
\c - regress_alice
SELECT jit.approve(:r);
\c - regress_second
SELECT jit.approve(:r);
CALL jit.await(:r, '1 ms');
\c - postgres
SELECT jit.approve(:r);
GRANT jit_auditor TO regress_carol;
\c - regress_carol
SELECT jit.approve(:r);
\c - regress_boss
SET client_min_messages = error;
SELECT jit.approve(:r);
-- When the policy is dropped, approvers are strangers, too; what they decided they find in jit.history.
\c - postgres
SELECT jit.drop_policy('accounts');
\c - regress_boss
SELECT jit.revoke(:r);
SELECT jit.approve(:r);
\c - regress_alice
SELECT jit.release(:r);
\c - postgres
\set ECHO none
REVOKE jit_auditor FROM regress_carol;
DROP ROLE regress_second;
\i :end
