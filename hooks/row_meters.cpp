// row_meters.cpp: zone C. See row_meters.hpp.
//
// A scan fetches a row, asks its filter, and computes its target list, all inside one call. So the filter and the target
// list are asked through functions of ours: evalfunc of their ExprState, which the interpreter and JIT set and call alike.
// Where there is no target list to compute, the row counts as the scan returns it.

#include "hooks/row_meters.hpp"

#include "hooks/filters.hpp"
#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "executor/executor.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
}

namespace jit::hooks::meters {

namespace {

using pg::row_counts::Meter;

struct Spot {
    const void *key;
    EState *query;
    Oid relid;
    union {
        ExecProcNodeMtd proc;
        ExprStateEvalFunc eval;
    } inner;
    List *charges; // Charge or Change
    Spot *next;    // of the same query
};

struct Entry {
    const void *key; // hash key
    Spot *spot;
};
constinit HTAB *spots = nullptr;
constinit Spot *last = nullptr;

struct OfQuery {
    Spot *first;
    MemoryContextCallback end;
};

extern "C" void jit_forget_spots(void *of_query)
{
    for (const Spot *spot = static_cast<OfQuery *>(of_query)->first; spot != nullptr; spot = spot->next)
        (void) hash_search(spots, &spot->key, HASH_REMOVE, nullptr);
    last = nullptr;
}

Spot *look_up(const void *key)
{
    const auto *entry = static_cast<const Entry *>(hash_search(spots, &key, HASH_FIND, nullptr));
    return entry != nullptr ? entry->spot : nullptr;
}

Spot *find(const void *key)
{
    if (last == nullptr || last->key != key)
        last = look_up(key);
    return last;
}

OfQuery *of_query(EState *query)
{
    // The query's own list hangs at its EState as a spot hangs at its node.
    if (const Spot *known = look_up(query))
        return static_cast<OfQuery *>(linitial(known->charges));
    auto *of = static_cast<OfQuery *>(palloc0(sizeof(OfQuery)));
    of->first = static_cast<Spot *>(palloc0(sizeof(Spot)));
    *of->first = {query, query, InvalidOid, {nullptr}, list_make1(of), nullptr};
    of->end = {jit_forget_spots, of, nullptr};
    MemoryContextRegisterResetCallback(query->es_query_cxt, &of->end);
    const void *const key = query;
    static_cast<Entry *>(hash_search(spots, &key, HASH_ENTER, nullptr))->spot = of->first;
    return of;
}

// A plan is walked more than once, and an approval may reach a relation by itself and by a view.
bool same(const Charge &one, Charge *other)
{
    if (one.meter != other->meter)
        return false;
    other->gives_back &= one.gives_back;
    return true;
}

bool same(const Change &one, const Change *other) { return one.why == other->why; }

// A new spot, or nullptr when there is one, which then gets the charge too.
template <class T> Spot *place(EState *query, const void *key, Oid relid, const T &charge)
{
    const MemoryContext caller = MemoryContextSwitchTo(query->es_query_cxt);
    if (spots == nullptr) {
        HASHCTL how = {};
        how.keysize = sizeof(void *);
        how.entrysize = sizeof(Entry);
        how.hcxt = TopMemoryContext;
        spots = hash_create("jit_guard meters", 64, &how, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    Spot *spot = look_up(key);
    Spot *made = nullptr;
    if (spot == nullptr) {
        OfQuery *of = of_query(query);
        made = spot = static_cast<Spot *>(palloc0(sizeof(Spot)));
        *spot = {key, query, relid, {nullptr}, NIL, of->first};
        of->first = spot; // first: what is in the table is always found by its query
        static_cast<Entry *>(hash_search(spots, &key, HASH_ENTER, nullptr))->spot = spot;
    }
    bool known = false;
    ListCell *cell;
    foreach (cell, spot->charges)
        known = known || same(charge, static_cast<T *>(lfirst(cell)));
    if (!known) {
        auto *own = static_cast<T *>(palloc(sizeof(T)));
        *own = charge;
        spot->charges = lappend(spot->charges, own);
    }
    MemoryContextSwitchTo(caller);
    return made;
}

inline void take_one(const Charge &charge, Oid relid)
{
    if (charge.meter->credit > 0 && !charge.gives_back)
        pg::row_counts::take(charge.meter);
    else
        take(charge, relid, 1);
}

void take_all(const Spot *spot)
{
    ListCell *cell;
    foreach (cell, spot->charges)
        take_one(*static_cast<const Charge *>(lfirst(cell)), spot->relid);
}

// The expression itself. Its first evaluation puts another function in the place of ours.
Datum evaluate(Spot *spot, ExprStateEvalFunc ours, ExprState *state, ExprContext *context, bool *is_null)
{
    const Datum result = spot->inner.eval(state, context, is_null);
    if (state->evalfunc != ours) {
        spot->inner.eval = state->evalfunc;
        state->evalfunc = ours;
    }
    return result;
}

extern "C" Datum jit_count_and_evaluate(ExprState *state, ExprContext *context, bool *is_null)
{
    Spot *const spot = find(state);
    take_all(spot);
    return evaluate(spot, jit_count_and_evaluate, state, context, is_null);
}

// Is a row set aside that pays for an error?
bool can_pay(const Spot *spot)
{
    bool can = true;
    ListCell *cell;
    foreach (cell, spot->charges) {
        Meter *meter = static_cast<const Charge *>(lfirst(cell))->meter;
        meter->pays_for_errors = true;
        if (meter->credit == 0 && (meter->empty || !pg::row_counts::set_aside(meter, 1))) {
            meter->empty = true;
            can = false;
        }
    }
    return can;
}

// A filter whose error may show a row. Nobody pays for it any more when no row is left, so then it shows nothing.
extern "C" Datum jit_evaluate_filter(ExprState *state, ExprContext *context, bool *is_null)
{
    Spot *const spot = find(state);
    if (can_pay(spot))
        return evaluate(spot, jit_evaluate_filter, state, context, is_null);
    const MemoryContext caller = CurrentMemoryContext;
    volatile Datum result = 0;
    PG_TRY();
    {
        result = evaluate(spot, jit_evaluate_filter, state, context, is_null);
    }
    PG_CATCH();
    {
        if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION)
            PG_RE_THROW();
        MemoryContextSwitchTo(caller);
        FlushErrorState();
        refusal::refuse_error_of_filter(spot->relid);
    }
    PG_END_TRY();
    return result;
}

extern "C" TupleTableSlot *jit_count_scanned(PlanState *scan)
{
    const ExecProcNodeMtd inner = find(scan)->inner.proc;
    TupleTableSlot *const slot = inner(scan);
    if (!TupIsNull(slot))
        take_all(find(scan));
    return slot;
}

void wrap(EState *query, ExprState *state, Oid relid, const Charge &charge, ExprStateEvalFunc ours)
{
    if (Spot *spot = place(query, state, relid, charge)) {
        spot->inner.eval = state->evalfunc;
        state->evalfunc = ours;
    }
}

// ---- changes ----

const void *change_key(const PlanState *rows) { return reinterpret_cast<const char *>(rows) + 1; }

bool concerns(const Change &change, TupleTableSlot *row)
{
    const ModifyTableState *by = change.by;
    const ResultRelInfo *first = &by->resultRelInfo[0];
    bool is_null = false;
    switch (change.which) {
        case Which::all:
            return true;
        case Which::new_ones:
            if (!AttributeNumberIsValid(first->ri_RowIdAttNo))
                return true;
            (void) ExecGetJunkAttribute(row, first->ri_RowIdAttNo, &is_null);
            return is_null;
        case Which::of_these:
        case Which::of_others: {
            Oid relid = RelationGetRelid(first->ri_RelationDesc);
            if (AttributeNumberIsValid(by->mt_resultOidAttno))
                relid = DatumGetObjectId(ExecGetJunkAttribute(row, by->mt_resultOidAttno, &is_null));
            return is_null || list_member_oid(change.of, relid) == (change.which == Which::of_these);
        }
    }
    pg_unreachable();
}

extern "C" TupleTableSlot *jit_count_changes(PlanState *rows)
{
    const ExecProcNodeMtd inner = find(change_key(rows))->inner.proc;
    TupleTableSlot *const slot = inner(rows);
    if (TupIsNull(slot))
        return slot;
    const Spot *spot = find(change_key(rows));
    for (int i = 0; i < list_length(spot->charges); i++) {
        const auto *change = static_cast<const Change *>(list_nth(spot->charges, i));
        bool counted = !concerns(*change, slot);
        for (int j = 0; j < i && !counted; j++) { // once for an approval
            const auto *earlier = static_cast<const Change *>(list_nth(spot->charges, j));
            counted = earlier->charge.meter == change->charge.meter && concerns(*earlier, slot);
        }
        if (!counted)
            take_one(change->charge, spot->relid);
    }
    return slot;
}

} // namespace

void take(const Charge &charge, Oid relid, uint64 rows)
{
    if (rows > PG_INT32_MAX || !pg::row_counts::set_aside(charge.meter, static_cast<int32>(rows)))
        refusal::refuse_row(relid, charge.meter->request, charge.meter->policy);
    charge.meter->credit -= static_cast<int32>(rows);
    if (charge.gives_back)
        pg::row_counts::note_changed(charge.meter, static_cast<int32>(rows));
}

void on_scan(EState *query, PlanState *scan, Oid relid, const Charge &charge)
{
    const filters::Filter filter = filters::judge(scan->plan->qual, relid);
    if (filter == filters::Filter::watches && !switches::off("rows_filter")) {
        wrap(query, scan->qual, relid, charge, jit_count_and_evaluate);
        return;
    }
    if (filter != filters::Filter::tight && !switches::off("rows_error"))
        wrap(query, scan->qual, relid, charge, jit_evaluate_filter);
    if (scan->ps_ProjInfo != nullptr && !switches::off("rows_target")) {
        wrap(query, &scan->ps_ProjInfo->pi_state, relid, charge, jit_count_and_evaluate);
    } else if (Spot *spot = place(query, scan, relid, charge)) {
        spot->inner.proc = scan->ExecProcNodeReal;
        ExecSetExecProcNode(scan, jit_count_scanned);
    }
}

void on_changes(EState *query, const Change &change)
{
    PlanState *const rows = outerPlanState(&change.by->ps);
    if (Spot *spot = place(query, change_key(rows), RelationGetRelid(change.by->rootResultRelInfo->ri_RelationDesc), change)) {
        spot->inner.proc = rows->ExecProcNodeReal;
        ExecSetExecProcNode(rows, jit_count_changes);
    }
}

} // namespace jit::hooks::meters
