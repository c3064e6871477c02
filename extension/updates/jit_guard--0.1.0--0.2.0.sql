\echo Use "ALTER EXTENSION jit_guard UPDATE" to load this file. \quit
-- From 0.1.0 to 0.2.0: afterwards everything is as a fresh installation of 0.2.0 makes it (test/tap/t/043_upgrade.pl).
-- What people decided before stays as it was decided: approvals keep their actions; policies guard what their words mean now.
-- Until the transaction ends, its locks on the tables keep guarded things closed for everybody else.

DROP VIEW jit.available;
DROP VIEW jit.my_requests;
DROP VIEW jit.pending;
DROP VIEW jit.active;
DROP VIEW jit.audit;
DROP VIEW jit.status;
DROP FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[], interval, interval, interval, boolean, text, text, text, boolean);
DROP FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[], interval, interval, interval, boolean, text, text, text, boolean, text);
DROP FUNCTION jit.request(text, interval, text, text, text[], text[], timestamptz);

ALTER TABLE jit.events ADD COLUMN seq bigint;
ALTER TABLE jit.instance
    ADD COLUMN sealed_at timestamptz,
    ADD COLUMN sealed_by text,
    ADD CHECK ((sealed_at IS NULL) = (sealed_by IS NULL));
COMMENT ON COLUMN jit.instance.sealed_at IS 'When jit.seal() closed it; NULL: unsealed, its own protection only reports';
COMMENT ON COLUMN jit.instance.sealed_by IS 'Who sealed it';
ALTER TABLE jit.policies
    ADD COLUMN hours text,
    ADD COLUMN networks cidr[] NOT NULL DEFAULT '{}',
    ADD COLUMN max_uses integer CHECK (max_uses > 0),
    ADD COLUMN break_glass regrole[] NOT NULL DEFAULT '{}',
    ADD COLUMN break_glass_duration interval NOT NULL DEFAULT '15 min',
    ADD COLUMN escalate_to regrole[] NOT NULL DEFAULT '{}',
    ADD COLUMN escalate_after interval,
    ADD COLUMN remind_after interval,
    ADD COLUMN comment text,
    ADD COLUMN max_rows integer CHECK (max_rows > 0),
    ADD COLUMN statement text NOT NULL DEFAULT 'optional' CHECK (statement IN ('optional', 'required', 'bound')),
    ADD COLUMN require_mfa text NOT NULL DEFAULT 'none' CHECK (require_mfa IN ('none', 'requester', 'approvers', 'both')),
    ADD COLUMN mfa_max_age interval NOT NULL DEFAULT '5 min',
    ADD COLUMN record_parameters boolean NOT NULL DEFAULT false,
    ADD COLUMN pim_group text;
ALTER TABLE jit.policies
    ALTER COLUMN require_mfa DROP DEFAULT,
    ALTER COLUMN mfa_max_age DROP DEFAULT,
    ALTER COLUMN record_parameters DROP DEFAULT,
    ALTER COLUMN statement DROP DEFAULT,
    ALTER COLUMN networks DROP DEFAULT,
    ALTER COLUMN break_glass DROP DEFAULT,
    ALTER COLUMN break_glass_duration DROP DEFAULT,
    ALTER COLUMN escalate_to DROP DEFAULT;
CREATE TABLE jit.stages (
    policy_id integer NOT NULL, -- no foreign key: a parallel pg_restore loads the tables in any order
    stage     integer NOT NULL CHECK (stage > 1),
    approvers regrole[] NOT NULL,
    approvals integer NOT NULL CHECK (approvals > 0),
    PRIMARY KEY (policy_id, stage)
);
REVOKE ALL ON jit.stages FROM PUBLIC;
COMMENT ON TABLE jit.stages IS 'Who decides after the approvers of jit.policies, which are stage 1: every stage has to say yes, in order';
COMMENT ON COLUMN jit.stages.policy_id IS 'The policy, in jit.policies';
COMMENT ON COLUMN jit.stages.stage IS 'Number of the stage, from 2';
COMMENT ON COLUMN jit.stages.approvers IS 'Who may decide in this stage: members of these roles';
COMMENT ON COLUMN jit.stages.approvals IS 'How many people of this stage must approve; whoever approved in an earlier stage does not count again';
CREATE TABLE jit.rules (
    policy_id    integer NOT NULL,
    rule         integer NOT NULL CHECK (rule > 0),
    verdict      text NOT NULL CHECK (verdict IN ('approve', 'deny')),
    people       regrole[] NOT NULL,
    at_most      interval,
    longer_than  interval,
    during       text,
    outside      text,
    ticket       text,
    fewer_than   integer,
    more_than    integer,
    within       interval,
    why          text,
    PRIMARY KEY (policy_id, rule)
);
REVOKE ALL ON jit.rules FROM PUBLIC;
COMMENT ON TABLE jit.rules IS 'Automatic decisions of a policy: a rule applies when all of its conditions hold; deny wins over approve, and people decide when none applies';
COMMENT ON COLUMN jit.rules.policy_id IS 'The policy, in jit.policies';
COMMENT ON COLUMN jit.rules.rule IS 'Number of the rule, from 1, as the policy lists them';
COMMENT ON COLUMN jit.rules.verdict IS 'approve or deny';
COMMENT ON COLUMN jit.rules.people IS 'Applies to members of these roles; empty: to everybody';
COMMENT ON COLUMN jit.rules.at_most IS 'Applies when no longer time is asked for';
COMMENT ON COLUMN jit.rules.longer_than IS 'Applies when a longer time is asked for';
COMMENT ON COLUMN jit.rules.during IS 'Applies when the right would start within these hours (written as the term hours)';
COMMENT ON COLUMN jit.rules.outside IS 'Applies when the right would start outside of these hours';
COMMENT ON COLUMN jit.rules.ticket IS 'Applies when the whole ticket matches this regular expression';
COMMENT ON COLUMN jit.rules.fewer_than IS 'Applies when the person asked under the policy fewer times than this within the time "within", this request not counted';
COMMENT ON COLUMN jit.rules.more_than IS 'Applies when the person asked under the policy more often than this within the time "within", this request not counted';
COMMENT ON COLUMN jit.rules.within IS 'The time that fewer_than and more_than count back';
COMMENT ON COLUMN jit.rules.why IS 'What the requester is told';
CREATE TABLE jit.delegations (
    delegation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person        oid NOT NULL,
    person_name   text NOT NULL,
    delegate      oid NOT NULL,
    delegate_name text NOT NULL,
    policy_id     integer,
    policy        text,
    reason        text,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL CHECK (ends_at > starts_at),
    created_at    timestamptz NOT NULL,
    ended_at      timestamptz
);
REVOKE ALL ON jit.delegations FROM PUBLIC;
REVOKE ALL ON SEQUENCE jit.delegations_delegation_id_seq FROM PUBLIC;
CREATE INDEX delegations_delegate ON jit.delegations (delegate) WHERE ended_at IS NULL;
CREATE INDEX delegations_ends_at ON jit.delegations (ends_at) WHERE ended_at IS NULL;
CREATE INDEX delegations_person ON jit.delegations (person) WHERE ended_at IS NULL;
COMMENT ON TABLE jit.delegations IS 'Who decides in somebody else''s place, for a time: one hop, and neither decides the other''s requests';
COMMENT ON COLUMN jit.delegations.delegation_id IS 'Number of the delegation: the argument of jit.undelegate()';
COMMENT ON COLUMN jit.delegations.person IS 'OID of the approver whose place is taken';
COMMENT ON COLUMN jit.delegations.person_name IS 'Name of that role when it was written';
COMMENT ON COLUMN jit.delegations.delegate IS 'OID of the person who decides';
COMMENT ON COLUMN jit.delegations.delegate_name IS 'Name of that role when it was written';
COMMENT ON COLUMN jit.delegations.policy_id IS 'For this policy only; NULL: for all';
COMMENT ON COLUMN jit.delegations.policy IS 'Name of that policy when it was written';
COMMENT ON COLUMN jit.delegations.reason IS 'Why, in the approver''s words';
COMMENT ON COLUMN jit.delegations.starts_at IS 'From when it holds';
COMMENT ON COLUMN jit.delegations.ends_at IS 'Until when it holds';
COMMENT ON COLUMN jit.delegations.created_at IS 'When it was written';
COMMENT ON COLUMN jit.delegations.ended_at IS 'When jit.undelegate() ended it; NULL: it was not';
ALTER TABLE jit.guards
    DROP CONSTRAINT guards_object_class_check,
    ADD CONSTRAINT guards_object_class_check CHECK (object_class IN ('r', 'n', 'd', 's', 'f', 't', 'l', 'a', 'b', 'x')),
    ADD COLUMN commands bigint NOT NULL DEFAULT 0,
    ADD COLUMN is_sequence boolean NOT NULL DEFAULT false;
ALTER TABLE jit.guards
    ALTER COLUMN commands DROP DEFAULT;
CREATE INDEX guards_special ON jit.guards (policy_id) WHERE is_sequence OR object_class NOT IN ('r', 'n', 'd');
COMMENT ON COLUMN jit.guards.is_sequence IS 'Whether the relation is a sequence, whose values are guarded, too';
COMMENT ON COLUMN jit.guards.object_class IS 'r: relation (pg_class), n: every relation of a schema (pg_namespace), d: every relation of the database, s: a schema itself, f: function (pg_proc), t: type (pg_type), l: large object, a: role (pg_authid), b: database (pg_database), x: the server';
COMMENT ON COLUMN jit.guards.object_id IS 'OID in that catalog; the database''s own OID for d; the number of a large object; 0 for x';
COMMENT ON COLUMN jit.guards.actions IS 'Bit mask of the guarded actions, the first 63 (extension/core/actions.hpp)';
COMMENT ON COLUMN jit.guards.commands IS 'Bit mask of the guarded actions, those after the first 63';
ALTER TABLE jit.requests
    ADD COLUMN uses integer CHECK (uses > 0),
    ADD COLUMN stage integer NOT NULL DEFAULT 1,
    ADD COLUMN stage_since timestamptz,
    ADD COLUMN extends bigint,
    ADD COLUMN break_glass boolean NOT NULL DEFAULT false,
    ADD COLUMN review text NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'awaiting', 'done')),
    ADD COLUMN verdict text CHECK (verdict IN ('justified', 'unjustified')),
    ADD COLUMN reviewed_by text,
    ADD COLUMN reviewed_at timestamptz,
    ADD COLUMN review_comment text,
    ADD COLUMN escalated_at timestamptz,
    ADD COLUMN reminded_at timestamptz,
    ADD COLUMN change jsonb,
    ADD COLUMN rows integer CHECK (rows > 0),
    ADD COLUMN warned_at timestamptz,
    ADD COLUMN pim_schedule text,
    ADD CHECK ((review = 'done') = (verdict IS NOT NULL AND reviewed_by IS NOT NULL AND reviewed_at IS NOT NULL));
CREATE UNIQUE INDEX requests_owed ON jit.requests (person) WHERE review = 'awaiting';
CREATE INDEX requests_extends ON jit.requests (extends) WHERE extends IS NOT NULL;
CREATE INDEX requests_pending_person ON jit.requests (person) WHERE state = 'pending';
CREATE UNIQUE INDEX requests_pim ON jit.requests (policy_id, pim_schedule) WHERE pim_schedule IS NOT NULL;
CREATE INDEX requests_person_time ON jit.requests (person, requested_at);
CREATE INDEX requests_person_name ON jit.requests (person_name, requested_at);
CREATE INDEX requests_time ON jit.requests (requested_at);
CREATE INDEX requests_denied ON jit.requests (person, decided_at) WHERE state = 'denied';
CREATE INDEX requests_policy_all ON jit.requests (policy_id);
ALTER TABLE jit.votes
    ADD COLUMN stage integer NOT NULL DEFAULT 1,
    ADD COLUMN for_whom oid,
    ADD COLUMN for_whom_name text;
CREATE INDEX votes_voter ON jit.votes (voter);
ALTER TABLE jit.approvals
    ADD COLUMN uses integer,
    ADD COLUMN commands bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows integer,
    ADD COLUMN by_statement boolean NOT NULL DEFAULT false;
ALTER TABLE jit.approvals
    ALTER COLUMN commands DROP DEFAULT;
COMMENT ON COLUMN jit.approvals.by_statement IS 'Whether it is bound to the statement in jit.statements, and opens nothing for any other';
CREATE TABLE jit.use_counts (
    request_id bigint PRIMARY KEY REFERENCES jit.approvals ON DELETE CASCADE,
    used       integer NOT NULL, -- no other columns, and no other types: pg/use_counts.cpp writes them in place
    rows       integer NOT NULL
) WITH (vacuum_truncate = off);
REVOKE ALL ON jit.use_counts FROM PUBLIC;
COMMENT ON TABLE jit.use_counts IS 'How many uses and rows of an approval are counted, one row an approval; written in place, so it is not undone by a rollback';
COMMENT ON COLUMN jit.use_counts.request_id IS 'The approval, in jit.approvals';
COMMENT ON COLUMN jit.use_counts.used IS 'Uses that are counted: statements that read, and committed ones that only changed rows';
COMMENT ON COLUMN jit.use_counts.rows IS 'Rows that are counted: read, changed, or set aside for statements that run';
CREATE TABLE jit.statements (
    request_id bigint PRIMARY KEY, -- no foreign key: a parallel pg_restore loads the tables in any order
    statement  text NOT NULL,
    digest     text NOT NULL,
    settings   text[] NOT NULL,
    open_ends  text[] NOT NULL,
    estimate   text NOT NULL
) WITH (vacuum_truncate = off);
REVOKE ALL ON jit.statements FROM PUBLIC;
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
REVOKE ALL ON jit.statement_parts FROM PUBLIC;
COMMENT ON TABLE jit.statement_parts IS 'What the statement of a request reaches: when the definition of one of these changes, its approval does not hold any more';
COMMENT ON COLUMN jit.statement_parts.request_id IS 'The request, in jit.requests';
COMMENT ON COLUMN jit.statement_parts.class_id IS 'The catalog of the object';
COMMENT ON COLUMN jit.statement_parts.object_id IS 'Its OID; 0 in pg_proc: all functions of the server itself that it calls';
COMMENT ON COLUMN jit.statement_parts.written IS 'Whether the statement writes it: then what that fires is a part, too';
COMMENT ON COLUMN jit.statement_parts.object IS 'What it is, when it was asked for';
COMMENT ON COLUMN jit.statement_parts.digest IS 'SHA-256 of its definition then';
ALTER TABLE jit.scopes
    DROP CONSTRAINT scopes_object_class_check,
    ADD CONSTRAINT scopes_object_class_check CHECK (object_class IN ('r', 'n', 'd', 's', 'f', 't', 'l', 'a', 'b', 'x'));
ALTER TABLE jit.guards REPLICA IDENTITY FULL;
ALTER TABLE jit.scopes REPLICA IDENTITY FULL;
CREATE INDEX events_document ON jit.events (event_id) WHERE event = 'document_commented';
CREATE INDEX events_switched ON jit.events (event_id) WHERE event IN ('switched_off', 'was_disabled');
COMMENT ON COLUMN jit.policies.hours IS 'When the right may be used, as ''Mon-Fri 08:00-18:00 Europe/Berlin''; NULL = at any time';
COMMENT ON COLUMN jit.policies.networks IS 'From which client addresses one may ask and use; empty = from anywhere';
COMMENT ON COLUMN jit.policies.max_uses IS 'How many guarded statements one approval allows at most; NULL = any number';
COMMENT ON COLUMN jit.policies.max_rows IS 'How many rows of guarded tables one approval allows to read or change at most; NULL = any number';
COMMENT ON COLUMN jit.policies.break_glass IS 'Who may take the right at once, without consent, and owes a review';
COMMENT ON COLUMN jit.policies.break_glass_duration IS 'How long a right lasts that was taken so';
COMMENT ON COLUMN jit.policies.escalate_to IS 'Who may decide too when nobody has for the time escalate_after: members of these roles';
COMMENT ON COLUMN jit.policies.escalate_after IS 'How long a request waits before it is escalated';
COMMENT ON COLUMN jit.policies.remind_after IS 'How often those who can decide are reminded of a waiting request; NULL = never';
COMMENT ON COLUMN jit.policies.statement IS 'optional; required: approvals are of single statements only; bound: of such of which everything can be bound';
COMMENT ON COLUMN jit.policies.require_mfa IS 'Who has to prove with a second factor that it is them: none, requester, approvers or both';
COMMENT ON COLUMN jit.policies.mfa_max_age IS 'How old the proof of an approver, or a challenge that is signed, may be';
COMMENT ON COLUMN jit.policies.record_parameters IS 'Whether the records of uses hold the values that were bound to the statement';
COMMENT ON COLUMN jit.policies.pim_group IS 'A group of Entra ID: who activates membership in it with PIM gets an approval for as long; NULL = none';
COMMENT ON COLUMN jit.policies.comment IS 'What the policy is for, in the words of those who wrote it; decides nothing';
COMMENT ON COLUMN jit.requests.uses IS 'How many guarded statements are asked for; NULL = any number, or what the policy allows';
COMMENT ON COLUMN jit.requests.rows IS 'How many rows of guarded tables are asked for; NULL = any number, or what the policy allows';
COMMENT ON COLUMN jit.requests.stage_since IS 'When this stage began; NULL: when it was asked';
COMMENT ON COLUMN jit.requests.stage IS 'The stage whose approvers decide now, or decided last';
COMMENT ON COLUMN jit.requests.extends IS 'The request that this one lengthens';
COMMENT ON COLUMN jit.requests.break_glass IS 'Whether the right was taken without consent';
COMMENT ON COLUMN jit.requests.review IS 'none; awaiting: somebody has to look at what was taken without consent; done';
COMMENT ON COLUMN jit.requests.verdict IS 'What the review said: justified or unjustified';
COMMENT ON COLUMN jit.requests.reviewed_by IS 'Who reviewed it';
COMMENT ON COLUMN jit.requests.reviewed_at IS 'When it was reviewed';
COMMENT ON COLUMN jit.requests.review_comment IS 'What the reviewer said about it';
COMMENT ON COLUMN jit.requests.escalated_at IS 'When it was put before the roles of escalate_to';
COMMENT ON COLUMN jit.requests.reminded_at IS 'When the approvers were reminded last';
COMMENT ON COLUMN jit.requests.warned_at IS 'When an event said that its end is near; NULL again when it was extended';
COMMENT ON COLUMN jit.requests.change IS 'For a request to weaken a policy: what is to be changed';
COMMENT ON COLUMN jit.requests.pim_schedule IS 'The assignment in PIM for Groups that it was made of, which was its consent; NULL: somebody asked here';
COMMENT ON COLUMN jit.votes.stage IS 'The stage in which the vote counts';
COMMENT ON COLUMN jit.votes.for_whom IS 'OID of the approver in whose place the voter decided; NULL = in his own';
COMMENT ON COLUMN jit.votes.for_whom_name IS 'Name of that role when the vote was given';
COMMENT ON COLUMN jit.approvals.uses IS 'How many guarded statements it allows; NULL = any number';
COMMENT ON COLUMN jit.approvals.rows IS 'How many rows of guarded tables it allows to read or change; NULL = any number';
COMMENT ON COLUMN jit.approvals.actions IS 'Bit mask of the approved actions, the first 63 (extension/core/actions.hpp)';
COMMENT ON COLUMN jit.approvals.commands IS 'Bit mask of the approved actions, those after the first 63';
CREATE FUNCTION jit.create_policy(
    name             text,
    actions          text[]    DEFAULT '{}',
    objects          text[]    DEFAULT '{}',
    lends            regrole   DEFAULT NULL,
    elevates_to      regrole   DEFAULT NULL,
    eligible         regrole[] DEFAULT '{}',
    approvers        regrole[] DEFAULT '{}',
    approvals        integer   DEFAULT 1,
    exempt           regrole[] DEFAULT '{}',
    max_duration     interval  DEFAULT '1 hour',
    default_duration interval  DEFAULT NULL,
    pending_timeout  interval  DEFAULT '4 hours',
    require_reason   boolean   DEFAULT true,
    ticket_pattern   text      DEFAULT NULL,
    hours            text      DEFAULT NULL,
    networks         cidr[]    DEFAULT '{}',
    max_uses         integer   DEFAULT NULL,
    max_rows         integer   DEFAULT NULL,
    break_glass      regrole[] DEFAULT '{}',
    break_glass_duration interval DEFAULT '15 min',
    stages           jsonb     DEFAULT '[]',
    escalate_to      regrole[] DEFAULT '{}',
    escalate_after   interval  DEFAULT NULL,
    remind_after     interval  DEFAULT NULL,
    rules            jsonb     DEFAULT '[]',
    on_expiry        text      DEFAULT 'cancel',
    mode             text      DEFAULT 'enforce',
    comment          text      DEFAULT NULL,
    statement        text      DEFAULT 'optional',
    require_mfa      text      DEFAULT 'none',
    mfa_max_age      interval  DEFAULT '5 min',
    record_parameters boolean  DEFAULT false,
    pim_group        text      DEFAULT NULL,
    weaker           boolean   DEFAULT false
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_create_policy';
REVOKE ALL ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean)
    IS 'Guards actions on objects, or a role, and says who may ask, who approves and for how long';
