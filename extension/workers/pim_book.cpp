// pim_book.cpp: zone C. See pim_book.hpp. Each approval, refusal and end is a transaction of its own: one that cannot be does not stop the others.
#include "net/graph.hpp"

#include "workers/pim_book.hpp"

#include "api/pim.hpp"
#include "pg/evidence_bytes.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"
#include "workers/tick.hpp"

namespace jit::workers::pim {

namespace spi = pg::spi;

namespace {

constexpr int most_told = 1'000;
constexpr int gone_after = 2; // looks that went well without it

constinit List *known_groups = NIL;

struct Missed {
    core::RequestId id;
    int times;
};

void keep(List **texts, const char *text)
{
    if (book::has(*texts, text))
        return;
    MemoryContext const caller = MemoryContextSwitchTo(book::memory());
    if (list_length(*texts) >= most_told)
        *texts = list_delete_first(*texts);
    *texts = lappend(*texts, pstrdup(text));
    MemoryContextSwitchTo(caller);
}

struct Writing {
    Group *group;
    std::span<Found> found;
    TimestampTz heard_at;
    Found *one;
    int32 policy_id;
    const char *why;
    core::RequestId id;
    // out
    int32 *policies;
    int policy_count;
    api::pim::Open *open;
    int open_count;
    api::pim::Answer answer;
    MemoryContext results;
};

api::pim::Activation activation_of(const Writing &w)
{
    return {w.group->id, w.one->activation.schedule.data(), w.one->activation.person.data(), pg::evidence::from_unix_micros(w.one->activation.starts),
            pg::evidence::from_unix_micros(w.one->activation.ends), w.one->why.reason.data(), w.one->why.ticket.data(), w.heard_at};
}

// False: there is no installation that could be written to.
bool begin()
{
    if (settled_presence() != pg::catalog::Presence::ready)
        return false;
    spi::connect();
    return true;
}

void read_state(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    // What SPI gives goes with it.
    const int32 *policies = api::pim::policies_of(w->group->id, &w->policy_count);
    const api::pim::Open *open = api::pim::open_of(w->group->id, &w->open_count);
    MemoryContext const caller = MemoryContextSwitchTo(w->results);
    w->policies = static_cast<int32 *>(palloc(sizeof(int32) * static_cast<Size>(w->policy_count + 1)));
    memcpy(w->policies, policies, sizeof(int32) * static_cast<Size>(w->policy_count));
    w->open = static_cast<api::pim::Open *>(palloc(sizeof(api::pim::Open) * static_cast<Size>(w->open_count + 1)));
    for (int i = 0; i < w->open_count; i++)
        w->open[i] = {open[i].id, pstrdup(open[i].schedule)};
    MemoryContextSwitchTo(caller);
    spi::finish();
}
void open_one(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    w->answer = api::pim::open(w->policy_id, activation_of(*w));
    spi::finish();
}
void refuse_one(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    api::pim::refuse(w->policy_id, activation_of(*w), w->why);
    spi::finish();
}
void close_one(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    api::pim::close(w->id);
    spi::finish();
}
void write_success(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    api::pim::note_sync(w->group->id, static_cast<int>(w->found.size()), nullptr);
    spi::finish();
}
void write_failure(void *arg)
{
    auto *w = static_cast<Writing *>(arg);
    if (!begin())
        return;
    api::pim::note_sync(w->group->id, 0, w->why);
    spi::finish();
}

// An approval for one activation under each policy of the group.
void open_all(Writing *w)
{
    bool is_settled = true;
    for (int i = 0; i < w->policy_count; i++) {
        Failure failure{};
        w->policy_id = w->policies[i];
        w->answer = api::pim::Answer::done;
        const Outcome outcome = attempt(open_one, w, &failure);
        if (outcome == Outcome::done && w->answer == api::pim::Answer::stale)
            ereport(LOG, (errmsg("jit_guard: what Microsoft Graph said of group %s is too old to give anything", w->group->id)));
        is_settled = is_settled && outcome == Outcome::done && w->answer == api::pim::Answer::done;
        if (outcome != Outcome::failed)
            continue;
        const char *mark = psprintf("%d %s %d", w->policy_id, w->one->activation.schedule.data(), failure.sqlstate);
        if (book::has(w->group->told, mark))
            continue;
        w->why = failure.message;
        if (attempt(refuse_one, w, nullptr) == Outcome::done)
            keep(&w->group->told, mark);
    }
    if (is_settled)
        keep(&w->group->settled, w->one->activation.schedule.data());
}

// What is gone twice is over.
void end_gone(Writing *w)
{
    List *missed = NIL;
    for (int i = 0; i < w->open_count; i++) {
        if (book::find(w->found, w->open[i].schedule) != nullptr)
            continue;
        int times = 1;
        ListCell *cell;
        foreach (cell, w->group->missed)
            if (static_cast<Missed *>(lfirst(cell))->id == w->open[i].id)
                times = static_cast<Missed *>(lfirst(cell))->times + 1;
        w->id = w->open[i].id;
        Failure failure{};
        if ((times >= gone_after || pg::switches::off("pim_twice")) && !pg::switches::off("pim_gone") &&
            attempt(close_one, w, &failure) == Outcome::done)
            continue;
        MemoryContext const caller = MemoryContextSwitchTo(book::memory());
        auto *one = static_cast<Missed *>(palloc(sizeof(Missed)));
        *one = {w->open[i].id, times};
        missed = lappend(missed, one);
        MemoryContextSwitchTo(caller);
    }
    list_free_deep(w->group->missed);
    w->group->missed = missed;
}

void forget(Group *group)
{
    list_free_deep(group->settled);
    list_free_deep(group->told);
    list_free_deep(group->missed);
    pfree(group->policies);
    pfree(group);
}

Group *find_group(const char *id)
{
    ListCell *cell;
    foreach (cell, known_groups)
        if (strcmp(static_cast<Group *>(lfirst(cell))->id, id) == 0)
            return static_cast<Group *>(lfirst(cell));
    return nullptr;
}

} // namespace

namespace book {

MemoryContext memory()
{
    static constinit MemoryContext made = nullptr;
    if (made == nullptr)
        made = AllocSetContextCreate(TopMemoryContext, "jit_guard PIM", ALLOCSET_DEFAULT_SIZES);
    return made;
}

bool has(List *texts, const char *text)
{
    ListCell *cell;
    foreach (cell, texts)
        if (strcmp(static_cast<const char *>(lfirst(cell)), text) == 0)
            return true;
    return false;
}

const Found *find(std::span<const Found> all, const char *schedule)
{
    for (const Found &one : all)
        if (strcmp(one.activation.schedule.data(), schedule) == 0)
            return &one;
    return nullptr;
}

void settle(Group *group, std::span<Found> found, TimestampTz heard_at)
{
    Writing w{};
    w.group = group;
    w.found = found;
    w.heard_at = heard_at;
    w.results = CurrentMemoryContext;
    pg::session::become_worker("pim"); // who decides
    Failure failure{};
    if (attempt(read_state, &w, &failure) == Outcome::done) {
        for (Found &one : found) {
            w.one = &one;
            if (one.is_explained)
                open_all(&w);
        }
        end_gone(&w);
        (void) attempt(write_success, &w, &failure);
    }
    pg::session::become_worker("courier");
}

void note_failure(Group *group, const char *why)
{
    Writing w{};
    w.group = group;
    // Whatever another machine says becomes a text of the database.
    char *clean = pstrdup(why);
    for (char *letter = clean; *letter != '\0'; letter++)
        if (*letter < ' ' || *letter > '~')
            *letter = '?';
    w.why = clean;
    Failure failure{};
    (void) attempt(write_failure, &w, &failure);
}

bool is_known(const Group *group) { return list_member_ptr(known_groups, group); }

Group *next()
{
    Group *first = nullptr;
    ListCell *cell;
    foreach (cell, known_groups) {
        auto *group = static_cast<Group *>(lfirst(cell));
        if (first == nullptr || group->next < first->next)
            first = group;
    }
    return first;
}

bool read_groups()
{
    int wanted_count = 0;
    const api::pim::Group *wanted = api::pim::groups(&wanted_count);
    MemoryContext const caller = MemoryContextSwitchTo(memory());
    List *all = NIL;
    for (int i = 0; i < wanted_count; i++) {
        Group *group = find_group(wanted[i].id);
        if (group == nullptr) {
            group = static_cast<Group *>(palloc0(sizeof(Group)));
            strlcpy(group->id, wanted[i].id, sizeof(group->id));
            group->policies = pstrdup("");
        }
        if (strcmp(group->policies, wanted[i].policies) != 0) { // what was settled may not be under another policy
            pfree(group->policies);
            group->policies = pstrdup(wanted[i].policies);
            list_free_deep(group->settled);
            group->settled = NIL;
            group->next = 0;
        }
        if (wanted[i].has_waiting && !group->has_waiting && group->failures == 0)
            group->next = 0;
        group->has_waiting = wanted[i].has_waiting;
        all = lappend(all, group);
    }
    ListCell *cell;
    foreach (cell, known_groups)
        if (!list_member_ptr(all, lfirst(cell)))
            forget(static_cast<Group *>(lfirst(cell)));
    list_free(known_groups);
    known_groups = all;
    MemoryContextSwitchTo(caller);
    return all != NIL;
}

void forget_groups()
{
    ListCell *cell;
    foreach (cell, known_groups)
        forget(static_cast<Group *>(lfirst(cell)));
    list_free(known_groups);
    known_groups = NIL;
}

} // namespace book

} // namespace jit::workers::pim
