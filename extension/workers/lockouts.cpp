// lockouts.cpp: zone C. See lockouts.hpp.

#include "workers/lockouts.hpp"

#include "api/factors.hpp"

#include "pg/attempts.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/spi.hpp"

namespace jit::workers::lockouts {

namespace json = pg::json;
namespace spi = pg::spi;

bool any = false;

namespace {

constexpr int64 between_looks = 60 * USECS_PER_SEC; // for what is left: numbers of roles do not come again soon
constexpr int at_once = 32;

constinit Oid announced[at_once] = {};
constinit int announced_count = 0;

constexpr spi::Sql locked{"SELECT t.person, t.locked_until, t.lockouts FROM jit.attempts t WHERE t.lockouts > "
                          "t.announced AND t.locked_until > $1 LIMIT $2",
                          2,
                          {TIMESTAMPTZOID, INT4OID}};
constexpr spi::Sql gone{"SELECT DISTINCT a.person FROM jit.authenticators a WHERE NOT EXISTS (SELECT FROM "
                        "pg_catalog.pg_authid r WHERE r.oid = a.person)",
                        0,
                        {}};

constexpr spi::Sql delete_old_challenges{
    "DELETE FROM jit.challenges c USING (SELECT o.request_id, o.person FROM jit.challenges o WHERE o.issued_at < $1 FOR UPDATE SKIP LOCKED) o "
    "WHERE c.request_id = o.request_id AND c.person = o.person",
    1,
    {TIMESTAMPTZOID}};

// Older than any policy lets a challenge be. Nobody is waited for: an open transaction must not hold up what the keeper does else.
void drop_old_challenges(TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now - USECS_PER_DAY));
    (void)spi::execute(delete_old_challenges, args);
}

void tell_of_lockouts(TimestampTz now)
{
    struct Locked {
        Oid person;
        TimestampTz until;
        int32 lockouts;
    };
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, Int32GetDatum(at_once));
    const auto rows = static_cast<Size>(spi::execute(locked, args));
    auto *found = static_cast<Locked *>(palloc(sizeof(Locked) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        found[row] = {DatumGetObjectId(spi::value(row, 1, &is_null)), DatumGetTimestampTz(spi::value(row, 2, &is_null)),
                      DatumGetInt32(spi::value(row, 3, &is_null))};
    }
    for (Size row = 0; row < rows; row++) {
        StringInfoData detail;
        initStringInfo(&detail);
        json::open(&detail);
        json::add_time(&detail, "until", found[row].until);
        json::add_int(&detail, "lockouts", found[row].lockouts);
        json::close(&detail);
        pg::journal::event("locked_out", 0, nullptr, found[row].person, detail.data);
        announced[announced_count++] = found[row].person;
    }
}

void forget_gone_roles()
{
    const auto rows = static_cast<Size>(spi::execute(gone, spi::Args{}));
    auto *roles = static_cast<Oid *>(palloc(sizeof(Oid) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        roles[row] = DatumGetObjectId(spi::value(row, 1, &is_null));
    }
    for (Size row = 0; row < rows; row++) {
        if (!api::factors::try_lock(roles[row]))
            continue; // its last session is still there
        (void)api::factors::erase_all(roles[row], api::factors::Gone::role);
        api::factors::record("factors_reset", roles[row], nullptr, "the role was dropped");
    }
}

} // namespace

void work(TimestampTz now)
{
    static constinit TimestampTz last_look = 0;
    announced_count = 0;
    if (!OidIsValid(pg::catalog::house().attempts))
        return; // the schema of 0.1.0
    tell_of_lockouts(now);
    any = announced_count > 0;
    if (now - last_look < between_looks)
        return;
    last_look = now;
    forget_gone_roles();
    drop_old_challenges(now);
}

void told()
{
    for (int i = 0; i < announced_count; i++)
        pg::attempts::set_announced(announced[i]);
    announced_count = 0;
    any = false;
}

} // namespace jit::workers::lockouts
