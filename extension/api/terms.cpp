// terms.cpp: zone C. Terms between arguments, the row of jit.policies and the JSON of events.
#include "api/terms.hpp"

#include "api/durations.hpp"
#include "pg/canonical.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::terms {

namespace session = pg::session;
namespace spi = pg::spi;

Terms defaults()
{
    Terms terms{};
    terms.approvals = 1;
    terms.max_duration = durations::of_micros(USECS_PER_HOUR);
    terms.pending_timeout = durations::of_micros(4 * USECS_PER_HOUR);
    terms.require_reason = true;
    terms.on_expiry = "cancel";
    terms.mode = "enforce";
    return terms;
}

namespace {

Roles one_role(Oid role)
{
    if (!OidIsValid(role)) // '-'::regrole: none
        return {};
    auto *oids = static_cast<Oid *>(palloc(sizeof(Oid)));
    oids[0] = role;
    return {oids, 1};
}

// The roles of an array argument, each once.
Roles distinct(Roles roles)
{
    int kept = 0;
    for (int i = 0; i < roles.count; i++) {
        int seen = 0;
        while (seen < kept && roles.oids[seen] != roles.oids[i])
            seen++;
        if (seen == kept)
            roles.oids[kept++] = roles.oids[i];
    }
    roles.count = kept;
    return roles;
}

} // namespace

void overlay(Terms *terms, FunctionCallInfo fcinfo)
{
    const auto given = [fcinfo](TermArgument a) { return !PG_ARGISNULL(static_cast<int>(a)); };
    const auto datum = [fcinfo](TermArgument a) { return PG_GETARG_DATUM(static_cast<int>(a)); };
    const auto words = [&](TermArgument a, const char *what, Words *out) {
        if (given(a))
            *out = words_of(datum(a), what);
    };
    const auto roles = [&](TermArgument a, const char *what, Roles *out) {
        if (given(a))
            *out = distinct(roles_of(datum(a), what));
    };
    const auto role = [&](TermArgument a, Roles *out) {
        if (given(a))
            *out = one_role(DatumGetObjectId(datum(a)));
    };
    const auto span = [&](TermArgument a, Interval **out) {
        if (given(a))
            *out = DatumGetIntervalP(datum(a));
    };
    const auto word = [&](TermArgument a, const char **out) {
        if (given(a))
            *out = TextDatumGetCString(datum(a));
    };

    words(TermArgument::actions, "actions", &terms->actions);
    words(TermArgument::objects, "objects", &terms->objects);
    role(TermArgument::lends, &terms->lends);
    role(TermArgument::elevates_to, &terms->elevates_to);
    roles(TermArgument::eligible, "eligible", &terms->eligible);
    roles(TermArgument::approvers, "approvers", &terms->approvers);
    if (given(TermArgument::approvals))
        terms->approvals = DatumGetInt32(datum(TermArgument::approvals));
    roles(TermArgument::exempt, "exempt", &terms->exempt);
    span(TermArgument::max_duration, &terms->max_duration);
    span(TermArgument::default_duration, &terms->default_duration);
    span(TermArgument::pending_timeout, &terms->pending_timeout);
    if (given(TermArgument::require_reason))
        terms->require_reason = DatumGetBool(datum(TermArgument::require_reason));
    word(TermArgument::ticket_pattern, &terms->ticket_pattern);
    if (terms->ticket_pattern && terms->ticket_pattern[0] == '\0')
        terms->ticket_pattern = nullptr;
    word(TermArgument::on_expiry, &terms->on_expiry);
    word(TermArgument::mode, &terms->mode);

    // Half an hour; what nobody asked for gives way to a shorter maximum.
    if (!terms->default_duration)
        terms->default_duration = durations::of_micros(30 * USECS_PER_MINUTE);
    if (!given(TermArgument::default_duration) &&
        durations::micros(terms->default_duration) > durations::micros(terms->max_duration))
        terms->default_duration = terms->max_duration;
}

