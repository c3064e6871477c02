// decide_test.cpp: zone P. decide() against a reference that is written the slow and obvious way, over many
// small random worlds, and the promises that must hold in each of them. Its table of truth: core/decide.cpp.
#include "core/decide.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <random>
#include <set>
#include <vector>

namespace jit::core {

std::ostream &operator<<(std::ostream &out, const Decision &d)
{
    return out << "{verdict " << static_cast<int>(d.verdict) << ", policy " << d.policy << ", request " << d.request
               << ", until " << d.until << "}";
}

namespace {

// A world owns what the spans of decide() point to. Small ranges on purpose: things must collide.
struct World {
    std::vector<ObjectId> relations, schemas;
    std::vector<std::vector<Column>> column_lists;
    std::vector<std::vector<Cover>> cover_lists;
    std::vector<Guard> guards;
    std::vector<Approval> approvals;
    Attempt attempt{};
    Instant now = 0;
    Weigh weigh = Weigh::enforced;

    [[nodiscard]] Decision answer() const { return decide(attempt, guards, approvals, now, weigh); }
};

class Dice {
public:
    explicit Dice(std::uint32_t seed) : engine_(seed) {}
    // Not uniform_int_distribution: the same worlds with every standard library.
    int up_to(int most) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(most + 1)); }
    bool coin() { return up_to(1) == 1; }
    Actions actions() { return static_cast<Actions>(up_to(7)); }

private:
    std::mt19937 engine_;
};

std::vector<Column> random_columns(Dice &dice)
{
    std::vector<Column> columns;
    for (int n = dice.up_to(3); n > 0; n--)
        columns.push_back(static_cast<Column>(dice.up_to(4) - 1)); // -1 is a system column, 0 must not count
    return columns;
}

World random_world(std::uint32_t seed)
{
    Dice dice(seed);
    World w;
    for (int n = 1 + dice.up_to(1); n > 0; n--)
        w.relations.push_back(static_cast<ObjectId>(1 + dice.up_to(3)));
    for (int n = 1 + dice.up_to(1); n > 0; n--)
        w.schemas.push_back(static_cast<ObjectId>(1 + dice.up_to(3)));
    const int guard_count = dice.up_to(4);
    const int approval_count = dice.up_to(4);
    w.column_lists.reserve(64); // the spans must not dangle
    w.cover_lists.reserve(64);
    for (int i = 0; i < guard_count; i++) {
        w.column_lists.push_back(random_columns(dice));
        w.guards.push_back({1 + dice.up_to(2), static_cast<Level>(dice.up_to(3)),
                            dice.up_to(3) > 0 ? Mode::enforce : static_cast<Mode>(dice.up_to(2)), dice.coin(),
                            dice.actions(), w.column_lists.back(), false});
    }
    const int elsewhere = dice.up_to(3); // an address is served by a policy or not, whichever of its guards is asked
    for (Guard &g : w.guards)
        g.elsewhere = g.policy == elsewhere;
    for (int i = 0; i < approval_count; i++) {
        std::vector<Cover> covers;
        for (int n = dice.up_to(2); n > 0; n--) {
            w.column_lists.push_back(dice.coin() ? random_columns(dice) : std::vector<Column>{});
            covers.push_back({static_cast<CoverKind>(dice.up_to(2)), static_cast<ObjectId>(1 + dice.up_to(3)),
                              w.column_lists.back()});
        }
        w.cover_lists.push_back(covers);
        const Instant from = dice.up_to(7);
        w.approvals.push_back({100 + i, 1 + dice.up_to(2), from, from + dice.up_to(5) - 1, dice.actions(), dice.coin(),
                               w.cover_lists.back(), dice.up_to(2) - 1, dice.up_to(2) == 0});
    }
    w.attempt = {static_cast<Action>(dice.up_to(2)), static_cast<Column>(dice.up_to(4) - 1), w.relations, w.schemas};
    w.now = dice.up_to(9);
    w.weigh = dice.coin() ? Weigh::enforced : Weigh::monitored_too;
    return w;
}

