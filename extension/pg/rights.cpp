// rights.cpp: zone C. Reads the person's own approvals by index; never by SPI, never anybody else's.

#include "pg/rights.hpp"

#include "pg/bound.hpp"
#include "pg/memo.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"
#include "pg/views.hpp"

extern "C" {
#include "utils/fmgroids.h"
#include "utils/inval.h"
}

namespace jit::pg::rights {

constinit uint64 loaded_as_of = 0;

namespace {

struct ViewRight {
    Oid view;
    int64 fingerprint;
    int approval; // index in Loaded::approvals
};

struct Loaded {
    std::span<core::Approval> approvals;
    std::span<Given> given; // of each
    std::span<ViewRight> views;
    bool by_column;
    bool counted;
    bool bound;
};

constinit MemoryContext context = nullptr;
constinit Loaded loaded = {};
constinit bool appeared = false;
constinit bool unreadable = false; // look() found the tables locked, and they have not been read since

template <class T> struct Growing {
    T *items;
    int count;
    int room;
    void add(const T &item)
    {
        if (count == room) {
            room = room == 0 ? 8 : room * 2;
            const Size bytes = sizeof(T) * static_cast<Size>(room);
            items = static_cast<T *>(items == nullptr ? palloc(bytes) : repalloc(items, bytes));
        }
        items[count++] = item;
    }
    [[nodiscard]] std::span<T> all() const { return {items, static_cast<std::size_t>(count)}; }
};

void key_on(ScanKeyData *key, Oid table, const char *column, RegProcedure equals, Datum value)
{
    ScanKeyInit(key, get_attnum(table, column), BTEqualStrategyNumber, equals, value);
}

void load_scopes(core::Approval *approval, int index, Growing<ViewRight> *views, bool *columns_named)
{
    ScanKeyData key;
    key_on(&key, catalog::house().scopes, "request_id", F_INT8EQ, Int64GetDatum(approval->request));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().scopes, catalog::house().scopes_request, catalog::Sees::committed, 1, &key);
    Growing<core::Cover> covers = {};
    while (HeapTuple tuple = catalog::next(&scan)) {
        const char object_class = DatumGetChar(catalog::required(&scan, tuple, "object_class"));
        const Oid object = DatumGetObjectId(catalog::required(&scan, tuple, "object_id"));
        const core::CoverKind kind = object_class == core::class_relation             ? core::CoverKind::relation
                                     : object_class == core::class_schema_relations   ? core::CoverKind::schema
                                     : object_class == core::class_database_relations ? core::CoverKind::database
                                                                                      : core::CoverKind::other;
        const std::span<const core::Column> columns = catalog::int2_array(catalog::required(&scan, tuple, "attnums"));
        *columns_named |= !columns.empty();
        covers.add({kind, object, columns, object_class});
        bool is_null = false;
        const Datum fingerprint = catalog::attribute(&scan, tuple, "fingerprint", &is_null);
        if (!is_null && columns.empty())
            views->add({object, DatumGetInt64(fingerprint), index});
    }
    catalog::end(&scan);
    approval->covers = covers.all();
}

void load_approvals(Growing<core::Approval> *approvals, Growing<Given> *numbers)
{
    ScanKeyData key;
    key_on(&key, catalog::house().approvals, "person", F_OIDEQ, ObjectIdGetDatum(session::person()));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().approvals, catalog::house().approvals_person, catalog::Sees::committed, 1, &key);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const Given given = {catalog::optional_number(&scan, tuple, "uses"), catalog::optional_number(&scan, tuple, "rows")};
        numbers->add(given);
        bool not_bound = false;
        const Datum by_statement = catalog::optional(&scan, tuple, "by_statement", &not_bound);
        approvals->add({DatumGetInt64(catalog::required(&scan, tuple, "request_id")),
                       DatumGetInt32(catalog::required(&scan, tuple, "policy_id")),
                       DatumGetTimestampTz(catalog::required(&scan, tuple, "starts_at")),
                       DatumGetTimestampTz(catalog::required(&scan, tuple, "ends_at")),
                       catalog::actions(&scan, tuple),
                       DatumGetBool(catalog::required(&scan, tuple, "narrowed")),
                       {},
                       (given.uses | given.rows) == 0 ? core::uncounted : 0,
                       !not_bound && DatumGetBool(by_statement)});
    }
    catalog::end(&scan);
}