CREATE FUNCTION jit.alter_policy(
    name             text,
    actions          text[]    DEFAULT NULL,
    objects          text[]    DEFAULT NULL,
    lends            regrole   DEFAULT NULL,
    elevates_to      regrole   DEFAULT NULL,
    eligible         regrole[] DEFAULT NULL,
    approvers        regrole[] DEFAULT NULL,
    approvals        integer   DEFAULT NULL,
    exempt           regrole[] DEFAULT NULL,
    max_duration     interval  DEFAULT NULL,
    default_duration interval  DEFAULT NULL,
    pending_timeout  interval  DEFAULT NULL,
    require_reason   boolean   DEFAULT NULL,
    ticket_pattern   text      DEFAULT NULL,
    hours            text      DEFAULT NULL,
    networks         cidr[]    DEFAULT NULL,
    max_uses         integer   DEFAULT NULL,
    max_rows         integer   DEFAULT NULL,
    break_glass      regrole[] DEFAULT NULL,
    break_glass_duration interval DEFAULT NULL,
    stages           jsonb     DEFAULT NULL,
    escalate_to      regrole[] DEFAULT NULL,
    escalate_after   interval  DEFAULT NULL,
    remind_after     interval  DEFAULT NULL,
    rules            jsonb     DEFAULT NULL,
    on_expiry        text      DEFAULT NULL,
    mode             text      DEFAULT NULL,
    comment          text      DEFAULT NULL,
    statement        text      DEFAULT NULL,
    require_mfa      text      DEFAULT NULL,
    mfa_max_age      interval  DEFAULT NULL,
    record_parameters boolean  DEFAULT NULL,
    pim_group        text      DEFAULT NULL,
    weaker           boolean   DEFAULT false,
    new_name         text      DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_alter_policy';
REVOKE ALL ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text) FROM PUBLIC;
COMMENT ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text)
    IS 'Changes terms of a policy; NULL leaves a term as it is; {}, [], ''-'' (a role), '''' (a text), 0 (max_uses, max_rows) and ''0'' (an interval) empty it';
CREATE FUNCTION jit.export_policies() RETURNS json
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_export_policies';
REVOKE ALL ON FUNCTION jit.export_policies() FROM PUBLIC;
COMMENT ON FUNCTION jit.export_policies()
    IS 'All policies as one JSON document for jit.apply_policies(): ordered, one term a line, without what is as by default';
CREATE FUNCTION jit.apply_policies(
    document json,
    dry_run  boolean DEFAULT false,
    prune    boolean DEFAULT false,
    OUT policy text, OUT term text, OUT old text, OUT new text, OUT effect text, OUT result text
) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_apply_policies';
REVOKE ALL ON FUNCTION jit.apply_policies(json, boolean, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.apply_policies(json, boolean, boolean)
    IS 'Makes the policies those of a document and shows the difference; dry_run only shows it; prune also drops the policies that the document does not have';
CREATE FUNCTION jit.seal() RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_seal';
REVOKE ALL ON FUNCTION jit.seal() FROM PUBLIC;
COMMENT ON FUNCTION jit.seal()
    IS 'From here on for ever: jit_guard''s own protection is enforced, superusers do not count as jit_admin, and what weakens a policy needs two people';
CREATE FUNCTION jit.request(
    policy    text,
    duration  interval    DEFAULT NULL,
    reason    text        DEFAULT NULL,
    ticket    text        DEFAULT NULL,
    actions   text[]      DEFAULT NULL,
    objects   text[]      DEFAULT NULL,
    uses      integer     DEFAULT NULL,
    rows      integer     DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    statement text        DEFAULT NULL
) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_request';
REVOKE ALL ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text) TO PUBLIC;
COMMENT ON FUNCTION jit.request(text, interval, text, text, text[], text[], integer, integer, timestamptz, text)
    IS 'Asks for power under a policy: for all of it, for fewer actions, objects, uses and rows, or for one statement; returns the request''s number';
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
CREATE FUNCTION jit.delegate(
    delegate  regrole,
    duration  interval    DEFAULT NULL,
    until     timestamptz DEFAULT NULL,
    policy    text        DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    reason    text        DEFAULT NULL
) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_delegate';
REVOKE ALL ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text) TO PUBLIC;
COMMENT ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text)
    IS 'An approver lets somebody decide in his place for a time, under one policy or all; returns the delegation''s number';
CREATE FUNCTION jit.undelegate(delegation_id bigint) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_undelegate';
REVOKE ALL ON FUNCTION jit.undelegate(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.undelegate(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.undelegate(bigint) IS 'Either side, or jit_admin, ends a delegation before its end';
CREATE FUNCTION jit.extend(request_id bigint, duration interval DEFAULT NULL, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_extend';
REVOKE ALL ON FUNCTION jit.extend(bigint, interval, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.extend(bigint, interval, text) TO PUBLIC;
COMMENT ON FUNCTION jit.extend(bigint, interval, text)
    IS 'Asks for more time for a right that I hold, under the same consent and within max_duration from its start; returns the number of the new request';
CREATE FUNCTION jit.waiting(
    mine                  boolean,
    OUT request_id        bigint,
    OUT stage             integer,
    OUT stages            integer,
    OUT approvals_needed  integer,
    OUT approvals_given   integer,
    OUT escalated         boolean,
    OUT waits_for         text,
    OUT may_approve       boolean,
    OUT may_deny          boolean,
    OUT in_place_of       text,
    OUT person            oid,
    OUT unproved          boolean,
    OUT must_prove        boolean
) RETURNS SETOF record
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_waiting';
REVOKE ALL ON FUNCTION jit.waiting(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.waiting(boolean) TO PUBLIC;
COMMENT ON FUNCTION jit.waiting(boolean)
    IS 'My own pending requests, or those that I may decide; read jit.my_requests and jit.pending instead';
CREATE FUNCTION jit.may_decide(request_id bigint) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_may_decide';
REVOKE ALL ON FUNCTION jit.may_decide(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.may_decide(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.may_decide(bigint) IS 'Whether jit.approve() would take my vote on a request now';
CREATE FUNCTION jit.decides(OUT policy_id integer, OUT policy text) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_decides';
REVOKE ALL ON FUNCTION jit.decides() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.decides() TO PUBLIC;
COMMENT ON FUNCTION jit.decides()
    IS 'The policies of which I am an approver of any stage, in escalate_to, or in the place of one';
CREATE FUNCTION jit.opens(hours text, at timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_opens';
REVOKE ALL ON FUNCTION jit.opens(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.opens(text, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION jit.opens(text, timestamptz)
    IS 'When the hours open next, seen from that moment; NULL: they are open then; infinity: not within two years';
CREATE FUNCTION jit.closes(hours text, at timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_closes';
REVOKE ALL ON FUNCTION jit.closes(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.closes(text, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION jit.closes(text, timestamptz)
    IS 'When the hours that are open at that moment end; NULL: not within two years; the moment itself when they are closed';
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
-- Tables of what people look at again.
-- What people look at again: who held what, and which policies somebody answers for.

CREATE TABLE jit.baseline (
    kind        text NOT NULL CHECK (kind IN ('place', 'membership', 'grant', 'owner', 'reach')),
    class_id    oid NOT NULL,
    object_id   oid NOT NULL,
    sub_id      integer NOT NULL,
    role_id     oid NOT NULL,
    what        text NOT NULL,
    described   text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (class_id, object_id, kind, sub_id, role_id, what)
);
COMMENT ON TABLE jit.baseline IS 'Who held what when a policy was made or jit.accept_drift() was called: memberships in roles that policies name, and privileges on what they guard';
COMMENT ON COLUMN jit.baseline.kind IS 'place: something that is watched; the others are what held there: membership, grant, owner, reach (what a role that is lent can get at elsewhere)';
COMMENT ON COLUMN jit.baseline.class_id IS 'Catalog of the place: pg_authid, pg_class, pg_proc or pg_namespace';
COMMENT ON COLUMN jit.baseline.object_id IS 'OID of the place in that catalog';
COMMENT ON COLUMN jit.baseline.sub_id IS 'Number of a column; 0: the whole';
COMMENT ON COLUMN jit.baseline.role_id IS 'OID of who holds it; 0: PUBLIC, or nobody for a place';
COMMENT ON COLUMN jit.baseline.what IS 'The privilege, the way of the membership, or what is reached';
COMMENT ON COLUMN jit.baseline.described IS 'The whole in words, by the names of then';
COMMENT ON COLUMN jit.baseline.recorded_at IS 'When it was recorded';

-- The ledger.
CREATE INDEX events_unsequenced ON jit.events (event_id) WHERE seq IS NULL;
COMMENT ON COLUMN jit.events.seq IS 'Its record in jit.ledger; NULL: the keeper has not put it there yet';

-- The ledger: everything that happened, in one order, gapless, hashed into a tree (RFC 6962) and signed. The keeper alone writes it.
--
-- All partitions are made here, so that nothing is created or dropped while the server runs: a period fills one, then the next
-- empty one is taken; retention empties the oldest.

CREATE FUNCTION jit.decode(record bytea) RETURNS jsonb
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_decode';
REVOKE ALL ON FUNCTION jit.decode(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.decode(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.decode(bytea) IS 'A record of the ledger as JSON; raises when the bytes are none';

CREATE FUNCTION jit.record_keys(record bytea) RETURNS text[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'jit_record_keys';
REVOKE ALL ON FUNCTION jit.record_keys(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.record_keys(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.record_keys(bytea) IS 'By what a record of the ledger is found: kind:…, person:…, policy:…, request:…, object:…, event:…';

CREATE FUNCTION jit.record_transaction(record bytea) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'jit_record_transaction';
REVOKE ALL ON FUNCTION jit.record_transaction(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.record_transaction(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.record_transaction(bytea) IS 'A hash of session and transaction, equal for what was done in it and its outcome; NULL for records of other kinds';

CREATE TABLE jit.ledger (
    segment smallint NOT NULL,
    seq     bigint NOT NULL,
    at      timestamptz NOT NULL,
    record  bytea NOT NULL,
    PRIMARY KEY (seq, segment)
) PARTITION BY LIST (segment);
CREATE INDEX ledger_at ON jit.ledger (at);
-- Whoever looks something up reads what is pending as well.
CREATE INDEX ledger_keys ON jit.ledger USING gin (jit.record_keys(record)) WITH (gin_pending_list_limit = 512);
CREATE INDEX ledger_transaction ON jit.ledger (jit.record_transaction(record)) WHERE jit.record_transaction(record) IS NOT NULL;
COMMENT ON TABLE jit.ledger IS 'Everything that happened, sequenced, chained and signed; jit.uses, jit.refusals and jit.audit read it for people';
COMMENT ON COLUMN jit.ledger.segment IS 'The partition; see jit.ledger_segments';
COMMENT ON COLUMN jit.ledger.seq IS 'From 1, gapless: leaf seq - 1 of the tree';
COMMENT ON COLUMN jit.ledger.at IS 'When it happened: repeats what the record says';
COMMENT ON COLUMN jit.ledger.record IS 'The canonical bytes (extension/verify/FORMAT.md); jit.decode() makes JSON of them';

CREATE TABLE jit.ledger_01 PARTITION OF jit.ledger FOR VALUES IN (1);
CREATE TABLE jit.ledger_02 PARTITION OF jit.ledger FOR VALUES IN (2);
CREATE TABLE jit.ledger_03 PARTITION OF jit.ledger FOR VALUES IN (3);
CREATE TABLE jit.ledger_04 PARTITION OF jit.ledger FOR VALUES IN (4);
CREATE TABLE jit.ledger_05 PARTITION OF jit.ledger FOR VALUES IN (5);
CREATE TABLE jit.ledger_06 PARTITION OF jit.ledger FOR VALUES IN (6);
CREATE TABLE jit.ledger_07 PARTITION OF jit.ledger FOR VALUES IN (7);
CREATE TABLE jit.ledger_08 PARTITION OF jit.ledger FOR VALUES IN (8);
CREATE TABLE jit.ledger_09 PARTITION OF jit.ledger FOR VALUES IN (9);
CREATE TABLE jit.ledger_10 PARTITION OF jit.ledger FOR VALUES IN (10);
CREATE TABLE jit.ledger_11 PARTITION OF jit.ledger FOR VALUES IN (11);
CREATE TABLE jit.ledger_12 PARTITION OF jit.ledger FOR VALUES IN (12);
CREATE TABLE jit.ledger_13 PARTITION OF jit.ledger FOR VALUES IN (13);
CREATE TABLE jit.ledger_14 PARTITION OF jit.ledger FOR VALUES IN (14);
CREATE TABLE jit.ledger_15 PARTITION OF jit.ledger FOR VALUES IN (15);
CREATE TABLE jit.ledger_16 PARTITION OF jit.ledger FOR VALUES IN (16);
CREATE TABLE jit.ledger_17 PARTITION OF jit.ledger FOR VALUES IN (17);
CREATE TABLE jit.ledger_18 PARTITION OF jit.ledger FOR VALUES IN (18);
CREATE TABLE jit.ledger_19 PARTITION OF jit.ledger FOR VALUES IN (19);
CREATE TABLE jit.ledger_20 PARTITION OF jit.ledger FOR VALUES IN (20);
CREATE TABLE jit.ledger_21 PARTITION OF jit.ledger FOR VALUES IN (21);
CREATE TABLE jit.ledger_22 PARTITION OF jit.ledger FOR VALUES IN (22);
CREATE TABLE jit.ledger_23 PARTITION OF jit.ledger FOR VALUES IN (23);
CREATE TABLE jit.ledger_24 PARTITION OF jit.ledger FOR VALUES IN (24);
COMMENT ON TABLE jit.ledger_01 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_02 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_03 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_04 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_05 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_06 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_07 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_08 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_09 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_10 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_11 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_12 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_13 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_14 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_15 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_16 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_17 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_18 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_19 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_20 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_21 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_22 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_23 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_24 IS 'A partition of jit.ledger';

CREATE TABLE jit.ledger_segments (
    segment    smallint PRIMARY KEY,
    first_seq  bigint NOT NULL,
    last_seq   bigint,
    begun_at   timestamptz NOT NULL,
    frontier   bytea NOT NULL,
    emptied_at timestamptz,
    CHECK (last_seq >= first_seq)
);
COMMENT ON TABLE jit.ledger_segments IS 'Which records each partition of jit.ledger holds, or held';
COMMENT ON COLUMN jit.ledger_segments.first_seq IS 'The first record in it';
COMMENT ON COLUMN jit.ledger_segments.last_seq IS 'The last one; NULL: more come';
COMMENT ON COLUMN jit.ledger_segments.begun_at IS 'When the first record was put there';
COMMENT ON COLUMN jit.ledger_segments.frontier IS 'Hashes of the subtrees before first_seq, the largest first: with them the chain verifies without what is before';
COMMENT ON COLUMN jit.ledger_segments.emptied_at IS 'When its records were dropped; NULL: they are there';

CREATE TABLE jit.ledger_state (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    segment     smallint NOT NULL,
    tree_size   bigint NOT NULL,
    frontier    bytea NOT NULL,
    incarnation integer NOT NULL,
    timeline    integer NOT NULL,
    position    pg_lsn NOT NULL,
    signed_size bigint NOT NULL,
    unresolved  bigint[] NOT NULL,
    spool       bytea
);
COMMENT ON TABLE jit.ledger_state IS 'Where the keeper is: what comes next in jit.ledger, and what of the write-ahead log is in it';
COMMENT ON COLUMN jit.ledger_state.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN jit.ledger_state.segment IS 'The partition that is being filled';
COMMENT ON COLUMN jit.ledger_state.tree_size IS 'Number of records';
COMMENT ON COLUMN jit.ledger_state.frontier IS 'Hashes of the subtrees of the whole tree, the largest first';
COMMENT ON COLUMN jit.ledger_state.incarnation IS 'Grows when the ledger goes on in another server: a restored backup, a promoted standby';
COMMENT ON COLUMN jit.ledger_state.timeline IS 'Timeline of the server''s write-ahead log; 0: not known yet';
COMMENT ON COLUMN jit.ledger_state.position IS 'Everything recorded before it is in jit.ledger';
COMMENT ON COLUMN jit.ledger_state.signed_size IS 'Size of the tree at the last checkpoint';
COMMENT ON COLUMN jit.ledger_state.unresolved IS 'Records of outcomes that were not decided yet when they were sequenced';
COMMENT ON COLUMN jit.ledger_state.spool IS 'Name of the last file of a hot standby that was read into the ledger';

CREATE TABLE jit.checkpoints (
    tree_size   bigint PRIMARY KEY,
    signed_at   timestamptz NOT NULL,
    incarnation integer NOT NULL,
    note        text NOT NULL
);
COMMENT ON TABLE jit.checkpoints IS 'Signed states of the ledger: whoever keeps one can prove later that nothing before it was changed';
COMMENT ON COLUMN jit.checkpoints.tree_size IS 'It covers the records 1 to this one';
COMMENT ON COLUMN jit.checkpoints.note IS 'A signed note (C2SP): origin, size, root, and the signature by the key that jit.status shows';

CREATE PROCEDURE jit.catch_up(timeout interval DEFAULT '10 seconds', sign boolean DEFAULT false)
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'jit_catch_up';
REVOKE ALL ON PROCEDURE jit.catch_up(interval, boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE jit.catch_up(interval, boolean) TO PUBLIC;
COMMENT ON PROCEDURE jit.catch_up(interval, boolean) IS 'Waits until everything that was recorded before the call is in jit.ledger, and with sign => true (jit_admin, jit_auditor) under a checkpoint; raises 57014 after the timeout';

INSERT INTO jit.ledger_state (segment, tree_size, frontier, incarnation, timeline, position, signed_size, unresolved)
VALUES (1, 0, '', 0, 0, pg_catalog.pg_current_wal_insert_lsn(), 0, '{}');
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.events FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.events ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.events IS 'As on jit.policies: the keeper must not go on with a ledger that is being restored';
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_segments', '');
SELECT pg_catalog.pg_extension_config_dump('jit.checkpoints', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_01', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_02', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_03', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_04', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_05', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_06', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_07', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_08', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_09', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_10', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_11', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_12', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_13', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_14', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_15', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_16', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_17', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_18', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_19', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_20', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_21', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_22', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_23', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_24', '');

-- The ledger as people read it.

-- One's own are found by the requests that were used: somebody else may have the name by now, and jit.rebind() says who the requester is
-- in another cluster.
-- What became of a transaction is the last word on it. One that is not over, or ended in a crash before its end was recorded, is
-- unknown.
CREATE VIEW jit.uses WITH (security_barrier) AS
SELECT l.seq,
       l.at,
       d.r ->> 'person' AS person,
       d.r ->> 'role' AS role,
       d.r ->> 'authn_id' AS authn_id,
       (d.r ->> 'client_addr')::inet AS client_addr,
       d.r ->> 'application_name' AS application_name,
       (d.r ->> 'session_start')::timestamptz AS session_start,
       (d.r ->> 'pid')::integer AS pid,
       (d.r ->> 'nested')::boolean AS nested,
       d.r ->> 'statement' AS statement,
       d.r ->> 'statement_hash' AS statement_hash,
       (u.u ->> 'request_id')::bigint AS request_id,
       u.u ->> 'policy' AS policy,
       u.u ->> 'object' AS object,
       pg_catalog.string_to_array(u.u ->> 'actions', ', ') AS actions,
       pg_catalog.string_to_array(u.u ->> 'columns', ', ') AS columns,
       (u.u ->> 'until')::timestamptz AS until,
       COALESCE(n.n ->> 'outcome', o.o ->> 'outcome', 'unknown') AS outcome,
       (n.n ->> 'rows')::bigint AS rows,
       (d.r ->> 'parameters')::jsonb AS parameters
  FROM jit.ledger l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.r -> 'uses') AS u (u)
  LEFT JOIN LATERAL (SELECT jit.decode(x.record) AS o
                       FROM jit.ledger x
                      WHERE jit.record_transaction(x.record) = jit.record_transaction(l.record)
                        AND pg_catalog.get_byte(x.record, 1) = 5 -- an outcome; by its key all of them would be looked through
                      ORDER BY x.seq + 0 DESC -- not by walking the key
                      LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT e.n FROM pg_catalog.jsonb_array_elements(o.o -> 'done') AS e (n)
                      WHERE e.n -> 'statement_number' = d.r -> 'statement_number') n ON true
 WHERE jit.record_keys(l.record) @> ARRAY['kind:use']
   AND ((SELECT jit.sees_all())
        OR (u.u ->> 'request_id')::bigint IN (SELECT q.request_id FROM jit.requests q WHERE q.person = (SELECT jit.person())));
COMMENT ON VIEW jit.uses IS 'What was done under approvals: a row for each object of each statement; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.uses.seq IS 'The record, in jit.ledger';
COMMENT ON COLUMN jit.uses.statement IS 'Its text; NULL when it is long: then it is in records of kind text with the same hash';
COMMENT ON COLUMN jit.uses.outcome IS 'committed, rolled back, failed, or unknown';
COMMENT ON COLUMN jit.uses.rows IS 'Rows that the statement returned or changed, whatever the object; NULL: not known, as of COPY and of what failed';
COMMENT ON COLUMN jit.uses.parameters IS 'The values bound to it, as texts, where a policy has record_parameters';

-- One's own are those of one's OID since the ledger came to this cluster: in another it was another's.
CREATE VIEW jit.refusals WITH (security_barrier) AS
SELECT l.seq,
       l.at,
       d.r ->> 'person' AS person,
       d.r ->> 'role' AS role,
       d.r ->> 'authn_id' AS authn_id,
       (d.r ->> 'client_addr')::inet AS client_addr,
       d.r ->> 'application_name' AS application_name,
       d.r ->> 'policy' AS policy,
       d.r ->> 'action' AS action,
       d.r ->> 'object' AS object,
       d.r ->> 'why' AS why,
       (d.r ->> 'nested')::boolean AS nested,
       d.r ->> 'statement' AS statement,
       d.r ->> 'kind' = 'refusal' AS enforced
  FROM jit.ledger l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 WHERE jit.record_keys(l.record) && ARRAY['kind:refusal', 'kind:would_refuse']
   AND ((SELECT jit.sees_all())
        OR ((d.r ->> 'person_oid')::oid = (SELECT jit.person())
            AND l.seq >= (SELECT COALESCE(pg_catalog.min(i.seq) FILTER (WHERE i.here AND i.seq > COALESCE(i.elsewhere, 0)), pg_catalog.max(i.seq), 0)
                            FROM (SELECT i.seq, i.here, pg_catalog.max(i.seq) FILTER (WHERE NOT i.here) OVER () AS elsewhere
                                    FROM (SELECT x.seq + 0 AS seq, n.system_identifier::text = jit.decode(x.record) ->> 'system_identifier' AS here
                                            FROM jit.ledger x CROSS JOIN jit.instance n
                                           WHERE jit.record_keys(x.record) @> ARRAY['kind:incarnation']) i) i)));
COMMENT ON VIEW jit.refusals IS 'What was refused, or would have been in mode monitor; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.refusals.enforced IS 'Whether it was refused; false: mode monitor let it pass';

REVOKE ALL ON jit.uses, jit.refusals, jit.ledger, jit.ledger_segments, jit.ledger_state, jit.checkpoints,
    jit.ledger_01, jit.ledger_02, jit.ledger_03, jit.ledger_04, jit.ledger_05, jit.ledger_06, jit.ledger_07, jit.ledger_08, jit.ledger_09, jit.ledger_10, jit.ledger_11, jit.ledger_12,
    jit.ledger_13, jit.ledger_14, jit.ledger_15, jit.ledger_16, jit.ledger_17, jit.ledger_18, jit.ledger_19, jit.ledger_20, jit.ledger_21, jit.ledger_22, jit.ledger_23, jit.ledger_24 FROM PUBLIC;
GRANT SELECT ON jit.uses, jit.refusals TO PUBLIC;
GRANT SELECT ON jit.ledger, jit.ledger_segments, jit.ledger_state, jit.checkpoints TO jit_admin, jit_auditor;

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

-- Where events go: the ledger is the queue, so a destination is its terms, how far it got, and what it did not take.

CREATE TABLE jit.destination_terms (
    destination_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('webhook', 'slack', 'teams', 'syslog', 'azure_monitor', 'azure_blob')),
    format      text NOT NULL,
    url         text,
    url_file    text,
    secret_file text,
    events      text[],
    policies    text[],
    former      jsonb,
    enabled     boolean NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    CHECK ((url IS NULL) <> (url_file IS NULL))
);
COMMENT ON TABLE jit.destination_terms IS 'Destinations of events; written by jit.create_destination, alter_destination and drop_destination';
COMMENT ON COLUMN jit.destination_terms.url_file IS 'Name of the file, or of the secret of a vault, that holds the address, when that is a secret';
COMMENT ON COLUMN jit.destination_terms.secret_file IS 'Name of the file, or of the secret of a vault, that holds the secrets that messages are signed with';
COMMENT ON COLUMN jit.destination_terms.events IS 'Which events and kinds of records; NULL: as the kind of destination has it';
COMMENT ON COLUMN jit.destination_terms.policies IS 'Of which policies; NULL: of all, and what belongs to none';
COMMENT ON COLUMN jit.destination_terms.former IS 'Former names of these policies, each with the name of today: records keep the name of their time';
COMMENT ON COLUMN jit.destination_terms.version IS 'Grows with each change, so that the courier sees it';

CREATE TABLE jit.deliveries (
    destination_id integer PRIMARY KEY REFERENCES jit.destination_terms ON DELETE CASCADE,
    acknowledged   bigint NOT NULL,
    delivered      bigint NOT NULL DEFAULT 0,
    failures       integer NOT NULL DEFAULT 0,
    failing_since  timestamptz,
    next_try       timestamptz,
    last_success   timestamptz,
    last_error     text,
    last_error_at  timestamptz,
    stopped        boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
COMMENT ON TABLE jit.deliveries IS 'How far each destination got; written by the courier';
COMMENT ON COLUMN jit.deliveries.acknowledged IS 'Everything up to this record of jit.ledger was taken, was not for it, or is in jit.dead_letters';
COMMENT ON COLUMN jit.deliveries.delivered IS 'Number of records that were taken';
COMMENT ON COLUMN jit.deliveries.failures IS 'How often in a row it did not work';
COMMENT ON COLUMN jit.deliveries.stopped IS 'Whether it said that it wants nothing more (HTTP status 410)';

CREATE TABLE jit.dead_letters (
    destination_id integer NOT NULL REFERENCES jit.destination_terms ON DELETE CASCADE,
    seq         bigint NOT NULL,
    rejected_at timestamptz NOT NULL,
    error       text NOT NULL,
    retry       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (destination_id, seq)
);
COMMENT ON TABLE jit.dead_letters IS 'Records that a destination rejected and that wait for jit.redeliver(), and checkpoints of which a container has others';
COMMENT ON COLUMN jit.dead_letters.seq IS 'The record, in jit.ledger; of a container, the size of the checkpoint that it contradicts';
COMMENT ON COLUMN jit.dead_letters.error IS 'What the destination answered';
COMMENT ON COLUMN jit.dead_letters.retry IS 'Whether jit.redeliver() was called since';

CREATE TABLE jit.certificates (
    campaign     integer NOT NULL,
    policy_id    integer NOT NULL, -- no foreign key: what was certified stays on record when the policy is gone
    policy       text NOT NULL,
    started_by   text NOT NULL,
    started_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL CHECK (due_at > started_at),
    certified_by text,
    certified_at timestamptz,
    comment      text,
    PRIMARY KEY (campaign, policy_id),
    CHECK ((certified_by IS NULL) = (certified_at IS NULL))
);
CREATE INDEX certificates_open ON jit.certificates (policy_id) WHERE certified_at IS NULL;
COMMENT ON TABLE jit.certificates IS 'Which policies somebody has to certify until when, and who did; written by jit.start_certification and jit.certify';
COMMENT ON COLUMN jit.certificates.campaign IS 'Number of the campaign';
COMMENT ON COLUMN jit.certificates.policy_id IS 'The policy, in jit.policies while it exists';
COMMENT ON COLUMN jit.certificates.policy IS 'Name of the policy when the campaign began';
COMMENT ON COLUMN jit.certificates.started_by IS 'Who started the campaign';
COMMENT ON COLUMN jit.certificates.started_at IS 'When';
COMMENT ON COLUMN jit.certificates.due_at IS 'Until when it is to be certified';
COMMENT ON COLUMN jit.certificates.certified_by IS 'Who certified it; NULL: nobody yet';
COMMENT ON COLUMN jit.certificates.certified_at IS 'When';
COMMENT ON COLUMN jit.certificates.comment IS 'What that person said about it';
-- So far the tables of what people look at again.
CREATE VIEW jit.available WITH (security_barrier) AS
SELECT p.name AS policy,
       p.actions,
       p.objects,
       p.lends[1] AS lends,
       p.elevates_to[1] AS elevates_to,
       p.default_duration,
       p.max_duration,
       p.approvals,
       pg_catalog.array_to_string(p.approvers, ', ')
           || COALESCE((SELECT pg_catalog.string_agg(', then ' || pg_catalog.array_to_string(s.approvers, ', ')
                                                     || CASE WHEN s.approvals > 1 THEN ' (' || s.approvals::text || ')' ELSE '' END,
                                                     '' ORDER BY s.stage)
                          FROM jit.stages s WHERE s.policy_id = p.policy_id), '') AS approvers,
       (1 + (SELECT pg_catalog.count(*) FROM jit.stages s WHERE s.policy_id = p.policy_id))::integer AS stages,
       CASE WHEN p.approvals = 0 THEN 'always'
            WHEN EXISTS (SELECT FROM jit.rules u WHERE u.policy_id = p.policy_id AND u.verdict = 'approve') THEN 'by rule'
            ELSE 'never' END AS automatic,
       p.require_reason,
       p.ticket_pattern,
       p.pending_timeout,
       p.mode,
       p.max_uses,
       p.max_rows,
       p.statement,
       p.require_mfa,
       p.networks,
       (SELECT pg_catalog.max(a.ends_at)
          FROM jit.approvals a
         WHERE a.person = jit.person() AND a.policy_id = p.policy_id
           AND a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp() AND NOT a.by_statement
           AND NOT EXISTS (SELECT FROM jit.use_counts u
                            WHERE u.request_id = a.request_id
                              AND (u.used >= LEAST(a.uses, p.max_uses) OR u.rows >= LEAST(a.rows, p.max_rows)))) AS held_until,
       p.hours,
       CASE WHEN p.hours IS NOT NULL THEN jit.opens(p.hours, pg_catalog.clock_timestamp()) END AS closed_until,
       jit.belongs(p.eligible) AS may_ask,
       CASE WHEN jit.belongs(p.break_glass) THEN p.break_glass_duration END AS break_glass
  FROM jit.policies p
 WHERE p.mode <> 'off' AND jit.belongs(p.eligible || p.break_glass);
COMMENT ON VIEW jit.available IS 'The policies under which I may ask, or whose glass I may break';
COMMENT ON COLUMN jit.available.held_until IS 'Until when I hold an approval of it now, those of single statements left out; NULL if I hold none';
CREATE VIEW jit.my_requests WITH (security_barrier) AS
WITH w AS MATERIALIZED (SELECT w.* FROM jit.waiting(true) w)
SELECT r.request_id,
       r.policy,
       CASE WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN 'timed_out'
            WHEN r.state = 'approved' AND (r.ends_at <= pg_catalog.clock_timestamp() OR c.uses_left = 0 OR c.rows_left = 0) THEN 'ended'
            WHEN r.state = 'approved' AND r.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
            WHEN r.state = 'approved' THEN 'active'
            ELSE r.state END AS state,
       CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'expired'
            WHEN r.state = 'approved' AND (c.uses_left = 0 OR c.rows_left = 0) THEN 'used_up'
            ELSE r.end_reason END AS end_reason,
       r.actions,
       r.objects,
       r.reason,
       r.ticket,
       r.duration,
       r.uses,
       CASE WHEN r.end_reason = 'used_up' AND r.rows IS NULL THEN 0 ELSE c.uses_left END AS uses_left,
       r.rows,
       CASE WHEN r.end_reason = 'used_up' AND r.uses IS NULL AND r.rows > 0 THEN 0 ELSE c.rows_left END AS rows_left,
       r.requested_at,
       r.pending_until,
       CASE WHEN w.unproved THEN 'your proof of person'
            WHEN w.request_id IS NOT NULL THEN 'stage ' || w.stage::text || ' of ' || w.stages::text || ': '
                 || w.approvals_given::text || ' of ' || w.approvals_needed::text || ' approvals, from ' || w.waits_for END AS waits_for,
       r.decided_at,
       r.starts_at,
       r.ends_at,
       CASE WHEN r.state = 'approved' AND r.ends_at > pg_catalog.clock_timestamp() AND c.uses_left IS DISTINCT FROM 0
                 AND c.rows_left IS DISTINCT FROM 0
            THEN r.ends_at - GREATEST(r.starts_at, pg_catalog.clock_timestamp()) END AS remaining,
       r.ended_at,
       (SELECT pg_catalog.string_agg(v.voter_name || COALESCE(' for ' || v.for_whom_name, '') || ': ' || v.vote || COALESCE(' (' || v.comment || ')', ''), ', '
                                     ORDER BY v.voted_at)
          FROM jit.votes v WHERE v.request_id = r.request_id) AS votes,
       r.extends,
       r.break_glass,
       r.review,
       r.verdict,
       r.reviewed_by,
       r.review_comment,
       (SELECT s.statement FROM jit.statements s WHERE s.request_id = COALESCE(r.extends, r.request_id)) AS statement,
       CASE WHEN w.unproved THEN 'SELECT jit.prove(' || r.request_id::text || ', ''code'');' END AS to_prove
  FROM jit.requests r
  LEFT JOIN w ON w.request_id = r.request_id
  LEFT JOIN (SELECT a.request_id, CASE WHEN LEAST(a.uses, p.max_uses) > 0 THEN GREATEST(LEAST(a.uses, p.max_uses) - u.used, 0) END AS uses_left,
                    CASE WHEN LEAST(a.rows, p.max_rows) > 0 THEN GREATEST(LEAST(a.rows, p.max_rows) - u.rows, 0) END AS rows_left
               FROM jit.approvals a JOIN jit.policies p ON p.policy_id = a.policy_id
               JOIN jit.use_counts u ON u.request_id = a.request_id) c ON c.request_id = r.request_id
 WHERE r.person = jit.person();
COMMENT ON VIEW jit.my_requests IS 'My requests, with their state as of now';
COMMENT ON COLUMN jit.my_requests.state IS 'pending, scheduled, active, denied, cancelled, timed_out or ended';
COMMENT ON COLUMN jit.my_requests.uses IS 'How many guarded statements I asked for; NULL: any number';
COMMENT ON COLUMN jit.my_requests.uses_left IS 'How many are left of an approved right; NULL: any number, or it is over';
COMMENT ON COLUMN jit.my_requests.rows IS 'How many rows of guarded tables I asked for; NULL: any number';
COMMENT ON COLUMN jit.my_requests.rows_left IS 'How many of them are left of an approved right; NULL: any number, or it is over';
COMMENT ON COLUMN jit.my_requests.remaining IS 'How long an approved right still lasts';
CREATE VIEW jit.pending WITH (security_barrier) AS
WITH w AS MATERIALIZED (SELECT w.* FROM jit.waiting(false) w),
-- What is known about a policy is asked once for all its requests, and what is known about a person for all theirs.
p AS MATERIALIZED (
    SELECT p.policy_id, p.elevates_to[1] AS elevates_to, p.max_uses, p.max_rows, p.max_duration, p.mode, p.hours,
           CASE WHEN p.hours IS NOT NULL THEN jit.opens(p.hours, pg_catalog.clock_timestamp()) END AS opens,
           CASE WHEN p.hours IS NOT NULL THEN jit.closes(p.hours, pg_catalog.clock_timestamp()) END AS closes
      FROM jit.policies p
     WHERE EXISTS (SELECT FROM w)),
h AS MATERIALIZED (
    SELECT s.person,
           (SELECT pg_catalog.count(*) FROM jit.requests h WHERE h.person = s.person
               AND h.requested_at > pg_catalog.statement_timestamp() - '30 days'::interval) AS month,
           (SELECT pg_catalog.max(h.decided_at) FROM jit.requests h WHERE h.person = s.person AND h.state = 'denied') AS last_denied
      FROM (SELECT DISTINCT w.person FROM w) s)
SELECT r.request_id,
       r.policy,
       r.person_name AS person,
       r.reason,
       r.ticket,
       r.actions,
       r.objects,
       p.elevates_to,
       r.duration,
       LEAST(r.uses, p.max_uses) AS uses,
       LEAST(r.rows, p.max_rows) AS rows,
       r.starts_at,
       r.requested_at,
       r.pending_until,
       w.stage,
       w.stages,
       w.approvals_needed,
       w.approvals_given,
       CASE WHEN w.unproved THEN 'proof of person by ' || r.person_name ELSE w.waits_for END AS waits_for,
       w.escalated,
       w.in_place_of,
       r.authn_id,
       r.client_addr,
       r.application_name,
       p.max_duration,
       p.mode,
       h.month::integer - (r.requested_at > pg_catalog.statement_timestamp() - '30 days'::interval)::integer AS person_requests_30d,
       h.last_denied AS person_last_denied,
       COALESCE(r.change -> 'difference', r.change -> 'after', r.change -> 'before') AS change,
       CASE WHEN p.hours IS NOT NULL AND r.starts_at > pg_catalog.clock_timestamp() THEN jit.opens(p.hours, r.starts_at)
            ELSE p.opens END AS closed_until,
       CASE WHEN p.hours IS NULL THEN NULL
            WHEN r.starts_at > pg_catalog.clock_timestamp() THEN
                 CASE WHEN jit.closes(p.hours, r.starts_at) < r.starts_at + r.duration THEN jit.closes(p.hours, r.starts_at) END
            WHEN p.closes < pg_catalog.clock_timestamp() + r.duration THEN p.closes END AS clipped_at,
       s.statement,
       s.open_ends AS cannot_be_bound,
       s.estimate,
       CASE WHEN w.must_prove THEN 'SELECT jit.prove(' || r.request_id::text || ', ''code'');' END AS to_prove,
       CASE WHEN w.may_approve THEN 'SELECT jit.approve(' || r.request_id::text || ');' END AS to_approve,
       CASE WHEN w.may_deny THEN 'SELECT jit.deny(' || r.request_id::text || ', ''why'');' END AS to_deny
  FROM w
  JOIN jit.requests r ON r.request_id = w.request_id
  JOIN p ON p.policy_id = r.policy_id
  JOIN h ON h.person = w.person
  LEFT JOIN LATERAL (SELECT s.statement, s.open_ends, s.estimate FROM jit.statements s
                      WHERE s.request_id = COALESCE(r.extends, r.request_id) OFFSET 0) s ON true
 WHERE r.state = 'pending' AND r.pending_until > pg_catalog.clock_timestamp();
COMMENT ON VIEW jit.pending IS 'The requests that I may decide; auditors and admins see all that wait';
COMMENT ON COLUMN jit.pending.to_approve IS 'The call that approves it; NULL when it is not mine to approve in this stage, or I have voted';
COMMENT ON COLUMN jit.pending.person_requests_30d IS 'Other requests of this person within 30 days';
COMMENT ON COLUMN jit.pending.person_last_denied IS 'When a request of this person was last denied';
CREATE VIEW jit.active WITH (security_barrier) AS
WITH p AS MATERIALIZED (SELECT p.policy_id, p.elevates_to, p.max_uses, p.max_rows, d.policy_id IS NOT NULL AS decides
                             FROM jit.policies p LEFT JOIN jit.decides() d ON d.policy_id = p.policy_id),
a AS MATERIALIZED (
    SELECT a.request_id, a.starts_at, a.ends_at, LEAST(a.uses, p.max_uses) AS uses, LEAST(a.rows, p.max_rows) AS rows,
           p.elevates_to[1] AS elevates_to
      FROM jit.approvals a LEFT JOIN p ON p.policy_id = a.policy_id
     WHERE a.ends_at > pg_catalog.clock_timestamp()
       AND ((SELECT jit.sees_all()) OR a.person = (SELECT jit.person()) OR p.decides)),
v AS MATERIALIZED (
    SELECT s.request_id, pg_catalog.string_agg(s.voter_name, ', ') AS approved_by
      FROM (SELECT v.request_id, v.voter_name FROM jit.votes v
             WHERE v.request_id = ANY (ARRAY(SELECT a.request_id FROM a)) AND v.vote = 'approve'
             ORDER BY v.request_id, v.voted_at) s
     GROUP BY s.request_id)
-- OFFSET 0, and the array above: requests and votes are found by their numbers, however many these seem to be, and never by
-- reading a year of them.
SELECT a.request_id,
       r.person_name AS person,
       r.policy,
       CASE WHEN a.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled' ELSE 'active' END AS state,
       r.actions,
       r.objects,
       a.elevates_to,
       a.starts_at,
       a.ends_at,
       a.ends_at - GREATEST(a.starts_at, pg_catalog.clock_timestamp()) AS remaining,
       a.uses,
       CASE WHEN a.uses > 0 THEN GREATEST(a.uses - u.used, 0) END AS uses_left,
       a.rows,
       CASE WHEN a.rows > 0 THEN GREATEST(a.rows - u.rows, 0) END AS rows_left,
       r.reason,
       r.ticket,
       v.approved_by,
       (SELECT s.statement FROM jit.statements s WHERE s.request_id = a.request_id) AS statement
  FROM a
 CROSS JOIN LATERAL (SELECT r.person_name, r.policy, r.actions, r.objects, r.reason, r.ticket FROM jit.requests r
                      WHERE r.request_id = a.request_id OFFSET 0) r
  LEFT JOIN v ON v.request_id = a.request_id
  LEFT JOIN jit.use_counts u ON u.request_id = a.request_id;
COMMENT ON VIEW jit.active IS 'Rights in force or scheduled: mine, those I may revoke, and all for auditors and admins';
COMMENT ON COLUMN jit.active.remaining IS 'How long it lasts from now, or from its start when it is scheduled';
CREATE VIEW jit.history WITH (security_barrier) AS
WITH me AS MATERIALIZED (
    SELECT jit.person() AS person, jit.sees_all() AS sees_all,
           ARRAY(SELECT d.policy_id FROM jit.decides() d) AS decides),
crowd AS MATERIALIZED (
    SELECT pg_catalog.count(*) > 1000 AS is_large
      FROM ((SELECT FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[]) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.requests r WHERE r.person = (SELECT me.person FROM me) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me) LIMIT 1001)) s)
SELECT e.event_id,
       e.happened_at,
       e.event,
       e.request_id,
       e.policy,
       e.person,
       e.actor,
       e.authn_id,
       e.client_addr,
       CASE e.event
            WHEN 'requested' THEN e.actor || ' asked for "' || e.policy || '" for ' || (e.detail ->> 'duration')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'vote' THEN e.actor || CASE e.detail ->> 'vote' WHEN 'deny' THEN ' said no to ' ELSE ' said yes to ' END
                 || e.person || COALESCE(' in the place of ' || (e.detail ->> 'in_place_of'), '')
                 || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'approved' THEN e.person || ' may use "' || e.policy || '" until ' || (e.detail ->> 'ends_at')
            WHEN 'denied' THEN e.person || ' was denied "' || e.policy || '"' || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'cancelled' THEN CASE WHEN e.detail ->> 'reason' IS NULL
                 THEN e.actor || ' took back request ' || e.request_id::text
                 ELSE e.actor || ' ended request ' || e.request_id::text || ' of ' || e.person || ': ' || (e.detail ->> 'reason') END
            WHEN 'stage_reached' THEN 'the request of ' || e.person || ' for "' || e.policy || '" reached stage ' || (e.detail ->> 'stage')
                 || ': now ' || (e.detail ->> 'approvers') || ' must say yes'
            WHEN 'escalated' THEN 'nobody decided in time: ' || (e.detail ->> 'to') || ' may decide whether ' || e.person
                 || ' may use "' || e.policy || '"'
            WHEN 'reminder' THEN e.person || ' still waits for "' || e.policy || '"; who can decide: ' || (e.detail ->> 'who')
            WHEN 'ends_soon' THEN e.person || '''s approval under "' || e.policy || '" ends at ' || (e.detail ->> 'ends_at')
            WHEN 'delegated' THEN e.actor || ' lets ' || (e.detail ->> 'delegate') || ' decide in his place'
                 || COALESCE(' under "' || e.policy || '"', '') || ' until ' || (e.detail ->> 'ends_at')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'undelegated' THEN e.actor || ' ended that ' || (e.detail ->> 'delegate') || ' decides in the place of ' || e.person
            WHEN 'timed_out' THEN 'nobody decided in time whether ' || e.person || ' may use "' || e.policy || '"'
            WHEN 'expired' THEN e.person || '''s approval under "' || e.policy || '" is over'
            WHEN 'break_glass' THEN e.person || ' broke the glass of "' || e.policy || '" for ' || (e.detail ->> 'duration') || ': '
                 || (e.detail ->> 'reason')
            WHEN 'reviewed' THEN e.actor || ' found the broken glass of ' || e.person || ' under "' || e.policy || '" '
                 || (e.detail ->> 'verdict') || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'extended' THEN e.person || '''s approval under "' || e.policy || '" is extended until ' || (e.detail ->> 'ends_at')
            WHEN 'shortened' THEN e.person || '''s approval under "' || e.policy || '" ends earlier, at ' || (e.detail ->> 'ends_at')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'used_up' THEN e.person || '''s approval under "' || e.policy || '" is used up'
            WHEN 'released' THEN e.actor || ' gave "' || e.policy || '" back'
            WHEN 'revoked' THEN e.actor || ' revoked "' || e.policy || '" from ' || e.person
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'loan_granted' THEN e.person || ' was made a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_returned' THEN e.person || ' is no longer a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_refused' THEN e.person || ' could not be made a member of "' || (e.detail ->> 'role') || '": '
                 || (e.detail ->> 'why')
            WHEN 'left_behind' THEN e.person || ' used ' || COALESCE('"' || e.policy || '"', 'the loan of request ' || (e.detail ->> 'control_request'))
                 || ' for ' || (e.detail ->> 'command') || ': '
                 || pg_catalog.concat_ws(', ', e.detail ->> 'made', e.detail ->> 'changed', e.detail ->> 'dropped')
            WHEN 'guard_dropped' THEN e.actor || ' dropped ' || (e.detail ->> 'object') || ', which "' || e.policy || '" guarded'
            WHEN 'proved' THEN e.person || ' proved with ' || (e.detail ->> 'factor') || ' that it is them'
            WHEN 'locked_out' THEN e.person || ' may not prove anything until ' || (e.detail ->> 'until')
            WHEN 'factor_enrolled' THEN e.actor || ' enrolled a second factor: ' || (e.detail ->> 'factor')
            WHEN 'factor_removed' THEN e.actor || ' removed a second factor: ' || (e.detail ->> 'factor')
            WHEN 'factors_reset' THEN e.actor || ' reset the second factors of ' || e.person || ': ' || (e.detail ->> 'reason')
            WHEN 'label_set' THEN e.actor || CASE WHEN e.detail ->> 'label' = '' THEN ' untied ' || e.person || ' from Entra ID'
                                                  ELSE ' tied ' || e.person || ' to Entra ID: ' || (e.detail ->> 'label') END
            WHEN 'rebound' THEN e.actor || ' bound the policies to this database'
            ELSE e.actor || ': ' || pg_catalog.replace(e.event, '_', ' ') || COALESCE(' "' || e.policy || '"', '')
       END AS story,
       e.detail
  FROM ((SELECT e.event_id, e.happened_at, e.event, e.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM jit.events e
          WHERE (SELECT me.sees_all FROM me)
          ORDER BY e.event_id DESC)
        UNION ALL
        (SELECT e.event_id, e.happened_at, e.event, e.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM jit.events e
          WHERE (SELECT NOT me.sees_all AND crowd.is_large FROM me, crowd)
            AND ((SELECT r.person = (SELECT me.person FROM me) OR r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                    FROM jit.requests r WHERE r.request_id = e.request_id)
              OR (SELECT true FROM jit.votes v WHERE v.request_id = e.request_id AND v.voter = (SELECT me.person FROM me)))
          ORDER BY e.event_id DESC)
        UNION ALL
        (SELECT e.event_id, e.happened_at, e.event, r.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM (SELECT r.request_id FROM jit.requests r WHERE r.person = (SELECT me.person FROM me)
                  UNION
                 SELECT r.request_id FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                  UNION
                 SELECT v.request_id FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me)) r
          CROSS JOIN LATERAL (SELECT * FROM jit.events e WHERE e.request_id = r.request_id OFFSET 0) e
          WHERE (SELECT NOT me.sees_all AND NOT crowd.is_large FROM me, crowd)
          ORDER BY e.event_id DESC)) e
 ORDER BY e.event_id DESC;
