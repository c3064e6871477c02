// counting.cpp: zone C. See counting.hpp.

#include "hooks/counting.hpp"

#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"
#include "pg/memo.hpp"
#include "pg/rights.hpp"
#include "pg/row_counts.hpp"
#include "pg/things.hpp"
#include "pg/uses.hpp"

namespace jit::hooks::counting {

namespace {

// What only changes rows is given back by ROLLBACK. Everything else shows something: reading does, a condition on columns
// reads, and what commands do with rows (indexes, constraints, conversions) shows in their errors.
constexpr core::Actions changing = core::bit(core::Action::insert) | core::bit(core::Action::update) |
                                   core::bit(core::Action::delete_) | core::bit(core::Action::truncate);

bool is_first(const gate::Outcome &outcome, int i)
{
    for (int earlier = 0; earlier < i; earlier++)
        if (outcome.uses[earlier].request == outcome.uses[i].request)
            return false;
    return true;
}

// The value that setval() sets stays when its transaction is rolled back.
bool sets_value(const gate::Outcome::Use &use)
{
    return use.object_class == core::class_relation && (use.actions & core::bit(core::Action::update)) != 0 &&
           get_rel_relkind(use.relid) == RELKIND_SEQUENCE && !switches::off("uses_setval");
}

// The error of a CHECK or NOT NULL constraint shows the row that an UPDATE found: where reading is guarded, too, each
// attempt would show another one.
bool updates_unread(const gate::Outcome::Use &use)
{
    if (use.object_class != core::class_relation || (use.actions & core::bit(core::Action::update)) == 0)
        return false;
    const pg::memo::Guarded *guarded = pg::memo::find(use.relid);
    return guarded != nullptr && (guarded->enforced & core::bit(core::Action::select)) != 0;
}

bool discloses(const gate::Outcome &outcome, core::RequestId request)
{
    for (int i = 0; i < outcome.use_count; i++)
        if (outcome.uses[i].request == request && ((outcome.uses[i].actions & ~changing) != 0 || updates_unread(outcome.uses[i]) || sets_value(outcome.uses[i])))
            return true;
    return false;
}

} // namespace

std::span<const core::Approval> with_uses_left(const pg::memo::Guarded *guarded, std::span<const core::Approval> approvals,
                                               TimestampTz now)
{
    auto *own = static_cast<core::Approval *>(palloc(approvals.size_bytes()));
    for (std::size_t i = 0; i < approvals.size(); i++)
        own[i] = approvals[i];
    for (std::size_t i = 0; i < approvals.size(); i++) {
        own[i].left = switches::off("uses") ? core::uncounted : pg::uses::left(own[i], now);
        if (guarded->object_class == core::class_relation && !switches::off("rows_actions") &&
            pg::row_counts::allowed(own[i].request, own[i].policy) != 0)
            own[i].actions &= guarded->statistics ? core::Actions{0} : by_row; // statistics show many rows in one
    }
    return {own, approvals.size()};
}

void take(const gate::Outcome &outcome, const char *statement)
{
    if (switches::off("uses"))
        return;
    for (int i = 0; i < outcome.use_count; i++) {
        const gate::Outcome::Use &use = outcome.uses[i];
        const int32 allowed = pg::uses::allowed(use.request, use.policy);
        if (allowed == 0 || !is_first(outcome, i))
            continue;
        if (pg::uses::take(use.request, allowed, discloses(outcome, use.request)))
            continue;
        const Finding finding = {use.object_class == core::class_relation ? pg::memo::find(use.relid)
                                                                              : pg::things::find(use.object_class, use.relid),
                                 core::first_of(use.actions),
                                 0,
                                 {core::Verdict::used_up, use.policy, use.request, use.until},
                                 Obstacle::decision,
                                 InvalidOid,
                                 false,
                                 false};
        refusal::refuse(finding, statement);
    }
}

std::span<const core::RequestId> counted_in(const gate::Outcome &outcome, MemoryContext owner)
{
    auto *requests =
        static_cast<core::RequestId *>(MemoryContextAlloc(owner, sizeof(core::RequestId) * lengthof(outcome.uses)));
    std::size_t count = 0;
    for (int i = 0; i < outcome.use_count; i++)
        if (is_first(outcome, i) && (pg::uses::allowed(outcome.uses[i].request, outcome.uses[i].policy) != 0 ||
                                     pg::row_counts::allowed(outcome.uses[i].request, outcome.uses[i].policy) != 0))
            requests[count++] = outcome.uses[i].request;
    return {requests, count};
}

} // namespace jit::hooks::counting
