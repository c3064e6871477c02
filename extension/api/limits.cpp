// limits.cpp: zone C. See limits.hpp.
#include "api/limits.hpp"

#include "pg/networks.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::limits {

namespace networks = pg::networks;
namespace spi = pg::spi;

namespace {

[[noreturn]] void bad_value(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

bool guards_cluster(const Item &item) { return core::is_of_cluster(item.object_class); }

void check_networks(const Terms &terms)
{
    const ArrayType *list = DatumGetArrayTypeP(terms.networks);
    const int count = ArrayGetNItems(ARR_NDIM(list), ARR_DIMS(list));
    constexpr const char *hint = "Give networks => '{10.0.0.0/8, ::1/128}', or '{}' for everywhere.";
    if (ARR_NDIM(list) > 1)
        bad_value("networks must be a simple list", psprintf("It has %d dimensions.", ARR_NDIM(list)), hint);
    if (array_contains_nulls(const_cast<ArrayType *>(list)))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("networks must not contain null"), errhint("%s", hint)));
    if (count > networks::most)
        bad_value("too many networks", psprintf("There are %d; at most %d are allowed.", count, networks::most),
                  "Name larger networks.");
    // A loan is a membership that the server itself knows: it gives it from any address, in every database.
    if (count > 0 && terms.elevates_to.count > 0)
        bad_value("networks cannot be combined with elevates_to",
                  "A role that is lent works from every address: a network could be checked when it is asked for, not when it is "
                  "used.",
                  "Limit the addresses of the role's members in pg_hba.conf, or leave networks out.");
}

void check_count(const Terms &terms, const Counted &counted)
{
    const int32 most = terms.*counted.term;
    if (most < 0 || most > counted.most)
        bad_value(psprintf("max_%s is out of range", counted.name), psprintf("It is %d.", most),
                  psprintf("Use 1 to %d, or 0 for any number.", counted.most));
    if (most > 0 && terms.elevates_to.count > 0)
        bad_value(psprintf("max_%s cannot be combined with elevates_to", counted.name),
                  "A role that is lent can be used by any statement, so there is nothing to count.",
                  psprintf("Leave max_%s out, or guard the objects with a policy of their own.", counted.name));
}

} // namespace

void require_rows(const Scope &scope)
{
    for (int i = 0; i < scope.count; i++)
        if (scope.items[i].object_class == core::class_relation || scope.items[i].object_class == core::class_schema_relations ||
            scope.items[i].object_class == core::class_database_relations)
            return;
    bad_value("there are no rows to be counted", "None of the objects is a table.",
              "Leave the number of rows out; max_uses counts statements.");
}

void check(const Terms &terms)
{
    check_networks(terms);
    check_count(terms, uses);
    check_count(terms, rows);
}

int32 of_request(const Terms &policy, const Counted &counted, bool given, int32 asked)
{
    const int32 most = policy.*counted.term;
    if (!given)
        return most;
    if (asked < 1 || asked > counted.most)
        bad_value(psprintf("%s is out of range", counted.name), psprintf("It is %d.", asked),
                  psprintf("Use 1 to %d, or leave it out.", most > 0 ? most : counted.most));
    if (most > 0 && asked > most)
        bad_value("the request is wider than the policy",
                  psprintf("It asks for %d %s; policy \"%s\" allows %d.", asked, counted.name, policy.name, most),
                  "Ask for fewer, and again when they are used up.");
    const char *hint = psprintf("Leave %s out, and ask for a shorter time.", counted.name);
    if (policy.elevates_to.count > 0)
        bad_value(psprintf("a policy that lends a role cannot count %s", counted.name),
                  psprintf("Policy \"%s\" elevates to \"%s\", which any statement can use.", policy.name,
                           pg::session::role_name(policy.elevates_to.oids[0])),
                  hint);
    const Scope scope = terms::stored_scope(policy);
    for (int i = 0; i < scope.count; i++)
        if (guards_cluster(scope.items[i]))
            bad_value(psprintf("a policy that guards the cluster cannot count %s", counted.name),
                      psprintf("Policy \"%s\" guards %s.", policy.name, scope.items[i].name), hint);
    if (&counted == &rows)
        require_rows(scope);
    return asked;
}

int32 within(int32 today, int32 requested) { return today == 0 ? requested : requested == 0 ? today : smaller(requested, today); }

namespace {

constexpr spi::Sql pending_of{"SELECT FROM jit.requests r WHERE r.person = $1 AND r.state = 'pending' AND r.pending_until > $2 LIMIT $3",
                              3,
                              {OIDOID, TIMESTAMPTZOID, INT8OID}};
constexpr spi::Sql delegations_of{
    "SELECT FROM jit.delegations d WHERE d.person = $1 AND d.ended_at IS NULL AND d.ends_at > $2 LIMIT $3", 3, {OIDOID, TIMESTAMPTZOID, INT8OID}};

bool has_fewer(const spi::Sql &sql, Oid person, TimestampTz now, int most)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, Int64GetDatum(most));
    return spi::execute(sql, args) < static_cast<uint64>(most) || pg::switches::off("crowding");
}

} // namespace

bool has_room(Oid person, TimestampTz now) { return has_fewer(pending_of, person, now, most_pending); }

void require_room(Oid person, TimestampTz now)
{
    if (!has_room(person, now))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many of your requests are waiting for a decision"),
                        errdetail("At most %d of one person may.", most_pending),
                        errhint("Wait, or take some back: SELECT jit.cancel(request_id) FROM jit.my_requests WHERE state = 'pending';")));
}

void require_room_for_delegation(Oid person, TimestampTz now)
{
    if (!has_fewer(delegations_of, person, now, most_delegations))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many of your delegations are in force or still to come"),
                        errdetail("At most %d of one person may.", most_delegations),
                        errhint("End one first: SELECT * FROM jit.my_delegations; shows their numbers for jit.undelegate().")));
}

void require_network(const Terms &policy)
{
    if (networks::serve_client(policy.networks))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("policy \"%s\" cannot be used from where you are", policy.name),
                    errdetail("You are connected from %s; it serves only these networks: %s.", networks::client_text(),
                              networks::list_text(policy.networks)),
                    errhint("Connect from one of them.")));
}

} // namespace jit::api::limits