COMMENT ON VIEW jit.history IS 'Everything that happened, one row an event: about my requests and those I may decide or voted on, and all for auditors and admins';
COMMENT ON COLUMN jit.history.story IS 'The event in one sentence';
CREATE VIEW jit.my_delegations WITH (security_barrier) AS
SELECT d.delegation_id,
       d.person_name AS person,
       d.delegate_name AS delegate,
       d.policy,
       CASE WHEN d.ended_at IS NOT NULL OR d.ends_at <= pg_catalog.clock_timestamp() THEN 'ended'
            WHEN d.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
            ELSE 'active' END AS state,
       d.starts_at,
       d.ends_at,
       d.ended_at,
       d.reason,
       CASE WHEN d.ended_at IS NULL AND d.ends_at > pg_catalog.clock_timestamp()
            THEN 'SELECT jit.undelegate(' || d.delegation_id::text || ');' END AS to_end
  FROM jit.delegations d
 WHERE d.person = (SELECT jit.person()) OR d.delegate = (SELECT jit.person()) OR (SELECT jit.sees_all());
COMMENT ON VIEW jit.my_delegations IS 'Who decides in my place, and in whose place I decide; auditors and admins see all';
COMMENT ON COLUMN jit.my_delegations.delegation_id IS 'Number of the delegation: the argument of jit.undelegate()';
COMMENT ON COLUMN jit.my_delegations.person IS 'The approver whose place is taken';
COMMENT ON COLUMN jit.my_delegations.delegate IS 'Who decides in it';
COMMENT ON COLUMN jit.my_delegations.policy IS 'Under this policy only; NULL: under all';
COMMENT ON COLUMN jit.my_delegations.state IS 'active, scheduled or ended';
COMMENT ON COLUMN jit.my_delegations.starts_at IS 'From when it holds';
COMMENT ON COLUMN jit.my_delegations.ends_at IS 'Until when it holds, unless it is ended before';
COMMENT ON COLUMN jit.my_delegations.ended_at IS 'When jit.undelegate() ended it';
COMMENT ON COLUMN jit.my_delegations.reason IS 'Why, in the approver''s words';
COMMENT ON COLUMN jit.my_delegations.to_end IS 'The call that ends it; NULL when it has ended';
CREATE VIEW jit.reviews WITH (security_barrier) AS
WITH friends AS MATERIALIZED (
    SELECT jit.person() AS person
     UNION ALL
    SELECT CASE d.person WHEN jit.person() THEN d.delegate ELSE d.person END FROM jit.delegations d
     WHERE jit.person() IN (d.person, d.delegate) AND d.ended_at IS NULL
       AND d.starts_at <= pg_catalog.clock_timestamp() AND d.ends_at > pg_catalog.clock_timestamp())
