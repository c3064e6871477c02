-- The nouns of jit_guard: policies, requests, votes, approvals, events.
-- Only functions of the extension write here; the gate refuses everybody else (see hooks/judge.cpp).

-- vacuum_truncate = off where the gate reads: giving space back takes a lock that would refuse guarded statements.

-- New columns and constraints go to the end of their table: an upgrade adds them there, and is to equal a fresh install.

CREATE SCHEMA jit;
COMMENT ON SCHEMA jit IS 'jit_guard: just-in-time access, decided and enforced inside the server';

CREATE TABLE jit.instance (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    bound_at          timestamptz NOT NULL,
    sealed_at         timestamptz,
    sealed_by         text,
    CHECK ((sealed_at IS NULL) = (sealed_by IS NULL))
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.instance IS 'The cluster and database this installation belongs to; a restored or copied one differs and is closed until jit.rebind()';
COMMENT ON COLUMN jit.instance.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN jit.instance.system_identifier IS 'System identifier of the cluster (pg_control_system)';
COMMENT ON COLUMN jit.instance.database_oid IS 'OID of the database';
COMMENT ON COLUMN jit.instance.sealed_at IS 'When jit.seal() closed it; NULL: unsealed, its own protection only reports';
COMMENT ON COLUMN jit.instance.sealed_by IS 'Who sealed it';
COMMENT ON COLUMN jit.instance.bound_at IS 'When the installation was bound to this cluster and database';

CREATE TABLE jit.policies (
    policy_id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL UNIQUE,
    actions          text[] NOT NULL,
    objects          text[] NOT NULL,
    lends            regrole[] NOT NULL,
    elevates_to      regrole[] NOT NULL,
    eligible         regrole[] NOT NULL,
    approvers        regrole[] NOT NULL,
    approvals        integer NOT NULL,
    exempt           regrole[] NOT NULL,
    max_duration     interval NOT NULL,
    default_duration interval NOT NULL,
    pending_timeout  interval NOT NULL,
    require_reason   boolean NOT NULL,
    ticket_pattern   text,
    on_expiry        text NOT NULL CHECK (on_expiry IN ('cancel', 'terminate')),
    mode             text NOT NULL CHECK (mode IN ('enforce', 'monitor', 'off')),
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    hours            text,
    networks         cidr[] NOT NULL,
    max_uses         integer CHECK (max_uses > 0),
    break_glass      regrole[] NOT NULL,
    break_glass_duration interval NOT NULL,
    escalate_to      regrole[] NOT NULL,
    escalate_after   interval,
    remind_after     interval,
    comment          text,
    max_rows         integer CHECK (max_rows > 0),
    statement        text NOT NULL CHECK (statement IN ('optional', 'required', 'bound')),
    require_mfa      text NOT NULL CHECK (require_mfa IN ('none', 'requester', 'approvers', 'both')),
    mfa_max_age      interval NOT NULL,
    record_parameters boolean NOT NULL,
    pim_group        text
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.policies IS 'What is guarded, whose power it gives, and the terms; written by jit.create_policy, jit.alter_policy and jit.drop_policy';

CREATE TABLE jit.stages (
    policy_id integer NOT NULL, -- no foreign key: a parallel pg_restore loads the tables in any order
    stage     integer NOT NULL CHECK (stage > 1),
    approvers regrole[] NOT NULL,
    approvals integer NOT NULL CHECK (approvals > 0),
    PRIMARY KEY (policy_id, stage)
);
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

CREATE TABLE jit.guards (
    policy_id    integer NOT NULL,
    object_class "char" NOT NULL CHECK (object_class IN ('r', 'n', 'd', 's', 'f', 't', 'l', 'a', 'b', 'x')),
    object_id    oid NOT NULL,
    attnums      smallint[] NOT NULL,
    actions      bigint NOT NULL,
    object       text NOT NULL,
    commands     bigint NOT NULL,
    is_sequence  boolean NOT NULL DEFAULT false
) WITH (vacuum_truncate = off);
CREATE INDEX guards_special ON jit.guards (policy_id) WHERE is_sequence OR object_class NOT IN ('r', 'n', 'd');
CREATE INDEX guards_object ON jit.guards (object_id, object_class);
ALTER TABLE jit.guards REPLICA IDENTITY FULL; -- rows without a key, which somebody may publish with all tables
CREATE INDEX guards_policy ON jit.guards (policy_id);
COMMENT ON TABLE jit.guards IS 'The scope of each policy, one row an object, indexed by object: what the gate probes';
COMMENT ON COLUMN jit.guards.object_class IS 'r: relation (pg_class), n: every relation of a schema (pg_namespace), d: every relation of the database, s: a schema itself, f: function (pg_proc), t: type (pg_type), l: large object, a: role (pg_authid), b: database (pg_database), x: the server';
COMMENT ON COLUMN jit.guards.object_id IS 'OID in that catalog; the database''s own OID for d; the number of a large object; 0 for x';
COMMENT ON COLUMN jit.guards.is_sequence IS 'Whether the relation is a sequence, whose values are guarded, too';
COMMENT ON COLUMN jit.guards.attnums IS 'Column numbers, or empty for the whole object';
COMMENT ON COLUMN jit.guards.actions IS 'Bit mask of the guarded actions, the first 63 (extension/core/actions.hpp)';
COMMENT ON COLUMN jit.guards.commands IS 'Bit mask of the guarded actions, those after the first 63';
COMMENT ON COLUMN jit.guards.object IS 'Canonical name when the policy was written';

CREATE TABLE jit.requests (
    request_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy_id        integer NOT NULL,
    policy           text NOT NULL,
    person           oid NOT NULL,
    person_name      text NOT NULL,
    authn_id         text,
    client_addr      inet,
    application_name text,
    state            text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'cancelled', 'timed_out', 'ended')),
    end_reason       text CHECK (end_reason IN ('expired', 'released', 'revoked', 'used_up')),
    actions          text[] NOT NULL,
    objects          text[] NOT NULL,
    narrowed         boolean NOT NULL,
    reason           text,
    ticket           text,
    duration         interval NOT NULL,
    starts_at        timestamptz,
    requested_at     timestamptz NOT NULL,
    pending_until    timestamptz NOT NULL,
    decided_at       timestamptz,
    ends_at          timestamptz,
    ended_at         timestamptz,
    uses             integer CHECK (uses > 0),
    stage            integer NOT NULL DEFAULT 1,
    stage_since      timestamptz,
    extends          bigint,
    break_glass      boolean NOT NULL DEFAULT false,
    review           text NOT NULL DEFAULT 'none' CHECK (review IN ('none', 'awaiting', 'done')),
    verdict          text CHECK (verdict IN ('justified', 'unjustified')),
    reviewed_by      text,
    reviewed_at      timestamptz,
    review_comment   text,
    escalated_at     timestamptz,
    reminded_at      timestamptz,
    change           jsonb,
    rows             integer CHECK (rows > 0),
    warned_at        timestamptz,
    pim_schedule     text,
    CHECK ((state = 'ended') = (end_reason IS NOT NULL)),
    CHECK ((review = 'done') = (verdict IS NOT NULL AND reviewed_by IS NOT NULL AND reviewed_at IS NOT NULL))
) WITH (vacuum_truncate = off);
CREATE INDEX requests_person ON jit.requests (person, policy_id, request_id);
CREATE INDEX requests_pending ON jit.requests (pending_until) WHERE state = 'pending';
CREATE INDEX requests_pending_person ON jit.requests (person) WHERE state = 'pending';
CREATE UNIQUE INDEX requests_owed ON jit.requests (person) WHERE review = 'awaiting'; -- nobody owes two reviews
CREATE INDEX requests_extends ON jit.requests (extends) WHERE extends IS NOT NULL;
CREATE UNIQUE INDEX requests_pim ON jit.requests (policy_id, pim_schedule) WHERE pim_schedule IS NOT NULL;
CREATE INDEX requests_person_time ON jit.requests (person, requested_at);
CREATE INDEX requests_person_name ON jit.requests (person_name, requested_at);
CREATE INDEX requests_time ON jit.requests (requested_at);
CREATE INDEX requests_denied ON jit.requests (person, decided_at) WHERE state = 'denied';
CREATE INDEX requests_policy_all ON jit.requests (policy_id);
CREATE INDEX requests_policy ON jit.requests (policy_id) WHERE state IN ('pending', 'approved');
COMMENT ON TABLE jit.requests IS 'One person''s ask under a policy, kept for ever; state moves only along extension/core/lifecycle.hpp';
COMMENT ON COLUMN jit.requests.starts_at IS 'While pending: the scheduled start asked for, or NULL for at once. Once approved: when the right starts';
COMMENT ON COLUMN jit.requests.ends_at IS 'Once approved: the absolute end of the right';
COMMENT ON COLUMN jit.requests.narrowed IS 'Whether its objects are fewer than the policy''s and listed in jit.scopes';

