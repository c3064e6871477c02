// call.hpp: zone C. What every SQL function of the extension does first: reads its arguments, and refuses to write
// where nothing can be written.
#pragma once

#include "pg/server.hpp"

namespace jit::api {

inline constexpr int max_comment_chars = 4000; // reasons and comments
inline constexpr int max_ticket_chars = 200;
inline constexpr int max_list_items = 1000; // of one array argument

// A list of roles and a list of words, as read from an array argument or column.
struct Roles {
    Oid *oids;
    int count;
    [[nodiscard]] std::span<const Oid> view() const { return {oids, static_cast<std::size_t>(count)}; }
};
struct Words {
    char **items;
    int count;
};

// Raises 25006 in a read-only transaction or on a standby. The transaction cannot be prepared any more.
void require_writable(const char *function);
// Raises 55000 while the installation is unbound.
void require_bound();
// Both.
void require_writer(const char *function);
// What somebody does for himself is not done in his name by a function or text of somebody else's. That is known where functions
// are followed: while the person holds an approval.
void require_own_call(const char *function);
// Raises 42501 unless the person may use the functions of jit_admin.
void require_admin(const char *function);
// The same for those who change policies.
void require_policy_maker(FunctionCallInfo fcinfo, const char *function);

// Arguments. NULL gives nullptr; request numbers must be given.
[[nodiscard]] char *text_argument(FunctionCallInfo fcinfo, int n);
[[nodiscard]] Interval *interval_argument(FunctionCallInfo fcinfo, int n);
[[nodiscard]] core::RequestId request_argument(FunctionCallInfo fcinfo, int n = 0);
// Arrays: a NULL array is the caller's to test; a NULL element raises 22004 naming `what`.
[[nodiscard]] Words words_of(Datum array, const char *what);
[[nodiscard]] Roles roles_of(Datum array, const char *what);
[[nodiscard]] Datum array_of(const Words &words); // text[]
[[nodiscard]] Datum array_of(const Roles &roles); // regrole[]

[[nodiscard]] bool same_words(const Words &a, const Words &b); // in the same order

// Raises 22001 when the text is longer than that many characters.
void check_length(const char *what, const char *text, int max_chars);
// The same, and 22023 when it holds characters that nobody sees or that reorder the others: what people write for others to
// read. Names of objects and roles, which somebody else may have given, have one line.
void check_text(const char *what, const char *text, int max_chars,
                const char *hint = "Leave it out. Those who decide must see what they read.");
void check_shown_name(const char *what, const char *name);
[[nodiscard]] bool is_blank(const char *text); // also for nullptr

// For messages: a moment without fractions, a list of role names ("a, b and 3 more"), a text cut to a sane length.
[[nodiscard]] const char *when(TimestampTz at);
[[nodiscard]] char *role_list(std::span<const Oid> roles, int at_most = 5);
[[nodiscard]] char *word_list(const Words &words);
[[nodiscard]] char *clipped(const char *text);

// The moment that decides: the clock, never the transaction's start.
[[nodiscard]] inline TimestampTz clock() { return GetCurrentTimestamp(); }

} // namespace jit::api