SELECT r.request_id,
       r.policy,
       r.person_name AS person,
       r.reason,
       r.actions,
       r.objects,
       r.starts_at,
       r.ends_at,
       r.ended_at,
       r.authn_id,
       r.client_addr,
       r.application_name,
       CASE WHEN r.person <> ALL (ARRAY(SELECT f.person FROM friends f))
             AND CASE WHEN p.policy_id IS NOT NULL AND o.oid IS NOT NULL THEN p.mine
                      ELSE (SELECT jit.sees_all()) AND (o.oid IS NOT NULL OR r.person_name <> pg_catalog.pg_get_userbyid((SELECT jit.person()))) END
            THEN 'SELECT jit.review(' || r.request_id::text || ', ''justified'', ''comment'');' END AS to_review
  FROM jit.requests r
  LEFT JOIN (SELECT q.policy_id, q.policy_id IN (SELECT d.policy_id FROM jit.decides() d) AS mine
               FROM jit.policies q OFFSET 0) p ON p.policy_id = r.policy_id
  LEFT JOIN pg_catalog.pg_roles o ON o.oid = r.person -- none: a jit_admin reviews it
 WHERE r.review = 'awaiting'
   AND ((SELECT jit.sees_all()) OR (r.person <> ALL (ARRAY(SELECT f.person FROM friends f)) AND p.mine));
COMMENT ON VIEW jit.reviews IS 'Broken glass that waits for a review: what I may review, and all for auditors and admins';
COMMENT ON COLUMN jit.reviews.request_id IS 'Number of the request: the argument of jit.review()';
COMMENT ON COLUMN jit.reviews.policy IS 'Name of the policy then';
COMMENT ON COLUMN jit.reviews.person IS 'Who broke the glass';
COMMENT ON COLUMN jit.reviews.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.reviews.actions IS 'What the person could do';
COMMENT ON COLUMN jit.reviews.objects IS 'On what';
COMMENT ON COLUMN jit.reviews.starts_at IS 'When the glass was broken';
COMMENT ON COLUMN jit.reviews.ends_at IS 'Until when the right was given';
COMMENT ON COLUMN jit.reviews.ended_at IS 'When it was over in fact; NULL: not yet';
COMMENT ON COLUMN jit.reviews.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.reviews.client_addr IS 'From which address; NULL: from the server itself';
COMMENT ON COLUMN jit.reviews.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.reviews.to_review IS 'The call; NULL when it is not mine to review. The uses themselves are in the server''s log';
CREATE VIEW jit.status WITH (security_barrier) AS
SELECT f.fact, f.value FROM jit.status_facts() f
UNION ALL
SELECT 'policies', pg_catalog.count(*)::text FROM jit.policies
UNION ALL
SELECT 'policies enforced', pg_catalog.count(*)::text FROM jit.policies p WHERE p.mode = 'enforce'
UNION ALL
SELECT 'requests pending', pg_catalog.count(*)::text FROM jit.requests r
 WHERE r.state = 'pending' AND r.pending_until > pg_catalog.clock_timestamp()
UNION ALL
SELECT 'reviews awaited', pg_catalog.count(*)::text FROM jit.requests r WHERE r.review = 'awaiting'
UNION ALL
SELECT 'certifications late', pg_catalog.count(*)::text FROM jit.certificates c
  JOIN jit.policies p ON p.policy_id = c.policy_id
 WHERE c.certified_at IS NULL AND c.due_at <= pg_catalog.clock_timestamp()
UNION ALL
SELECT 'records in the ledger', s.tree_size::text FROM jit.ledger_state s
UNION ALL
SELECT 'records not signed yet', (s.tree_size - s.signed_size)::text FROM jit.ledger_state s
UNION ALL
SELECT 'destinations', pg_catalog.count(*)::text FROM jit.destination_terms
UNION ALL
SELECT 'destinations failing', pg_catalog.count(*)::text FROM jit.destination_terms t JOIN jit.deliveries d ON d.destination_id = t.destination_id
 WHERE t.enabled AND (d.failures > 0 OR d.stopped)
UNION ALL
SELECT 'anchors contradicted', pg_catalog.count(*)::text FROM jit.dead_letters l JOIN jit.destination_terms t ON t.destination_id = l.destination_id
 WHERE t.kind = 'azure_blob'