CREATE TABLE jit.votes (
    request_id bigint NOT NULL, -- no foreign key: a parallel pg_restore loads the tables in any order
    voter      oid NOT NULL,
    voter_name text NOT NULL,
    authn_id   text,
    vote       text NOT NULL CHECK (vote IN ('approve', 'deny')),
    comment    text,
    duration   interval,
    voted_at   timestamptz NOT NULL,
    stage      integer NOT NULL DEFAULT 1,
    for_whom   oid,
    for_whom_name text,
    PRIMARY KEY (request_id, voter)
);
CREATE INDEX votes_voter ON jit.votes (voter);
COMMENT ON TABLE jit.votes IS 'One approver''s yes or no on a request; a person counts once';

CREATE TABLE jit.approvals (
    request_id bigint PRIMARY KEY,
    policy_id  integer NOT NULL,
    person     oid NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at),
    actions    bigint NOT NULL,
    narrowed   boolean NOT NULL,
    uses       integer,
    commands   bigint NOT NULL,
    rows       integer,
    by_statement boolean NOT NULL DEFAULT false
) WITH (vacuum_truncate = off);
CREATE INDEX approvals_person ON jit.approvals (person);
CREATE INDEX approvals_ends_at ON jit.approvals (ends_at);
CREATE INDEX approvals_policy ON jit.approvals (policy_id);
COMMENT ON TABLE jit.approvals IS 'Rights in force or scheduled: person, scope and window; removed when over';
COMMENT ON COLUMN jit.approvals.by_statement IS 'Whether it is bound to the statement in jit.statements, and opens nothing for any other';
COMMENT ON COLUMN jit.approvals.ends_at IS 'The right holds while starts_at <= clock < ends_at, whatever any worker does';

