// rebind_people.cpp: zone C. See rebind_people.hpp. A name says who somebody is only while nobody else had it: who is not known
// for certain is nobody here, rather than somebody else.
#include "api/rebind_people.hpp"

#include "pg/server.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::rebind_people {

namespace spi = pg::spi;

namespace {

// By the last name that was written of each; `shared`: somebody else was written down under it, too. 0 is nobody already.
constexpr spi::Sql people{
    "WITH seen AS ("
    " SELECT s.person, s.name, pg_catalog.max(s.at) AS at, pg_catalog.count(*) OVER (PARTITION BY s.name) AS bearers FROM ("
    "  SELECT r.person, r.person_name, r.requested_at FROM jit.requests r"
    "  UNION ALL SELECT v.voter, v.voter_name, v.voted_at FROM jit.votes v"
    "  UNION ALL SELECT v.for_whom, v.for_whom_name, v.voted_at FROM jit.votes v WHERE v.for_whom IS NOT NULL"
    "  UNION ALL SELECT d.person, d.person_name, d.created_at FROM jit.delegations d"
    "  UNION ALL SELECT d.delegate, d.delegate_name, d.created_at FROM jit.delegations d) s (person, name, at)"
    " GROUP BY s.person, s.name), "
    "last AS (SELECT DISTINCT ON (s.person) s.person, s.name, s.bearers > 1 AS shared FROM seen s WHERE s.person <> 0 ORDER BY s.person, s.at DESC, s.name) "
    "SELECT l.person, l.name, l.shared, COALESCE(a.oid, 0),"
    " (SELECT pg_catalog.min(r.request_id) FROM jit.requests r WHERE r.person = l.person AND r.review = 'awaiting') "
    "FROM last l LEFT JOIN pg_catalog.pg_authid a ON a.rolname = l.name ORDER BY l.name, l.person",
    0,
    {}};

#define JIT_NUMBERS " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS n (was, becomes) "
constexpr spi::Sql renumber_requests{
    "UPDATE jit.requests r SET person = n.becomes" JIT_NUMBERS "WHERE r.person = n.was", 2, {OIDARRAYOID, OIDARRAYOID}};
constexpr spi::Sql renumber_voters{
    "UPDATE jit.votes v SET voter = n.becomes" JIT_NUMBERS "WHERE v.voter = n.was", 2, {OIDARRAYOID, OIDARRAYOID}};
constexpr spi::Sql renumber_represented{
    "UPDATE jit.votes v SET for_whom = n.becomes" JIT_NUMBERS "WHERE v.for_whom = n.was", 2, {OIDARRAYOID, OIDARRAYOID}};
constexpr spi::Sql renumber_delegators{
    "UPDATE jit.delegations d SET person = n.becomes" JIT_NUMBERS "WHERE d.person = n.was", 2, {OIDARRAYOID, OIDARRAYOID}};
constexpr spi::Sql renumber_delegates{
    "UPDATE jit.delegations d SET delegate = n.becomes" JIT_NUMBERS "WHERE d.delegate = n.was", 2, {OIDARRAYOID, OIDARRAYOID}};

struct Person {
    Oid was;
    Oid here; // InvalidOid: nobody
    const char *name;
    bool shared;
    core::RequestId owes; // a review; 0: none
};

std::span<Person> read_people()
{
    const auto count = static_cast<Size>(spi::execute(people, {}));
    auto *found = static_cast<Person *>(palloc(sizeof(Person) * (count + 1)));
    for (Size row = 0; row < count; row++) {
        bool is_null = false;
        const bool shared = spi::bool_value(row, 3) && !pg::switches::off("shared_names");
        const Oid role = DatumGetObjectId(spi::value(row, 4, &is_null));
        found[row] = {DatumGetObjectId(spi::value(row, 1, &is_null)), shared ? InvalidOid : role, spi::text(row, 2), shared, 0};
        const Datum owes = spi::value(row, 5, &is_null);
        found[row].owes = is_null ? 0 : DatumGetInt64(owes);
    }
    return {found, count};
}

bool is_any(std::span<const Person> all, Oid number)
{
    for (const Person &one : all)
        if (one.was == number)
            return true;
    return false;
}

// Numbers as arrays, for those that change.
struct Renumbering {
    Datum *was;
    Datum *to;
    int count;
};

Renumbering begin(Size most)
{
    return {static_cast<Datum *>(palloc(sizeof(Datum) * (most + 1))), static_cast<Datum *>(palloc(sizeof(Datum) * (most + 1))), 0};
}

void add(Renumbering *renumbering, Oid was, Oid to)
{
    if (was == to)
        return;
    renumbering->was[renumbering->count] = ObjectIdGetDatum(was);
    renumbering->to[renumbering->count++] = ObjectIdGetDatum(to);
}

void run(const Renumbering &renumbering)
{
    if (renumbering.count == 0)
        return;
    spi::Args args{};
    for (Datum *numbers : {renumbering.was, renumbering.to})
        spi::add(&args, PointerGetDatum(construct_array(numbers, renumbering.count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)));
    for (const spi::Sql *sql : {&renumber_requests, &renumber_voters, &renumber_represented, &renumber_delegators, &renumber_delegates})
        (void) spi::execute(*sql, args);
}

// One that is nobody's, here and in the rows: from the end, where roles do not come to.
Oid free_number(std::span<const Person> all, Oid below)
{
    Oid number = below - 1;
    while (is_any(all, number) || SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(number)))
        number--;
    return number;
}

void say(const Rows &rows, const Person &person)
{
    const char *why = person.shared ? "more than one role had this name" : "there is no such role";
    const char *const row[] = {nullptr, psprintf("person %s", quote_identifier(person.name)),
                               person.owes != 0 ? psprintf("not bound: %s; owes the review of request " INT64_FORMAT, why, person.owes)
                                                : psprintf("not bound: %s", why)};
    rows::add(rows, row);
}

} // namespace

int64 find(const Rows &rows)
{
    const std::span<Person> all = read_people();
    Renumbering first = begin(all.size());
    Renumbering second = begin(all.size());
    Oid parked = InvalidOid; // the one before is the largest there is
    int64 unknown = 0;
    for (const Person &one : all) {
        const bool is_bound = OidIsValid(one.here);
        if (!is_bound) {
            unknown++;
            say(rows, one);
        }
        if (one.here == one.was)
            continue;
        // Numbers are unique among votes and among reviews that are owed: whose number is still another's waits until that has moved.
        if (is_bound && !is_any(all, one.here)) {
            add(&first, one.was, one.here);
            continue;
        }
        parked = free_number(all, parked);
        add(&first, one.was, parked);
        if (is_bound)
            add(&second, parked, one.here);
    }
    run(first);
    run(second);
    return unknown;
}

} // namespace jit::api::rebind_people
