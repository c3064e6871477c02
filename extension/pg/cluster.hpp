// cluster.hpp: zone C. Cluster scope: what the policies of the control database say about roles, databases and the
// server, as every database of the server sees it. In the control database itself it is read from the tables; elsewhere
// it is what the control database's keeper published.
#pragma once

#include "pg/server.hpp"
#include "pg/settings.hpp"

namespace jit::pg::cluster {

struct Policy {
    core::PolicyId id;
    core::Mode mode;
    bool terminates;
    bool needs_ticket;
    const char *name;
    const char *default_duration; // as the caller would write it: "30 min"
    std::span<const Oid> exempt;
    std::span<const Oid> eligible;
    std::span<const Oid> approvers;
};
struct Guard {
    const Policy *policy;
    char object_class;
    Oid object; // of a role or database
    core::Actions actions;
};
struct Cover {
    char object_class;
    Oid object;
};
// One of the person's own.
struct Approval {
    core::RequestId request;
    core::PolicyId policy;
    TimestampTz from;
    TimestampTz until;
    core::Actions actions;
    bool narrowed;
    std::span<const Cover> covers;
};

enum class Standing : uint8 {
    known,
    unbound,     // the control database was restored or copied: everything that its policies name is closed
    unpublished, // nothing is known since the server started
    stale,       // a change was committed and is not published
    too_large,   // jit_guard.cluster_memory is too small for what is to be known
    standby,     // nothing is published on a standby
};

struct Picture {
    Standing standing;
    Oid control_database;     // InvalidOid when it does not exist
    std::span<const Policy> policies;
    std::span<const Guard> guards;
    std::span<const Approval> mine;
    core::Actions guarded;    // union of what guards in force or in monitor name
};

// Is there a control database at all? Without one nothing here costs anything.
[[nodiscard]] inline bool is_configured()
{
    return settings::control_database != nullptr && settings::control_database[0] != '\0';
}
// What is known now; in the control database as committed. Waits a short while for what is about to be published.
// Needs a transaction. Valid until the transaction ends.
[[nodiscard]] const Picture &picture();
// The same, read anew, for somebody who is not yet this session's person: while a connection is authenticated. Palloc'ed.
[[nodiscard]] Picture picture_for(Oid person);
// Does the person hold an approval of cluster scope, live or scheduled? Waits for nothing.
[[nodiscard]] bool holds_any();
// Is this approval of the person's published and live, seen from another database than the control database?
[[nodiscard]] bool is_live(core::RequestId request, TimestampTz now);
// Moves with every change of what is known; cheap.
[[nodiscard]] uint64 version();
// When holds_any() was first true for this session; DT_NOEND while it is not.
[[nodiscard]] TimestampTz held_since();

// Keeper of the control database: publishes what the tables say now. Needs a transaction with the house settled
// (workers::settled_presence). Returns false when it did not fit.
bool publish();
// Launcher, and a keeper that found no extension: there are no policies.
void publish_nothing(Oid control_database, uint64 expected_seen);

} // namespace jit::pg::cluster