// The contract, sentence by sentence, with containers and copies.
Decision reference(const World &w)
{
    const auto includes = [](const auto &span, auto value) {
        return std::set(span.begin(), span.end()).contains(value);
    };
    const auto mask = Actions{1} << static_cast<int>(w.attempt.action);

    std::map<Level, std::vector<Guard>> by_level;
    for (const Guard &g : w.guards) {
        const bool counts = g.mode == Mode::enforce || (g.mode == Mode::monitor && w.weigh == Weigh::monitored_too);
        if (!counts || !(g.actions & mask))
            continue;
        if (g.level == Level::column && (w.attempt.column == 0 || !includes(g.columns, w.attempt.column)))
            continue;
        by_level[g.level].push_back(g);
    }
    if (by_level.empty())
        return {Verdict::unguarded, 0, 0, never};
    const std::vector<Guard> deciding = by_level.rbegin()->second;
    if (std::all_of(deciding.begin(), deciding.end(), [](const Guard &g) { return g.exempt; }))
        return {Verdict::exempt, deciding.front().policy, 0, never};

    const auto in_scope = [&](const Approval &a) {
        if (!(a.actions & mask))
            return false;
        return !a.narrowed || std::any_of(a.covers.begin(), a.covers.end(), [&](const Cover &c) {
            if (!c.columns.empty() && (w.attempt.column == 0 || !includes(c.columns, w.attempt.column)))
                return false;
            return c.kind == CoverKind::database ||
                   (c.kind == CoverKind::schema && includes(w.attempt.schemas, c.object)) ||
                   (c.kind == CoverKind::relation && includes(w.attempt.relations, c.object));
        });
    };
    std::vector<Approval> live, spent, unserved, bound, astray, upcoming, ended;
    for (const Approval &a : w.approvals) {
        const auto is_its = [&](const Guard &g) { return g.policy == a.policy; };
        if (std::none_of(deciding.begin(), deciding.end(), is_its) || a.from >= a.until)
            continue;
        const bool served = std::none_of(deciding.begin(), deciding.end(),
                                         [&](const Guard &g) { return g.policy == a.policy && g.elsewhere; });
        if (w.now >= a.from && w.now < a.until)
            (!in_scope(a) ? astray : !served ? unserved : a.left == 0 ? spent : a.shut ? bound : live).push_back(a);
        else if (in_scope(a))
            (w.now < a.from ? upcoming : ended).push_back(a);
    }
    const auto last_to_end = [](const std::vector<Approval> &all) {
        return *std::min_element(all.begin(), all.end(), [](const Approval &a, const Approval &b) {
            return std::pair(-a.until, a.request) < std::pair(-b.until, b.request);
        });
    };
    const auto best = [&](const std::vector<Approval> &all) {
        std::vector<Approval> free;
        std::copy_if(all.begin(), all.end(), std::back_inserter(free), [](const Approval &a) { return a.left < 0; });
        return last_to_end(free.empty() ? all : free);
    };
    const auto told = [](Verdict v, const Approval &a, Instant until) {
        return Decision{v, a.policy, a.request, until};
    };
    if (!live.empty())
        return told(Verdict::approved, best(live), best(live).until);
    if (!spent.empty())
        return told(Verdict::used_up, best(spent), best(spent).until);
    if (!unserved.empty())
        return told(Verdict::network, best(unserved), best(unserved).until);
    if (!bound.empty())
        return told(Verdict::other_statement, best(bound), best(bound).until);
    if (!astray.empty())
        return told(Verdict::out_of_scope, best(astray), best(astray).until);
    if (!upcoming.empty()) {
        const Approval next =
            *std::min_element(upcoming.begin(), upcoming.end(), [](const Approval &a, const Approval &b) {
                return std::pair(a.from, a.request) < std::pair(b.from, b.request);
            });
        return told(Verdict::not_yet, next, next.from);
    }
    if (!ended.empty())
        return told(Verdict::over, last_to_end(ended), last_to_end(ended).until);
    const Guard refuses = *std::find_if(deciding.begin(), deciding.end(), [](const Guard &g) { return !g.exempt; });
    return {Verdict::no_approval, refuses.policy, 0, never};
}

constexpr std::uint32_t worlds = 200'000;

TEST(Decide, AgreesWithTheReferenceAndReachesEveryVerdict)
{
    std::map<Verdict, int> seen;
    for (std::uint32_t seed = 0; seed < worlds; seed++) {
        const World w = random_world(seed);
        const Decision d = w.answer();
        ASSERT_EQ(d, reference(w)) << "seed " << seed;
        seen[d.verdict]++;
    }
    ASSERT_EQ(seen.size(), 10u);
    for (const auto &[verdict, times] : seen)
        EXPECT_GT(times, 300) << "verdict " << static_cast<int>(verdict);
}

TEST(Decide, DoesNotDependOnTheOrderOfRows)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        const Decision d = w.answer();
        std::reverse(w.approvals.begin(), w.approvals.end());
        ASSERT_EQ(w.answer(), d) << "seed " << seed;
        std::reverse(w.guards.begin(), w.guards.end());
        const Decision turned = w.answer(); // only the policy that is named may differ
        ASSERT_EQ(turned.verdict, d.verdict) << "seed " << seed;
        ASSERT_EQ(turned.request, d.request) << "seed " << seed;
        ASSERT_EQ(turned.until, d.until) << "seed " << seed;
    }
}

TEST(Decide, MoreApprovalsNeverCloseAndFewerNeverOpen)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        bool open = allows(w.answer().verdict);
        while (!w.approvals.empty()) {
            w.approvals.pop_back();
            const bool still = allows(w.answer().verdict);
            ASSERT_TRUE(open || !still) << "seed " << seed;
            open = still;
        }
    }
}

