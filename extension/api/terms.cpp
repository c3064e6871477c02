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
    terms.networks = PointerGetDatum(construct_empty_array(CIDROID));
    terms.break_glass_duration = durations::of_micros(15 * USECS_PER_MINUTE);
    terms.on_expiry = "cancel";
    terms.mode = "enforce";
    terms.statement = "optional";
    terms.require_mfa = "none";
    terms.mfa_max_age = durations::of_micros(5 * USECS_PER_MINUTE);
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
    // '0' empties a term that may be absent.
    const auto optional_span = [&](TermArgument a, Interval **out) {
        if (given(a))
            *out = durations::micros(DatumGetIntervalP(datum(a))) == 0 ? nullptr : DatumGetIntervalP(datum(a));
    };
    const auto word = [&](TermArgument a, const char **out) {
        if (given(a))
            *out = TextDatumGetCString(datum(a));
    };
    const auto optional_word = [&](TermArgument a, const char **out) {
        word(a, out);
        if (*out != nullptr && (*out)[0] == '\0')
            *out = nullptr;
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
    optional_word(TermArgument::ticket_pattern, &terms->ticket_pattern);
    optional_word(TermArgument::hours, &terms->hours);
    if (given(TermArgument::networks))
        terms->networks = PointerGetDatum(DatumGetArrayTypePCopy(datum(TermArgument::networks)));
    if (given(TermArgument::max_uses))
        terms->max_uses = DatumGetInt32(datum(TermArgument::max_uses));
    if (given(TermArgument::max_rows))
        terms->max_rows = DatumGetInt32(datum(TermArgument::max_rows));
    roles(TermArgument::break_glass, "break_glass", &terms->break_glass);
    span(TermArgument::break_glass_duration, &terms->break_glass_duration);
    if (given(TermArgument::stages))
        read_stages(datum(TermArgument::stages), terms);
    roles(TermArgument::escalate_to, "escalate_to", &terms->escalate_to);
    optional_span(TermArgument::escalate_after, &terms->escalate_after);
    optional_span(TermArgument::remind_after, &terms->remind_after);
    if (given(TermArgument::rules))
        read_rules(datum(TermArgument::rules), terms);
    word(TermArgument::on_expiry, &terms->on_expiry);
    word(TermArgument::mode, &terms->mode);
    optional_word(TermArgument::comment, &terms->comment);
    word(TermArgument::statement, &terms->statement);
    word(TermArgument::require_mfa, &terms->require_mfa);
    span(TermArgument::mfa_max_age, &terms->mfa_max_age);
    if (given(TermArgument::record_parameters))
        terms->record_parameters = DatumGetBool(datum(TermArgument::record_parameters));
    optional_word(TermArgument::pim_group, &terms->pim_group);

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
    "p.exempt, p.max_duration, p.default_duration, p.pending_timeout, p.require_reason, p.ticket_pattern, p.hours, "        \
    "p.networks, p.max_uses, p.max_rows, p.break_glass, p.break_glass_duration, p.escalate_to, p.escalate_after, "           \
    "p.remind_after, p.on_expiry, p.mode, p.comment, p.statement, p.require_mfa, p.mfa_max_age, p.record_parameters, p.pim_group " \
    "FROM jit.policies p WHERE "

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
    hours,
    networks,
    max_uses,
    max_rows,
    break_glass,
    break_glass_duration,
    escalate_to,
    escalate_after,
    remind_after,
    on_expiry,
    mode,
    comment,
    statement,
    require_mfa,
    mfa_max_age,
    record_parameters,
    pim_group,
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
    const auto optional_span = [&](Column c) {
        (void) datum(c);
        return is_null ? nullptr : span(c);
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
    out->hours = text(Column::hours);
    out->networks = PointerGetDatum(DatumGetArrayTypePCopy(datum(Column::networks)));
    const Datum max_uses = datum(Column::max_uses);
    out->max_uses = is_null ? 0 : DatumGetInt32(max_uses);
    const Datum max_rows = datum(Column::max_rows);
    out->max_rows = is_null ? 0 : DatumGetInt32(max_rows);
    out->break_glass = roles(Column::break_glass);
    out->break_glass_duration = span(Column::break_glass_duration);
    out->escalate_to = roles(Column::escalate_to);
    out->escalate_after = optional_span(Column::escalate_after);
    out->remind_after = optional_span(Column::remind_after);
    out->on_expiry = text(Column::on_expiry);
    out->mode = text(Column::mode);
    out->comment = text(Column::comment);
    out->statement = text(Column::statement);
    out->require_mfa = text(Column::require_mfa);
    out->mfa_max_age = span(Column::mfa_max_age);
    out->record_parameters = DatumGetBool(datum(Column::record_parameters));
    out->pim_group = text(Column::pim_group);
    load_stages(out);
    load_rules(out);
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

#define JIT_TERM_TYPES                                                                                                      \
    TEXTOID, TEXTARRAYOID, TEXTARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, REGROLEARRAYOID, INT4OID,       \
        REGROLEARRAYOID, INTERVALOID, INTERVALOID, INTERVALOID, BOOLOID, TEXTOID, TEXTOID, CIDRARRAYOID, INT4OID,           \
        INT4OID, REGROLEARRAYOID, INTERVALOID, REGROLEARRAYOID, INTERVALOID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID,        \
        TEXTOID, TEXTOID, INTERVALOID, BOOLOID, TEXTOID

constexpr spi::Sql insert_policy{
    "INSERT INTO jit.policies (name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, "
    "max_duration, default_duration, pending_timeout, require_reason, ticket_pattern, hours, networks, max_uses, "
    "max_rows, break_glass, break_glass_duration, escalate_to, escalate_after, remind_after, on_expiry, mode, comment, "
    "statement, require_mfa, mfa_max_age, record_parameters, pim_group, created_by, created_at, changed_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
    "$24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $33) RETURNING policy_id",
    33,
    {JIT_TERM_TYPES, TEXTOID, TIMESTAMPTZOID}};
constexpr spi::Sql update_policy{
    "UPDATE jit.policies SET name = $1, actions = $2, objects = $3, lends = $4, elevates_to = $5, eligible = $6, "
    "approvers = $7, approvals = $8, exempt = $9, max_duration = $10, default_duration = $11, pending_timeout = $12, "
    "require_reason = $13, ticket_pattern = $14, hours = $15, networks = $16, max_uses = $17, max_rows = $18, "
    "break_glass = $19, break_glass_duration = $20, escalate_to = $21, escalate_after = $22, remind_after = $23, "
    "on_expiry = $24, mode = $25, comment = $26, statement = $27, require_mfa = $28, mfa_max_age = $29, "
    "record_parameters = $30, pim_group = $31, changed_at = $32 WHERE policy_id = $33",
    33,
    {JIT_TERM_TYPES, TIMESTAMPTZOID, INT4OID}};
constexpr spi::Sql delete_guards{"DELETE FROM jit.guards WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql delete_policy{"DELETE FROM jit.policies WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql insert_guard{
    "INSERT INTO jit.guards (policy_id, object_class, object_id, attnums, actions, commands, object, is_sequence) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $2 = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = $3 AND c.relkind = 'S'))",
    7,
    {INT4OID, CHAROID, OIDOID, INT2ARRAYOID, INT8OID, INT8OID, TEXTOID}};

void add_span(spi::Args *args, const Interval *span)
{
    if (span != nullptr)
        spi::add(args, IntervalPGetDatum(span));
    else
        spi::add_null(args);
}

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
    spi::add_text(args, terms.hours);
    spi::add(args, terms.networks);
    spi::add_number(args, terms.max_uses);
    spi::add_number(args, terms.max_rows);
    spi::add(args, array_of(terms.break_glass));
    spi::add(args, IntervalPGetDatum(terms.break_glass_duration));
    spi::add(args, array_of(terms.escalate_to));
    add_span(args, terms.escalate_after);
    add_span(args, terms.remind_after);
    spi::add_text(args, terms.on_expiry);
    spi::add_text(args, terms.mode);
    spi::add_text(args, terms.comment);
    spi::add_text(args, terms.statement);
    spi::add_text(args, terms.require_mfa);
    spi::add(args, IntervalPGetDatum(terms.mfa_max_age));
    spi::add(args, BoolGetDatum(terms.record_parameters));
    spi::add_text(args, terms.pim_group);
}

} // namespace

void erase(const Terms &terms)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    (void) spi::execute(delete_guards, args);
    (void) spi::execute(delete_policy, args);
    erase_stages(terms.policy_id);
    erase_rules(terms.policy_id);
}

