// loan_book.hpp: zone C. What the lender reads and writes: the loans that should be, those that are, and their events.
#pragma once

#include "pg/server.hpp"
#include "pg/shared.hpp"

namespace jit::workers::book {

// A loan as the policies and approvals want it, or a marked membership as it is.
struct Entry {
    Oid role;
    Oid member;
    TimestampTz until;       // 0: unknown (a membership found without its approval)
    core::RequestId request; // 0: unknown
    const char *policy;      // nullptr: unknown
    bool refused;            // must not be lent
};

// Everything that one pass compares; the arrays are palloc'ed where `read` was called, sorted by (role, member).
struct Page {
    std::span<Entry> wanted;       // live at `at`, one a pair: of several approvals the one that ends last
    std::span<Entry> actual;       // pg_auth_members with the grantor jit_lender
    std::span<Oid> elevation_roles;
    TimestampTz at;
    TimestampTz next;              // when the next approval starts or ends
};

// In a transaction. `at` must be set.
void read(Page *page);

// The events of one batch, in the transaction that makes them true; needs no SPI connection.
void granted(std::span<const Entry> loans);
void returned(std::span<const Entry> loans);
// Once a request: why it cannot be lent.
void refused(const Entry &loan, const char *why);

[[nodiscard]] int compare(const Entry &a, const Entry &b);

} // namespace jit::workers::book
