// seal.cpp: zone C. jit.seal: from here on jit_guard's own protection is enforced, and what weakens it needs two people.
#include "api/durations.hpp"
#include "api/rows.hpp"
#include "api/terms.hpp"
#include "api/watch.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql sealed_already{"SELECT i.sealed_at, i.sealed_by FROM jit.instance i WHERE i.sealed_at IS NOT NULL FOR UPDATE", 0, {}};
constexpr spi::Sql seal_instance{"UPDATE jit.instance SET sealed_at = $1, sealed_by = $2 WHERE sealed_at IS NULL", 2, {TIMESTAMPTZOID, TEXTOID}};

using core::Action;
// What hooks/house.cpp guards. INSERT, UPDATE and DELETE are those on the catalogs, and UPDATE that of jit_guard's sequences, too.
constexpr core::Actions maintenance =
    core::bit(Action::insert) | core::bit(Action::update) | core::bit(Action::delete_) | core::bit(Action::grant) |
    core::bit(Action::revoke) | core::bit(Action::create_role) | core::bit(Action::alter_role) |
    core::bit(Action::drop_role) | core::bit(Action::alter_system) | core::bit(Action::load) | core::bit(Action::setting) |
    core::bit(Action::untrusted_code) | core::bit(Action::create_language) | core::bit(Action::alter_language) |
    core::bit(Action::alter_view) | core::bit(Action::create) | core::bit(Action::create_cast) | core::bit(Action::alter_schema) |
    core::bit(Action::alter_function) | core::bit(Action::alter_extension) | core::bit(Action::drop_extension);

Terms builtin_policy()
{
    Terms terms = terms::defaults();
    auto *admin = static_cast<Oid *>(palloc(sizeof(Oid)));
    admin[0] = membership::admin_role();
    terms.name = builtin_name;
    terms.eligible = {admin, 1};
    terms.approvers = {admin, 1};
    terms.actions = words_of_actions(maintenance);
    terms.max_duration = durations::of_micros(4 * USECS_PER_HOUR);
    terms.default_duration = durations::of_micros(USECS_PER_HOUR);
    terms.pending_timeout = durations::of_micros(72 * USECS_PER_HOUR);
    terms.comment = "built in: maintenance of jit_guard itself, and changes that weaken its policies";
    return terms;
}

// Members of these roles decide here, and a membership can be given from every database of the cluster. So, in the control
// database, the built-in policy guards them for all.
Scope scope_of_builtin()
{
    Scope scope{};
    if (!pg::settings::in_control_database())
        return scope;
    char *const names[] = {pstrdup("role jit_admin"), pstrdup("role jit_auditor"), pstrdup("role jit_lender")};
    resolve_objects(Words{const_cast<char **>(names), lengthof(names)}, AccessShareLock, &scope);
    scope.actions = maintenance;
    return scope;
}

void require_two()
{
    // Everybody but nobody: all who can log in and are honest members.
    const Roles people = approvers_of(builtin_policy(), InvalidOid);
    if (people.count < 2)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit_guard cannot be sealed with fewer than two members of jit_admin"),
                        people.count == 0 ? errdetail("Nobody who can log in is a member of jit_admin; superusers do not count.")
                                          : errdetail("Only \"%s\" can log in and is a member of jit_admin; superusers do not count.",
                                                      session::role_name(people.oids[0])),
                        errhint("GRANT jit_admin TO two different people; afterwards one asks and another one approves.")));
}

void seal()
{
    if (spi::execute(sealed_already, {}) > 0) {
        bool is_null = false;
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("jit_guard is sealed already"),
                        errdetail("\"%s\" sealed it at %s.", spi::text(0, 2),
                                  when(DatumGetTimestampTz(spi::value(0, 1, &is_null))))));
    }
    require_two();
    // After a restore the policy may be there; whatever it says, it says this from now on.
    Terms builtin = builtin_policy();
    Terms known{};
    if (terms::load(builtin_name, terms::Lock::none, &known))
        builtin.policy_id = known.policy_id;
    const Scope scope = scope_of_builtin();
    builtin.objects = names_of(scope);
    terms::store(&builtin, scope);

    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(clock()));
    spi::add_text(&args, session::role_name(session::person()));
    if (spi::execute(seal_instance, args) != 1)
        elog(ERROR, "jit_guard: the installation could not be sealed");
    watch::record();
    journal::event("sealed", 0, nullptr, InvalidOid, nullptr);
    catalog::announce_guards();
    ereport(NOTICE, (errmsg("jit_guard is sealed when this transaction is committed"),
                     errdetail("What weakens a policy, and maintenance of jit_guard, then needs two members of jit_admin; "
                               "superusers do not count. Nothing in SQL unseals it."),
                     errhint("The README's chapter \"Ways back in\" is for when nobody can approve any more.")));
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_seal(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_seal);
}

Datum jit_seal(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.seal()");
    require_admin("jit.seal()");
    spi::connect();
    seal();
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
