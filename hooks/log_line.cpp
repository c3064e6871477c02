// log_line.cpp: zone C. What goes into the server's log has no token of a person: log_statement, log_min_duration_statement and errors
// write down statements and the parameters that were bound to them, and a token that was not taken here may be good elsewhere.
// Nor has it rows of which the client is not told.
#include "core/jwt.hpp"

#include "hooks/chain.hpp"
#include "hooks/failing_rows.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "tcop/tcopprot.h"
}

namespace jit::hooks {

namespace {

namespace jwt = core::jwt;

constexpr const char *begins = "eyJ"; // {" in base64url
constexpr const char *characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

size_t length_of_token(const char *at)
{
    const size_t length = strspn(at, characters);
    return length >= jwt::least_bytes && jwt::looks_signed({at, length}) ? length : 0;
}

bool has_token(const char *text)
{
    for (const char *at = text; at != nullptr && (at = strstr(at, begins)) != nullptr; at++)
        if (length_of_token(at) != 0)
            return true;
    return false;
}

// The server frees these texts one by one, so the new one is as the old one was.
void redact(char **text, MemoryContext where)
{
    if (!has_token(*text))
        return;
    const MemoryContext caller = MemoryContextSwitchTo(where);
    StringInfoData out;
    initStringInfo(&out);
    for (const char *rest = *text; *rest != '\0';) {
        if (const size_t length = strncmp(rest, begins, strlen(begins)) == 0 ? length_of_token(rest) : 0; length != 0) {
            appendStringInfo(&out, "(a signed token of %zu bytes)", length);
            rest += length;
        } else {
            appendStringInfoCharMacro(&out, *rest);
            rest++;
        }
    }
    *text = out.data;
    MemoryContextSwitchTo(caller);
}

} // namespace

void log_line(ErrorData *line)
{
    if (!switches::off("log_tokens")) {
        for (char **text : {&line->message, &line->detail, &line->detail_log, &line->hint, &line->context})
            redact(text, line->assoc_context);
        if (has_token(debug_query_string))
            line->hide_stmt = true;
    }
    failing_rows::hide_at_commit(line);
    if (chain::log_line != nullptr)
        chain::log_line(line);
}

} // namespace jit::hooks
