// loan_book.cpp: zone C. The lender's SQL.

#include "workers/loan_book.hpp"

#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace jit::workers::book {

namespace membership = pg::membership;
namespace spi = pg::spi;

namespace {

// Scheduled ones too, for the time when they start. Live ones first within a pair, the one that ends last first.
constexpr spi::Sql select_wanted{
    "SELECT e.role::oid, a.person, a.starts_at, a.ends_at, a.request_id, p.name "
    "FROM jit.policies AS p JOIN jit.approvals AS a ON a.policy_id = p.policy_id "
    "CROSS JOIN LATERAL unnest(p.elevates_to) AS e(role) "
    "WHERE p.mode = 'enforce' AND a.ends_at > $1 "
    "ORDER BY 1, 2, a.starts_at > $1, a.ends_at DESC, a.request_id",
    1,
    {TIMESTAMPTZOID}};

// Of every policy, whatever its mode: a session that came to a role must not keep it because the mode moved.
constexpr spi::Sql select_roles{
    "SELECT DISTINCT e.role::oid FROM jit.policies AS p CROSS JOIN LATERAL unnest(p.elevates_to) AS e(role)", 0, {}};

constexpr spi::Sql select_actual{
    "SELECT m.roleid, m.member FROM pg_catalog.pg_auth_members AS m WHERE m.grantor = $1 ORDER BY 1, 2", 1, {OIDOID}};

constexpr spi::Sql insert_granted{
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), 'loan_granted', t.request, t.policy, pg_get_userbyid(t.member), $1,"
    " jsonb_build_object('role', pg_get_userbyid(t.role), 'role_oid', t.role::text, 'until', t.until) "
    "FROM unnest($2, $3, $4, $5, $6) AS t(role, member, request, policy, until)",
    6,
    {TEXTOID, OIDARRAYOID, OIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}};

constexpr spi::Sql insert_returned{
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), 'loan_returned', t.request, t.policy, pg_get_userbyid(t.member), $1,"
    " jsonb_build_object('role', pg_get_userbyid(t.role), 'role_oid', t.role::text, 'until', t.until) "
    "FROM unnest($2, $3, $4, $5, $6) AS t(role, member, request, policy, until)",
    6,
    {TEXTOID, OIDARRAYOID, OIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}};

// After a restart the lender does not remember whose loan it was: the last grant of the pair tells.
constexpr spi::Sql select_last_grant{
    "SELECT e.request_id, e.policy, (e.detail ->> 'until')::timestamptz "
    "FROM jit.requests AS r JOIN jit.events AS e ON e.request_id = r.request_id "
    "WHERE r.person = $2 AND e.event = 'loan_granted' AND e.detail ->> 'role_oid' = ($1)::text "
    "ORDER BY e.event_id DESC LIMIT 1",
    2,
    {OIDOID, OIDOID}};

constexpr spi::Sql insert_refused{
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), 'loan_refused', $2, $3, pg_get_userbyid($4), $1,"
    " jsonb_build_object('role', pg_get_userbyid($5), 'why', $6) "
    "WHERE NOT EXISTS (SELECT FROM jit.events AS e WHERE e.request_id = $2 AND e.event = 'loan_refused')",
    6,
    {TEXTOID, INT8OID, TEXTOID, OIDOID, OIDOID, TEXTOID}};

Oid oid_at(uint64 row, int column)
{
    bool is_null = false;
    return DatumGetObjectId(spi::value(row, column, &is_null));
}

TimestampTz time_at(uint64 row, int column)
{
    bool is_null = false;
    const Datum at = spi::value(row, column, &is_null);
    return is_null ? 0 : DatumGetTimestampTz(at);
}

// SPI's own context ends with SPI: results go to `keep`.
template <class T> std::span<T> room_for(uint64 rows, MemoryContext keep)
{
    return {static_cast<T *>(MemoryContextAllocHuge(keep, sizeof(T) * (rows + 1))), rows};
}

void read_wanted(Page *page, MemoryContext keep)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(page->at));
    const uint64 rows = spi::execute(select_wanted, args);
    const std::span<Entry> entries = room_for<Entry>(rows, keep);
    std::size_t count = 0;
    for (uint64 row = 0; row < rows; row++) {
        const Oid role = oid_at(row, 1);
        const Oid member = oid_at(row, 2);
        const TimestampTz starts_at = time_at(row, 3);
        const TimestampTz ends_at = time_at(row, 4);
        page->next = smaller(page->next, starts_at > page->at ? starts_at : ends_at);
        if (starts_at > page->at || (count > 0 && entries[count - 1].role == role && entries[count - 1].member == member))
            continue;
        MemoryContext const caller = MemoryContextSwitchTo(keep);
        entries[count++] = {role, member, ends_at, spi::int8_value(row, 5), spi::text(row, 6), false};
        MemoryContextSwitchTo(caller);
    }
    page->wanted = entries.first(count);
}

