// apply.cpp: zone C. jit.apply_policies: makes the policies of this database those of a document, and shows the
// difference. Each policy goes the way of the calls; all of them or none.
#include "api/change.hpp"
#include "api/document.hpp"
#include "api/rows.hpp"
#include "api/weaker.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace jit::api {

namespace spi = pg::spi;

namespace {

using change::Kind;
using change::Mode;
using change::Proposal;

constexpr spi::Sql others{
    "SELECT p.name FROM jit.policies p WHERE p.name <> 'jit_guard' AND p.name <> ALL ($1) ORDER BY p.name COLLATE pg_catalog.\"C\"",
    1,
    {TEXTARRAYOID}};

struct Applying {
    Rows rows;
    Mode mode;
    bool prune;
};

void show(const Applying &a, const char *policy, const char *term, const char *before, const char *after,
          const char *effect, const char *result)
{
    const char *const row[] = {policy, term, before, after, effect, result};
    rows::add(a.rows, row);
}

// Terms that a new policy has, or that an old one had, beside what every policy has.
void show_terms(const Applying &a, const Proposal &p, const char *result)
{
    const Terms none = document::unsaid(p.after);
    terms::Told told[terms::told_terms];
    terms::Told by_default[terms::told_terms];
    terms::tell(p.after, told);
    terms::tell(none, by_default);
    for (int i = 1; i < terms::told_terms; i++) // without the name
        if (strcmp(told[i].json, by_default[i].json) != 0)
            show(a, p.after.name, told[i].term, nullptr, told[i].json, weaker::effect_name(weaker::of(p)), result);
}

void show_difference(const Applying &a, const Proposal &p, const char *result)
{
    terms::Told before[terms::told_terms];
    terms::Told after[terms::told_terms];
    terms::tell(p.before, before);
    terms::tell(p.after, after);
    for (int i = 0; i < terms::told_terms; i++)
        if (strcmp(before[i].json, after[i].json) != 0)
            show(a, p.before.name, before[i].term, before[i].json, after[i].json,
                 weaker::effect_name(weaker::of_term(before[i].term, p.before, p.after)), result);
}

Mode looking(const Applying &a) { return a.mode == Mode::trial ? a.mode : change::look(); }

void submit(const Applying &a, Proposal *p)
{
    if (p->kind == Kind::none)
        return;
    const char *const result = change::submit(p, a.mode);
    if (p->kind == Kind::creates)
        show_terms(a, *p, result);
    else if (p->kind == Kind::alters)
        show_difference(a, *p, result);
    else
        show(a, p->before.name, nullptr, nullptr, nullptr, weaker::effect_name(weaker::of(*p)), result);
}

void apply_one(const Applying &a, const document::Entry &entry)
{
    document::Place place{entry.name, nullptr};
    ErrorContextCallback callback;
    document::push(&callback, &place);
    Terms known{};
    Proposal p = terms::load(entry.name, terms::Lock::none, &known) ? change::replacement(entry.terms, looking(a))
                                                                    : change::creation(entry.terms);
    submit(a, &p);
    document::pop(callback);
}

void apply_comment(const Applying &a, const char *comment)
{
    const char *known = document::comment();
    if ((known == nullptr && comment == nullptr) || (known != nullptr && comment != nullptr && strcmp(known, comment) == 0))
        return;
    document::set_comment(comment);
    show(a, nullptr, "comment", known, comment, weaker::effect_name(weaker::Effect::neutral),
         a.mode == Mode::real ? "applied" : "not applied");
}

void prune(const Applying &a, const document::Document &document)
{
    Words names{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(document.count + 1))), document.count};
    for (int i = 0; i < document.count; i++)
        names.items[i] = const_cast<char *>(document.policies[i].name);
    spi::Args args{};
    spi::add(&args, array_of(names));
    const auto rows = static_cast<Size>(spi::execute(others, args));
    auto **gone = static_cast<char **>(palloc(sizeof(char *) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        gone[row] = spi::text(row, 1);
    for (Size row = 0; row < rows; row++) {
        Proposal p = change::removal(gone[row], looking(a));
        submit(a, &p);
    }
}

void apply(const Applying &a, const document::Document &document)
{
    apply_comment(a, document.comment);
    for (int i = 0; i < document.count; i++)
        apply_one(a, document.policies[i]);
    if (a.prune)
        prune(a, document);
}

// The same steps in a subtransaction that is rolled back: what it says is what would be said.
void try_out(const Applying &a, const document::Document &document)
{
    MemoryContext const caller = CurrentMemoryContext;
    ResourceOwner const owner = CurrentResourceOwner;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(caller);
    PG_TRY();
    {
        apply(a, document);
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(caller);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(caller);
        CurrentResourceOwner = owner;
        ReThrowError(error);
    }
    PG_END_TRY();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(caller);
    CurrentResourceOwner = owner;
}

bool flag(FunctionCallInfo fcinfo, int n) { return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n); }

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_apply_policies(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_apply_policies);
}

Datum jit_apply_policies(PG_FUNCTION_ARGS)
{
    require_writer("jit.apply_policies()");
    require_policy_maker(fcinfo, "jit.apply_policies()");
    change::require_latest_snapshots("jit.apply_policies()");
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("document must not be null"),
                        errhint("jit.export_policies() shows the form.")));
    const Applying a{rows::begin(fcinfo), flag(fcinfo, 1) ? Mode::trial : Mode::real, flag(fcinfo, 2)};
    spi::connect();
    const document::Document document = document::read(PG_GETARG_DATUM(0));
    if (a.mode == Mode::trial)
        try_out(a, document);
    else
        apply(a, document);
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
