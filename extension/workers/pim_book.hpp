// pim_book.hpp: zone C. What is known of the groups that policies name, and what is written down of a look at one.
#pragma once

#include "net/graph.hpp"

#include "api/requests.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace jit::workers::pim {

namespace graph = net::graph;

struct Found {
    graph::Activation activation;
    graph::Why why;
    bool is_explained; // the request behind it was heard, and is as it should be
    bool is_settled;   // nothing has to be heard of it: all policies have dealt with it
};
struct Group {
    char id[graph::id_chars + 1];
    char *policies;
    bool has_waiting;
    TimestampTz next;  // 0: at once
    int failures;
    List *settled;     // of char *: schedules that all its policies have dealt with
    List *told;        // of char *: refusals that were recorded
    List *missed;      // of requests whose activation was missing, with how often
};

namespace book {

[[nodiscard]] MemoryContext memory(); // of all of it
[[nodiscard]] bool has(List *texts, const char *text);
[[nodiscard]] const Found *find(std::span<const Found> all, const char *schedule);

// In a transaction with SPI: today's groups. Returns whether there are any.
bool read_groups();
void forget_groups();
[[nodiscard]] bool is_known(const Group *group);
// The one to look at next; nullptr: there is none.
[[nodiscard]] Group *next();

// In transactions of their own: all of what Graph said at that time, or that it said nothing.
void settle(Group *group, std::span<Found> found, TimestampTz heard_at);
void note_failure(Group *group, const char *why);

} // namespace book

} // namespace jit::workers::pim
