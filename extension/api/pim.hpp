// pim.hpp: zone C. What activations in PIM for Groups make of requests here. For the courier, in a transaction with SPI.
#pragma once

#include "api/requests.hpp"

namespace jit::api::pim {

// A group that policies name.
struct Group {
    const char *id;
    const char *policies;  // changes when one of them does
    bool has_waiting;      // somebody asked under one of them, and waits
};
[[nodiscard]] Group *groups(int *count);

struct Activation {
    const char *group, *schedule, *person; // as Entra ID names them
    TimestampTz starts_at, ends_at;
    const char *reason, *ticket;
    TimestampTz heard_at; // when Graph said so
};
// The policies of a group.
[[nodiscard]] int32 *policies_of(const char *group, int *count);
enum class Answer : uint8 {
    done,  // there is a request for it, or nothing to be had any more
    stale, // what Graph said is too old to give anything
};
// A request that is approved, for as long as the activation lasts and the policy allows. Raises why there is none.
[[nodiscard]] Answer open(int32 policy_id, const Activation &activation);
// That it gives nothing, and why.
void refuse(int32 policy_id, const Activation &activation, const char *why);

// The requests that are approved by activations of a group.
struct Open {
    core::RequestId id;
    const char *schedule;
};
[[nodiscard]] Open *open_of(const char *group, int *count);
// An activation that is gone takes its right with it.
void close(core::RequestId id);

// How the last look went. `error` nullptr: well.
void note_sync(const char *group, int activations, const char *error);

} // namespace jit::api::pim
