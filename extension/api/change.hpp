// change.hpp: zone C. How a policy is made, changed and dropped: one path for the calls, for a document of policies, and
// for a change that another jit_admin has approved.
#pragma once

#include "api/terms.hpp"

namespace jit::api {

struct Request;

namespace change {

enum class Kind : uint8 { creates, alters, drops, none };

// A change that passed every check of its own and is not done yet.
struct Proposal {
    Kind kind;
    Terms before; // creates: nothing
    Terms after;  // drops: nothing
    Scope scope;  // of `after`
    overlap::Weaker weaker;
    bool locked;  // nobody else can change the policy until the transaction ends
};

// How seriously it is meant: a trial is undone by its caller and must not disturb other sessions.
enum class Mode : uint8 { real, trial };

// What was decided lately must be seen: an older snapshot would let an approval grow with the policy. Raises 25001.
void require_latest_snapshots(const char *function);

// How to look at what may have to be asked for: sealed, nobody is disturbed before it is known.
[[nodiscard]] Mode look();

// As jit.create_policy and jit.alter_policy take their arguments; a name that is new or known, as each wants it.
[[nodiscard]] Proposal creation(FunctionCallInfo terms);
[[nodiscard]] Proposal alteration(FunctionCallInfo terms, Mode mode);
// The terms that are not given become the defaults instead of staying as they are.
[[nodiscard]] Proposal replacement(FunctionCallInfo terms, Mode mode);
[[nodiscard]] Proposal removal(const char *name, Mode mode);

// Does it.
void carry_out(Proposal *proposal, Mode mode);
// The same for a person: what weakens a sealed installation becomes a request instead. Returns what came of it, for
// people: "applied", "not applied" after a trial, or the request.
[[nodiscard]] const char *submit(Proposal *proposal, Mode mode);

// consent.cpp: writes the change as a request under the built-in policy; returns "request 12".
[[nodiscard]] const char *ask(const Proposal &proposal);
// Is the request one that changes a policy? Then the last vote does it, on today's state, and ends the request. Returns
// the state's name.
[[nodiscard]] bool is_change(const Request &request);
[[nodiscard]] const char *consent(const Request &request);

} // namespace change

} // namespace jit::api
