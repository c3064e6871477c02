-- What the columns of the views mean; psql's \d+ shows it.

COMMENT ON COLUMN jit.available.policy IS 'Name of the policy: the first argument of jit.request()';
COMMENT ON COLUMN jit.available.actions IS 'What it guards, and an approval allows; {ALL} or names of actions';
COMMENT ON COLUMN jit.available.objects IS 'On which tables, columns or schemas';
COMMENT ON COLUMN jit.available.lends IS 'The role whose privileges an approved statement borrows';
COMMENT ON COLUMN jit.available.elevates_to IS 'The role that I become a member of while the approval lives';
COMMENT ON COLUMN jit.available.default_duration IS 'How long I get it when I name no duration';
COMMENT ON COLUMN jit.available.max_duration IS 'The longest that I may ask for';
COMMENT ON COLUMN jit.available.approvals IS 'How many people must say yes; 0: it is approved at once';
COMMENT ON COLUMN jit.available.approvers IS 'The roles whose members decide';
COMMENT ON COLUMN jit.available.require_reason IS 'Whether I must give a reason';
COMMENT ON COLUMN jit.available.ticket_pattern IS 'Regular expression that my ticket must match; NULL: no ticket is needed';
COMMENT ON COLUMN jit.available.pending_timeout IS 'How long my request waits for a decision';
COMMENT ON COLUMN jit.available.mode IS 'enforce: without an approval it is refused; monitor: it passes and is reported';

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
COMMENT ON COLUMN jit.my_requests.decided_at IS 'When the deciding vote came';
COMMENT ON COLUMN jit.my_requests.starts_at IS 'When the right starts: as asked while pending, as given once approved';
COMMENT ON COLUMN jit.my_requests.ends_at IS 'When the right ends; a fixed moment, which a reconnect or restart does not move';
COMMENT ON COLUMN jit.my_requests.ended_at IS 'When it was over in fact';
COMMENT ON COLUMN jit.my_requests.votes IS 'Who said what, in order';

COMMENT ON COLUMN jit.pending.request_id IS 'Number of the request: the argument of jit.approve() and jit.deny()';
COMMENT ON COLUMN jit.pending.policy IS 'Name of the policy when it was asked';
COMMENT ON COLUMN jit.pending.person IS 'The authenticated role that asks';
COMMENT ON COLUMN jit.pending.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.pending.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.pending.actions IS 'What the person wants to do';
COMMENT ON COLUMN jit.pending.objects IS 'On what';
COMMENT ON COLUMN jit.pending.elevates_to IS 'The role that the person would become a member of';
COMMENT ON COLUMN jit.pending.duration IS 'For how long, counted from the start';
COMMENT ON COLUMN jit.pending.starts_at IS 'The start that the person asked for; NULL: at once, when the last vote is given';
COMMENT ON COLUMN jit.pending.requested_at IS 'When the person asked';
COMMENT ON COLUMN jit.pending.pending_until IS 'Until when it can be decided';
COMMENT ON COLUMN jit.pending.approvals_needed IS 'How many people must say yes';
COMMENT ON COLUMN jit.pending.approvals_given IS 'How many have';
COMMENT ON COLUMN jit.pending.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.pending.client_addr IS 'From which address the person asked; NULL: from the server itself';
COMMENT ON COLUMN jit.pending.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.pending.max_duration IS 'The longest that the policy allows';
COMMENT ON COLUMN jit.pending.mode IS 'enforce, or monitor: then it passes without approval too';
COMMENT ON COLUMN jit.pending.to_deny IS 'The call that denies it; NULL as for to_approve';

COMMENT ON COLUMN jit.active.request_id IS 'Number of the request: the argument of jit.release() and jit.revoke()';
COMMENT ON COLUMN jit.active.person IS 'Whose right it is';
COMMENT ON COLUMN jit.active.policy IS 'Name of the policy when it was asked';
COMMENT ON COLUMN jit.active.state IS 'active, or scheduled: it starts later';
COMMENT ON COLUMN jit.active.actions IS 'What the person may do';
COMMENT ON COLUMN jit.active.objects IS 'On what';
COMMENT ON COLUMN jit.active.elevates_to IS 'The role that the person is made a member of';
COMMENT ON COLUMN jit.active.starts_at IS 'When the right starts';
COMMENT ON COLUMN jit.active.ends_at IS 'When it ends';
COMMENT ON COLUMN jit.active.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.active.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.active.approved_by IS 'Who said yes, in order';

COMMENT ON COLUMN jit.audit.event_id IS 'Number of the event; numbers can be missing, as those of rolled-back transactions are';
COMMENT ON COLUMN jit.audit.happened_at IS 'The clock when it happened';
COMMENT ON COLUMN jit.audit.event IS 'requested, vote, approved, denied, cancelled, timed_out, expired, released, revoked, loan_granted, policy_created, ...';
COMMENT ON COLUMN jit.audit.request_id IS 'The request it is about; NULL when it is about a policy or the installation';
COMMENT ON COLUMN jit.audit.policy IS 'The policy it is about';
COMMENT ON COLUMN jit.audit.person IS 'Whose right it is about';
COMMENT ON COLUMN jit.audit.actor IS 'Who did it: an authenticated role, or a worker (keeper, lender)';
COMMENT ON COLUMN jit.audit.authn_id IS 'What the actor''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.audit.client_addr IS 'From which address the actor came; NULL: from the server itself';
COMMENT ON COLUMN jit.audit.detail IS 'What is particular to the event';

COMMENT ON COLUMN jit.status.fact IS 'What is told';
COMMENT ON COLUMN jit.status.value IS 'How it is now';