namespace {

#define JIT_POLICY_COLUMNS                                                                                                  \
    "SELECT p.policy_id, p.name, p.actions, p.objects, p.lends, p.elevates_to, p.eligible, p.approvers, p.approvals, "      \
    "p.exempt, p.max_duration, p.default_duration, p.pending_timeout, p.require_reason, p.ticket_pattern, p.on_expiry, "    \
    "p.mode FROM jit.policies p WHERE "

enum class Column : int {
    policy_id = 1,
    name,
    actions,
    objects,
    lends,
    elevates_to,
    eligible,
    approvers,
    approvals,
    exempt,
    max_duration,
    default_duration,
    pending_timeout,
    require_reason,
    ticket_pattern,
    on_expiry,
    mode,
};

constexpr spi::Sql by_name{JIT_POLICY_COLUMNS "p.name = $1", 1, {TEXTOID}};
constexpr spi::Sql by_name_for_update{JIT_POLICY_COLUMNS "p.name = $1 FOR UPDATE", 1, {TEXTOID}};
constexpr spi::Sql by_id{JIT_POLICY_COLUMNS "p.policy_id = $1", 1, {INT4OID}};
// What is decided on terms keeps them until it is committed: changing (FOR UPDATE) waits for it, and after a change an
// older snapshot fails here instead of deciding on what was.
constexpr spi::Sql by_id_for_key_share{JIT_POLICY_COLUMNS "p.policy_id = $1 FOR KEY SHARE", 1, {INT4OID}};

bool read_row(const spi::Sql &sql, const spi::Args &args, Terms *out)
{
    if (spi::execute(sql, args) == 0)
        return false;
    bool is_null = false;
    const auto datum = [&](Column c) { return spi::value(0, static_cast<int>(c), &is_null); };
    const auto words = [&](Column c) { return words_of(datum(c), "a policy"); };
    const auto roles = [&](Column c) { return roles_of(PointerGetDatum(DatumGetArrayTypePCopy(datum(c))), "a policy"); };
    const auto span = [&](Column c) {
        auto *copy = static_cast<Interval *>(palloc(sizeof(Interval)));
        *copy = *DatumGetIntervalP(datum(c));
        return copy;
    };
    const auto text = [](Column c) { return spi::text(0, static_cast<int>(c)); };

    *out = {};
    out->policy_id = DatumGetInt32(datum(Column::policy_id));
    out->name = text(Column::name);
    out->actions = words(Column::actions);
    out->objects = words(Column::objects);
    out->lends = roles(Column::lends);
    out->elevates_to = roles(Column::elevates_to);
    out->eligible = roles(Column::eligible);
    out->approvers = roles(Column::approvers);
    out->approvals = DatumGetInt32(datum(Column::approvals));
    out->exempt = roles(Column::exempt);
    out->max_duration = span(Column::max_duration);
    out->default_duration = span(Column::default_duration);
    out->pending_timeout = span(Column::pending_timeout);
    out->require_reason = DatumGetBool(datum(Column::require_reason));
    out->ticket_pattern = text(Column::ticket_pattern);
    out->on_expiry = text(Column::on_expiry);
    out->mode = text(Column::mode);
    return true;
}

} // namespace

bool load(const char *name, Lock lock, Terms *out)
{
    spi::Args args{};
    spi::add_text(&args, name);
    return read_row(lock == Lock::update ? by_name_for_update : by_name, args, out);
}

bool load(int32 policy_id, Lock lock, Terms *out)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy_id));
    return read_row(lock == Lock::key_share ? by_id_for_key_share : by_id, args, out);
}

void require(const char *name, Lock lock, Terms *out)
{
    if (!load(name, lock, out))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("policy \"%s\" does not exist", clipped(name)),
                        errhint("SELECT name FROM jit.policies; shows the policies.")));
}