UNION ALL
SELECT 'PIM groups', pg_catalog.count(DISTINCT p.pim_group)::text FROM jit.policies p WHERE p.mode <> 'off'
UNION ALL
SELECT 'PIM groups failing', pg_catalog.count(*)::text FROM jit.pim_syncs s WHERE s.failures > 0
UNION ALL
SELECT 'dead letters', pg_catalog.count(*)::text FROM jit.dead_letters
UNION ALL
SELECT 'approvals in force', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp()
UNION ALL
SELECT 'approvals scheduled', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at > pg_catalog.clock_timestamp();
COMMENT ON VIEW jit.status IS 'The state of jit_guard, one fact a row';
COMMENT ON COLUMN jit.available.policy IS 'Name of the policy: the first argument of jit.request()';
COMMENT ON COLUMN jit.available.actions IS 'What it guards, and an approval allows; {ALL} or names of actions';
COMMENT ON COLUMN jit.available.objects IS 'On which tables, columns or schemas';
COMMENT ON COLUMN jit.available.lends IS 'The role whose privileges an approved statement borrows';
COMMENT ON COLUMN jit.available.elevates_to IS 'The role that I become a member of while the approval lives';
COMMENT ON COLUMN jit.available.default_duration IS 'How long I get it when I name no duration';
COMMENT ON COLUMN jit.available.max_duration IS 'The longest that I may ask for';
COMMENT ON COLUMN jit.available.approvals IS 'How many people must say yes; 0: it is approved at once';
COMMENT ON COLUMN jit.available.approvers IS 'The roles whose members decide, stage by stage; how many of a later stage, when more than one';
COMMENT ON COLUMN jit.available.stages IS 'How many stages of approvers there are';
COMMENT ON COLUMN jit.available.automatic IS 'Approved without people: always, by rule (jit.preview() says when), or never';
COMMENT ON COLUMN jit.available.require_reason IS 'Whether I must give a reason';
COMMENT ON COLUMN jit.available.ticket_pattern IS 'Regular expression that my ticket must match; NULL: no ticket is needed';
COMMENT ON COLUMN jit.available.pending_timeout IS 'How long my request waits for a decision';
COMMENT ON COLUMN jit.available.statement IS 'optional; required: ask with jit.request(..., statement => ...); bound: only for what can be bound completely';
COMMENT ON COLUMN jit.available.require_mfa IS 'Who has to prove with a second factor that it is them: none, requester, approvers or both';
COMMENT ON COLUMN jit.available.max_uses IS 'How many guarded statements one approval allows at most; NULL: any number';
COMMENT ON COLUMN jit.available.max_rows IS 'How many rows of guarded tables one approval allows to read or change at most; NULL: any number';
COMMENT ON COLUMN jit.available.networks IS 'From which client addresses I may ask and use; {}: from anywhere';
COMMENT ON COLUMN jit.available.mode IS 'enforce: without an approval it is refused; monitor: it passes and is reported';
COMMENT ON COLUMN jit.available.hours IS 'When a right may start and until when it lasts at most; NULL: at any time';
COMMENT ON COLUMN jit.available.closed_until IS 'When its hours open next; NULL: a right may start now';
COMMENT ON COLUMN jit.available.may_ask IS 'Whether I may ask with jit.request()';
COMMENT ON COLUMN jit.available.break_glass IS 'For how long I can have it at once with jit.break_glass(), in an emergency; NULL: I may not';
COMMENT ON COLUMN jit.my_requests.request_id IS 'Number of the request';
COMMENT ON COLUMN jit.my_requests.policy IS 'Name of the policy when I asked';
COMMENT ON COLUMN jit.my_requests.end_reason IS 'Why the right is over: expired, released, revoked or used_up; NULL while it is not';
COMMENT ON COLUMN jit.my_requests.actions IS 'What I asked to do';
COMMENT ON COLUMN jit.my_requests.objects IS 'On what';
COMMENT ON COLUMN jit.my_requests.reason IS 'What for, in my words';
COMMENT ON COLUMN jit.my_requests.ticket IS 'The ticket that I named';
COMMENT ON COLUMN jit.my_requests.duration IS 'How long I asked for; an approver may give less, see ends_at';
COMMENT ON COLUMN jit.my_requests.requested_at IS 'When I asked';
COMMENT ON COLUMN jit.my_requests.pending_until IS 'Until when it can be decided';
COMMENT ON COLUMN jit.my_requests.waits_for IS 'While it waits: its stage, the approvals that it has, and the roles that decide';
COMMENT ON COLUMN jit.my_requests.decided_at IS 'When the deciding vote came';
COMMENT ON COLUMN jit.my_requests.starts_at IS 'When the right starts: as asked while pending, as given once approved';
COMMENT ON COLUMN jit.my_requests.ends_at IS 'When the right ends; a fixed moment, which a reconnect or restart does not move';
COMMENT ON COLUMN jit.my_requests.ended_at IS 'When it was over in fact';
COMMENT ON COLUMN jit.my_requests.votes IS 'Who said what, in order';
COMMENT ON COLUMN jit.my_requests.extends IS 'The request whose right this one prolongs';
COMMENT ON COLUMN jit.my_requests.break_glass IS 'Whether I broke the glass instead of asking';
COMMENT ON COLUMN jit.my_requests.review IS 'none, awaiting (until then I can break no other glass) or done';
COMMENT ON COLUMN jit.my_requests.verdict IS 'justified or unjustified';
COMMENT ON COLUMN jit.my_requests.reviewed_by IS 'Who said so';
COMMENT ON COLUMN jit.my_requests.review_comment IS 'What the reviewer added';
COMMENT ON COLUMN jit.my_requests.statement IS 'The one statement that it is for; NULL: for all of its scope';
COMMENT ON COLUMN jit.my_requests.to_prove IS 'The call with which I prove myself, before which nothing is decided; NULL: no proof is missing';
COMMENT ON COLUMN jit.pending.request_id IS 'Number of the request: the argument of jit.approve() and jit.deny()';
COMMENT ON COLUMN jit.pending.policy IS 'Name of the policy when it was asked';
COMMENT ON COLUMN jit.pending.person IS 'The authenticated role that asks';
COMMENT ON COLUMN jit.pending.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.pending.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.pending.actions IS 'What the person wants to do';
COMMENT ON COLUMN jit.pending.objects IS 'On what';
COMMENT ON COLUMN jit.pending.elevates_to IS 'The role that the person would become a member of';
COMMENT ON COLUMN jit.pending.duration IS 'For how long, counted from the start';
COMMENT ON COLUMN jit.pending.uses IS 'For how many guarded statements; NULL: any number';
COMMENT ON COLUMN jit.pending.rows IS 'For how many rows of guarded tables; NULL: any number';
COMMENT ON COLUMN jit.pending.starts_at IS 'The start that the person asked for; NULL: at once, when the last vote is given';
COMMENT ON COLUMN jit.pending.requested_at IS 'When the person asked';
COMMENT ON COLUMN jit.pending.pending_until IS 'Until when it can be decided';
COMMENT ON COLUMN jit.pending.stage IS 'The stage of approvers that decides now';
COMMENT ON COLUMN jit.pending.stages IS 'How many stages there are';
COMMENT ON COLUMN jit.pending.approvals_needed IS 'How many people must say yes in this stage';
COMMENT ON COLUMN jit.pending.approvals_given IS 'How many have whose vote counts';
COMMENT ON COLUMN jit.pending.waits_for IS 'The roles that decide now; the escalation group among them when its time has come';
COMMENT ON COLUMN jit.pending.escalated IS 'Whether escalate_to may decide, because nobody did in time';
COMMENT ON COLUMN jit.pending.in_place_of IS 'In whose place I would vote; NULL: in my own right, or not at all';
COMMENT ON COLUMN jit.pending.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.pending.client_addr IS 'From which address the person asked; NULL: from the server itself';
COMMENT ON COLUMN jit.pending.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.pending.max_duration IS 'The longest that the policy allows';
COMMENT ON COLUMN jit.pending.change IS 'For a change of a policy that needs another jit_admin: the terms that would be different, or those of the new or dropped policy; the reason says which policy';
COMMENT ON COLUMN jit.pending.mode IS 'enforce, or monitor: then it passes without approval too';
COMMENT ON COLUMN jit.pending.closed_until IS 'It cannot be approved before that: the hours of the policy; NULL: it can';
COMMENT ON COLUMN jit.pending.clipped_at IS 'When the hours of the policy would cut the right short; NULL: it would last as long as asked';
COMMENT ON COLUMN jit.pending.statement IS 'The one statement that it is for, and nothing else; NULL: for all of its scope. SELECT * FROM jit.statement(request_id) tells what it reaches';
COMMENT ON COLUMN jit.pending.to_prove IS 'The call with which I prove myself before I can approve; NULL: no proof of mine is missing';
COMMENT ON COLUMN jit.pending.cannot_be_bound IS 'What may change unnoticed between your approval and the statement';
COMMENT ON COLUMN jit.pending.estimate IS 'What the planner expected of the statement when it was asked for, or why it was not asked';
COMMENT ON COLUMN jit.pending.to_deny IS 'The call that denies it, which approvers of every stage may; NULL when I may not, or have voted';
COMMENT ON COLUMN jit.active.request_id IS 'Number of the request: the argument of jit.release() and jit.revoke()';
COMMENT ON COLUMN jit.active.person IS 'Whose right it is';
COMMENT ON COLUMN jit.active.policy IS 'Name of the policy when it was asked';
COMMENT ON COLUMN jit.active.state IS 'active, or scheduled: it starts later';
COMMENT ON COLUMN jit.active.actions IS 'What the person may do';
COMMENT ON COLUMN jit.active.objects IS 'On what';
COMMENT ON COLUMN jit.active.elevates_to IS 'The role that the person is made a member of';
COMMENT ON COLUMN jit.active.starts_at IS 'When the right starts';
COMMENT ON COLUMN jit.active.ends_at IS 'When it ends';
COMMENT ON COLUMN jit.active.uses IS 'How many guarded statements it allows, by today''s policy; NULL: any number';
COMMENT ON COLUMN jit.active.uses_left IS 'How many of them are not used yet';
COMMENT ON COLUMN jit.active.rows IS 'How many rows of guarded tables it allows to read or change, by today''s policy; NULL: any number';
COMMENT ON COLUMN jit.active.rows_left IS 'How many of them are left';
COMMENT ON COLUMN jit.active.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.active.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.active.approved_by IS 'Who said yes, in order';
COMMENT ON COLUMN jit.active.statement IS 'The one statement that it serves; NULL: all of its scope';
COMMENT ON COLUMN jit.history.event_id IS 'Number of the event; numbers can be missing, as those of rolled-back transactions are';
COMMENT ON COLUMN jit.history.happened_at IS 'The clock when it happened';
COMMENT ON COLUMN jit.history.event IS 'requested, vote, approved, denied, cancelled, timed_out, stage_reached, escalated, reminder, ends_soon, delegated, undelegated, expired, released, revoked, loan_granted, policy_created, ...';
COMMENT ON COLUMN jit.history.request_id IS 'The request it is about; NULL when it is about a policy or the installation';
COMMENT ON COLUMN jit.history.policy IS 'The policy it is about';
COMMENT ON COLUMN jit.history.person IS 'Whose right it is about';
COMMENT ON COLUMN jit.history.actor IS 'Who did it: an authenticated role, or a worker (keeper, lender)';
COMMENT ON COLUMN jit.history.authn_id IS 'What the actor''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.history.client_addr IS 'From which address the actor came; NULL: from the server itself';
COMMENT ON COLUMN jit.history.detail IS 'What is particular to the event';
COMMENT ON COLUMN jit.status.fact IS 'What is told';
COMMENT ON COLUMN jit.status.value IS 'How it is now';
-- What people read of the evidence.
-- One row a story: what somebody asked for, who said what to it, and how it ended. Events one by one are in jit.history.

-- The newest first, so that the last fifty are found without reading the rest. It has three parts, and a reader one of
-- them: all requests; when many concern the reader, all with a look at each; when few do, these.
CREATE VIEW jit.audit WITH (security_barrier) AS
WITH me AS MATERIALIZED (
    SELECT jit.person() AS person, jit.sees_all() AS sees_all,
           ARRAY(SELECT d.policy_id FROM jit.decides() d) AS decides),
crowd AS MATERIALIZED (
    SELECT pg_catalog.count(*) > 1000 AS is_large
      FROM ((SELECT FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[]) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.requests r WHERE r.person = (SELECT me.person FROM me) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me) LIMIT 1001)) s),
-- The partitions of the ledger that hold something: the others are not even looked at.
filled AS MATERIALIZED (SELECT ARRAY(SELECT g.segment FROM jit.ledger_segments g WHERE g.emptied_at IS NULL) AS segments)
SELECT r.request_id,
       r.person_name AS person,
       r.policy,
       r.requested_at AS asked_at,
       r.reason,
       r.ticket,
       r.actions,
       r.objects,
       r.duration,
       s.state,
       s.end_reason,
       v.votes,
       r.decided_at,
       r.decided_at - r.requested_at AS time_to_decide,
       r.starts_at,
       r.ends_at,
       s.ended_at,
       u.uses,
       u.first_use,
       u.last_use,
       u.rows,
       u.touched,
       f.refusals,
       r.extends,
       r.break_glass,
       r.review,
       r.verdict,
       r.reviewed_by,
       r.authn_id,
       r.client_addr,
       r.application_name,
       r.person_name
           || CASE WHEN r.break_glass THEN ' broke the glass of "' || r.policy || '" for '
                   WHEN r.extends IS NOT NULL THEN ' asked to extend ' || r.extends::text || ' under "' || r.policy || '" to '
                   ELSE ' asked for "' || r.policy || '" for ' END
           || pg_catalog.to_char(pg_catalog.make_interval(secs => EXTRACT(epoch FROM r.duration)::integer), 'HH24:MI:SS')
           || COALESCE(' (' || pg_catalog.translate(r.reason, E'\n\r\t', '   ') || ')', '')
           || COALESCE('; ' || v.votes, '')
           || CASE s.state
                   WHEN 'pending' THEN '; waits until ' || pg_catalog.to_char(r.pending_until, 'YYYY-MM-DD HH24:MI')
                   WHEN 'timed_out' THEN '; nobody decided in time'
                   WHEN 'cancelled' THEN '; taken back'
                   WHEN 'denied' THEN CASE WHEN v.votes IS NULL THEN '; denied by a rule' ELSE '' END
                   WHEN 'scheduled' THEN '; starts at ' || pg_catalog.to_char(r.starts_at, 'YYYY-MM-DD HH24:MI')
                   WHEN 'active' THEN '; holds until ' || pg_catalog.to_char(r.ends_at, 'YYYY-MM-DD HH24:MI')
                   ELSE '; ' || pg_catalog.replace(s.end_reason, '_', ' ') || ' after '
                        || pg_catalog.to_char(pg_catalog.make_interval(secs => GREATEST(EXTRACT(epoch FROM s.ended_at - r.starts_at)::integer, 0)), 'HH24:MI:SS') END
           || CASE WHEN u.uses > 0 THEN '; used ' || u.uses::text || CASE u.uses WHEN 1 THEN ' time' ELSE ' times' END
                                        || COALESCE(', ' || u.rows::text || CASE u.rows WHEN 1 THEN ' row' ELSE ' rows' END, '') || ', on ' || pg_catalog.array_to_string(u.touched, ', ')
                   WHEN s.state = 'ended' THEN '; not used' ELSE '' END
           || CASE WHEN f.refusals > 0 THEN '; refused ' || f.refusals::text || CASE f.refusals WHEN 1 THEN ' time' ELSE ' times' END || ' meanwhile' ELSE '' END
           || CASE r.review WHEN 'awaiting' THEN '; waits for a review'
                            WHEN 'done' THEN '; ' || r.reviewed_by || ' found it ' || r.verdict ELSE '' END AS story
  FROM ((SELECT r.* FROM jit.requests r WHERE (SELECT me.sees_all FROM me) ORDER BY r.request_id DESC)
        UNION ALL
        (SELECT r.* FROM jit.requests r
          WHERE (SELECT NOT me.sees_all AND crowd.is_large FROM me, crowd)
            AND (r.person = (SELECT me.person FROM me)
                 OR r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                 OR (SELECT true FROM jit.votes v WHERE v.request_id = r.request_id AND v.voter = (SELECT me.person FROM me)))
          ORDER BY r.request_id DESC)
        UNION ALL
        (SELECT r.*
           FROM (SELECT r.request_id FROM jit.requests r WHERE r.person = (SELECT me.person FROM me)
                  UNION
                 SELECT r.request_id FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                  UNION
                 SELECT v.request_id FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me)) n
          CROSS JOIN LATERAL (SELECT * FROM jit.requests r WHERE r.request_id = n.request_id OFFSET 0) r
          WHERE (SELECT NOT me.sees_all AND NOT crowd.is_large FROM me, crowd)
          ORDER BY r.request_id DESC)) r
 CROSS JOIN LATERAL (
    SELECT CASE WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN 'timed_out'
                WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'ended'
                WHEN r.state = 'approved' AND r.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
                WHEN r.state = 'approved' THEN 'active'
                ELSE r.state END AS state,
           CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'expired'
                ELSE r.end_reason END AS end_reason,
           CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN r.ends_at
                WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN r.pending_until
                ELSE r.ended_at END AS ended_at OFFSET 0) s
 CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(v.voter_name || COALESCE(' for ' || v.for_whom_name, '')
                                 || CASE v.vote WHEN 'deny' THEN ' said no' ELSE ' said yes' END
                                 || ' after ' || pg_catalog.to_char(pg_catalog.make_interval(secs => EXTRACT(epoch FROM v.voted_at - r.requested_at)::integer), 'HH24:MI:SS')
                                 || COALESCE(': ' || pg_catalog.translate(v.comment, E'\n\r\t', '   '), ''),
                                 '; ' ORDER BY v.voted_at) AS votes
      FROM jit.votes v WHERE v.request_id = r.request_id) v
-- Rows are of a statement, whatever objects it used: they are counted once.
 CROSS JOIN LATERAL (
    SELECT pg_catalog.count(DISTINCT x.seq) AS uses, pg_catalog.min(x.at) AS first_use, pg_catalog.max(x.at) AS last_use,
           pg_catalog.sum(x.rows) FILTER (WHERE x.nth = 1)::bigint AS rows, pg_catalog.array_agg(DISTINCT x.object ORDER BY x.object) AS touched
      FROM (SELECT l.seq, l.at, e.u ->> 'object' AS object, (n.n ->> 'rows')::bigint AS rows, pg_catalog.row_number() OVER (PARTITION BY l.seq) AS nth
              FROM jit.ledger l
             CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
             CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.r -> 'uses') AS e (u)
              LEFT JOIN LATERAL (SELECT jit.decode(x.record) AS o
                                   FROM jit.ledger x
                                  WHERE x.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
                                    AND jit.record_transaction(x.record) = jit.record_transaction(l.record)
                                    AND pg_catalog.get_byte(x.record, 1) = 5 -- an outcome; by its key all of them would be looked through
                                  ORDER BY x.seq + 0 DESC LIMIT 1) o ON true
              LEFT JOIN LATERAL (SELECT e.n FROM pg_catalog.jsonb_array_elements(o.o -> 'done') AS e (n)
                                  WHERE e.n -> 'statement_number' = d.r -> 'statement_number') n ON true
             WHERE r.state IN ('approved', 'ended')
               AND l.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
               AND jit.record_keys(l.record) @> ARRAY['request:' || r.request_id::text]
               AND pg_catalog.get_byte(l.record, 1) = 2 -- a use
               AND (e.u ->> 'request_id')::bigint = r.request_id) x) u
 CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS refusals
      FROM jit.ledger l
     WHERE l.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
       AND jit.record_keys(l.record) @> ARRAY['person:' || r.person_name, 'kind:refusal']
       AND l.at >= r.requested_at AND l.at < COALESCE(s.ended_at, 'infinity')) f
 ORDER BY r.request_id DESC;
COMMENT ON VIEW jit.audit IS 'One row a story: what was asked, who decided, how it was used and how it ended; mine, those I may decide or voted on, and all for auditors and admins';
COMMENT ON COLUMN jit.audit.request_id IS 'Number of the request; its events are in jit.history';
COMMENT ON COLUMN jit.audit.person IS 'Who asked: the authenticated role, by its name then';
COMMENT ON COLUMN jit.audit.policy IS 'Name of the policy then';
COMMENT ON COLUMN jit.audit.asked_at IS 'When it was asked';
COMMENT ON COLUMN jit.audit.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.audit.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.audit.actions IS 'What the person asked to do';
COMMENT ON COLUMN jit.audit.objects IS 'On what';
COMMENT ON COLUMN jit.audit.duration IS 'For how long; the time given is from starts_at to ends_at';
COMMENT ON COLUMN jit.audit.state IS 'As of now: pending, scheduled, active, denied, cancelled, timed_out or ended';
COMMENT ON COLUMN jit.audit.end_reason IS 'Why an approved right is over: expired, released, revoked or used_up';
COMMENT ON COLUMN jit.audit.votes IS 'Who said what, in order, and how long after it was asked';
COMMENT ON COLUMN jit.audit.decided_at IS 'When the deciding vote came';
COMMENT ON COLUMN jit.audit.time_to_decide IS 'How long the person waited for it';
COMMENT ON COLUMN jit.audit.starts_at IS 'When the right starts';
COMMENT ON COLUMN jit.audit.ends_at IS 'Until when it was given';
COMMENT ON COLUMN jit.audit.ended_at IS 'When it was over in fact; NULL: it is not';
COMMENT ON COLUMN jit.audit.uses IS 'How many statements used the right, as far as they are in jit.ledger';
COMMENT ON COLUMN jit.audit.first_use IS 'When it was used first';
COMMENT ON COLUMN jit.audit.last_use IS 'When it was used last';
COMMENT ON COLUMN jit.audit.rows IS 'How many rows these statements returned or changed';
COMMENT ON COLUMN jit.audit.touched IS 'The objects that they used';
COMMENT ON COLUMN jit.audit.refusals IS 'How often the person was refused from the request to its end, on whatever object';
COMMENT ON COLUMN jit.audit.extends IS 'The request whose right this one lengthens';
COMMENT ON COLUMN jit.audit.break_glass IS 'Whether the right was taken without consent';
COMMENT ON COLUMN jit.audit.review IS 'none, awaiting or done';
COMMENT ON COLUMN jit.audit.verdict IS 'What the review said: justified or unjustified';
COMMENT ON COLUMN jit.audit.reviewed_by IS 'Who said so';
COMMENT ON COLUMN jit.audit.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.audit.client_addr IS 'From which address it was asked; NULL: from the server itself';
COMMENT ON COLUMN jit.audit.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.audit.story IS 'All of that in one sentence';

