// shared_cluster.hpp: zone C. What the control database publishes for every database of the server: one image of its
// cluster-scope policies and their approvals, replaced in one step. Nothing published, or older than the last commit
// that may have changed it: what it would decide is closed.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::shared::cluster {

// From shared::request_memory() and shared::attach().
void request_memory();
void attach();

enum class State : uint8 {
    unpublished, // nothing since the server (re)started
    stale,       // a change was committed that is not published yet
    current,
    too_large,   // what was to be published does not fit jit_guard.cluster_memory
};

// Moves whenever something was published or has to be: what is remembered of an image holds while this stands still.
[[nodiscard]] uint64 generation();
[[nodiscard]] State state();
// Interruptible; returns at once unless the image is unpublished or stale. The state when it returns.
[[nodiscard]] State wait_until_current(long timeout_ms);

struct Image {
    void *bytes; // palloc'ed
    Size size;
    uint64 generation;
    Oid control_database; // InvalidOid: there is none
};
// The image as it is now; false, and nothing is read, unless state() is current.
[[nodiscard]] bool read(Image *out);

// A committed change may have moved what is to be published: until that is done the image is stale. Wakes the control
// database's keeper. From a transaction callback: raises nothing.
void expect();
// Publisher: number to read before looking at the tables.
[[nodiscard]] uint64 expected();
// Replaces the image; `expected_seen` tells which changes it knows. One that does not fit leaves the state too_large,
// and false.
[[nodiscard]] bool publish(std::span<const char> image, Oid control_database, uint64 expected_seen);
// Of the last publication; InvalidOid: there is none.
[[nodiscard]] Oid control_database();
// Size of the last image and the room for one, in bytes; for jit.status.
[[nodiscard]] Size image_size();
[[nodiscard]] Size room();

} // namespace jit::pg::shared::cluster
