// decide.hpp: zone P. The one function that says yes or no. Facts in, verdict out: no clock, no catalog,
// no globals, no allocation. Everything it looks at is a value that the caller gathered.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstdint>
#include <span>

#include "core/object_kinds.hpp"

namespace jit::core {

using Instant = std::int64_t;  // microseconds, PostgreSQL's TimestampTz
using ObjectId = std::uint32_t; // PostgreSQL's Oid
using PolicyId = std::int32_t;
using RequestId = std::int64_t;
using Column = std::int16_t;    // PostgreSQL's AttrNumber; 0 = the row as such (existence, count(*), DELETE)

inline constexpr Instant never = INT64_MAX;
inline constexpr std::int32_t uncounted = -1; // any number of uses

enum class Mode : std::uint8_t { off, monitor, enforce };

// Specificity, least first: only the most specific guards that name the action decide.
enum class Level : std::uint8_t { database, schema, relation, column };

// One row of jit.guards as it applies to a relation (its own, an ancestor's, its schema's, the database's).
struct Guard {
    PolicyId policy;
    Level level;
    Mode mode;
    bool exempt;                     // the person is exempt from this policy
    Actions actions;
    std::span<const Column> columns; // for Level::column only, in the numbers of the attempt's relation: a
                                     // partition may number its columns unlike the ancestor that is guarded
    bool elsewhere = false;          // the session comes from an address that the policy does not serve
};

enum class CoverKind : std::uint8_t { relation, schema, database, other };
// One object of a narrowed approval (a row of jit.scopes).
struct Cover {
    CoverKind kind;
    ObjectId object;
    std::span<const Column> columns; // empty = every column; else numbered as in Guard, and column 0 is
                                     // not reached
    char object_class = class_relation; // of CoverKind::other: which kind of object
};

struct Approval {
    RequestId request;
    PolicyId policy;
    Instant from;
    Instant until;                   // half-open: from <= now < until
    Actions actions;
    bool narrowed;                   // false: the whole of its policy
    std::span<const Cover> covers;   // looked at only when narrowed
    std::int32_t left = uncounted;   // how many uses are left for this statement
    bool shut = false;               // bound to a statement that is not the one now running
};

// One thing a statement is about to do.
struct Attempt {
    Action action;                        // never Action::count_
    Column column;                        // one column, or 0 for the row or the object as such
    std::span<const ObjectId> relations;  // the relation itself first, then what it belongs to: ancestors, toast owner
    std::span<const ObjectId> schemas;    // their schemas
    char object_class = class_relation;   // what `relations` are, when they are none: then one object, in no schema
};

enum class Verdict : std::uint8_t {
    unguarded,     // no enforcing policy guards this
    exempt,        // the person is exempt in every deciding policy
    approved,      // by Decision::request until Decision::until
    no_approval,   // nothing live and nothing scheduled
    not_yet,       // an approval that would cover starts later (Decision::until = its start)
    over,          // an approval that would cover has ended (Decision::until = its end)
    used_up,       // a live approval that would cover has no use left
    network,       // a live approval that would cover does not serve the address that the session comes from
    other_statement, // a live approval that would cover is bound to a statement that is not the one now running
    out_of_scope,  // a live approval of a deciding policy does not reach this action, object or column
};

struct Decision {
    Verdict verdict;
    PolicyId policy;    // the deciding policy: the approval's when there is one, else the first (for a refusal: the
                        // first that the person is not exempt from); 0 for unguarded
    RequestId request;  // the approval used or nearest; 0 if none
    Instant until;      // see the verdicts; never for unguarded, exempt and no_approval; used_up, network,
                        // other_statement, out_of_scope: its end
    friend constexpr bool operator==(const Decision &, const Decision &) = default;
};

[[nodiscard]] constexpr bool allows(Verdict v) noexcept
{
    return v == Verdict::unguarded || v == Verdict::exempt || v == Verdict::approved;
}

// Which guards count: those in force, or those in force and those being tried out (monitor).
enum class Weigh : std::uint8_t { enforced, monitored_too };

namespace deciding {

template <class T> [[nodiscard]] constexpr bool has(std::span<const T> all, T one) noexcept
{
    for (const T &t : all)
        if (t == one)
            return true;
    return false;
}

[[nodiscard]] constexpr bool in_force(Mode mode, Weigh weigh) noexcept
{
    switch (mode) {
        case Mode::enforce: return true;
        case Mode::monitor: return weigh == Weigh::monitored_too;
        case Mode::off:     break;
    }
    return false;
}

[[nodiscard]] constexpr bool guarded_by(const Guard &guard, const Attempt &attempt, Weigh weigh) noexcept
{
    if (!in_force(guard.mode, weigh) || !contains(guard.actions, attempt.action))
        return false;
    return guard.level != Level::column || (attempt.column != 0 && has(guard.columns, attempt.column));
}

[[nodiscard]] constexpr bool reached_by(const Cover &cover, const Attempt &attempt) noexcept
{
    // An approval of single columns is not one of the row: it would open DELETE, or count(*).
    if (!cover.columns.empty() && (attempt.column == 0 || !has(cover.columns, attempt.column)))
        return false;
    const bool on_relation = attempt.object_class == class_relation;
    switch (cover.kind) {
        case CoverKind::relation: return on_relation && has(attempt.relations, cover.object);
        case CoverKind::schema:   return on_relation && has(attempt.schemas, cover.object);
        case CoverKind::database: return on_relation;
        case CoverKind::other:
            return cover.object_class == attempt.object_class && has(attempt.relations, cover.object);
    }
    return false;
}

// Whether the approval's scope contains the attempt, whenever it holds. A narrowed one cannot exceed its policy:
// it is asked only when a guard of that policy already contains the attempt.
[[nodiscard]] constexpr bool reached_by(const Approval &approval, const Attempt &attempt) noexcept
{
    if (!contains(approval.actions, attempt.action))
        return false;
    if (!approval.narrowed)
        return true;
    for (const Cover &cover : approval.covers)
        if (reached_by(cover, attempt))
            return true;
    return false;
}

// Between equals the older request, so that the answer does not depend on the order of the rows.
[[nodiscard]] constexpr bool ends_later(const Approval &a, const Approval *best) noexcept
{
    return best == nullptr || a.until > best->until || (a.until == best->until && a.request < best->request);
}

// What nobody counts is used before what is, so that uses are kept for when nothing else covers.
[[nodiscard]] constexpr bool serves_better(const Approval &a, const Approval *best) noexcept
{
    if (best != nullptr && (a.left == uncounted) != (best->left == uncounted))
        return a.left == uncounted;
    return ends_later(a, best);
}

[[nodiscard]] constexpr bool starts_earlier(const Approval &a, const Approval *best) noexcept
{
    return best == nullptr || a.from < best->from || (a.from == best->from && a.request < best->request);
}

} // namespace deciding

// guards: every guard that applies to the attempt's relations, in any order. approvals: the person's own.
// Column guards apply when attempt.column is one of theirs; table and wider guards apply to every column.
// Among several covering approvals one without a count of uses is used, then the one that ends last.
[[nodiscard]] constexpr Decision decide(const Attempt &attempt, std::span<const Guard> guards,
                                        std::span<const Approval> approvals, Instant now, Weigh weigh) noexcept
{
    const Guard *first = nullptr;   // of the most specific level, as all that follows
    const Guard *refuses = nullptr;
    for (const Guard &guard : guards) {
        if (!deciding::guarded_by(guard, attempt, weigh))
            continue;
        if (first == nullptr || guard.level > first->level) {
            first = &guard;
            refuses = nullptr;
        }
        if (guard.level == first->level && !guard.exempt && refuses == nullptr)
            refuses = &guard;
    }
    if (first == nullptr)
        return {Verdict::unguarded, 0, 0, never};
    if (refuses == nullptr)
        return {Verdict::exempt, first->policy, 0, never};

    const auto deciding_guard = [&](PolicyId policy) -> const Guard * {
        for (const Guard &guard : guards)
            if (guard.policy == policy && guard.level == first->level && deciding::guarded_by(guard, attempt, weigh))
                return &guard;
        return nullptr;
    };
    const Approval *covering = nullptr;
    const Approval *spent = nullptr;
    const Approval *unserved = nullptr;
    const Approval *bound = nullptr;
    const Approval *astray = nullptr;
    const Approval *upcoming = nullptr;
    const Approval *ended = nullptr;
    for (const Approval &approval : approvals) {
        const Guard *const guard = approval.from < approval.until ? deciding_guard(approval.policy) : nullptr;
        if (guard == nullptr)
            continue;
        const bool reaches = deciding::reached_by(approval, attempt);
        // Half-open: of two adjacent approvals exactly one holds at the seam.
        if (approval.from <= now && now < approval.until) {
            const Approval *&best = !reaches            ? astray
                                    : guard->elsewhere  ? unserved
                                    : approval.left == 0 ? spent
                                    : approval.shut     ? bound
                                                        : covering;
            if (deciding::serves_better(approval, best))
                best = &approval;
        } else if (reaches && now < approval.from) {
            if (deciding::starts_earlier(approval, upcoming))
                upcoming = &approval;
        } else if (reaches) {
            if (deciding::ends_later(approval, ended))
                ended = &approval;
        }
    }
    if (covering != nullptr)
        return {Verdict::approved, covering->policy, covering->request, covering->until};
    // The reason that helps most comes first: a right that is there but too small, then one to wait for.
    if (spent != nullptr)
        return {Verdict::used_up, spent->policy, spent->request, spent->until};
    if (unserved != nullptr)
        return {Verdict::network, unserved->policy, unserved->request, unserved->until};
    if (bound != nullptr)
        return {Verdict::other_statement, bound->policy, bound->request, bound->until};
    if (astray != nullptr)
        return {Verdict::out_of_scope, astray->policy, astray->request, astray->until};
    if (upcoming != nullptr)
        return {Verdict::not_yet, upcoming->policy, upcoming->request, upcoming->from};
    if (ended != nullptr)
        return {Verdict::over, ended->policy, ended->request, ended->until};
    return {Verdict::no_approval, refuses->policy, 0, never};
}

} // namespace jit::core