void load()
{
    catalog::watch();
    const bool had_any = hold_any();
    constexpr int most_tries = 4;
    for (int tries = 1;; tries++) {
        const uint64 as_of = catalog::approvals_generation;
        loaded = {};
        if (context == nullptr)
            context = AllocSetContextCreate(TopMemoryContext, "jit_guard rights", ALLOCSET_SMALL_SIZES);
        else
            MemoryContextReset(context);
        const MemoryContext caller = MemoryContextSwitchTo(context);

        Growing<core::Approval> approvals = {};
        Growing<Given> given = {};
        // Approvals do not live across a copy or a restore.
        if (catalog::presence() == catalog::Presence::ready)
            load_approvals(&approvals, &given);
        Growing<ViewRight> views = {};
        Loaded fresh = {approvals.all(), given.all(), {}, false, false, false};
        for (int i = 0; i < approvals.count; i++)
            load_scopes(&approvals.items[i], i, &views, &fresh.by_column);
        fresh.views = views.all();
        for (const Given &one : fresh.given)
            fresh.counted |= (one.uses | one.rows) != 0;
        for (const core::Approval &approval : fresh.approvals)
            fresh.bound |= approval.shut;
        MemoryContextSwitchTo(caller);
        loaded = fresh;
        loaded_as_of = as_of;
        // Something changed while we were reading? Where everything is invalidated all the time this would never end: what
        // was read is committed and of this very statement, and it is read again when it is next needed.
        if (loaded_as_of == catalog::approvals_generation || tries == most_tries)
            break;
        CHECK_FOR_INTERRUPTS();
    }
    unreadable = false;
    if (!had_any && !loaded.approvals.empty())
        appeared = true;
}

const Loaded &current()
{
    if (loaded_as_of != catalog::approvals_generation)
        load();
    return loaded;
}

} // namespace

std::span<const core::Approval> mine() { return current().approvals; }

bool hold_any() { return !loaded.approvals.empty() || unreadable; }

void look()
{
    if (!are_stale())
        return;
    if (catalog::can_read(catalog::house().approvals) && catalog::can_read(catalog::house().scopes)) {
        (void) current();
    } else if (!unreadable) {
        appeared |= !hold_any();
        unreadable = true;
    }
}

bool by_column() { return current().by_column; }

bool counted() { return loaded.counted; }

bool bound() { return loaded.bound; }

// Of what is loaded: whoever asks walks through it.
Given given(core::RequestId request)
{
    for (std::size_t i = 0; i < loaded.approvals.size(); i++)
        if (loaded.approvals[i].request == request)
            return loaded.given[i];
    return {0, 0};
}

bool take_appeared()
{
    const bool was = appeared;
    appeared = false;
    return was;
}

Opening opens(Oid view, TimestampTz now)
{
    Opening best = {};
    bool best_is_counted = false;
    (void) memo::find(view); // so that the policies of its guards are known
    const Loaded &rights = current();
    for (const ViewRight &right : rights.views) {
        const core::Approval &approval = rights.approvals[static_cast<std::size_t>(right.approval)];
        if (right.view != view || approval.from > now || now >= approval.until ||
            (approval.actions & core::bit(core::Action::select)) == 0 || (approval.shut && !bound::is_active(approval.request)) ||
            right.fingerprint != views::fingerprint(view))
            continue;
        const memo::Policy *policy = memo::policy(approval.policy);
        const int32 left = uses::left(approval, now);
        if (policy == nullptr || policy->elsewhere || left == 0)
            continue;
        const bool is_counted = left != core::uncounted;
        if (best.request == 0 || (best_is_counted && !is_counted) ||
            (best_is_counted == is_counted && approval.until > best.until)) {
            best = {approval.request, approval.policy, approval.until};
            best_is_counted = is_counted;
        }
    }
    return best;
}

core::RequestId uncommitted(core::PolicyId policy)
{
    ScanKeyData key;
    key_on(&key, catalog::house().approvals, "person", F_OIDEQ, ObjectIdGetDatum(session::person()));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().approvals, catalog::house().approvals_person, catalog::Sees::own_too, 1, &key);
    core::RequestId found = 0;
    while (HeapTuple tuple = catalog::next(&scan))
        if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)) &&
            DatumGetInt32(catalog::required(&scan, tuple, "policy_id")) == policy)
            found = larger(found, DatumGetInt64(catalog::required(&scan, tuple, "request_id")));
    catalog::end(&scan);
    return found;
}

bool last_request(core::PolicyId policy, LastRequest *out)
{
    ScanKeyData keys[2];
    key_on(&keys[0], catalog::house().requests, "person", F_OIDEQ, ObjectIdGetDatum(session::person()));
    key_on(&keys[1], catalog::house().requests, "policy_id", F_INT4EQ, Int32GetDatum(policy));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().requests, catalog::house().requests_person, catalog::Sees::committed, 2, keys);
    *out = {};
    while (HeapTuple tuple = catalog::next(&scan)) {
        const core::RequestId request = DatumGetInt64(catalog::required(&scan, tuple, "request_id"));
        core::State state = core::State::pending;
        if (request < out->request ||
            !core::parse_state(TextDatumGetCString(catalog::required(&scan, tuple, "state")), &state))
            continue;
        const char *when = state == core::State::pending ? "pending_until"
                           : state == core::State::ended ? "ended_at"
                                                         : "decided_at";
        bool no_time = false;
        bool no_reason = false;
        const Datum at = catalog::attribute(&scan, tuple, when, &no_time);
        const Datum reason = catalog::attribute(&scan, tuple, "end_reason", &no_reason);
        *out = {request, state, no_reason ? "" : TextDatumGetCString(reason), no_time ? 0 : DatumGetTimestampTz(at)};
    }
    catalog::end(&scan);
    return out->request != 0;
}

} // namespace jit::pg::rights
