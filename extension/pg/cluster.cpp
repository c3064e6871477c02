// cluster.cpp: zone C. What this backend knows of cluster scope, and for how long it may believe it.

#include "pg/cluster.hpp"

#include "pg/catalog.hpp"
#include "pg/cluster_image.hpp"
#include "pg/session.hpp"
#include "pg/shared_cluster.hpp"

extern "C" {
#include "access/xlog.h"
#include "utils/inval.h"
}

namespace jit::pg::cluster {

namespace {

namespace published = shared::cluster;

// A publication takes milliseconds; a keeper that has to be started first, a second or two.
constexpr long wait_ms = 10'000;

// What was read last, and of which generation: the tables' in the control database, else the image's.
constinit MemoryContext context = nullptr;
constinit Picture last = {};
constinit uint64 last_generation = 0; // 0: nothing
constinit uint64 guards_as_of = 0;    // in the control database: the guards in `last`
constinit TimestampTz held = DT_NOEND;

// What was read goes with the transaction that may still look at it.
MemoryContext fresh_context()
{
    if (context != nullptr) {
        if (TopTransactionContext != nullptr)
            MemoryContextSetParent(context, TopTransactionContext);
        else
            MemoryContextDelete(context);
    }
    last_generation = 0;
    context = AllocSetContextCreate(TopMemoryContext, "jit_guard cluster scope", ALLOCSET_SMALL_SIZES);
    return context;
}

void remember(std::span<const char> image, Oid control_database, uint64 generation)
{
    const MemoryContext caller = MemoryContextSwitchTo(fresh_context());
    Picture fresh = {};
    read_image(image, session::person(), &fresh);
    MemoryContextSwitchTo(caller);
    fresh.control_database = control_database;
    last = fresh;
    last_generation = generation;
    if (fresh.mine.empty())
        held = DT_NOEND;
    else if (held == DT_NOEND)
        // At the start of a statement nothing of it has run yet.
        held = session::is_top_level() ? GetCurrentStatementStartTimestamp() : GetCurrentTimestamp();
}

// The control database's own sessions read the tables: exact from COMMIT on, and possible while no worker runs.
void read_tables()
{
    catalog::watch();
    constexpr int most_tries = 4; // as in rights.cpp
    for (int tries = 1;; tries++) {
        const catalog::Presence presence = catalog::presence();
        const uint64 generation = catalog::guards_generation + catalog::approvals_generation;
        if (last_generation == generation && catalog::presence_known)
            return;
        // Where nothing is of cluster scope, approvals that come and go are none of ours.
        if (last_generation != 0 && last.guards.empty() && guards_as_of == catalog::guards_generation &&
            catalog::presence_known) {
            last_generation = generation;
            return;
        }
        const uint64 guards_seen = catalog::guards_generation;
        const MemoryContext scratch =
            AllocSetContextCreate(CurrentMemoryContext, "jit_guard cluster scope", ALLOCSET_SMALL_SIZES);
        const MemoryContext caller = MemoryContextSwitchTo(scratch);
        StringInfoData image;
        initStringInfo(&image);
        switch (presence) {
            case catalog::Presence::absent:
            case catalog::Presence::creating:
                write_nothing(&image);
                break;
            case catalog::Presence::ready:
            case catalog::Presence::unbound:
                write_image(&image);
                break;
        }
        MemoryContextSwitchTo(caller);
        remember({image.data, static_cast<std::size_t>(image.len)}, MyDatabaseId, generation);
        guards_as_of = guards_seen;
        MemoryContextDelete(scratch);
        if (tries == most_tries || generation == catalog::guards_generation + catalog::approvals_generation)
            return;
        CHECK_FOR_INTERRUPTS();
    }
}

Standing standing_of(published::State state)
{
    switch (state) {
        case published::State::unpublished: return Standing::unpublished;
        case published::State::stale:       return Standing::stale;
        case published::State::too_large:   return Standing::too_large;
        case published::State::current:     break;
    }
    return Standing::known;
}

const Picture &closed(Standing why)
{
    last = {why, InvalidOid, {}, {}, {}, core::all_actions};
    last_generation = 0;
    return last;
}

const Picture &read_published(bool wait)
{
    for (;;) {
        if (last_generation != 0 && last_generation == published::generation())
            return last;
        published::State state = published::state();
        if (state != published::State::current && wait && IsUnderPostmaster && !RecoveryInProgress())
            state = published::wait_until_current(wait_ms);
        if (state != published::State::current)
            return closed(RecoveryInProgress() ? Standing::standby : standing_of(state));
        published::Image image;
        if (published::read(&image)) {
            remember({static_cast<const char *>(image.bytes), image.size}, image.control_database, image.generation);
            pfree(image.bytes);
            return last;
        }
        CHECK_FOR_INTERRUPTS();
    }
}

} // namespace

const Picture &picture()
{
    if (!settings::in_control_database())
        return read_published(true);
    read_tables();
    return last;
}

Picture picture_for(Oid person)
{
    Picture picture = {};
    published::State state = published::state();
    if (state != published::State::current && IsUnderPostmaster && !RecoveryInProgress())
        state = published::wait_until_current(wait_ms);
    published::Image image;
    if (state != published::State::current || !published::read(&image)) {
        picture.standing = RecoveryInProgress() ? Standing::standby
                           : state == published::State::current ? Standing::stale
                                                                : standing_of(state);
        picture.guarded = core::all_actions;
        return picture;
    }
    read_image({static_cast<const char *>(image.bytes), image.size}, person, &picture);
    picture.control_database = image.control_database;
    return picture;
}

bool holds_any()
{
    if (!is_configured())
        return false;
    if (settings::in_control_database())
        read_tables();
    else
        (void) read_published(false);
    return !last.mine.empty();
}

bool is_live(core::RequestId request, TimestampTz now)
{
    for (const Approval &approval : read_published(true).mine)
        if (approval.request == request)
            return approval.from <= now && now < approval.until;
    return false;
}

uint64 version()
{
    return settings::in_control_database() ? catalog::guards_generation + catalog::approvals_generation
                                           : published::generation();
}

TimestampTz held_since() { return held; }

bool publish()
{
    const uint64 seen = published::expected();
    StringInfoData image;
    initStringInfo(&image);
    write_image(&image);
    const bool fits = published::publish({image.data, static_cast<std::size_t>(image.len)}, MyDatabaseId, seen);
    pfree(image.data);
    return fits;
}

void publish_nothing(Oid control_database, uint64 expected_seen)
{
    StringInfoData image;
    initStringInfo(&image);
    write_nothing(&image);
    (void) published::publish({image.data, static_cast<std::size_t>(image.len)}, control_database, expected_seen);
    pfree(image.data);
}

} // namespace jit::pg::cluster
