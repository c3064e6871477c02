// looking.cpp: zone C. What the views ask: who is looking, what they may see, and how the library is.
#include "core/note.hpp"
#include "core/signing.hpp"

#include "api/call.hpp"
#include "api/rows.hpp"
#include "pg/catalog.hpp"
#include "pg/evidence.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/shared_standby.hpp"
#include "pg/signing_key.hpp"
#include "pg/standby.hpp"
#include "pg/wal.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace jit::api {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace session = pg::session;
namespace settings = pg::settings;
namespace shared = pg::shared;

namespace {

const char *presence_word()
{
    switch (catalog::presence()) {
        case catalog::Presence::absent:   return "absent";
        case catalog::Presence::ready:    return "yes";
        case catalog::Presence::unbound:  return "no: call jit.rebind()";
        case catalog::Presence::creating: return "being created";
    }
    return "";
}

void tell(const Rows &rows, const char *fact, const char *value)
{
    const char *const row[] = {fact, value};
    rows::add(rows, row);
}

const char *publication_word()
{
    namespace published = shared::cluster;
    switch (published::state()) {
        case published::State::unpublished: return "not yet: roles, databases and the server are closed in other databases";
        case published::State::stale:       return "not since the last change";
        case published::State::too_large:
            return psprintf("no: %zu kB do not fit jit_guard.cluster_memory", published::image_size() / 1'024 + 1);
        case published::State::current:     break;
    }
    return psprintf("yes, %zu of %zu kB", published::image_size() / 1'024 + 1, published::room() / 1'024);
}

// On a standby: how far it is behind. On a primary: the last heartbeat for standbys.
void tell_standby(const Rows &rows)
{
    namespace standbys = shared::standbys;
    const TimestampTz now = GetCurrentTimestamp();
    const bool limited = settings::max_standby_lag_ms > 0;
    if (RecoveryInProgress()) {
        const pg::standby::Lag lag = pg::standby::lag(now);
        const char *allowed = limited ? psprintf("%s allowed", pg::standby::text_of(settings::max_standby_lag_ms)) : "any allowed";
        const char *is = lag.known ? pg::standby::text_of(lag.ms) : "unknown, nothing replayed yet";
        tell(rows, "standby lag", psprintf("%s; %s%s", is, allowed, pg::standby::is_late(now) ? "; approvals are closed" : ""));
        return;
    }
    const TimestampTz last = standbys::last_beat();
    tell(rows, "heartbeat for standbys",
         !limited                          ? "none: jit_guard.max_standby_lag sets no limit"
         : !standbys::are_connected(now)   ? "none: no standby is connected"
         : last == 0                       ? "not yet"
                                           : timestamptz_to_str(last));
}

// What is recorded, whether it can be, and whose signature the ledger has.
void tell_evidence(const Rows &rows)
{
    namespace evidence = shared::evidence;
    if (!settings::is_evidence_durable())
        tell(rows, "evidence", "async: a crash may lose the last records");
    else if (const pg::evidence::Closed closed = pg::evidence::closed(MyDatabaseId); closed.detail != nullptr)
        tell(rows, "evidence", psprintf("closed, and guarded statements with it: %s", closed.detail));
    else
        tell(rows, "evidence", "durable");
    tell(rows, "records waiting for the ledger", psprintf(UINT64_FORMAT " bytes", evidence::waiting(MyDatabaseId)));
    if (const XLogRecPtr from = pg::wal::kept_from(); from != InvalidXLogRecPtr && !RecoveryInProgress())
        tell(rows, "write-ahead log kept for the ledger", psprintf(UINT64_FORMAT " MB of at most %d MB", (GetXLogInsertRecPtr() - from) >> 20, pg::settings::evidence_log_kb >> 10));
    core::note::Key key{};
    char text[core::note::max_note_bytes];
    if (const size_t length = pg::signing_key::get(&key, false) ? core::note::vkey(pg::signing_key::origin(), key, text) : 0; length > 0)
        tell(rows, "public key of the ledger", pnstrdup(text, length));
    core::signing::forget(&key);
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_person(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_person);
PGDLLEXPORT Datum jit_sees_all(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_sees_all);
PGDLLEXPORT Datum jit_belongs(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_belongs);
PGDLLEXPORT Datum jit_status_facts(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_status_facts);
}

Datum jit_person(PG_FUNCTION_ARGS)
{
    (void) fcinfo;
    PG_RETURN_OID(session::person());
}

Datum jit_sees_all(PG_FUNCTION_ARGS)
{
    (void) fcinfo;
    PG_RETURN_BOOL(membership::is_auditor(session::person()));
}

Datum jit_belongs(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0))
        PG_RETURN_BOOL(false);
    PG_RETURN_BOOL(membership::is_member_of_any(session::person(), roles_of(PG_GETARG_DATUM(0), "roles").view()));
}

Datum jit_status_facts(PG_FUNCTION_ARGS)
{
    const Rows rows = rows::begin(fcinfo);
    tell(rows, "version", JIT_GUARD_VERSION);
    if (!pg::catalog::is_current_version())
        tell(rows, "tables", "of another version: ALTER EXTENSION jit_guard UPDATE");
    tell(rows, "enabled", settings::enabled ? "on" : "off");
    tell(rows, "preloaded", shared::ready() ? "yes" : "no: add jit_guard to shared_preload_libraries and restart");
    tell(rows, "bound to this database", presence_word());
    tell(rows, "sealed", pg::catalog::is_sealed() ? "yes" : "no: its own protection only reports");
    tell(rows, "control database", settings::control_database[0] == '\0' ? "none: roles cannot be lent" : settings::control_database);
    if (shared::ready()) {
        tell(rows, "loans published", shared::loans_published() ? psprintf("%d", shared::loan_count()) : "not yet");
        if (settings::control_database[0] != '\0')
            tell(rows, "cluster scope published", publication_word());
        tell_standby(rows);
        tell_evidence(rows);
        tell(rows, "changes", psprintf(UINT64_FORMAT, shared::change_count()));
    }
    return Datum{0};
}

} // namespace jit::api
