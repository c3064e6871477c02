// cluster_image.cpp: zone C. A plain sequence of numbers, arrays and strings, as this build of the library writes them: an
// image never leaves the server's memory.

#include <type_traits>

#include "pg/cluster_image.hpp"

#include "pg/canonical.hpp"
#include "pg/catalog.hpp"
#include "pg/memo.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "utils/fmgroids.h"
}

namespace jit::pg::cluster {

namespace {

constexpr uint32 magic = 0x4a495432;

// By value: a reference would promise more alignment than core::Actions has. Images are compared byte by byte.
template <class T> void put(StringInfo out, T value)
{
    static_assert(std::has_unique_object_representations_v<T>, "padding would make equal images differ");
    appendBinaryStringInfo(out, reinterpret_cast<const char *>(&value), sizeof(T));
}

void put_text(StringInfo out, const char *text)
{
    const auto length = static_cast<uint32>(strlen(text));
    put(out, length);
    appendBinaryStringInfo(out, text, static_cast<int>(length));
}

void put_oids(StringInfo out, std::span<const Oid> oids)
{
    put(out, static_cast<uint32>(oids.size()));
    for (const Oid oid : oids)
        put(out, oid);
}

// What is counted first and written later.
struct Head {
    uint32 magic;
    uint32 policies;
    uint32 guards;
    uint32 approvals;
    uint32 unbound; // 0 or 1: no padding
};

struct GuardRow {
    core::PolicyId policy;
    char object_class;
    Oid object;
    core::Actions actions;
};

struct Rows {
    GuardRow *items;
    uint32 count;
    uint32 room;
    void add(const GuardRow &row)
    {
        if (count == room) {
            room = room == 0 ? 32 : room * 2;
            const Size bytes = sizeof(GuardRow) * room;
            items = static_cast<GuardRow *>(items == nullptr ? palloc(bytes) : repalloc(items, bytes));
        }
        items[count++] = row;
    }
};

bool names_policy(const Rows &rows, core::PolicyId policy)
{
    for (uint32 i = 0; i < rows.count; i++)
        if (rows.items[i].policy == policy)
            return true;
    return false;
}

void collect_guards(Rows *rows)
{
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().guards, catalog::house().guards_special, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const char object_class = DatumGetChar(catalog::required(&scan, tuple, "object_class"));
        if (core::is_of_cluster(object_class))
            rows->add({DatumGetInt32(catalog::required(&scan, tuple, "policy_id")), object_class,
                       DatumGetObjectId(catalog::required(&scan, tuple, "object_id")),
                       catalog::actions(&scan, tuple)});
    }
    catalog::end(&scan);
}

// In an unbound installation OIDs mean nothing: what the policies name by these words is guarded against everything.
void collect_names(Rows *rows)
{
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, InvalidOid, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const core::PolicyId id = DatumGetInt32(catalog::required(&scan, tuple, "policy_id"));
        Datum *objects = nullptr;
        int count = 0;
        deconstruct_array(DatumGetArrayTypeP(catalog::required(&scan, tuple, "objects")), TEXTOID, -1, false,
                          TYPALIGN_INT, &objects, nullptr, &count);
        auto *name = static_cast<core::ObjectName *>(palloc(sizeof(core::ObjectName)));
        for (int i = 0; i < count; i++) {
            const std::string_view spelled{VARDATA_ANY(DatumGetPointer(objects[i])),
                                           static_cast<std::size_t>(VARSIZE_ANY_EXHDR(DatumGetPointer(objects[i])))};
            if (core::parse_object_name(spelled, name).error != core::NameError::none)
                continue;
            if (name->kind == core::ObjectKind::server)
                rows->add({id, core::class_server, InvalidOid, core::all_actions});
            else if (name->kind == core::ObjectKind::role)
                rows->add({id, core::class_role, get_role_oid(name->relation.text.data(), true), core::all_actions});
            else if (name->kind == core::ObjectKind::database)
                rows->add({id, core::class_database, get_database_oid(name->relation.text.data(), true), core::all_actions});
        }
        pfree(name);
    }
    catalog::end(&scan);
}

