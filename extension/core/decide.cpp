// decide.cpp: zone P. The table of truth of decide(), as assertions: a build that would answer otherwise does
// not compile. There is no code here; test/unit/decide_test.cpp compares decide() with a naive reference.
#include "core/decide.hpp"

#include <array>

namespace jit::core {
namespace {

static_assert(alignof(Guard) == 8 && alignof(Approval) == 8); // they live in memory of palloc()

constexpr Actions sel = bit(Action::select);
constexpr Actions upd = bit(Action::update);

// Table 7 in schema 2, a partition of table 8 in schema 3.
constexpr std::array<ObjectId, 2> relations{7, 8};
constexpr std::array<ObjectId, 2> schemas{2, 3};
constexpr Attempt row{Action::select, 0, relations, schemas};
constexpr Attempt ssn{Action::select, 4, relations, schemas};
constexpr Attempt city{Action::select, 5, relations, schemas};
constexpr Attempt update_row{Action::update, 0, relations, schemas};
constexpr std::array<Column, 1> ssn_only{4};
constexpr std::array<Column, 2> zero_and_ssn{0, 4};

constexpr Guard guard(PolicyId policy, Level level, Mode mode = Mode::enforce, bool exempt = false,
                      Actions actions = sel)
{
    const std::span<const Column> none;
    return {policy, level, mode, exempt, actions, level == Level::column ? ssn_only : none, false};
}
constexpr Approval whole(RequestId request, PolicyId policy, Instant from, Instant until, Actions actions = sel)
{
    return {request, policy, from, until, actions, false, {}, uncounted};
}
constexpr Approval narrow(RequestId request, PolicyId policy, std::span<const Cover> covers)
{
    return {request, policy, 10, 20, sel, true, covers, uncounted};
}
constexpr Decision at(Instant now, const Attempt &attempt, std::span<const Guard> guards,
                      std::span<const Approval> approvals = {}, Weigh weigh = Weigh::enforced)
{
    return decide(attempt, guards, approvals, now, weigh);
}

constexpr Decision open{Verdict::unguarded, 0, 0, never};
constexpr Decision exempt_in(PolicyId policy) { return {Verdict::exempt, policy, 0, never}; }
constexpr Decision closed_by(PolicyId policy) { return {Verdict::no_approval, policy, 0, never}; }

// Which guards count.
constexpr std::array table{guard(1, Level::relation)};
constexpr std::array monitored{guard(1, Level::relation, Mode::monitor)};
constexpr std::array off{guard(1, Level::relation, Mode::off)};
static_assert(at(15, row, {}) == open);
static_assert(at(15, row, table) == closed_by(1));
static_assert(at(15, ssn, table) == closed_by(1));
static_assert(at(15, update_row, table) == open);
static_assert(at(15, row, monitored) == open);
static_assert(at(15, row, monitored, {}, Weigh::monitored_too) == closed_by(1));
static_assert(at(15, row, off, {}, Weigh::monitored_too) == open);

// A column guard guards its columns, never the row as such.
constexpr std::array column{guard(2, Level::column)};
constexpr std::array column_with_zero{Guard{2, Level::column, Mode::enforce, false, sel, zero_and_ssn, false}};
static_assert(at(15, ssn, column) == closed_by(2));
static_assert(at(15, city, column) == open);
static_assert(at(15, row, column) == open);
static_assert(at(15, row, column_with_zero) == open);

// Only the most specific level decides, for closing and for opening.
constexpr std::array all_levels{guard(1, Level::database), guard(2, Level::column), guard(3, Level::schema),
                                guard(4, Level::relation)};
static_assert(at(15, ssn, all_levels) == closed_by(2));
static_assert(at(15, city, all_levels) == closed_by(4));
constexpr std::array schema_and_exempt_table{guard(3, Level::schema), guard(4, Level::relation, Mode::enforce, true)};
static_assert(at(15, row, schema_and_exempt_table) == exempt_in(4));
constexpr std::array exempt_schema_and_table{guard(3, Level::schema, Mode::enforce, true), guard(4, Level::relation)};
static_assert(at(15, row, exempt_schema_and_table) == closed_by(4));
constexpr std::array by_schema_policy{whole(41, 3, 10, 20)};
static_assert(at(15, row, exempt_schema_and_table, by_schema_policy) == closed_by(4));
// What is not in force, or is about another action, hides nothing.
constexpr std::array schema_and_monitored_table{guard(3, Level::schema),
                                                guard(4, Level::relation, Mode::monitor, true)};
static_assert(at(15, row, schema_and_monitored_table) == closed_by(3));
static_assert(at(15, row, schema_and_monitored_table, {}, Weigh::monitored_too) == exempt_in(4));
constexpr std::array schema_and_other_action{guard(3, Level::schema),
                                             guard(4, Level::relation, Mode::enforce, true, upd)};
static_assert(at(15, row, schema_and_other_action) == closed_by(3));

// Among equals: exempt only in all, approved under any, also under one that the person is exempt from.
constexpr std::array two_exempt{guard(1, Level::relation, Mode::enforce, true),
                                guard(2, Level::relation, Mode::enforce, true)};
constexpr std::array one_exempt{guard(1, Level::relation, Mode::enforce, true), guard(2, Level::relation)};
constexpr std::array by_1{whole(41, 1, 10, 20)};
constexpr std::array by_2{whole(42, 2, 10, 20)};
constexpr std::array by_9{whole(49, 9, 10, 20)};
static_assert(at(15, row, two_exempt) == exempt_in(1));
static_assert(at(15, row, one_exempt) == closed_by(2));
static_assert(at(15, row, one_exempt, by_1) == Decision{Verdict::approved, 1, 41, 20});
static_assert(at(15, row, one_exempt, by_2) == Decision{Verdict::approved, 2, 42, 20});
static_assert(at(15, row, one_exempt, by_9) == closed_by(2));

// The window is half-open; an empty one never holds and is nothing to wait for.
static_assert(at(9, row, table, by_1) == Decision{Verdict::not_yet, 1, 41, 10});
static_assert(at(10, row, table, by_1) == Decision{Verdict::approved, 1, 41, 20});
static_assert(at(19, row, table, by_1) == Decision{Verdict::approved, 1, 41, 20});
static_assert(at(20, row, table, by_1) == Decision{Verdict::over, 1, 41, 20});
constexpr std::array empty_window{whole(41, 1, 10, 10), whole(42, 1, 20, 10)};
static_assert(at(9, row, table, empty_window) == closed_by(1));
static_assert(at(10, row, table, empty_window) == closed_by(1));
static_assert(at(20, row, table, empty_window) == closed_by(1));

// Of several the one that ends last is used; the nearest one explains a refusal.
constexpr std::array several{whole(41, 1, 10, 20), whole(42, 1, 12, 30), whole(43, 1, 5, 25), whole(44, 1, 50, 60),
                             whole(45, 1, 40, 90)};
static_assert(at(15, row, table, several) == Decision{Verdict::approved, 1, 42, 30});
static_assert(at(30, row, table, several) == Decision{Verdict::not_yet, 1, 45, 40});
static_assert(at(90, row, table, several) == Decision{Verdict::over, 1, 45, 90});

// Uses: what nobody counts is used first, then what ends last; what is used up opens nothing and explains most.
constexpr Approval counted(RequestId request, Instant until, std::int32_t left)
{
    Approval a = whole(request, 1, 10, until);
    a.left = left;
    return a;
}
constexpr std::array one_left{counted(41, 20, 1)};
constexpr std::array none_left{counted(41, 20, 0), whole(42, 1, 30, 40), whole(43, 1, 10, 20, upd)};
constexpr std::array counted_and_not{counted(41, 30, 5), whole(42, 1, 10, 20), counted(43, 40, 1)};
constexpr std::array spent_and_two_left{counted(41, 40, 0), counted(42, 20, 2), counted(43, 30, 1)};
static_assert(at(15, row, table, one_left) == Decision{Verdict::approved, 1, 41, 20});
static_assert(at(15, row, table, none_left) == Decision{Verdict::used_up, 1, 41, 20});
static_assert(at(20, row, table, none_left) == Decision{Verdict::not_yet, 1, 42, 30});
static_assert(at(15, row, table, counted_and_not) == Decision{Verdict::approved, 1, 42, 20});
static_assert(at(20, row, table, counted_and_not) == Decision{Verdict::approved, 1, 43, 40});
static_assert(at(15, row, table, spent_and_two_left) == Decision{Verdict::approved, 1, 43, 30});

// Networks: an approval of a policy that does not serve the session's address opens nothing; a guard is not less of one.
constexpr Guard from_elsewhere(PolicyId policy, bool exempt = false)
{
    Guard g = guard(policy, Level::relation, Mode::enforce, exempt);
    g.elsewhere = true;
    return g;
}
constexpr std::array table_elsewhere{from_elsewhere(1)};
constexpr std::array one_elsewhere{from_elsewhere(1), guard(2, Level::relation)};
constexpr std::array exempt_elsewhere{from_elsewhere(1, true)};
constexpr std::array by_1_and_2{whole(41, 1, 10, 30), whole(42, 2, 10, 20)};
static_assert(at(15, row, table_elsewhere) == closed_by(1));
static_assert(at(15, row, table_elsewhere, by_1) == Decision{Verdict::network, 1, 41, 20});
static_assert(at(15, row, one_elsewhere, by_1_and_2) == Decision{Verdict::approved, 2, 42, 20});
static_assert(at(15, row, exempt_elsewhere) == exempt_in(1));

// Bound to a statement: opens nothing while another one runs, stands in nobody's way, and explains more than what does not reach.
constexpr Approval bound_to_another(RequestId request, Instant until, std::int32_t left = uncounted)
{
    Approval a = counted(request, until, left);
    a.shut = true;
    return a;
}
constexpr std::array shut{bound_to_another(41, 20)};
constexpr std::array shut_and_open{bound_to_another(41, 40), whole(42, 1, 10, 20)};
constexpr std::array shut_and_spent{bound_to_another(41, 40), counted(42, 20, 0)};
constexpr std::array shut_and_astray{whole(43, 1, 10, 50, upd), bound_to_another(41, 40), bound_to_another(42, 30, 1)};
constexpr std::array shut_and_gone{bound_to_another(41, 12)};
static_assert(at(15, row, table, shut) == Decision{Verdict::other_statement, 1, 41, 20});
static_assert(at(15, row, table, shut_and_open) == Decision{Verdict::approved, 1, 42, 20});
static_assert(at(15, row, table, shut_and_spent) == Decision{Verdict::used_up, 1, 42, 20});
static_assert(at(15, row, table, shut_and_astray) == Decision{Verdict::other_statement, 1, 41, 40});
static_assert(at(15, row, table, shut_and_gone) == Decision{Verdict::over, 1, 41, 12});

// A live approval that does not reach explains more than one to come, and that more than one that is over.
constexpr std::array wrong_action{whole(41, 1, 10, 20, upd), whole(42, 1, 30, 40), whole(43, 1, 1, 2)};
static_assert(at(15, row, table, wrong_action) == Decision{Verdict::out_of_scope, 1, 41, 20});
static_assert(at(25, row, table, wrong_action) == Decision{Verdict::not_yet, 1, 42, 30});
constexpr std::array wrong_action_later{whole(41, 1, 30, 40, upd), whole(42, 1, 1, 2, upd)};
static_assert(at(15, row, table, wrong_action_later) == closed_by(1));

// What a narrowed approval reaches.
constexpr Verdict with(Cover cover, const Attempt &attempt)
{
    const std::array<Cover, 1> covers{cover};
    const std::array<Approval, 1> approvals{narrow(41, 1, covers)};
    return at(15, attempt, table, approvals).verdict;
}
constexpr auto reached = Verdict::approved;
constexpr auto astray = Verdict::out_of_scope;
static_assert(with({CoverKind::relation, 7, {}}, row) == reached);
static_assert(with({CoverKind::relation, 8, {}}, row) == reached);
static_assert(with({CoverKind::relation, 2, {}}, row) == astray); // a schema's number is no table's
static_assert(with({CoverKind::schema, 2, {}}, row) == reached);
static_assert(with({CoverKind::schema, 3, {}}, row) == reached);
static_assert(with({CoverKind::schema, 7, {}}, row) == astray);
static_assert(with({CoverKind::database, 1, {}}, row) == reached);
static_assert(with({CoverKind::relation, 7, {}}, ssn) == reached);
static_assert(with({CoverKind::relation, 7, ssn_only}, ssn) == reached);
static_assert(with({CoverKind::relation, 7, ssn_only}, city) == astray);
static_assert(with({CoverKind::relation, 7, ssn_only}, row) == astray);
static_assert(with({CoverKind::relation, 7, zero_and_ssn}, row) == astray);
// Numbers of one kind of object say nothing about another.
constexpr Attempt call{Action::select, 0, relations, {}, class_function};
static_assert(with({CoverKind::other, 7, {}, class_function}, call) == reached);
static_assert(with({CoverKind::other, 9, {}, class_function}, call) == astray);
static_assert(with({CoverKind::other, 7, {}, class_large_object}, call) == astray);
static_assert(with({CoverKind::other, 7, {}, class_function}, row) == astray);
static_assert(with({CoverKind::relation, 7, {}}, call) == astray);
static_assert(with({CoverKind::schema, 2, {}}, call) == astray);
static_assert(with({CoverKind::database, 1, {}}, call) == astray);
constexpr std::array narrowed_to_nothing{narrow(41, 1, {})};
static_assert(at(15, row, table, narrowed_to_nothing).verdict == astray);

static_assert(allows(Verdict::unguarded) && allows(Verdict::exempt) && allows(Verdict::approved));
static_assert(!allows(Verdict::no_approval) && !allows(Verdict::not_yet));
static_assert(!allows(Verdict::over) && !allows(Verdict::out_of_scope));
static_assert(!allows(Verdict::used_up) && !allows(Verdict::network) && !allows(Verdict::other_statement));

} // namespace
} // namespace jit::core