CREATE TABLE jit.use_counts (
    request_id bigint PRIMARY KEY REFERENCES jit.approvals ON DELETE CASCADE,
    used       integer NOT NULL, -- no other columns, and no other types: pg/use_counts.cpp writes them in place
    rows       integer NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.use_counts IS 'How many uses and rows of an approval are counted, one row an approval; written in place, so it is not undone by a rollback';
COMMENT ON COLUMN jit.use_counts.request_id IS 'The approval, in jit.approvals';
COMMENT ON COLUMN jit.use_counts.used IS 'Uses that are counted: statements that read, and committed ones that only changed rows';
COMMENT ON COLUMN jit.use_counts.rows IS 'Rows that are counted: read, changed, or set aside for statements that run';

CREATE TABLE jit.scopes (
    request_id   bigint NOT NULL,
    object_class "char" NOT NULL CHECK (object_class IN ('r', 'n', 'd', 's', 'f', 't', 'l', 'a', 'b', 'x')),
    object_id    oid NOT NULL,
    attnums      smallint[] NOT NULL,
    fingerprint  bigint,
    object       text NOT NULL
) WITH (vacuum_truncate = off);
CREATE INDEX scopes_request ON jit.scopes (request_id);
ALTER TABLE jit.scopes REPLICA IDENTITY FULL;
CREATE INDEX scopes_object ON jit.scopes (object_id);
COMMENT ON TABLE jit.scopes IS 'The objects of an approval: those of a narrowed one, and every view that an approval names, with the fingerprint of its definition';
COMMENT ON COLUMN jit.scopes.fingerprint IS 'For a view: hash of its rule when the approval was given; a changed view no longer opens what it reads';

CREATE TABLE jit.events (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    event       text NOT NULL,
    request_id  bigint,
    policy      text,
    person      text,
    actor       text NOT NULL,
    authn_id    text,
    client_addr inet,
    detail      jsonb NOT NULL,
    seq         bigint
);
CREATE INDEX events_unsequenced ON jit.events (event_id) WHERE seq IS NULL;
CREATE INDEX events_request ON jit.events (request_id);
CREATE INDEX events_happened_at ON jit.events (happened_at);
CREATE INDEX events_document ON jit.events (event_id) WHERE event = 'document_commented';
CREATE INDEX events_switched ON jit.events (event_id) WHERE event IN ('switched_off', 'was_disabled');
COMMENT ON TABLE jit.events IS 'Every step of every life cycle, written in the transaction that makes it true';
COMMENT ON COLUMN jit.events.person IS 'Whose right it is about';
COMMENT ON COLUMN jit.events.seq IS 'Its record in jit.ledger; NULL: the keeper has not put it there yet';
COMMENT ON COLUMN jit.events.actor IS 'Who did it: an authenticated role, or a worker of the extension';