// False when the policy is gone, or off: then its guards say nothing.
bool write_policy(StringInfo out, core::PolicyId id)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, catalog::house().policies_pkey, catalog::Sees::committed, 1, &key);
    HeapTuple tuple = catalog::next(&scan);
    const bool counts =
        HeapTupleIsValid(tuple) && strcmp(TextDatumGetCString(catalog::required(&scan, tuple, "mode")), "off") != 0;
    if (counts) {
        const char *mode = TextDatumGetCString(catalog::required(&scan, tuple, "mode"));
        const char *on_expiry = TextDatumGetCString(catalog::required(&scan, tuple, "on_expiry"));
        bool no_ticket = false;
        (void) catalog::attribute(&scan, tuple, "ticket_pattern", &no_ticket);
        put(out, id);
        put(out, strcmp(mode, "monitor") == 0 ? core::Mode::monitor : core::Mode::enforce);
        put(out, strcmp(on_expiry, "terminate") == 0);
        put(out, !no_ticket);
        put_text(out, TextDatumGetCString(catalog::required(&scan, tuple, "name")));
        put_text(out, pg::canonical::interval(DatumGetIntervalP(catalog::required(&scan, tuple, "default_duration"))));
        put_oids(out, catalog::oid_array(catalog::required(&scan, tuple, "exempt")));
        put_oids(out, catalog::oid_array(catalog::required(&scan, tuple, "eligible")));
        put_oids(out, catalog::oid_array(catalog::required(&scan, tuple, "approvers")));
    }
    catalog::end(&scan);
    return counts;
}

void write_covers(StringInfo out, core::RequestId request)
{
    ScanKeyData key;
    ScanKeyInit(&key, get_attnum(catalog::house().scopes, "request_id"), BTEqualStrategyNumber, F_INT8EQ,
                Int64GetDatum(request));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().scopes, catalog::house().scopes_request, catalog::Sees::committed, 1, &key);
    const int at = out->len;
    uint32 count = 0;
    put(out, count);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const char object_class = DatumGetChar(catalog::required(&scan, tuple, "object_class"));
        if (!core::is_of_cluster(object_class))
            continue;
        put(out, object_class);
        put(out, DatumGetObjectId(catalog::required(&scan, tuple, "object_id")));
        count++;
    }
    catalog::end(&scan);
    memcpy(out->data + at, &count, sizeof(count));
}

uint32 write_approvals(StringInfo out, const Rows &rows)
{
    const TimestampTz now = GetCurrentTimestamp();
    uint32 written = 0;
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().approvals, InvalidOid, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const core::PolicyId policy = DatumGetInt32(catalog::required(&scan, tuple, "policy_id"));
        const TimestampTz until = DatumGetTimestampTz(catalog::required(&scan, tuple, "ends_at"));
        bool uncounted = true;
        (void) catalog::attribute(&scan, tuple, "uses", &uncounted);
        if (until <= now || !names_policy(rows, policy) || !uncounted) // nobody counts in the other databases
            continue;
        const core::RequestId request = DatumGetInt64(catalog::required(&scan, tuple, "request_id"));
        put(out, DatumGetObjectId(catalog::required(&scan, tuple, "person")));
        put(out, request);
        put(out, policy);
        put(out, DatumGetTimestampTz(catalog::required(&scan, tuple, "starts_at")));
        put(out, until);
        put(out, catalog::actions(&scan, tuple));
        put(out, DatumGetBool(catalog::required(&scan, tuple, "narrowed")));
        write_covers(out, request);
        written++;
    }
    catalog::end(&scan);
    return written;
}

// ---- reading ----

struct Cursor {
    const char *at;
    const char *end;
};

[[noreturn]] void damaged() { elog(ERROR, "jit_guard: the published policies cannot be read"); }

void take_bytes(Cursor *in, void *to, Size bytes)
{
    if (static_cast<Size>(in->end - in->at) < bytes)
        damaged();
    memcpy(to, in->at, bytes);
    in->at += bytes;
}

template <class T> T take(Cursor *in)
{
    T value;
    take_bytes(in, static_cast<void *>(&value), sizeof(T));
    return value;
}

const char *take_text(Cursor *in)
{
    const auto length = take<uint32>(in);
    if (static_cast<Size>(in->end - in->at) < length)
        damaged();
    auto *text = static_cast<char *>(palloc(length + 1));
    take_bytes(in, text, length);
    text[length] = '\0';
    return text;
}

