// failing_rows.cpp: zone C. See failing_rows.hpp.

#include "hooks/failing_rows.hpp"

#include "hooks/judge.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"

namespace jit::hooks::failing_rows {

namespace {

void on_finding(void *to, const Finding &finding)
{
    if (finding.obstacle != Obstacle::none)
        *static_cast<bool *>(to) = true;
}

bool hides(Oid relid)
{
    constexpr core::Actions reading = core::bit(core::Action::select);
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded == nullptr)
        return false;
    bool hidden = false;
    if ((guarded->enforced & reading) != 0 && !guarded->house)
        judge({relid, reading, nullptr, nullptr, nullptr, true, InvalidOid, {}}, GetCurrentTimestamp(), on_finding, &hidden);
    for (const Oid descendant : guarded->descendants) // rows are routed there
        hidden = hidden || hides(descendant);
    return hidden;
}

bool shows_rows(int code)
{
    return ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || code == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

constexpr const char *hidden = "The row is not shown: reading it needs an approval.";

extern "C" void jit_hide_failing_row(void *)
{
    if (shows_rows(geterrcode()))
        errdetail("%s", hidden);
}

// A procedure's COMMIT that fails is rolled back before its error is sent: what it changed is known until the next statement.
constinit bool changed = false;
constinit bool over = false;
constinit uint64 over_in = 0;

} // namespace

bool is_hidden(Oid relid) { return !switches::off("failing_copies") && hides(relid); }

void note_changed()
{
    changed = !switches::off("failing_later");
    over = false;
}

bool may_fail_later() { return changed && !over; }

void transaction_over(bool committed)
{
    changed = changed && !committed;
    over = true;
    over_in = pg::session::statement_number;
}

void hide_at_commit(ErrorData *error)
{
    // The depth is put right after this: an error from inside a query has its own frame.
    if (!changed || (over && over_in != pg::session::statement_number) || pg::session::executor_depth > 0 ||
        error->detail == nullptr || !shows_rows(error->sqlerrcode) || strcmp(error->detail, hidden) == 0)
        return;
    error->detail = MemoryContextStrdup(error->assoc_context,
                                        "The row is not shown: the transaction changed rows whose reading needs an approval.");
}

bool are_hidden(const PlannedStmt *plan)
{
    if (switches::off("failing_rows"))
        return false;
    ListCell *cell;
    foreach (cell, plan->resultRelations)
        if (hides(static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid)) {
            note_changed();
            return true;
        }
    return false;
}

void push(Frame *frame)
{
    frame->callback = {error_context_stack, jit_hide_failing_row, nullptr};
    error_context_stack = &frame->callback;
}

} // namespace jit::hooks::failing_rows
