// failing_rows.cpp: zone C. See failing_rows.hpp.

#include "hooks/failing_rows.hpp"

#include "hooks/judge.hpp"
#include "hooks/switches.hpp"

namespace jit::hooks::failing_rows {

namespace {

void on_finding(void *to, const Finding &finding)
{
    if (finding.obstacle != Obstacle::none)
        *static_cast<bool *>(to) = true;
}

bool is_hidden(Oid relid)
{
    constexpr core::Actions reading = core::bit(core::Action::select);
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded == nullptr)
        return false;
    bool hidden = false;
    if ((guarded->enforced & reading) != 0 && !guarded->house)
        judge({relid, reading, nullptr, nullptr, nullptr, true, InvalidOid, {}}, GetCurrentTimestamp(), on_finding, &hidden);
    for (const Oid descendant : guarded->descendants) // rows are routed there
        hidden = hidden || is_hidden(descendant);
    return hidden;
}

extern "C" void jit_hide_failing_row(void *)
{
    const int code = geterrcode();
    if (ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || code == ERRCODE_WITH_CHECK_OPTION_VIOLATION)
        errdetail("The row is not shown: reading it needs an approval.");
}

} // namespace

bool are_hidden(const PlannedStmt *plan)
{
    if (switches::off("failing_rows"))
        return false;
    ListCell *cell;
    foreach (cell, plan->resultRelations)
        if (is_hidden(static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid))
            return true;
    return false;
}

void push(Frame *frame)
{
    frame->callback = {error_context_stack, jit_hide_failing_row, nullptr};
    error_context_stack = &frame->callback;
}

} // namespace jit::hooks::failing_rows
