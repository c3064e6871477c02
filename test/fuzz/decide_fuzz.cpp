// decide_fuzz.cpp: zone P. Bytes become guards, approvals and an attempt; decide() must keep its promises.
// They are restated here one by one, without a second implementation of the whole (test/unit has that).
#include "core/decide.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bytes.hpp"
#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::Bytes;
using jit::fuzz::promise;

namespace {

constexpr std::array<Column, 5> numbers{3, 0, 1, 2, -1}; // a column list is a piece of this
std::span<const Column> some_columns(Bytes &bytes)
{
    const auto from = static_cast<std::size_t>(bytes.up_to(4));
    const auto count = static_cast<std::size_t>(bytes.up_to(3));
    return std::span(numbers).subspan(from, std::min(count, numbers.size() - from));
}

struct World {
    std::vector<ObjectId> relations, schemas;
    std::array<std::array<Cover, 2>, 8> covers{};
    std::vector<Guard> guards;
    std::vector<Approval> approvals;
    Attempt attempt{};
    Instant now = 0;
    Weigh weigh = Weigh::enforced;

    [[nodiscard]] Decision answer() const { return decide(attempt, guards, approvals, now, weigh); }
    [[nodiscard]] bool counts(const Guard &g) const
    {
        return (g.mode == Mode::enforce || (g.mode == Mode::monitor && weigh == Weigh::monitored_too)) &&
               (g.actions & bit(attempt.action)) != 0 &&
               (g.level != Level::column ||
                (attempt.column != 0 && std::count(g.columns.begin(), g.columns.end(), attempt.column) > 0));
    }
};

void build(World &w, Bytes bytes)
{
    w.attempt.action = static_cast<Action>(bytes.up_to(2));
    w.attempt.column = static_cast<Column>(bytes.up_to(4) - 1);
    w.now = bytes.up_to(12);
    w.weigh = static_cast<Weigh>(bytes.up_to(1));
    for (int n = bytes.up_to(2); n >= 0; n--)
        w.relations.push_back(static_cast<ObjectId>(bytes.up_to(3)));
    for (int n = bytes.up_to(2); n >= 0; n--)
        w.schemas.push_back(static_cast<ObjectId>(bytes.up_to(3)));
    w.attempt.relations = w.relations;
    w.attempt.schemas = w.schemas;
    for (int n = bytes.up_to(5); n > 0; n--) {
        Guard g{};
        g.policy = 1 + bytes.up_to(2);
        g.level = static_cast<Level>(bytes.up_to(3));
        g.mode = static_cast<Mode>(2 - bytes.up_to(2));
        g.exempt = bytes.up_to(1) == 1;
        g.actions = static_cast<Actions>(7 - bytes.up_to(7));
        g.columns = some_columns(bytes);
        w.guards.push_back(g);
    }
    for (std::size_t i = 0, n = static_cast<std::size_t>(bytes.up_to(5)); i < n; i++) {
        Approval a{};
        a.request = static_cast<RequestId>(100 + i);
        a.policy = 1 + bytes.up_to(2);
        a.from = bytes.up_to(12);
        a.until = a.from + bytes.up_to(8) - 1;
        a.actions = static_cast<Actions>(7 - bytes.up_to(7));
        a.narrowed = bytes.up_to(1) == 1;
        if (a.narrowed) {
            for (Cover &c : w.covers[i])
                c = {static_cast<CoverKind>(bytes.up_to(2)), static_cast<ObjectId>(bytes.up_to(3)),
                     some_columns(bytes)};
            a.covers = std::span(w.covers[i]).first(static_cast<std::size_t>(bytes.up_to(2)));
        }
        a.left = bytes.up_to(3) - 1;
        a.shut = bytes.up_to(3) == 3;
        w.approvals.push_back(a);
    }
    const int elsewhere = bytes.up_to(3); // one of the policies does not serve the address, or none
    for (Guard &g : w.guards)
        g.elsewhere = g.policy == elsewhere;
}

void judge_guards(const World &w, const Decision &d)
{
    bool any = false;
    Level most_specific = Level::database;
    for (const Guard &g : w.guards)
        if (w.counts(g)) {
            most_specific = any ? std::max(most_specific, g.level) : g.level;
            any = true;
        }
    promise((d.verdict == Verdict::unguarded) == !any, "unguarded when no guard counts, and only then");
    if (!any) {
        promise(d == Decision{Verdict::unguarded, 0, 0, never}, "unguarded names nobody");
        return;
    }
    bool all_exempt = true;
    bool named = false;
    for (const Guard &g : w.guards)
        if (w.counts(g) && g.level == most_specific) {
            all_exempt = all_exempt && g.exempt;
            named = named || g.policy == d.policy;
        }
    promise((d.verdict == Verdict::exempt) == all_exempt, "exempt in all deciding guards, or not at all");
    promise(named, "the policy named is a deciding one");
}

bool reaches(const Approval &a, const Attempt &attempt)
{
    const auto among = [](auto all, auto one) { return std::count(all.begin(), all.end(), one) > 0; };
    return !a.narrowed || std::any_of(a.covers.begin(), a.covers.end(), [&](const Cover &c) {
        const bool object = c.kind == CoverKind::database ||
                            among(c.kind == CoverKind::schema ? attempt.schemas : attempt.relations, c.object);
        return object && (c.columns.empty() || (attempt.column != 0 && among(c.columns, attempt.column)));
    });
}

bool unserved(const World &w, const Approval &a)
{
    return std::any_of(w.guards.begin(), w.guards.end(),
                       [&](const Guard &g) { return g.policy == a.policy && g.elsewhere; });
}

void judge_approval(const World &w, const Decision &d)
{
    const auto used =
        std::find_if(w.approvals.begin(), w.approvals.end(), [&](const Approval &a) { return a.request == d.request; });
    const bool has_one = used != w.approvals.end();
    promise(has_one == (d.request != 0), "a request that is named exists");
    promise(!has_one || used->policy == d.policy, "and is the policy's");
    const bool live = has_one && used->from <= w.now && w.now < used->until;
    switch (d.verdict) {
        case Verdict::unguarded:
        case Verdict::exempt:
        case Verdict::no_approval: promise(!has_one && d.until == never, "no approval is used"); break;
        case Verdict::approved:
            promise(live && d.until == used->until, "what is used holds now, until its end");
            promise((used->actions & bit(w.attempt.action)) != 0, "and allows the action");
            promise(reaches(*used, w.attempt), "and reaches the object and column");
            promise(used->left != 0, "and has a use left");
            promise(!unserved(w, *used), "and serves the address");
            promise(!used->shut, "and is not bound to another statement");
            break;
        case Verdict::used_up:
            promise(live && d.until == used->until && used->left == 0, "what is used up holds now and has no use left");
            break;
        case Verdict::network:
            promise(live && d.until == used->until && unserved(w, *used), "it holds now, for other addresses");
            break;
        case Verdict::other_statement:
            promise(live && d.until == used->until && used->shut, "it holds now, for another statement");
            break;
        case Verdict::out_of_scope:
            promise(live && d.until == used->until, "what does not reach holds now");
            promise((used->actions & bit(w.attempt.action)) == 0 || !reaches(*used, w.attempt),
                    "it really does not reach");
            break;
        case Verdict::not_yet:
            promise(has_one && w.now < used->from && d.until == used->from, "it starts later");
            break;
        case Verdict::over: promise(has_one && used->until <= w.now && d.until == used->until, "it has ended"); break;
    }
}

void judge_changes(const World &w, const Decision &d)
{
    World other = w;
    std::reverse(other.approvals.begin(), other.approvals.end());
    promise(other.answer() == d, "the order of approvals does not matter");
    std::reverse(other.guards.begin(), other.guards.end());
    const Decision turned = other.answer();
    promise(turned.verdict == d.verdict && turned.request == d.request && turned.until == d.until,
            "nor that of guards");

    other = w;
    std::erase_if(other.guards, [&](const Guard &g) { return !w.counts(g); });
    promise(other.answer() == d, "a guard that does not count changes nothing");

    other = w;
    while (!other.approvals.empty()) {
        const bool before = allows(other.answer().verdict);
        other.approvals.pop_back();
        promise(before || !allows(other.answer().verdict), "fewer approvals never open");
    }

    for (const Approval &a : w.approvals) {
        other.approvals.assign(1, a);
        const Decision alone = other.answer();
        const auto chosen = std::find_if(w.approvals.begin(), w.approvals.end(),
                                         [&](const Approval &one) { return one.request == d.request; });
        promise(alone.verdict != Verdict::approved || d.verdict == Verdict::approved, "each approval opens by itself");
        promise(alone.verdict != Verdict::approved || a.left != uncounted || chosen->left == uncounted,
                "what is not counted is used first");
        promise(alone.verdict != Verdict::approved || (a.left == uncounted) != (chosen->left == uncounted) ||
                    alone.until <= d.until,
                "and of those the last to end");
        promise(d.verdict != Verdict::not_yet || alone.verdict != Verdict::not_yet || alone.until >= d.until,
                "the next to start is named");
        promise(d.verdict != Verdict::over || alone.verdict != Verdict::over || alone.until <= d.until,
                "the last to have ended is named");
    }

    if (d.verdict == Verdict::approved) {
        other = w;
        std::erase_if(other.approvals, [&](const Approval &a) { return a.request != d.request; });
        promise(other.answer() == d, "the approval used suffices alone");
        other.now = d.until - 1;
        promise(other.answer() == d, "up to its last microsecond");
        other.now = d.until;
        promise(other.answer().verdict == Verdict::over, "and not one longer");
        other.now = w.approvals[static_cast<std::size_t>(d.request - 100)].from;
        promise(other.answer() == d, "from its first");
        other.now--;
        promise(other.answer().verdict == Verdict::not_yet, "and not one sooner");
        other.now = w.now;
        for (Guard &g : other.guards)
            g.policy += 10;
        promise(!allows(other.answer().verdict), "an approval of another policy opens nothing");
    }
    if (d.verdict == Verdict::not_yet) {
        other = w;
        other.now = d.until;
        for (Approval &a : other.approvals)
            a.left = uncounted, a.shut = false;
        for (Guard &g : other.guards)
            g.elsewhere = false;
        promise(allows(other.answer().verdict), "what starts later opens then");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    World w;
    build(w, Bytes(bytes, size));
    const Decision d = w.answer();
    judge_guards(w, d);
    judge_approval(w, d);
    judge_changes(w, d);
    return 0;
}