void read_roles(Page *page, MemoryContext keep)
{
    const uint64 rows = spi::execute(select_roles, spi::Args{});
    page->elevation_roles = room_for<Oid>(rows, keep);
    for (uint64 row = 0; row < rows; row++)
        page->elevation_roles[row] = oid_at(row, 1);
}

void read_actual(Page *page, MemoryContext keep)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(membership::lender_role()));
    const uint64 rows = spi::execute(select_actual, args);
    page->actual = room_for<Entry>(rows, keep);
    for (uint64 row = 0; row < rows; row++)
        page->actual[row] = {oid_at(row, 1), oid_at(row, 2), 0, 0, nullptr, false};
}

// One column of the loans as an array; of_int8 and of_text give NULL for what is unknown.
template <class Get> Datum column(std::span<const Entry> loans, Oid type, int16 length, bool by_value, char align, Get get)
{
    auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * loans.size()));
    auto *nulls = static_cast<bool *>(palloc0(sizeof(bool) * loans.size()));
    for (std::size_t i = 0; i < loans.size(); i++)
        values[i] = get(loans[i], &nulls[i]);
    int dims[1] = {static_cast<int>(loans.size())};
    int lower[1] = {1};
    return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower, type, length, by_value, align));
}

void insert(const spi::Sql &sql, std::span<const Entry> loans)
{
    spi::connect();
    spi::Args args{};
    spi::add_text(&args, pg::session::actor());
    spi::add(&args, column(loans, OIDOID, 4, true, TYPALIGN_INT,
                           [](const Entry &loan, bool *) { return ObjectIdGetDatum(loan.role); }));
    spi::add(&args, column(loans, OIDOID, 4, true, TYPALIGN_INT,
                           [](const Entry &loan, bool *) { return ObjectIdGetDatum(loan.member); }));
    spi::add(&args, column(loans, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, [](const Entry &loan, bool *is_null) {
                 *is_null = loan.request == 0;
                 return Int64GetDatum(loan.request);
             }));
    spi::add(&args, column(loans, TEXTOID, -1, false, TYPALIGN_INT, [](const Entry &loan, bool *is_null) {
                 *is_null = loan.policy == nullptr;
                 return *is_null ? static_cast<Datum>(0) : CStringGetTextDatum(loan.policy);
             }));
    spi::add(&args, column(loans, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, [](const Entry &loan, bool *is_null) {
                 *is_null = loan.until == 0;
                 return TimestampTzGetDatum(loan.until);
             }));
    (void) spi::execute(sql, args);
    spi::finish();
}

// Fills in what is not remembered. Needs SPI.
void recall(Entry *loan)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(loan->role));
    spi::add(&args, ObjectIdGetDatum(loan->member));
    if (spi::execute(select_last_grant, args) == 0)
        return;
    loan->request = spi::int8_value(0, 1);
    loan->policy = spi::text(0, 2);
    loan->until = time_at(0, 3);
}

} // namespace

int compare(const Entry &a, const Entry &b)
{
    if (a.role != b.role)
        return a.role < b.role ? -1 : 1;
    return a.member < b.member ? -1 : a.member > b.member;
}

void read(Page *page)
{
    MemoryContext const keep = CurrentMemoryContext;
    page->next = DT_NOEND;
    spi::connect();
    read_wanted(page, keep);
    read_roles(page, keep);
    read_actual(page, keep);
    spi::finish();
}

void granted(std::span<const Entry> loans) { insert(insert_granted, loans); }

void returned(std::span<const Entry> loans)
{
    auto *known = static_cast<Entry *>(palloc(sizeof(Entry) * loans.size()));
    memcpy(static_cast<void *>(known), loans.data(), sizeof(Entry) * loans.size());
    spi::connect();
    MemoryContext const spi_context = CurrentMemoryContext;
    for (std::size_t i = 0; i < loans.size(); i++)
        if (known[i].request == 0) {
            MemoryContextSwitchTo(spi_context);
            recall(&known[i]);
        }
    insert(insert_returned, {known, loans.size()});
    spi::finish();
}

void refused(const Entry &loan, const char *why)
{
    spi::connect();
    spi::Args args{};
    spi::add_text(&args, pg::session::actor());
    spi::add(&args, Int64GetDatum(loan.request));
    spi::add_text(&args, loan.policy);
    spi::add(&args, ObjectIdGetDatum(loan.member));
    spi::add(&args, ObjectIdGetDatum(loan.role));
    spi::add_text(&args, why);
    (void) spi::execute(insert_refused, args);
    spi::finish();
}

} // namespace jit::workers::book