void store_guards(const Terms &terms, const Scope &scope)
{
    spi::Args policy{};
    spi::add(&policy, Int32GetDatum(terms.policy_id));
    (void) spi::execute(delete_guards, policy);
    for (int i = 0; i < scope.count; i++) {
        const Item &item = scope.items[i];
        spi::Args guard{};
        spi::add(&guard, Int32GetDatum(terms.policy_id));
        spi::add(&guard, CharGetDatum(item.object_class));
        spi::add(&guard, ObjectIdGetDatum(item.object));
        spi::add(&guard, columns_array(item));
        spi::add_actions(&guard, scope.actions & core::meant_on(item.kind));
        spi::add_text(&guard, item.name);
        (void) spi::execute(insert_guard, guard);
    }
}

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
    }
    store_stages(*terms);
    store_rules(*terms);
    store_guards(*terms, scope);
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
    if (item->object_class == core::class_relation)
        item->relkind = get_rel_relkind(item->object);
    item->kind = kind_of(*item);
    const std::span<const int16> columns = pg::catalog::int2_array(spi::value(row, 3, &is_null));
    item->columns = static_cast<int16 *>(palloc(sizeof(int16) * (columns.size() + 1)));
    for (const int16 column : columns)
        if (get_attname(item->object, column, true))
            item->columns[item->column_count++] = column;
    if (!columns.empty() && item->column_count == 0)
        return false;
    item->name = name_of(*item);
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
