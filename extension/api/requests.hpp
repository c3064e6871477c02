// requests.hpp: zone C. One request as its row says, and moving it along the life cycle.
#pragma once

#include "api/call.hpp"
#include "api/scope.hpp"
#include "api/terms.hpp"

namespace jit::api {

struct Request {
    core::RequestId id;
    int32 policy_id;
    const char *policy;
    Oid person;
    core::State state;
    const char *end_reason; // nullptr unless ended
    Words actions;
    Words objects;
    bool narrowed;
    Interval *duration;
    int32 uses;            // 0 = any number, as the next
    int32 rows;
    TimestampTz starts_at; // 0 = at once (while pending)
    TimestampTz pending_until;
    TimestampTz decided_at; // 0 = not yet, like the two below
    TimestampTz ends_at;
    TimestampTz ended_at;
    bool break_glass;
    core::RequestId extends; // the request whose right it prolongs; 0 = none
};

namespace requests {

// Without a lock. Raises 42704 when there is no such request.
void require(core::RequestId id, Request *out);
// The same for what a person names: a request that does not concern him is answered as one that does not exist.
void require_visible(core::RequestId id, Request *out);
// Is it his own, or one that he might decide or look into by his role?
[[nodiscard]] bool is_visible(const Request &request);
[[noreturn]] void refuse_unknown(core::RequestId id);
// Locks the row until the transaction ends, then reads it: what is decided next is decided on this.
void require_locked(core::RequestId id, Request *out);
// seize.cpp: the same for those who end a right of another: a session of the requester that stands in the way is ended.
void seize(core::RequestId id, Request *out);
// Locks a policy for somebody who changes or drops it; sessions that decided under it and do not commit are ended.
void seize_policy(int32 policy_id);

// The state that `event` leads to; raises 55000 saying why not, when it leads nowhere.
[[nodiscard]] core::Transition require_step(const Request &request, core::Event event);
// Writes the transition; the row must be locked. Zero times stay as they are.
struct Times {
    TimestampTz starts_at;
    TimestampTz ends_at;
};
void move(const Request &request, const core::Transition &to, TimestampTz now, const Times &times);

// Removes what a request holds: its approval and scopes. True when there was an approval.
bool remove_approval(core::RequestId id);

// grant.cpp: the decision. Moves a pending, locked request to approved, writes its approval with its window and scopes,
// and says so. `rule`: the rule of the policy that decided, 0 = none. Returns the new state's name.
[[nodiscard]] const char *grant(const Request &request, const Terms &policy, int64 micros, TimestampTz now,
                                int rule = 0);

// End of an approved request, by whoever: state, approval, event, strike.
void end(const Request &request, core::Event event, const char *event_name, const char *reason);

// Ends whatever is open of a request, for a reason outside of it: a pending one is cancelled, an approved one revoked.
// False when nothing was open any more.
bool close(core::RequestId id, const char *reason);

// Where the request stands, as the DETAIL of an error.
[[nodiscard]] const char *fact_of(const Request &request);

// Writes the objects of a request that is narrower than its policy.
void write_scopes(core::RequestId id, const Scope &scope);

} // namespace requests

} // namespace jit::api
