// looking.cpp: zone C. What the views ask: who is looking, what they may see, and how the library is.
#include "api/call.hpp"
#include "api/rows.hpp"
#include "pg/catalog.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"

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
    tell(rows, "enabled", settings::enabled ? "on" : "off");
    tell(rows, "preloaded", shared::ready() ? "yes" : "no: add jit_guard to shared_preload_libraries and restart");
    tell(rows, "bound to this database", presence_word());
    tell(rows, "control database", settings::control_database[0] == '\0' ? "none: roles cannot be lent" : settings::control_database);
    if (shared::ready()) {
        tell(rows, "loans published", shared::loans_published() ? psprintf("%d", shared::loan_count()) : "not yet");
        tell(rows, "changes", psprintf(UINT64_FORMAT, shared::change_count()));
    }
    return Datum{0};
}

} // namespace jit::api