std::span<const Oid> take_oids(Cursor *in)
{
    const auto count = take<uint32>(in);
    if (static_cast<Size>(in->end - in->at) / sizeof(Oid) < count)
        damaged();
    auto *oids = static_cast<Oid *>(palloc(sizeof(Oid) * (count + 1)));
    take_bytes(in, oids, sizeof(Oid) * count);
    return {oids, count};
}

const Policy *policy_of(const Policy *policies, uint32 count, core::PolicyId id)
{
    for (uint32 i = 0; i < count; i++)
        if (policies[i].id == id)
            return &policies[i];
    return nullptr;
}

} // namespace

void write_nothing(StringInfo out) { put(out, Head{magic, 0, 0, 0, 0}); }

void write_image(StringInfo out)
{
    const bool unbound = catalog::presence() == catalog::Presence::unbound;
    Rows rows = {};
    if (unbound)
        collect_names(&rows);
    else
        collect_guards(&rows);
    Head head = {magic, 0, rows.count, 0, unbound ? 1u : 0u};
    const int at = out->len;
    put(out, head);
    for (uint32 i = 0; i < rows.count; i++) {
        bool met = false;
        for (uint32 j = 0; j < i && !met; j++)
            met = rows.items[j].policy == rows.items[i].policy;
        if (!met && write_policy(out, rows.items[i].policy))
            head.policies++;
    }
    for (uint32 i = 0; i < rows.count; i++) {
        put(out, rows.items[i].policy);
        put(out, rows.items[i].object_class);
        put(out, rows.items[i].object);
        put(out, rows.items[i].actions);
    }
    // Approvals do not live across a copy or a restore.
    if (!unbound && rows.count > 0)
        head.approvals = write_approvals(out, rows);
    memcpy(out->data + at, &head, sizeof(head));
}

void read_image(std::span<const char> image, Oid person, Picture *out)
{
    Cursor in = {image.data(), image.data() + image.size()};
    const auto head = take<Head>(&in);
    if (head.magic != magic)
        damaged();
    auto *policies = static_cast<Policy *>(palloc0(sizeof(Policy) * (head.policies + 1)));
    for (uint32 i = 0; i < head.policies; i++) {
        Policy &p = policies[i];
        p.id = take<core::PolicyId>(&in);
        p.mode = take<core::Mode>(&in);
        p.terminates = take<bool>(&in);
        p.needs_ticket = take<bool>(&in);
        p.name = take_text(&in);
        p.default_duration = take_text(&in);
        p.exempt = take_oids(&in);
        p.eligible = take_oids(&in);
        p.approvers = take_oids(&in);
    }
    auto *guards = static_cast<Guard *>(palloc0(sizeof(Guard) * (head.guards + 1)));
    std::size_t guard_count = 0;
    out->guarded = 0;
    for (uint32 i = 0; i < head.guards; i++) {
        const Policy *policy = policy_of(policies, head.policies, take<core::PolicyId>(&in));
        const char object_class = take<char>(&in);
        const Oid object = take<Oid>(&in);
        const auto actions = take<core::Actions>(&in);
        if (policy == nullptr)
            continue;
        guards[guard_count++] = {policy, object_class, object, actions};
        out->guarded |= actions;
    }
    auto *mine = static_cast<Approval *>(palloc0(sizeof(Approval) * (head.approvals + 1)));
    std::size_t count = 0;
    for (uint32 i = 0; i < head.approvals; i++) {
        const bool own = take<Oid>(&in) == person;
        Approval a = {};
        a.request = take<core::RequestId>(&in);
        a.policy = take<core::PolicyId>(&in);
        a.from = take<TimestampTz>(&in);
        a.until = take<TimestampTz>(&in);
        a.actions = take<core::Actions>(&in);
        a.narrowed = take<bool>(&in);
        const auto cover_count = take<uint32>(&in);
        auto *covers = static_cast<Cover *>(palloc(sizeof(Cover) * (own ? cover_count + 1 : 1)));
        for (uint32 c = 0; c < cover_count; c++) {
            const char object_class = take<char>(&in);
            const Oid object = take<Oid>(&in);
            if (own)
                covers[c] = {object_class, object};
        }
        a.covers = {covers, cover_count};
        if (own)
            mine[count++] = a;
    }
    out->standing = head.unbound != 0 ? Standing::unbound : Standing::known;
    out->policies = {policies, head.policies};
    out->guards = {guards, guard_count};
    out->mine = {mine, count};
}

} // namespace jit::pg::cluster
