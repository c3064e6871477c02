// cluster_words.hpp: zone C. The words of a refusal about roles, databases and the server.
#pragma once

#include "hooks/cluster_targets.hpp"
#include "pg/cluster.hpp"

namespace jit::hooks::cluster_words {

struct Text {
    const char *detail;
    const char *hint; // nullptr: none
    bool closed;      // not a matter of an approval
};

// Whose code asks.
enum class Code : uint8 {
    own,      // the person's, or that of somebody whom the approval may serve
    foreign,
    parallel, // not known inside a parallel worker
    unknown,  // the approval was met only while code was running
};

[[nodiscard]] const char *action(core::Action action);
// "role dba", "database app", "the server".
[[nodiscard]] const char *object(const cluster_targets::Target &target);
[[nodiscard]] const pg::cluster::Policy *policy_of(const pg::cluster::Picture &picture, core::PolicyId id);

[[nodiscard]] Text unknown(pg::cluster::Standing standing);
[[nodiscard]] Text explain(const pg::cluster::Picture &picture, const core::Decision &decision, Oid person);
[[nodiscard]] Text explain_code(const core::Decision &decision, Code code, Oid function);

} // namespace jit::hooks::cluster_words
