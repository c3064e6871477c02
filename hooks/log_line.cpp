// log_line.cpp: zone C. What goes into the server's log has no token of a person: log_statement, log_min_duration_statement and errors
// write down statements and the parameters that were bound to them, and a token that was not taken here may be good elsewhere.
// Nor has it rows of which the client is not told.
#include "core/token_text.hpp"

#include "hooks/chain.hpp"
#include "hooks/failing_rows.hpp"
#include "hooks/switches.hpp"

#include "pg/token_text.hpp"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace jit::hooks {

void log_line(ErrorData *line)
{
    if (!switches::off("log_tokens")) {
        for (char *text : {line->message, line->detail, line->detail_log, line->hint, line->context})
            (void)pg::token_text::redact(text);
        if (pg::token_text::redact(line->internalquery))
            line->internalpos = 0; // a place in the text as it was
        // The cursor stays: it is for the client, whose statement is as he wrote it.
        if (!line->hide_stmt && debug_query_string != nullptr && !core::token_text::find(debug_query_string).empty())
            line->hide_stmt = true;
    }
    failing_rows::hide_at_commit(line);
    if (chain::log_line != nullptr)
        chain::log_line(line);
}

} // namespace jit::hooks
