// statement.hpp: zone C. A request for one statement: what it is bound to, and whether a policy gives such.
#pragma once

#include "api/terms.hpp"
#include "pg/bound.hpp"

namespace jit::api {

// A statement as its requester's session understood it.
struct BoundStatement {
    const char *text;
    const char *digest;
    List *settings;   // of char *
    List *parts;      // of pg::parts::Part *
    List *open_ends;  // of char *
    const char *estimate;
};

namespace statement {

// With a statement given as argument number `statement`, raises unless the call is the client's own: the analysis of a text runs
// functions, as whoever called.
void require_own(FunctionCallInfo fcinfo, int statement);
// Parses, analyses and rewrites the text as the caller of the running function would, runs nothing. Raises for what cannot
// be bound to: commands, several statements, what the policy refuses. `text` nullptr: raises if the policy wants one.
[[nodiscard]] const BoundStatement *read(const char *text, const Terms &policy);
// Raises when a policy on such a scope cannot give approvals of statements.
void require_possible(const Terms &terms, const Scope &scope);

void store(core::RequestId id, const BoundStatement &statement);

// As the policy is now, may the request become an approval? Raises if not. Broken glass is no statement.
void require_wanted(core::RequestId id, const Terms &policy, bool break_glass);
// The policy wants more than it did: approvals that it would not give any more are revoked.
void end_others(const Terms &policy);

} // namespace statement

} // namespace jit::api
