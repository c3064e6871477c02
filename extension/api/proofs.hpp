// proofs.hpp: zone C. What a policy asks of proofs, and what is there: of the requester before anything is decided, of
// an approver before he approves.
#pragma once

#include "api/requests.hpp"

namespace jit::api::proofs {

[[nodiscard]] bool of_requester(const Terms &policy);
[[nodiscard]] bool of_approvers(const Terms &policy);

// Does the request wait for its requester's proof?
[[nodiscard]] bool is_unproved(core::RequestId id, Oid requester, const Terms &policy);
// Has the person to prove himself before he can approve?
[[nodiscard]] bool must_prove(core::RequestId id, Oid person, const Terms &policy, TimestampTz now);

void write(core::RequestId id, Oid person, const char *factor);
// The decision uses them up. Raise 55000 when there is none that counts.
void use_of_approver(const Request &request, const Terms &policy, TimestampTz now);
void use_of_requester(const Request &request, const Terms &policy, TimestampTz now);
[[noreturn]] void refuse_unproved(const Request &request);

// The NOTICE to a person whose request waits for his proof.
void say_needed(core::RequestId id, const Terms &policy);

// prove.cpp: for jit.break_glass(), whose request is new: the proof is an argument. Raises 55000 when it is missing.
void prove_at_once(core::RequestId id, const Terms &policy, const char *text);

} // namespace jit::api::proofs
