// upgrade.cpp: zone C. The part of ALTER EXTENSION jit_guard UPDATE that needs the library: the guards of every policy
// are written anew, because its words ({ALL}, {DDL}) may mean more in the new version.
#include "api/terms.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace json = pg::json;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql every_policy{"SELECT p.policy_id FROM jit.policies p ORDER BY p.policy_id", 0, {}};

// By OID, as the guards have it: a name may have moved on since.
void write_guards(int32 policy_id)
{
    Terms policy{};
    if (!terms::load(policy_id, terms::Lock::update, &policy))
        return;
    Scope scope = terms::stored_scope(policy);
    scope.actions = actions_of(policy.actions, Report::quiet);
    terms::store_guards(policy, scope);
}

int upgrade()
{
    const auto count = static_cast<Size>(spi::execute(every_policy, {}));
    auto *ids = static_cast<int32 *>(palloc(sizeof(int32) * (count + 1)));
    for (Size row = 0; row < count; row++) {
        bool is_null = false;
        ids[row] = DatumGetInt32(spi::value(row, 1, &is_null));
    }
    for (Size row = 0; row < count; row++)
        write_guards(ids[row]);
    return static_cast<int>(count);
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_upgrade(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_upgrade);
}

Datum jit_upgrade(PG_FUNCTION_ARGS)
{
    (void) fcinfo;
    if (!catalog::in_own_script())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit._upgrade() is a part of ALTER EXTENSION UPDATE"),
                        errhint("ALTER EXTENSION jit_guard UPDATE;")));
    spi::connect();
    const int policies = upgrade();
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "version", JIT_GUARD_VERSION);
    json::add_int(&detail, "policies", policies);
    json::close(&detail);
    journal::event("upgraded", 0, nullptr, InvalidOid, detail.data);
    catalog::announce_guards();
    catalog::announce_approvals();
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