-- By object: the view above would have to look at every request, and jit.uses at every use.
CREATE FUNCTION jit.touched(
    object text, since interval DEFAULT '30 days', until timestamptz DEFAULT NULL,
    OUT person text, OUT policy text, OUT request_id bigint, OUT actions text[], OUT uses bigint, OUT first_use timestamptz, OUT last_use timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT d.r ->> 'person', e.u ->> 'policy', (e.u ->> 'request_id')::bigint, array_agg(DISTINCT a.action), count(DISTINCT l.seq), min(l.at), max(l.at)
  FROM (SELECT COALESCE($3, clock_timestamp()) - $2 AS since, COALESCE($3, clock_timestamp()) AS until OFFSET 0) t
 CROSS JOIN jit.ledger_segments s -- one after the other, and only those with records of that time
 CROSS JOIN LATERAL (SELECT l.seq, l.at, l.record FROM jit.ledger l
                      WHERE l.segment = s.segment AND l.at >= t.since AND l.at < t.until
                        AND jit.record_keys(l.record) @> ARRAY['object:' || left($1, 200)] OFFSET 0) l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
 CROSS JOIN LATERAL unnest(string_to_array(e.u ->> 'actions', ', ')) AS a (action)
 WHERE (SELECT max(x.at) FROM jit.ledger x WHERE x.segment = s.segment) >= t.since
   AND (SELECT min(x.at) FROM jit.ledger x WHERE x.segment = s.segment) < t.until
   AND get_byte(l.record, 1) = 2 AND e.u ->> 'object' = $1
 GROUP BY 1, 2, 3
 ORDER BY 7 DESC;
$$;
REVOKE ALL ON FUNCTION jit.touched(text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.touched(text, interval, timestamptz)
    IS 'Who used rights on an object in the time before until (NULL: now), by person and request, the last first';

-- And by person.
CREATE FUNCTION jit.used(
    person text, since interval DEFAULT '30 days', until timestamptz DEFAULT NULL,
    OUT object text, OUT policy text, OUT request_id bigint, OUT actions text[], OUT uses bigint, OUT first_use timestamptz, OUT last_use timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT e.u ->> 'object', e.u ->> 'policy', (e.u ->> 'request_id')::bigint, array_agg(DISTINCT a.action), count(DISTINCT l.seq), min(l.at), max(l.at)
  FROM (SELECT COALESCE($3, clock_timestamp()) - $2 AS since, COALESCE($3, clock_timestamp()) AS until OFFSET 0) t
 CROSS JOIN jit.ledger_segments s -- one after the other, and only those with records of that time
 CROSS JOIN LATERAL (SELECT l.seq, l.at, l.record FROM jit.ledger l
                      WHERE l.segment = s.segment AND l.at >= t.since AND l.at < t.until
                        AND jit.record_keys(l.record) @> ARRAY['kind:use', 'person:' || $1] OFFSET 0) l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
 CROSS JOIN LATERAL unnest(string_to_array(e.u ->> 'actions', ', ')) AS a (action)
 WHERE (SELECT max(x.at) FROM jit.ledger x WHERE x.segment = s.segment) >= t.since
   AND (SELECT min(x.at) FROM jit.ledger x WHERE x.segment = s.segment) < t.until
   AND d.r ->> 'person' = $1
 GROUP BY 1, 2, 3
 ORDER BY 7 DESC;
$$;
REVOKE ALL ON FUNCTION jit.used(text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.used(text, interval, timestamptz)
    IS 'What a person used rights on in the time before until (NULL: now), by object and request, the last first';
-- Drift: memberships, privileges and owners that were changed by hand, against what was there when somebody looked last.

-- What holds now. A loan by jit_lender is no drift, nor is what jit_lender holds in order to lend.
CREATE FUNCTION jit._powers(
    OUT kind text, OUT class_id oid, OUT object_id oid, OUT sub_id integer, OUT role_id oid, OUT what text, OUT described text,
    OUT parts text[], OUT policies text[]
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH RECURSIVE lender AS MATERIALIZED (SELECT r.oid FROM pg_authid r WHERE r.rolname = 'jit_lender'),
named AS MATERIALIZED ( -- roles that policies name, and in which part
    SELECT u.role_id::oid AS role_id, v.part, p.name AS policy
      FROM jit.policies p
     CROSS JOIN LATERAL (VALUES ('lends', p.lends), ('elevates_to', p.elevates_to), ('eligible', p.eligible), ('approvers', p.approvers),
                                ('exempt', p.exempt), ('break_glass', p.break_glass), ('escalate_to', p.escalate_to)) v(part, roles)
     CROSS JOIN LATERAL unnest(v.roles) u(role_id)
     UNION ALL
    SELECT u.role_id::oid, 'approvers', p.name
      FROM jit.stages s JOIN jit.policies p ON p.policy_id = s.policy_id
     CROSS JOIN LATERAL unnest(s.approvers) u(role_id)
     UNION ALL
    SELECT r.oid, r.rolname::text, NULL FROM pg_authid r WHERE r.rolname IN ('jit_admin', 'jit_auditor', 'jit_lender')),
reached(role_id, part, policy) AS ( -- and all roles that are members of these, by whatever way
    SELECT n.role_id, n.part, n.policy FROM named n
     UNION
    SELECT m.member, r.part, r.policy
      FROM reached r JOIN pg_auth_members m ON m.roleid = r.role_id
     WHERE m.grantor NOT IN (SELECT l.oid FROM lender l) AND m.member NOT IN (SELECT l.oid FROM lender l)),
roles AS MATERIALIZED (
    SELECT r.role_id, array_agg(DISTINCT r.part) AS parts, array_agg(DISTINCT r.policy) FILTER (WHERE r.policy IS NOT NULL) AS policies
      FROM reached r JOIN pg_authid a ON a.oid = r.role_id GROUP BY r.role_id),
relations AS MATERIALIZED (
    SELECT g.oid AS object_id, array_agg(DISTINCT p.name) AS policies
      FROM (SELECT g.policy_id, g.object_id AS oid FROM jit.guards g WHERE g.object_class = 'r'
             UNION ALL
            SELECT g.policy_id, c.oid FROM jit.guards g JOIN pg_class c ON c.relnamespace = g.object_id
             WHERE g.object_class = 'n' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
             UNION ALL
            SELECT g.policy_id, c.oid FROM jit.guards g
             CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE g.object_class = 'd' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
               AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'jit')) g
      JOIN jit.policies p ON p.policy_id = g.policy_id GROUP BY g.oid),
others AS MATERIALIZED (
    SELECT g.object_class, g.object_id, array_agg(DISTINCT p.name) AS policies
      FROM jit.guards g JOIN jit.policies p ON p.policy_id = g.policy_id
     WHERE g.object_class IN ('f', 's') GROUP BY g.object_class, g.object_id),
held AS (
    SELECT 'place' AS kind, 'pg_authid'::regclass::oid AS class_id, r.role_id AS object_id, 0 AS sub_id, 0::oid AS role_id, '' AS what,
           'role ' || r.role_id::regrole::text AS described, r.parts, r.policies FROM roles r
     UNION ALL
    SELECT DISTINCT 'membership', 'pg_authid'::regclass::oid, r.role_id, 0, m.member,
           CASE WHEN m.admin_option THEN 'member with admin option' ELSE 'member' END,
           m.member::regrole::text || ' is a ' || CASE WHEN m.admin_option THEN 'member with admin option' ELSE 'member' END
               || ' of ' || r.role_id::regrole::text, r.parts, r.policies
      FROM roles r JOIN pg_auth_members m ON m.roleid = r.role_id
     WHERE m.grantor NOT IN (SELECT l.oid FROM lender l) AND m.member NOT IN (SELECT l.oid FROM lender l)
     UNION ALL
    SELECT 'reach', 'pg_authid'::regclass::oid, n.role_id, 0, n.role_id, CASE WHEN length(o.what) > 200 THEN left(o.what, 200) || md5(o.what) ELSE o.what END, -- a key
           n.role_id::regrole::text || ', which is lent, has privileges on ' || o.what, '{lends}', array_agg(DISTINCT n.policy)
      FROM named n
      JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = n.role_id AND d.deptype = 'a'
                        AND d.dbid IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
     CROSS JOIN LATERAL (SELECT pg_describe_object(d.classid, d.objid, d.objsubid)) o(what)
     WHERE n.part = 'lends' AND o.what IS NOT NULL
       AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT r.object_id FROM relations r))
     GROUP BY n.role_id, o.what
     UNION ALL
    SELECT 'place', 'pg_class'::regclass::oid, r.object_id, 0, 0::oid, '', r.object_id::regclass::text, '{}', r.policies FROM relations r
     UNION ALL
    SELECT 'owner', 'pg_class'::regclass::oid, c.oid, 0, c.relowner, 'owner',
           c.relowner::regrole::text || ' owns ' || c.oid::regclass::text, '{}', r.policies
      FROM relations r JOIN pg_class c ON c.oid = r.object_id
     UNION ALL
    SELECT 'grant', 'pg_class'::regclass::oid, c.oid, x.sub_id, a.grantee,
           a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END || ' has ' || a.privilege_type
               || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END || ' on ' || c.oid::regclass::text
               || COALESCE('(' || quote_ident(x.column_name) || ')', ''), '{}', r.policies
      FROM relations r JOIN pg_class c ON c.oid = r.object_id
     CROSS JOIN LATERAL (SELECT 0 AS sub_id, NULL::name AS column_name, c.relacl AS acl
                          UNION ALL
                         SELECT t.attnum, t.attname, t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL AND NOT t.attisdropped) x
     CROSS JOIN LATERAL aclexplode(x.acl) a
     WHERE a.grantee <> c.relowner
     UNION ALL
    SELECT 'place', CASE o.object_class WHEN 'f' THEN 'pg_proc'::regclass ELSE 'pg_namespace'::regclass END::oid, o.object_id, 0, 0::oid, '',
           o.object_id::text, '{}', o.policies FROM others o
     UNION ALL
    SELECT 'grant', x.class_id::oid, o.object_id, 0, a.grantee,
           a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END || ' has ' || a.privilege_type || ' on '
               || pg_describe_object(x.class_id, o.object_id, 0), '{}', o.policies
      FROM others o
     CROSS JOIN LATERAL (SELECT 'pg_proc'::regclass AS class_id, COALESCE(p.proacl, acldefault('f', p.proowner)) AS acl, p.proowner AS owner
                           FROM pg_proc p WHERE o.object_class = 'f' AND p.oid = o.object_id
                          UNION ALL
                         SELECT 'pg_namespace'::regclass, n.nspacl, n.nspowner FROM pg_namespace n WHERE o.object_class = 's' AND n.oid = o.object_id) x
     CROSS JOIN LATERAL aclexplode(x.acl) a
     WHERE a.grantee <> x.owner)
SELECT h.kind, h.class_id, h.object_id, h.sub_id, h.role_id, h.what, h.described, h.parts, COALESCE(h.policies, '{}')
  FROM held h WHERE h.described IS NOT NULL
$$;
REVOKE ALL ON FUNCTION jit._powers() FROM PUBLIC;
COMMENT ON FUNCTION jit._powers() IS 'A part of jit.drift(): what holds now on what policies name';

-- What is watched already stays as it was recorded: a new policy does not cover up a change by hand.
CREATE FUNCTION jit._watch() RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
INSERT INTO jit.baseline (kind, class_id, object_id, sub_id, role_id, what, described, recorded_at)
SELECT p.kind, p.class_id, p.object_id, p.sub_id, p.role_id, p.what, p.described, clock_timestamp()
  FROM jit._powers() p
 WHERE NOT EXISTS (SELECT FROM jit.baseline b WHERE b.kind = 'place' AND b.class_id = p.class_id AND b.object_id = p.object_id)
    ON CONFLICT DO NOTHING
$$;
REVOKE ALL ON FUNCTION jit._watch() FROM PUBLIC;
COMMENT ON FUNCTION jit._watch() IS 'A part of the functions that make policies: records what holds on what is not watched yet';

CREATE FUNCTION jit.drift(OUT change text, OUT kind text, OUT described text, OUT parts text[], OUT policies text[]) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
WITH p AS MATERIALIZED (SELECT p.* FROM jit._powers() p)
SELECT 'added', p.kind, p.described, p.parts, p.policies
  FROM p
 WHERE p.kind <> 'place'
   AND EXISTS (SELECT FROM jit.baseline b WHERE b.kind = 'place' AND b.class_id = p.class_id AND b.object_id = p.object_id)
   AND NOT EXISTS (SELECT FROM jit.baseline b
                    WHERE b.kind = p.kind AND b.class_id = p.class_id AND b.object_id = p.object_id AND b.sub_id = p.sub_id
                      AND b.role_id = p.role_id AND b.what = p.what)
 UNION ALL
SELECT 'removed', b.kind, b.described, s.parts, s.policies
  FROM jit.baseline b
  JOIN p s ON s.kind = 'place' AND s.class_id = b.class_id AND s.object_id = b.object_id
 WHERE b.kind <> 'place'
   AND NOT EXISTS (SELECT FROM p WHERE p.kind = b.kind AND p.class_id = b.class_id AND p.object_id = b.object_id AND p.sub_id = b.sub_id
                      AND p.role_id = b.role_id AND p.what = b.what)
 ORDER BY 1, 3
$$;
REVOKE ALL ON FUNCTION jit.drift() FROM PUBLIC;
COMMENT ON FUNCTION jit.drift()
    IS 'Memberships, privileges and owners on what policies name that were added or removed by hand since they were recorded; jit.accept_drift() records them anew';

CREATE FUNCTION jit.accept_drift(comment text) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_accept_drift';
REVOKE ALL ON FUNCTION jit.accept_drift(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.accept_drift(text)
    IS 'Somebody has looked at jit.drift(): what holds now is as it should be. Returns how many changes that were; only as a bare SELECT';
-- Recertification: from time to time somebody who answers for a policy says that it is still needed and right.

CREATE FUNCTION jit.start_certification(
    due_in   interval DEFAULT '30 days',
    policies text[]   DEFAULT NULL
) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_start_certification';
REVOKE ALL ON FUNCTION jit.start_certification(interval, text[]) FROM PUBLIC;
COMMENT ON FUNCTION jit.start_certification(interval, text[])
    IS 'Starts a campaign: these policies, or all, are to be certified within that time. Returns its number; only as a bare SELECT';

CREATE FUNCTION jit.certify(policy text, comment text DEFAULT NULL) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_certify';
REVOKE ALL ON FUNCTION jit.certify(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.certify(text, text) TO PUBLIC;
COMMENT ON FUNCTION jit.certify(text, text)
    IS 'I answer for it that the policy is still needed and right, as an approver or jit_admin. Returns in how many campaigns that was open; only as a bare SELECT';

-- A policy that was dropped need not be certified any more.
CREATE VIEW jit.certifications WITH (security_barrier) AS
SELECT c.campaign,
       COALESCE(p.name, c.policy) AS policy,
       c.started_by,
       c.started_at,
       c.due_at,
       c.certified_by,
       c.certified_at,
       c.comment,
       COALESCE(c.certified_at, CASE WHEN p.policy_id IS NULL THEN c.due_at ELSE pg_catalog.clock_timestamp() END) > c.due_at AS late,
       (SELECT pg_catalog.max(r.requested_at) FROM jit.requests r WHERE r.policy_id = c.policy_id) AS asked_last,
       CASE WHEN c.certified_at IS NULL AND p.policy_id IS NOT NULL
                 AND (d.policy_id IS NOT NULL OR (SELECT jit.belongs(ARRAY(SELECT a.oid::pg_catalog.regrole FROM pg_catalog.pg_roles a WHERE a.rolname = 'jit_admin'))))
            THEN 'SELECT jit.certify(' || pg_catalog.quote_literal(p.name) || ', ''comment'');' END AS to_certify
  FROM jit.certificates c
  LEFT JOIN jit.policies p ON p.policy_id = c.policy_id
  LEFT JOIN jit.decides() d ON d.policy_id = c.policy_id
 WHERE d.policy_id IS NOT NULL OR (SELECT jit.sees_all());
COMMENT ON VIEW jit.certifications IS 'The campaigns of recertification: the policies that I decide about, and all for auditors and admins';
COMMENT ON COLUMN jit.certifications.campaign IS 'Number of the campaign';
COMMENT ON COLUMN jit.certifications.policy IS 'Name of the policy: the argument of jit.certify()';
COMMENT ON COLUMN jit.certifications.started_by IS 'Who started the campaign';
COMMENT ON COLUMN jit.certifications.started_at IS 'When';
COMMENT ON COLUMN jit.certifications.due_at IS 'Until when it is to be certified';
COMMENT ON COLUMN jit.certifications.certified_by IS 'Who certified it; NULL: nobody yet';
COMMENT ON COLUMN jit.certifications.certified_at IS 'When';
COMMENT ON COLUMN jit.certifications.comment IS 'What that person said about it';
COMMENT ON COLUMN jit.certifications.late IS 'Whether it was certified late, or is late now';
COMMENT ON COLUMN jit.certifications.asked_last IS 'When somebody last asked under the policy: is it still needed?';
COMMENT ON COLUMN jit.certifications.to_certify IS 'The call that certifies it; NULL when it is not mine, or done';
-- What somebody should look at: each finding with the rows that show it, and what to do. The limits stand in the statements; the
-- README lists them.

CREATE FUNCTION jit._findings_of_requests(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH asked AS MATERIALIZED (
    SELECT r.request_id, r.policy_id, r.policy, r.person, r.person_name, r.authn_id, r.requested_at, r.stage_since
      FROM jit.requests r WHERE r.requested_at >= $1 AND r.requested_at < $2),
before AS MATERIALIZED ( -- three times as long, just before
    SELECT r.policy_id, r.person, count(*) AS n
      FROM jit.requests r WHERE r.requested_at >= $1 - 3 * ($2 - $1) AND r.requested_at < $1 GROUP BY r.policy_id, r.person),
votes AS (
    SELECT v.voter_name, v.voted_at, a.request_id, a.policy, v.voted_at - a.requested_at AS after,
           v.vote = 'approve'
               AND (v.voted_at - GREATEST(a.requested_at, a.stage_since) < '10 seconds'
                    OR v.voted_at - lag(v.voted_at) OVER (PARTITION BY v.voter ORDER BY v.voted_at) < '5 seconds') AS quick, v.voter
      FROM asked a JOIN jit.votes v ON v.request_id = a.request_id),
runs AS (
    SELECT v.*, row_number() OVER (PARTITION BY v.voter ORDER BY v.voted_at)
                - row_number() OVER (PARTITION BY v.voter, v.quick ORDER BY v.voted_at) AS run FROM votes v)
SELECT 'low', 'asks_often',
       a.person || ' asked ' || a.n::text || ' times for "' || a.policy || '"; before: ' || round(COALESCE(b.n, 0) / 3.0, 1)::text || ' times in as long',
       a.policy, a.person, jsonb_build_object('requests', a.ids, 'count', a.n, 'before', round(COALESCE(b.n, 0) / 3.0, 1)),
       'Ask what the work is. A longer approval with fewer rights, or a rule for the routine part, may serve it better.'
  FROM (SELECT a.policy_id, a.person AS oid, min(a.policy) AS policy, min(a.person_name) AS person, count(*) AS n,
               (array_agg(a.request_id ORDER BY a.request_id DESC))[1:20] AS ids
          FROM asked a GROUP BY a.policy_id, a.person HAVING count(*) >= 10) a
  LEFT JOIN before b ON b.policy_id = a.policy_id AND b.person = a.oid
 WHERE a.n > COALESCE(b.n, 0)
 UNION ALL
SELECT 'low', 'policy_asked_often',
       '"' || a.policy || '" was asked for ' || a.n::text || ' times by ' || a.people::text || ' people; before: ' || round(b.n / 3.0, 1)::text
           || ' times in as long',
       a.policy, NULL, jsonb_build_object('count', a.n, 'people', a.people, 'before', round(b.n / 3.0, 1)),
       'Look what changed: a new task, a broken tool, or a policy that guards too much.'
  FROM (SELECT a.policy_id, min(a.policy) AS policy, count(*) AS n, count(DISTINCT a.person) AS people
          FROM asked a GROUP BY a.policy_id HAVING count(*) >= 30) a
  JOIN (SELECT b.policy_id, sum(b.n) AS n FROM before b GROUP BY b.policy_id) b ON b.policy_id = a.policy_id
 WHERE a.n > b.n
 UNION ALL
SELECT 'medium', 'quick_fire',
       r.voter_name || ' said yes ' || count(*)::text || ' times in a row, each within seconds', NULL, r.voter_name,
       jsonb_build_object('requests', (array_agg(r.request_id ORDER BY r.voted_at))[1:20], 'count', count(*),
                          'first', min(r.voted_at), 'last', max(r.voted_at), 'seconds', round(EXTRACT(epoch FROM avg(r.after)), 1)),
       'Talk to the approver: a yes that nobody thinks about is no control. A rule can answer what needs no thought.'
  FROM runs r WHERE r.quick GROUP BY r.voter, r.voter_name, r.run HAVING count(*) >= 5
 UNION ALL
SELECT 'high', 'two_identities',
       i.name || ' was used by ' || count(DISTINCT i.authn_id)::text || ' identities', NULL, i.name,
       jsonb_build_object('identities', (array_agg(DISTINCT i.authn_id))[1:20]),
       'One role, one person: give each their own role, or nobody knows who it was.'
  FROM (SELECT a.person AS oid, a.person_name AS name, a.authn_id FROM asked a
         UNION ALL
        SELECT v.voter, v.voter_name, v.authn_id FROM asked a JOIN jit.votes v ON v.request_id = a.request_id) i
 WHERE i.authn_id IS NOT NULL GROUP BY i.oid, i.name HAVING count(DISTINCT i.authn_id) > 1
$$;
REVOKE ALL ON FUNCTION jit._findings_of_requests(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_requests(timestamptz, timestamptz) IS 'A part of jit.findings()';

CREATE FUNCTION jit._findings_of_anchors(
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
SELECT 'high', 'anchor_contradicted',
       'the container of "' || t.name || '" has other checkpoints than the ledger, the first of ' || min(l.seq)::text || ' records', NULL, NULL,
       jsonb_build_object('destination', t.name, 'url', t.url, 'checkpoints', (array_agg(l.seq ORDER BY l.seq))[1:20], 'count', count(*),
                          'found_at', min(l.rejected_at)),
       'Fetch the container and compare it with jit-verify --anchors: the ledger was changed, rolled back or restored, or somebody else wrote there. '
           || 'After a restore that was meant, drop the destination and anchor into another container or prefix.'
  FROM jit.destination_terms t JOIN jit.dead_letters l ON l.destination_id = t.destination_id
 WHERE t.kind = 'azure_blob' GROUP BY t.destination_id
 UNION ALL
SELECT 'medium', 'anchor_late',
       '"' || t.name || '" has not anchored the ledger for ' || justify_interval(date_trunc('minute', clock_timestamp() - c.signed_at))::text, NULL, NULL,
       jsonb_build_object('destination', t.name, 'anchored', d.acknowledged, 'signed', s.signed_size, 'last_error', d.last_error, 'stopped', d.stopped),
       'SELECT * FROM jit.destinations says what is wrong. Until it works, whoever has the signing key can change what is not anchored.'
  FROM jit.destination_terms t JOIN jit.deliveries d ON d.destination_id = t.destination_id CROSS JOIN jit.ledger_state s
 CROSS JOIN LATERAL (SELECT c.signed_at FROM jit.checkpoints c WHERE c.tree_size > d.acknowledged ORDER BY c.tree_size LIMIT 1) c
 WHERE t.kind = 'azure_blob' AND t.enabled AND c.signed_at < clock_timestamp() - '1 hour'::interval
$$;
REVOKE ALL ON FUNCTION jit._findings_of_anchors() FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_anchors() IS 'A part of jit.findings()';

CREATE FUNCTION jit._findings_of_state(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN LEAST(r.ended_at, r.ends_at) < clock_timestamp() - '1 day'::interval THEN 'high' ELSE 'medium' END, 'glass_not_reviewed',
       r.person_name || ' broke the glass of "' || r.policy || '" and nobody has reviewed it', r.policy, r.person_name,
       jsonb_build_object('requests', ARRAY[r.request_id], 'at', r.requested_at, 'reason', r.reason),
       'An approver looks at what was done and calls SELECT jit.review(' || r.request_id::text || ', ''justified'', ''comment'');'
  FROM jit.requests r WHERE r.review = 'awaiting'
 UNION ALL
SELECT CASE WHEN d.change = 'removed' THEN 'low' WHEN d.kind = 'membership' AND d.parts <@ '{eligible}' THEN 'medium' ELSE 'high' END, 'drift',
       CASE d.change WHEN 'removed' THEN 'no longer: ' ELSE 'by hand: ' END || d.described, d.policies[1], NULL,
       jsonb_build_object('change', d.change, 'kind', d.kind, 'parts', d.parts, 'policies', d.policies),
       CASE d.change WHEN 'removed' THEN 'If it was meant: SELECT jit.accept_drift(''why'');'
                     ELSE 'REVOKE it, or, if it was meant: SELECT jit.accept_drift(''why'');' END
  FROM jit.drift() d
 UNION ALL
SELECT 'medium', 'certification_late', '"' || p.name || '" was to be certified until ' || to_char(c.due_at, 'YYYY-MM-DD HH24:MI'), p.name, NULL,
       jsonb_build_object('campaign', c.campaign, 'due_at', c.due_at, 'started_by', c.started_by),
       'An approver calls SELECT jit.certify(' || quote_literal(p.name) || ', ''comment''); or the policy is changed or dropped.'
  FROM jit.certificates c JOIN jit.policies p ON p.policy_id = c.policy_id
 WHERE c.certified_at IS NULL AND c.due_at <= clock_timestamp()
 UNION ALL
SELECT 'low', 'policy_unused', 'nobody asked for "' || p.name || '"', p.name, NULL,
       jsonb_build_object('created_at', p.created_at, 'asked_last', (SELECT max(r.requested_at) FROM jit.requests r WHERE r.policy_id = p.policy_id)),
       'Drop it if what it guards is gone. If it guards what nobody needs, take people off eligible.'
  FROM jit.policies p
 WHERE p.mode <> 'off' AND p.name <> 'jit_guard' AND p.created_at < $1 AND p.eligible <> '{}'
   AND NOT EXISTS (SELECT FROM jit.requests r WHERE r.policy_id = p.policy_id AND r.requested_at >= $1 AND r.requested_at < $2)
$$;
REVOKE ALL ON FUNCTION jit._findings_of_state(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_state(timestamptz, timestamptz) IS 'A part of jit.findings()';
-- Findings about what was done with rights, and what was refused: read from the ledger by time.

CREATE FUNCTION jit._findings_of_uses(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH uses AS MATERIALIZED ( -- as long before, at least 30 days, is what somebody is compared with; 2: a use
    SELECT l.seq, l.at, l.at >= $1 AS recent, d.r ->> 'person' AS person, e.u ->> 'policy' AS policy, (e.u ->> 'request_id')::bigint AS request_id,
           d.r ->> 'application_name' AS application_name, (d.r ->> 'client_addr')::inet AS client_addr
      FROM jit.ledger l
     CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
     CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
     WHERE l.at >= $1 - GREATEST($2 - $1, '30 days'::interval) AND l.at < $2 AND get_byte(l.record, 1) = 2),
last_uses AS MATERIALIZED (SELECT u.request_id, max(u.at) AS at FROM uses u GROUP BY u.request_id),
began AS MATERIALIZED (SELECT min(l.at) AS at FROM jit.ledger l), -- before it nothing is known about uses
given AS MATERIALIZED ( -- rights that ended in the time; a lent role leaves no uses
    SELECT r.request_id, r.policy_id, r.policy, r.person_name, r.ends_at - r.starts_at AS given,
           u.at - r.starts_at AS used
      FROM jit.requests r JOIN jit.policies p ON p.policy_id = r.policy_id LEFT JOIN last_uses u ON u.request_id = r.request_id
     WHERE r.requested_at < $2 AND r.requested_at >= $1 - '366 days'::interval
       AND r.starts_at >= GREATEST($1, (SELECT b.at FROM began b)) AND LEAST(r.ended_at, r.ends_at) < LEAST($2, clock_timestamp())
       AND r.state IN ('approved', 'ended') AND r.change IS NULL AND p.elevates_to = '{}' AND p.mode = 'enforce'),
hourly AS (
    SELECT u.application_name, u.client_addr, u.recent, date_trunc('hour', u.at) AS hour, count(DISTINCT u.seq) AS n
      FROM uses u GROUP BY 1, 2, 3, 4),
habits AS MATERIALIZED (
    SELECT u.person, u.policy, array_agg(DISTINCT EXTRACT(hour FROM u.at)::integer) AS hours, bool_or(EXTRACT(isodow FROM u.at) > 5) AS weekends
      FROM uses u WHERE NOT u.recent GROUP BY u.person, u.policy
    HAVING count(DISTINCT u.seq) >= 20 AND count(DISTINCT u.at::date) >= 5)
SELECT CASE WHEN count(*) >= 5 THEN 'medium' ELSE 'low' END, 'never_used',
       g.person_name || ' did not use ' || count(*)::text || CASE count(*) WHEN 1 THEN ' approval' ELSE ' approvals' END || ' of "' || g.policy || '"',
       g.policy, g.person_name, jsonb_build_object('requests', (array_agg(g.request_id ORDER BY g.request_id DESC))[1:20], 'count', count(*)),
       'Rights that nobody needs should not be there: ask when the work begins, or take the person off the policy.'
  FROM given g WHERE g.used IS NULL GROUP BY g.policy_id, g.policy, g.person_name
 UNION ALL
SELECT 'low', 'longer_than_used',
       g.person_name || ' had "' || g.policy || '" for ' || to_char(make_interval(secs => EXTRACT(epoch FROM avg(g.given))::integer), 'HH24:MI:SS')
           || ' and used it for ' || to_char(make_interval(secs => EXTRACT(epoch FROM avg(g.used))::integer), 'HH24:MI:SS') || ' on average',
       g.policy, g.person_name,
       jsonb_build_object('requests', (array_agg(g.request_id ORDER BY g.request_id DESC))[1:20], 'count', count(*),
                          'given_seconds', EXTRACT(epoch FROM avg(g.given))::integer, 'used_seconds', EXTRACT(epoch FROM avg(g.used))::integer),
       'Ask for less, or lower default_duration and max_duration of the policy.'
  FROM given g WHERE g.used IS NOT NULL GROUP BY g.policy_id, g.policy, g.person_name
HAVING count(*) >= 3 AND avg(g.given) >= '15 minutes' AND sum(g.used) < sum(g.given) / 4
 UNION ALL
SELECT 'medium', 'burst',
       COALESCE(NULLIF(h.application_name, ''), 'a program without a name') || COALESCE(' from ' || host(h.client_addr), '') || ' used rights '
           || max(h.n) FILTER (WHERE h.recent)::text || ' times in one hour; before: at most ' || max(h.n) FILTER (WHERE NOT h.recent)::text,
       NULL, NULL,
       jsonb_build_object('application_name', h.application_name, 'client_addr', h.client_addr, 'most', max(h.n) FILTER (WHERE h.recent),
                          'before', max(h.n) FILTER (WHERE NOT h.recent),
                          'hours', (array_agg(h.hour ORDER BY h.n DESC, h.hour) FILTER (WHERE h.recent))[1:5]),
       'Look at its uses of that hour in jit.uses: a script gone wrong, somebody else behind the program, or rows carried out.'
  FROM hourly h GROUP BY h.application_name, h.client_addr
HAVING max(h.n) FILTER (WHERE h.recent) >= 50 AND count(*) FILTER (WHERE NOT h.recent) >= 10
   AND max(h.n) FILTER (WHERE h.recent) > 5 * max(h.n) FILTER (WHERE NOT h.recent)
 UNION ALL
SELECT 'medium', 'unusual_hours',
       u.person || ' used "' || u.policy || '" ' || count(DISTINCT u.seq)::text || ' times at unusual hours', u.policy, u.person,
       jsonb_build_object('requests', (array_agg(DISTINCT u.request_id))[1:20], 'count', count(DISTINCT u.seq),
                          'times', (array_agg(u.at ORDER BY u.at DESC))[1:20], 'usual_hours', h.hours),
       'Ask the person. If nobody works at such hours, give the policy hours.'
  FROM uses u JOIN habits h ON h.person = u.person AND h.policy = u.policy
 WHERE u.recent
   AND ((EXTRACT(isodow FROM u.at) > 5 AND NOT h.weekends)
        OR NOT EXISTS (SELECT FROM unnest(h.hours) o(hour)
                        WHERE LEAST(abs(o.hour - EXTRACT(hour FROM u.at)), 24 - abs(o.hour - EXTRACT(hour FROM u.at))) <= 1))
 GROUP BY u.person, u.policy, h.hours
 UNION ALL
SELECT 'medium', 'repeated_refusals',
       f.person || ' was refused ' || count(*)::text || ' times on ' || f.object, min(f.policy), f.person,
       jsonb_build_object('count', count(*), 'actions', array_agg(DISTINCT f.action), 'first', min(f.at), 'last', max(f.at), 'why', max(f.why)),
       'Ask the person what the work is: it lacks a policy or a request, or somebody is trying doors.'
  FROM (SELECT f.person, f.object, f.policy, f.action, f.at, f.why, count(*) OVER (PARTITION BY f.person, f.object, date_trunc('day', f.at)) AS day
          FROM (SELECT l.at, d.r ->> 'person' AS person, d.r ->> 'object' AS object, d.r ->> 'policy' AS policy, d.r ->> 'action' AS action, d.r ->> 'why' AS why
                  FROM jit.ledger l CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
                 WHERE l.at >= $1 AND l.at < $2 AND get_byte(l.record, 1) = 3) f) f
 GROUP BY f.person, f.object HAVING max(f.day) >= 10
$$;
REVOKE ALL ON FUNCTION jit._findings_of_uses(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_uses(timestamptz, timestamptz) IS 'A part of jit.findings()';

CREATE FUNCTION jit.findings(
    since interval    DEFAULT '30 days',
    until timestamptz DEFAULT NULL,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT f.*
  FROM (SELECT COALESCE($2, clock_timestamp()) AS ends_at OFFSET 0) t
 CROSS JOIN LATERAL (SELECT f.* FROM jit._findings_of_requests(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_uses(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_state(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_anchors() f) f
 ORDER BY array_position('{high,medium,low}', f.severity), f.kind, f.policy, f.person, f.finding
$$;
REVOKE ALL ON FUNCTION jit.findings(interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.findings(interval, timestamptz)
    IS 'What somebody should look at, in the time before until (NULL: now): severity, what was found, the rows that show it, and what to do';

CREATE FUNCTION jit.verify(OUT what text, OUT ok boolean, OUT seq bigint, OUT detail text) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_verify';
REVOKE ALL ON FUNCTION jit.verify() FROM PUBLIC;
COMMENT ON FUNCTION jit.verify()
    IS 'Computes the ledger''s tree again and compares it with what was written down and signed; a row for each thing that does not agree, and the sum';

CREATE FUNCTION jit.export(from_seq bigint DEFAULT NULL, to_seq bigint DEFAULT NULL, earlier bigint DEFAULT NULL) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_export';
REVOKE ALL ON FUNCTION jit.export(bigint, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION jit.export(bigint, bigint, bigint)
    IS 'Records of the ledger with their checkpoints as JSON lines for jit-verify; earlier adds the proof for a checkpoint of that size';

CREATE FUNCTION jit.drop_evidence(before_seq bigint, checkpoint text DEFAULT NULL, exported boolean DEFAULT false) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_evidence';
REVOKE ALL ON FUNCTION jit.drop_evidence(bigint, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_evidence(bigint, text, boolean)
    IS 'Empties the full segments of the ledger that end before a record; wants the last checkpoint of their export, or exported => true';

-- What happened in a time, as a page for people.

CREATE FUNCTION jit.report(from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_report';
REVOKE ALL ON FUNCTION jit.report(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.report(timestamptz, timestamptz)
    IS 'A page of HTML about a time, the last 30 days by default: rights, requests, findings, with pictures; it needs nothing from elsewhere';
-- So far what people read of the evidence.
REVOKE ALL ON jit.active FROM PUBLIC;
REVOKE ALL ON jit.audit FROM PUBLIC;
REVOKE ALL ON jit.history FROM PUBLIC;
REVOKE ALL ON jit.available FROM PUBLIC;
REVOKE ALL ON jit.certifications FROM PUBLIC;
REVOKE ALL ON jit.baseline FROM PUBLIC;
REVOKE ALL ON jit.certificates FROM PUBLIC;
REVOKE ALL ON jit.my_delegations FROM PUBLIC;
REVOKE ALL ON jit.my_requests FROM PUBLIC;
REVOKE ALL ON jit.pending FROM PUBLIC;
REVOKE ALL ON jit.reviews FROM PUBLIC;
REVOKE ALL ON jit.status FROM PUBLIC;
GRANT SELECT ON jit.available, jit.my_requests, jit.pending, jit.active, jit.history, jit.audit, jit.certifications, jit.my_delegations, jit.reviews, jit.status TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('jit.stages', '');
SELECT pg_catalog.pg_extension_config_dump('jit.statements', '');
SELECT pg_catalog.pg_extension_config_dump('jit.statement_parts', '');
SELECT pg_catalog.pg_extension_config_dump('jit.certificates', '');
SELECT pg_catalog.pg_extension_config_dump('jit.rules', '');
SELECT pg_catalog.pg_extension_config_dump('jit.delegations', '');
SELECT pg_catalog.pg_extension_config_dump('jit.delegations_delegation_id_seq', '');
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.statements FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.statements ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.statements IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.statement_parts FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.statement_parts ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.statement_parts IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.stages FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.stages ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.stages IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.rules FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.rules ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.rules IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.delegations FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.delegations ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.delegations IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.certificates FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.certificates ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.certificates IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_segments FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_segments ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_segments IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.checkpoints ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.checkpoints IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_01 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_01 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_01 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_02 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_02 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_02 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_03 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_03 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_03 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_04 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_04 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_04 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_05 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_05 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_05 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_06 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_06 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_06 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_07 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_07 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_07 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_08 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_08 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_08 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_09 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_09 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_09 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_10 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_10 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_10 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_11 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_11 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_11 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_12 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_12 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_12 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_13 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_13 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_13 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_14 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_14 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_14 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_15 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_15 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_15 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_16 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_16 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_16 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_17 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_17 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_17 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_18 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_18 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_18 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_19 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_19 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_19 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_20 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_20 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_20 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_21 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_21 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_21 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_22 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_22 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_22 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_23 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_23 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_23 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_24 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_24 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_24 IS 'As on jit.policies';
GRANT EXECUTE ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.export_policies() TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.apply_policies(json, boolean, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.seal() TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.start_certification(interval, text[]) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.accept_drift(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drift() TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.touched(text, interval, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.used(text, interval, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.verify() TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.export(bigint, bigint, bigint) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.drop_evidence(bigint, text, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.report(timestamptz, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.findings(interval, timestamptz) TO jit_admin, jit_auditor;
GRANT SELECT ON jit.stages, jit.rules, jit.delegations, jit.use_counts, jit.statements, jit.statement_parts, jit.baseline, jit.certificates TO jit_admin, jit_auditor;

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
-- What stands for the server's functions of sequences and large objects while some of them are guarded. Not to be called by name.

CREATE FUNCTION jit._nextval(regclass) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_nextval';
REVOKE ALL ON FUNCTION jit._nextval(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._nextval(regclass) TO PUBLIC;
COMMENT ON FUNCTION jit._nextval(regclass) IS 'Asks the gate and then does what pg_catalog.nextval does; queries call it by themselves';

CREATE FUNCTION jit._setval(regclass, bigint) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_setval';
REVOKE ALL ON FUNCTION jit._setval(regclass, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._setval(regclass, bigint) TO PUBLIC;
COMMENT ON FUNCTION jit._setval(regclass, bigint) IS 'Asks the gate and then does what pg_catalog.setval does; queries call it by themselves';

CREATE FUNCTION jit._setval(regclass, bigint, boolean) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_setval_called';
REVOKE ALL ON FUNCTION jit._setval(regclass, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._setval(regclass, bigint, boolean) TO PUBLIC;
COMMENT ON FUNCTION jit._setval(regclass, bigint, boolean) IS 'Asks the gate and then does what pg_catalog.setval does; queries call it by themselves';

CREATE FUNCTION jit._pg_sequence_last_value(regclass) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_sequence_last_value';
REVOKE ALL ON FUNCTION jit._pg_sequence_last_value(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._pg_sequence_last_value(regclass) TO PUBLIC;
COMMENT ON FUNCTION jit._pg_sequence_last_value(regclass) IS 'Asks the gate and then does what pg_catalog.pg_sequence_last_value does; queries call it by themselves';

CREATE FUNCTION jit._lo_open(oid, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_open';
REVOKE ALL ON FUNCTION jit._lo_open(oid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_open(oid, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_open(oid, integer) IS 'Asks the gate and then does what pg_catalog.lo_open does; queries call it by themselves';

CREATE FUNCTION jit._loread(integer, integer) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_loread';
REVOKE ALL ON FUNCTION jit._loread(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._loread(integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._loread(integer, integer) IS 'Asks the gate and then does what pg_catalog.loread does; queries call it by themselves';

CREATE FUNCTION jit._lowrite(integer, bytea) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lowrite';
REVOKE ALL ON FUNCTION jit._lowrite(integer, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lowrite(integer, bytea) TO PUBLIC;
COMMENT ON FUNCTION jit._lowrite(integer, bytea) IS 'Asks the gate and then does what pg_catalog.lowrite does; queries call it by themselves';

CREATE FUNCTION jit._lo_lseek(integer, integer, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_lseek';
REVOKE ALL ON FUNCTION jit._lo_lseek(integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_lseek(integer, integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_lseek(integer, integer, integer) IS 'Asks the gate and then does what pg_catalog.lo_lseek does; queries call it by themselves';

CREATE FUNCTION jit._lo_lseek64(integer, bigint, integer) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_lseek64';
REVOKE ALL ON FUNCTION jit._lo_lseek64(integer, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_lseek64(integer, bigint, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_lseek64(integer, bigint, integer) IS 'Asks the gate and then does what pg_catalog.lo_lseek64 does; queries call it by themselves';

CREATE FUNCTION jit._lo_truncate(integer, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_truncate';
REVOKE ALL ON FUNCTION jit._lo_truncate(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_truncate(integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_truncate(integer, integer) IS 'Asks the gate and then does what pg_catalog.lo_truncate does; queries call it by themselves';

CREATE FUNCTION jit._lo_truncate64(integer, bigint) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_truncate64';
REVOKE ALL ON FUNCTION jit._lo_truncate64(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_truncate64(integer, bigint) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_truncate64(integer, bigint) IS 'Asks the gate and then does what pg_catalog.lo_truncate64 does; queries call it by themselves';

CREATE FUNCTION jit._lo_get(oid) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_get';
REVOKE ALL ON FUNCTION jit._lo_get(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_get(oid) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_get(oid) IS 'Asks the gate and then does what pg_catalog.lo_get does; queries call it by themselves';

CREATE FUNCTION jit._lo_get(oid, bigint, integer) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_get_part';
REVOKE ALL ON FUNCTION jit._lo_get(oid, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_get(oid, bigint, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_get(oid, bigint, integer) IS 'Asks the gate and then does what pg_catalog.lo_get does; queries call it by themselves';

CREATE FUNCTION jit._lo_put(oid, bigint, bytea) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_put';
REVOKE ALL ON FUNCTION jit._lo_put(oid, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_put(oid, bigint, bytea) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_put(oid, bigint, bytea) IS 'Asks the gate and then does what pg_catalog.lo_put does; queries call it by themselves';

-- Without STRICT's help the functions that it stands for, all of them strict, would see NULL.
-- It returns what they return: the call says which type that is.
CREATE FUNCTION jit._maintain(regclass, anyelement) RETURNS anyelement
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_maintain';
REVOKE ALL ON FUNCTION jit._maintain(regclass, anyelement) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._maintain(regclass, anyelement) TO PUBLIC;
COMMENT ON FUNCTION jit._maintain(regclass, anyelement) IS 'Asks for MAINTAIN of the table of the index and then does what brin_summarize_new_values, gin_clean_pending_list or a function of amcheck does; queries call it by themselves';

-- Each approval has its count.
INSERT INTO jit.use_counts (request_id, used, rows) SELECT a.request_id, 0, 0 FROM jit.approvals a;

-- The words of a policy ({ALL}, {DDL}) may mean more than they did: its guards are written anew.
CREATE FUNCTION jit._upgrade() RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_upgrade';
REVOKE ALL ON FUNCTION jit._upgrade() FROM PUBLIC;
SELECT jit._upgrade();
DROP FUNCTION jit._upgrade();

-- From here on what changes by hand is seen.
SELECT jit._watch();

-- Second factors and what is proved with them. Not dumped: they are sealed under a key and to roles of one server.
-- What has to outlive a rollback is in tables of its own, whose columns are of fixed length: pg/in_place.cpp writes them.

CREATE TABLE jit.authenticators (
    authenticator_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person           oid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('totp', 'ssh', 'recovery', 'entra')),
    name             text NOT NULL,
    secret           bytea,
    enrolled_at      timestamptz NOT NULL,
    by_proof         boolean NOT NULL,
    confirmed_at     timestamptz
);
CREATE INDEX authenticators_person ON jit.authenticators (person);
CREATE UNIQUE INDEX authenticators_entra ON jit.authenticators (person) WHERE kind = 'entra';
COMMENT ON TABLE jit.authenticators IS 'The second factors of people; read jit.factors instead';
COMMENT ON COLUMN jit.authenticators.authenticator_id IS 'Number of the factor';
COMMENT ON COLUMN jit.authenticators.person IS 'OID of the role whose it is';
COMMENT ON COLUMN jit.authenticators.kind IS 'totp: an authenticator app; ssh: a key; recovery: codes for when both are lost; entra: tokens of Entra ID';
COMMENT ON COLUMN jit.authenticators.name IS 'What it is called: the comment of a key, or what it is';
COMMENT ON COLUMN jit.authenticators.secret IS 'totp: the secret, sealed with AES-256-GCM under the key in jit_guard.mfa_key; ssh: the public key; recovery: a salt and SHA-256 of ten codes; entra: nothing';
COMMENT ON COLUMN jit.authenticators.enrolled_at IS 'When it was enrolled';
COMMENT ON COLUMN jit.authenticators.by_proof IS 'Whether a proof with another factor came with it; one without is not confirmed once there is another';
COMMENT ON COLUMN jit.authenticators.confirmed_at IS 'Since when it proves something; NULL: it does not yet';

CREATE TABLE jit.authenticator_counts (
    authenticator_id bigint PRIMARY KEY REFERENCES jit.authenticators ON DELETE CASCADE,
    last             bigint NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.authenticator_counts IS 'What of a factor is used up, one row a factor; written in place, so it is not undone by a rollback';
COMMENT ON COLUMN jit.authenticator_counts.authenticator_id IS 'The factor, in jit.authenticators';
COMMENT ON COLUMN jit.authenticator_counts.last IS 'totp: the last step of thirty seconds whose code was used; ssh: the last counter of a key in hardware; recovery: a bit for each used code; entra: when the last token that was used was issued';

CREATE TABLE jit.attempts (
    person        oid PRIMARY KEY,
    failures      integer NOT NULL,
    first_failure timestamptz NOT NULL,
    locked_until  timestamptz NOT NULL,
    lockouts      integer NOT NULL,
    announced     integer NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.attempts IS 'Failed proofs, one row for everybody who has a second factor; written in place, so they are not undone by a rollback';
COMMENT ON COLUMN jit.attempts.person IS 'OID of the role';
COMMENT ON COLUMN jit.attempts.failures IS 'Attempts since first_failure that did not succeed';
COMMENT ON COLUMN jit.attempts.first_failure IS 'When they began to be counted';
COMMENT ON COLUMN jit.attempts.locked_until IS 'Until when this person cannot prove anything';
COMMENT ON COLUMN jit.attempts.lockouts IS 'Lock-outs since the last success: each lasts twice as long as the one before';
COMMENT ON COLUMN jit.attempts.announced IS 'How many of them are in jit.events';

CREATE TABLE jit.challenges (
    request_id bigint NOT NULL,
    person     oid NOT NULL,
    used       integer NOT NULL,
    nonce      uuid NOT NULL,
    issued_at  timestamptz NOT NULL,
    PRIMARY KEY (person, request_id)
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.challenges IS 'The latest challenge of a person for a request; whether it was used is written in place';
COMMENT ON COLUMN jit.challenges.request_id IS 'The request, in jit.requests; 0: for enrolling and removing factors';
COMMENT ON COLUMN jit.challenges.person IS 'OID of the role that has to sign it';
COMMENT ON COLUMN jit.challenges.used IS '1: it was, and counts no more';
COMMENT ON COLUMN jit.challenges.nonce IS 'What makes it unlike every other';
COMMENT ON COLUMN jit.challenges.issued_at IS 'When jit.challenge() gave it';

CREATE TABLE jit.proofs (
    request_id bigint NOT NULL,
    person     oid NOT NULL,
    factor     text NOT NULL,
    proved_at  timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (request_id, person)
);
COMMENT ON TABLE jit.proofs IS 'Who proved for which request that it is them; the decision that it was for uses it up';
COMMENT ON COLUMN jit.proofs.request_id IS 'The request, in jit.requests';
COMMENT ON COLUMN jit.proofs.person IS 'OID of the role that proved itself';
COMMENT ON COLUMN jit.proofs.factor IS 'With what';
COMMENT ON COLUMN jit.proofs.proved_at IS 'When';
COMMENT ON COLUMN jit.proofs.used_at IS 'When it was used up; NULL: it was not';

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

REVOKE ALL ON jit.authenticators, jit.authenticator_counts, jit.attempts, jit.challenges, jit.proofs, jit.token_issuers, jit.token_keys FROM PUBLIC;
REVOKE ALL ON SEQUENCE jit.authenticators_authenticator_id_seq FROM PUBLIC;
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

-- Second factors as people see them: no secret, and nothing that helps to guess one.

CREATE VIEW jit.factors WITH (security_barrier) AS
SELECT a.authenticator_id AS factor_id,
       a.person::regrole AS person,
       a.kind,
       a.name,
       a.enrolled_at,
       a.confirmed_at,
       CASE WHEN a.kind = 'ssh' THEN 'SHA256:' || pg_catalog.rtrim(pg_catalog.encode(pg_catalog.sha256(a.secret), 'base64'), '=') END AS fingerprint,
       CASE WHEN a.kind = 'recovery' THEN (10 - pg_catalog.bit_count(c.last::bit(64)))::integer END AS codes_left,
       COALESCE(t.failures, 0) AS failures,
       CASE WHEN t.locked_until > pg_catalog.clock_timestamp() THEN t.locked_until END AS locked_until
  FROM jit.authenticators a
  LEFT JOIN jit.authenticator_counts c ON c.authenticator_id = a.authenticator_id
  LEFT JOIN jit.attempts t ON t.person = a.person
 WHERE (a.person = (SELECT jit.person()) OR (SELECT jit.sees_all()))
   AND (a.kind <> 'entra' OR EXISTS (SELECT FROM pg_catalog.pg_shseclabel l WHERE l.objoid = a.person
            AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.provider = 'jit_guard'));
COMMENT ON VIEW jit.factors IS 'My second factors; auditors and admins see those of all';
COMMENT ON COLUMN jit.factors.factor_id IS 'Number of the factor: the argument of jit.remove_factor()';
COMMENT ON COLUMN jit.factors.person IS 'Whose it is';
COMMENT ON COLUMN jit.factors.kind IS 'totp: an authenticator app; ssh: a key; recovery: codes for when both are lost; entra: tokens of Entra ID';
COMMENT ON COLUMN jit.factors.name IS 'What it is called';
COMMENT ON COLUMN jit.factors.enrolled_at IS 'When it was enrolled';
COMMENT ON COLUMN jit.factors.confirmed_at IS 'Since when it proves something; NULL: not before jit.confirm_totp()';
COMMENT ON COLUMN jit.factors.fingerprint IS 'Of a key, as ssh-keygen -l shows it';
COMMENT ON COLUMN jit.factors.codes_left IS 'Recovery codes that are not used yet';
COMMENT ON COLUMN jit.factors.failures IS 'Attempts of the person to prove something that failed lately';
COMMENT ON COLUMN jit.factors.locked_until IS 'Until when the person cannot prove anything, after too many of them; NULL: there is no lock-out';
REVOKE ALL ON jit.factors FROM PUBLIC;
GRANT SELECT ON jit.factors TO PUBLIC;
GRANT EXECUTE ON FUNCTION jit.reset_factors(regrole, text) TO jit_admin;
GRANT SELECT ON jit.authenticator_counts, jit.attempts, jit.challenges, jit.proofs, jit.token_issuers, jit.token_keys TO jit_admin, jit_auditor;

-- Destinations of events.

CREATE FUNCTION jit.create_destination(
    name        text,
    kind        text,
    url         text    DEFAULT NULL,
    url_file    text    DEFAULT NULL,
    secret_file text    DEFAULT NULL,
    format      text    DEFAULT NULL,
    events      text[]  DEFAULT NULL,
    policies    text[]  DEFAULT NULL,
    enabled     boolean DEFAULT true,
    from_seq    bigint  DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_create_destination';
REVOKE ALL ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint) FROM PUBLIC;
COMMENT ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint)
    IS 'Lets the courier send events to a webhook, Slack, Teams, syslog or Azure Monitor, or checkpoints to a container, from now on or from a record of the ledger on';

CREATE FUNCTION jit.alter_destination(
    name        text,
    url         text    DEFAULT NULL,
    url_file    text    DEFAULT NULL,
    secret_file text    DEFAULT NULL,
    format      text    DEFAULT NULL,
    events      text[]  DEFAULT NULL,
    policies    text[]  DEFAULT NULL,
    enabled     boolean DEFAULT NULL
) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_alter_destination';
REVOKE ALL ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean)
    IS 'Changes what is given, and tries again at once; an empty list or text is none';

CREATE FUNCTION jit.drop_destination(name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_destination';
REVOKE ALL ON FUNCTION jit.drop_destination(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_destination(text) IS 'Sends nothing more there; what was not delivered stays in the ledger only';

CREATE FUNCTION jit.redeliver(destination text) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_redeliver';
REVOKE ALL ON FUNCTION jit.redeliver(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.redeliver(text) IS 'Sends what the destination rejected once more, and does not wait for the next try; returns how many records that are';

-- Never a secret: an address that is one lies in a file, and so do keys.
CREATE VIEW jit.destinations WITH (security_barrier) AS
SELECT t.name,
       t.kind,
       t.format,
       t.url,
       t.url_file,
       t.secret_file,
       t.events,
       t.policies,
       CASE WHEN NOT t.enabled THEN 'disabled'
            WHEN d.stopped THEN 'stopped'
            WHEN t.kind = 'azure_blob' AND EXISTS (SELECT FROM jit.dead_letters l WHERE l.destination_id = t.destination_id) THEN 'contradicted'
            WHEN d.failures > 0 THEN 'failing'
            WHEN d.acknowledged >= CASE t.kind WHEN 'azure_blob' THEN s.signed_size ELSE s.tree_size END THEN 'delivered'
            ELSE 'delivering' END AS state,
       d.acknowledged,
       GREATEST(CASE t.kind WHEN 'azure_blob' THEN s.signed_size ELSE s.tree_size END - d.acknowledged, 0) AS lag,
       d.delivered,
       (SELECT pg_catalog.count(*) FROM jit.dead_letters l WHERE l.destination_id = t.destination_id) AS dead_letters,
       d.failures,
       d.failing_since,
       d.next_try,
       d.last_success,
       d.last_error,
       d.last_error_at
  FROM jit.destination_terms t
  JOIN jit.deliveries d ON d.destination_id = t.destination_id
 CROSS JOIN jit.ledger_state s
 WHERE (SELECT jit.sees_all());
COMMENT ON VIEW jit.destinations IS 'Where events are sent, and how far that got; for auditors and admins';
COMMENT ON COLUMN jit.destinations.name IS 'Argument of jit.alter_destination(), jit.drop_destination() and jit.redeliver()';
COMMENT ON COLUMN jit.destinations.kind IS 'webhook, slack, teams, syslog, azure_monitor or azure_blob';
COMMENT ON COLUMN jit.destinations.format IS 'How a record is written';
COMMENT ON COLUMN jit.destinations.url IS 'The address; NULL: it is a secret, in url_file';
COMMENT ON COLUMN jit.destinations.url_file IS 'The file in jit_guard.courier_directory, or the secret of a vault, that the address is read from';
COMMENT ON COLUMN jit.destinations.secret_file IS 'The file, or the secret of a vault, with the secrets that messages are signed with';
COMMENT ON COLUMN jit.destinations.events IS 'Which events and kinds of records it gets; NULL: as its kind has it';
COMMENT ON COLUMN jit.destinations.policies IS 'Of which policies; NULL: all';
COMMENT ON COLUMN jit.destinations.state IS 'delivered, delivering, failing, contradicted (a container has other checkpoints), stopped (it wants nothing more) or disabled';
COMMENT ON COLUMN jit.destinations.acknowledged IS 'Records of jit.ledger up to this one are done with; of a container: are anchored';
COMMENT ON COLUMN jit.destinations.lag IS 'How many records that is behind the ledger, or its last checkpoint';
COMMENT ON COLUMN jit.destinations.delivered IS 'How many records it has taken';
COMMENT ON COLUMN jit.destinations.dead_letters IS 'How many it rejected; jit.redeliver() sends them once more';
COMMENT ON COLUMN jit.destinations.failures IS 'How often in a row it did not work';
COMMENT ON COLUMN jit.destinations.failing_since IS 'When the first of these was';
COMMENT ON COLUMN jit.destinations.next_try IS 'When the courier tries again';
COMMENT ON COLUMN jit.destinations.last_success IS 'When it took something last';
COMMENT ON COLUMN jit.destinations.last_error IS 'What went wrong last';
COMMENT ON COLUMN jit.destinations.last_error_at IS 'When';

REVOKE ALL ON jit.destination_terms, jit.deliveries, jit.dead_letters, jit.destinations FROM PUBLIC;
REVOKE ALL ON SEQUENCE jit.destination_terms_destination_id_seq FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drop_destination(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.redeliver(text) TO jit_admin;
GRANT SELECT ON jit.destination_terms, jit.deliveries, jit.dead_letters, jit.destinations, jit.pim_syncs TO jit_admin, jit_auditor;