TEST(Decide, WhatIsUsedUpNeverOpensAndIsNeverMissed)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        const Decision d = w.answer();
        std::erase_if(w.approvals, [](const Approval &a) { return a.left == 0; });
        ASSERT_EQ(allows(w.answer().verdict), allows(d.verdict)) << "seed " << seed;
        for (Approval &a : w.approvals)
            a.left = 0;
        ASSERT_NE(w.answer().verdict, Verdict::approved) << "seed " << seed;
    }
}

TEST(Decide, AnAddressThatNoPolicyServesOpensNothing)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        for (Guard &g : w.guards)
            g.elsewhere = true;
        ASSERT_NE(w.answer().verdict, Verdict::approved) << "seed " << seed;
    }
}

TEST(Decide, WhatIsBoundToAnotherStatementNeverOpensAndIsNeverMissed)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        const Decision d = w.answer();
        std::erase_if(w.approvals, [](const Approval &a) { return a.shut; });
        ASSERT_EQ(allows(w.answer().verdict), allows(d.verdict)) << "seed " << seed;
        for (Approval &a : w.approvals)
            a.shut = true;
        ASSERT_NE(w.answer().verdict, Verdict::approved) << "seed " << seed;
    }
}

TEST(Decide, WithoutApprovalsTheClockOpensNothing)
{
    for (std::uint32_t seed = 0; seed < worlds / 8; seed++) {
        World w = random_world(seed);
        w.approvals.clear();
        const Decision d = w.answer();
        for (const Instant now : {Instant{INT64_MIN}, Instant{-1}, Instant{0}, Instant{5}, never}) {
            w.now = now;
            ASSERT_EQ(w.answer(), d) << "seed " << seed;
        }
    }
}

TEST(Decide, AnApprovalIsGoneAtItsEnd)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        const Decision d = w.answer();
        if (d.verdict != Verdict::approved)
            continue;
        // It is the last to end of those that hold now and are not counted, or that are: take away what starts later and
        // what is counted otherwise, and its end closes.
        const auto used = *std::find_if(w.approvals.begin(), w.approvals.end(),
                                        [&](const Approval &a) { return a.request == d.request; });
        std::erase_if(w.approvals, [&](const Approval &a) {
            return a.from > w.now || (a.left == uncounted) != (used.left == uncounted);
        });
        w.now = d.until - 1;
        ASSERT_EQ(w.answer(), d) << "seed " << seed;
        w.now = d.until;
        ASSERT_FALSE(allows(w.answer().verdict)) << "seed " << seed;
    }
}

TEST(Decide, WhatIsOffOrOnlyMonitoredChangesNothing)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        w.weigh = Weigh::enforced;
        const Decision d = w.answer();
        std::erase_if(w.guards, [](const Guard &g) { return g.mode != Mode::enforce; });
        ASSERT_EQ(w.answer(), d) << "seed " << seed;
        w.weigh = Weigh::monitored_too;
        ASSERT_EQ(w.answer(), d) << "seed " << seed;
    }
}

TEST(Decide, NothingExemptsAlone)
{
    for (std::uint32_t seed = 0; seed < worlds / 4; seed++) {
        World w = random_world(seed);
        if (w.answer().verdict != Verdict::exempt)
            continue;
        for (Guard &g : w.guards)
            g.exempt = false;
        ASSERT_NE(w.answer().verdict, Verdict::exempt) << "seed " << seed;
    }
}

TEST(Decide, ExtremesOfTheClock)
{
    const std::vector<Guard> guards{{1, Level::relation, Mode::enforce, false, bit(Action::select), {}}};
    const std::vector<ObjectId> relations{1};
    const Attempt attempt{Action::select, 0, relations, relations};
    const std::vector<Approval> always{{7, 1, INT64_MIN, never, bit(Action::select), false, {}}};
    EXPECT_EQ(decide(attempt, guards, always, INT64_MIN, Weigh::enforced).verdict, Verdict::approved);
    EXPECT_EQ(decide(attempt, guards, always, never - 1, Weigh::enforced).verdict, Verdict::approved);
    EXPECT_EQ(decide(attempt, guards, always, never, Weigh::enforced).verdict, Verdict::over);
}

TEST(Decide, EveryActionHasItsOwnBit)
{
    const std::vector<ObjectId> relations{1};
    for (std::size_t guarded = 0; guarded < action_count; guarded++) {
        const Actions only = bit(static_cast<Action>(guarded));
        const std::vector<Guard> guards{{1, Level::relation, Mode::enforce, false, only, {}}};
        const std::vector<Approval> approvals{{7, 1, 0, 10, all_actions & ~only, false, {}}};
        for (std::size_t tried = 0; tried < action_count; tried++) {
            const Attempt attempt{static_cast<Action>(tried), 0, relations, relations};
            EXPECT_EQ(decide(attempt, guards, approvals, 5, Weigh::enforced).verdict,
                      guarded == tried ? Verdict::out_of_scope : Verdict::unguarded);
        }
    }
}

} // namespace
} // namespace jit::core
