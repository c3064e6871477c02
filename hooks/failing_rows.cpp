// failing_rows.cpp: zone C. See failing_rows.hpp.

#include "hooks/failing_rows.hpp"

#include "hooks/judge.hpp"
#include "hooks/switches.hpp"
#include "pg/row_counts.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"

namespace jit::hooks::failing_rows {

constinit Hidden changed = Hidden::nothing;

namespace {

constexpr Hidden more(Hidden a, Hidden b) { return a < b ? b : a; }

void on_finding(void *to, const Finding &finding)
{
    const core::Decision &by = finding.decision;
    const bool is_counted = by.verdict == core::Verdict::approved && !switches::off("failing_conflicts") &&
                            (pg::uses::allowed(by.request, by.policy) != 0 || pg::row_counts::allowed(by.request, by.policy) != 0);
    auto *hidden = static_cast<Hidden *>(to);
    *hidden = more(*hidden, finding.obstacle != Obstacle::none ? Hidden::all : is_counted ? Hidden::conflicts : Hidden::nothing);
}

Hidden hidden_in(Oid relid)
{
    constexpr core::Actions reading = core::bit(core::Action::select);
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    Hidden hidden = Hidden::nothing;
    if (guarded == nullptr)
        return hidden;
    if ((guarded->enforced & reading) != 0 && !guarded->house)
        judge({relid, reading, nullptr, nullptr, nullptr, true, InvalidOid, {}}, GetCurrentTimestamp(), on_finding, &hidden);
    for (const Oid descendant : guarded->descendants) // rows are routed there
        hidden = more(hidden, hidden_in(descendant));
    return hidden;
}

bool shows_rows(int code, Hidden what)
{
    if (what == Hidden::conflicts)
        return code == ERRCODE_EXCLUSION_VIOLATION;
    return ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || code == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

const char *why_hidden(Hidden what)
{
    return what == Hidden::conflicts ? "The row is not shown: your approval counts what you read."
                                     : "The row is not shown: reading it needs an approval.";
}

extern "C" void jit_hide_failing_row(void *of)
{
    const Hidden what = static_cast<const Frame *>(of)->what;
    if (what == Hidden::values && ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_DATA_EXCEPTION) {
        errmsg("an expression cannot be evaluated for a row");
        errdetail("%s", why_hidden(what));
    } else if (shows_rows(geterrcode(), what))
        errdetail("%s", why_hidden(what));
}

// A procedure's COMMIT that fails is rolled back before its error is sent: what it changed is known until the next statement.
// Says nothing while nothing is changed.
constinit bool over = false;
constinit uint64 over_in = 0;

void note_changed(Hidden what)
{
    if (what == Hidden::nothing)
        return;
    changed = switches::off("failing_later") ? Hidden::nothing : more(over ? Hidden::nothing : changed, what);
    over = false;
}

} // namespace

Hidden in_copy(Oid relid)
{
    const Hidden what = switches::off("failing_copies") ? Hidden::nothing : hidden_in(relid);
    note_changed(what);
    return what;
}

Hidden in_definition(Oid relid)
{
    const Hidden what = switches::off("failing_definitions") ? Hidden::nothing : hidden_in(relid);
    return what == Hidden::all ? Hidden::values : what;
}

Hidden later() { return over ? Hidden::nothing : changed; }

void aborted()
{
    over = true;
    over_in = pg::session::statement_number;
}

void hide_at_commit(ErrorData *error)
{
    // The depth is put right after this: an error from inside a query has its own frame.
    if (changed == Hidden::nothing || (over && over_in != pg::session::statement_number) || pg::session::executor_depth > 0 ||
        error->detail == nullptr || !shows_rows(error->sqlerrcode, changed) || strcmp(error->detail, why_hidden(changed)) == 0)
        return;
    error->detail = MemoryContextStrdup(error->assoc_context,
                                        changed == Hidden::conflicts
                                            ? "The row is not shown: the transaction changed rows under an approval that counts what you read."
                                            : "The row is not shown: the transaction changed rows whose reading needs an approval.");
}

Hidden in_plan(const PlannedStmt *plan)
{
    Hidden what = Hidden::nothing;
    ListCell *cell;
    foreach (cell, switches::off("failing_rows") ? NIL : plan->resultRelations)
        what = more(what, hidden_in(static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid));
    note_changed(what);
    return what;
}

void push(Frame *frame, Hidden what)
{
    frame->what = what;
    frame->callback = {error_context_stack, jit_hide_failing_row, frame};
    error_context_stack = &frame->callback;
}

} // namespace jit::hooks::failing_rows