namespace {

constexpr spi::Sql insert_policy{
    "INSERT INTO jit.policies (name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, "
    "max_duration, default_duration, pending_timeout, require_reason, ticket_pattern, on_expiry, mode, created_by, "
    "created_at, changed_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18) RETURNING policy_id",
    18,
    {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, INT4OID,
     REGROLEARRAYOID, INTERVALOID, INTERVALOID, INTERVALOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
constexpr spi::Sql update_policy{
    "UPDATE jit.policies SET name = $1, actions = $2, objects = $3, lends = $4, elevates_to = $5, eligible = $6, "
    "approvers = $7, approvals = $8, exempt = $9, max_duration = $10, default_duration = $11, pending_timeout = $12, "
    "require_reason = $13, ticket_pattern = $14, on_expiry = $15, mode = $16, changed_at = $17 WHERE policy_id = $18",
    18,
    {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, INT4OID,
     REGROLEARRAYOID, INTERVALOID, INTERVALOID, INTERVALOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID}};
constexpr spi::Sql delete_guards{"DELETE FROM jit.guards WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql insert_guard{
    "INSERT INTO jit.guards (policy_id, object_class, object_id, attnums, actions, object) VALUES ($1, $2, $3, $4, $5, $6)",
    6,
    {INT4OID, CHAROID, OIDOID, INT2ARRAYOID, INT8OID, TEXTOID}};

void add_terms(spi::Args *args, const Terms &terms)
{
    spi::add_text(args, terms.name);
    spi::add(args, array_of(terms.actions));
    spi::add(args, array_of(terms.objects));
    spi::add(args, array_of(terms.lends));
    spi::add(args, array_of(terms.elevates_to));
    spi::add(args, array_of(terms.eligible));
    spi::add(args, array_of(terms.approvers));
    spi::add(args, Int32GetDatum(terms.approvals));
    spi::add(args, array_of(terms.exempt));
    spi::add(args, IntervalPGetDatum(terms.max_duration));
    spi::add(args, IntervalPGetDatum(terms.default_duration));
    spi::add(args, IntervalPGetDatum(terms.pending_timeout));
    spi::add(args, BoolGetDatum(terms.require_reason));
    spi::add_text(args, terms.ticket_pattern);
    spi::add_text(args, terms.on_expiry);
    spi::add_text(args, terms.mode);
}

} // namespace

void store(Terms *terms, const Scope &scope)
{
    spi::Args args{};
    add_terms(&args, *terms);
    if (terms->policy_id == 0) {
        spi::add_text(&args, session::role_name(session::person()));
        spi::add(&args, TimestampTzGetDatum(clock()));
        (void) spi::execute(insert_policy, args);
        bool is_null = false;
        terms->policy_id = DatumGetInt32(spi::value(0, 1, &is_null));
    } else {
        spi::add(&args, TimestampTzGetDatum(clock()));
        spi::add(&args, Int32GetDatum(terms->policy_id));
        (void) spi::execute(update_policy, args);
        spi::Args policy{};
        spi::add(&policy, Int32GetDatum(terms->policy_id));
        (void) spi::execute(delete_guards, policy);
    }
    for (int i = 0; i < scope.count; i++) {
        const Item &item = scope.items[i];
        spi::Args guard{};
        spi::add(&guard, Int32GetDatum(terms->policy_id));
        spi::add(&guard, CharGetDatum(item.object_class));
        spi::add(&guard, ObjectIdGetDatum(item.object));
        spi::add(&guard, columns_array(item));
        spi::add(&guard, Int64GetDatum(static_cast<int64>(scope.actions)));
        spi::add_text(&guard, item.name);
        (void) spi::execute(insert_guard, guard);
    }
}

namespace {

constexpr spi::Sql guards_of{
    "SELECT g.object_class, g.object_id, g.attnums, g.object FROM jit.guards g JOIN jit.policies p ON p.policy_id = g.policy_id "
    "WHERE g.policy_id = $1 ORDER BY pg_catalog.array_position(p.objects, g.object), g.object",
    1,
    {INT4OID}};

// Columns that are left, and the name as it is now. False when the object is gone.
bool read_guard(uint64 row, Item *item)
{
    bool is_null = false;
    item->object_class = DatumGetChar(spi::value(row, 1, &is_null));
    item->object = DatumGetObjectId(spi::value(row, 2, &is_null));
    if (item->object_class == class_relation)
        item->relkind = get_rel_relkind(item->object);
    const std::span<const int16> columns = pg::catalog::int2_array(spi::value(row, 3, &is_null));
    item->columns = static_cast<int16 *>(palloc(sizeof(int16) * (columns.size() + 1)));
    for (const int16 column : columns)
        if (get_attname(item->object, column, true))
            item->columns[item->column_count++] = column;
    if (!columns.empty() && item->column_count == 0)
        return false;
    if (item->object_class == class_database)
        item->name = spi::text(row, 4);
    else if (item->object_class == class_schema)
        item->name = pg::canonical::schema(item->object);
    else
        item->name = pg::canonical::relation(item->object, {item->columns, static_cast<std::size_t>(item->column_count)});
    return item->name != nullptr;
}

} // namespace

Scope stored_scope(const Terms &terms)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    const uint64 rows = spi::execute(guards_of, args);
    Scope scope{};
    scope.items = static_cast<Item *>(palloc0(sizeof(Item) * static_cast<Size>(rows + 1)));
    for (uint64 row = 0; row < rows; row++) {
        Item item{};
        if (read_guard(row, &item))
            scope.items[scope.count++] = item;
    }
    return scope;
}

} // namespace jit::api::terms
