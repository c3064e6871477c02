// ask.hpp: zone C. What somebody asks for, read from the arguments of jit.request() and jit.preview() and checked.
#pragma once

#include "api/requests.hpp"
#include "api/rules.hpp"
#include "api/statement.hpp"

namespace jit::api {

struct Ask {
    Oid person;
    const char *reason;
    const char *ticket;
    Interval *duration;
    TimestampTz starts_at; // 0 = at once
    int32 uses;            // 0 = any number, as the next
    int32 rows;
    TimestampTz now;
    Scope scope;
    bool narrowed;         // its objects are fewer than the policy's
    const BoundStatement *statement; // nullptr: not bound to one
};

namespace ask {

// A trial takes no locks and works in a read-only transaction: what it says may have changed when one asks.
enum class Mode : uint8 { real, trial };
// The arguments are those of jit.request(), in its order. Raises what jit.request() raises for them.
void read(FunctionCallInfo fcinfo, Mode mode, Ask *ask, Terms *policy);
// statement::require_own() for them; before SPI is connected.
void require_own_statement(FunctionCallInfo fcinfo);

// Raise what jit.request() raises for its reason and ticket, and for a person whose role cannot be elevated.
void check_texts(const Ask &ask, const Terms &policy);
void check_elevation(const Ask &ask, const Terms &policy);

// What the rules of the policy say to it.
[[nodiscard]] rules::Answer answer(const Ask &ask, const Terms &policy);

// The person's own pending request for the very same; 0 = none.
[[nodiscard]] core::RequestId same_pending(const Ask &ask, const Terms &policy);
// When a right that is approved now would end, as the duration and the hours of the policy have it.
[[nodiscard]] TimestampTz latest_end(const Ask &ask, const Terms &policy);

// Do people have to decide it?
[[nodiscard]] bool waits(const rules::Answer &answer, const Terms &policy);
// Has its requester to prove himself before anything but a rule that denies can decide it?
[[nodiscard]] bool waits_for_proof(const rules::Answer &answer, const Terms &policy);
// settle.cpp: what becomes at once of a request, or an extension, that was just written: denied or approved by a rule, or
// approved by a policy that asks nobody. False: people decide. The request must be the transaction's own.
[[nodiscard]] bool settle(core::RequestId id, const Terms &policy, const rules::Answer &answer, TimestampTz now);
// The NOTICE to a person whose request waits, or a WARNING when too few people can decide it now.
void say_who_decides(core::RequestId id, const Terms &policy, TimestampTz now);

} // namespace ask

// deciders in words, for a refusal: "approved automatically", "2 stages: a, then b"; nullptr for one plain stage.
[[nodiscard]] char *how_decided(const Terms &policy);

} // namespace jit::api
