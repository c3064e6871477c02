// value_unseen.cpp: zone C. Calls of the functions of value_functions.hpp that no query was planned for: nobody sees which
// sequence or large object they are about, so they are refused.

#include "hooks/values.hpp"

#include "hooks/objects.hpp"
#include "hooks/switches.hpp"
#include "hooks/value_functions.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"

extern "C" {
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
}

namespace jit::hooks::values {

int explained_at = -1;
int shown_at = -1;

bool is_explained()
{
    if (pg::session::planner_depth > 0)
        return false;
    if (shown_at == pg::session::executor_depth && !switches::off("shown_once"))
        shown_at = -1; // rules make several queries of one
    const bool is_it = explained_at == pg::session::executor_depth;
    if (is_it && !switches::off("shown_once"))
        explained_at = -1;
    return is_it;
}

namespace {

struct Exempt {
    bool all;
};

void on_finding(void *to, const Finding &finding)
{
    if (!finding.monitored && (finding.obstacle != Obstacle::none || finding.decision.verdict == core::Verdict::approved))
        static_cast<Exempt *>(to)->all = false;
}

bool guarded_class(char object_class)
{
    const pg::things::State &guarded = pg::things::current();
    return object_class == core::class_relation ? guarded.sequences : guarded.large_objects;
}

[[noreturn]] void refuse_unseen(Oid function, char object_class)
{
    const bool sequence = object_class == core::class_relation;
    const char *detail = psprintf("%s, and here nobody sees which one the call is about.",
                                  !guarded_class(object_class) ? "Sequences of jit_guard, which is sealed, are closed"
                                  : sequence                   ? "Some sequence is guarded"
                                                               : "Some large object is guarded");
    pg::record::refusal(pg::record::Outcome::refused, nullptr, sequence ? "USAGE" : "SELECT", format_procedure(function), detail,
                        debug_query_string, pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("function %s cannot be called here", format_procedure(function)), errdetail("%s", detail),
                    errhint("Call it in a query: SELECT %s(...). Not by the fast-path protocol, as an argument of CALL or "
                            "EXECUTE, in a CHECK, or under another name.",
                            get_func_name(function))));
    pg_unreachable();
}

// As the body of a function in SQL spells what it calls.
constexpr const char *names[] = {"nextval", "setval", "lo_open", "loread", "lowrite", "lo_lseek", "lo_truncate", "lo_get",
                                 "lo_put", "lo_export", "pg_sequence_last_value", "pg_get_sequence_data"};

void lower(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        *at = static_cast<char>(pg_tolower(static_cast<unsigned char>(*at)));
}

// The same of a body that was parsed when the function was made.
bool calls_any(const char *tree)
{
    for (const Function &function : functions)
        for (const char *call : {":funcid %u ", ":opfuncid %u "})
            if (strstr(tree, psprintf(call, function.original)) != nullptr)
                return true;
    return false;
}

// By what the function is made of; -1: none of them. `names_one`: it is in SQL, and names one of them.
int index_of_alias(Oid function, bool *names_one)
{
    *names_one = false;
    if (const int index = index_of(function); index >= 0)
        return index;
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return -1;
    const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    int found = -1;
    bool is_null = true;
    if (language == INTERNALlanguageId) {
        const Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
        const char *name = is_null ? "" : TextDatumGetCString(symbol);
        for (int i = 0; i < function_count; i++)
            if (strcmp(functions[i].symbol, name) == 0)
                found = i;
    } else if (language == SQLlanguageId) {
        Datum body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &is_null);
        if (!is_null) {
            *names_one = calls_any(TextDatumGetCString(body));
        } else {
            body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
            *names_one = !is_null && names_any(TextDatumGetCString(body), names);
        }
    }
    ReleaseSysCache(tuple);
    return found;
}

// The call of nextval() that the command makes by itself; indexes of a table that it writes anew are made in a restricted operation.
bool takes_allowed()
{
    if (allowed.calls == 0)
        return false;
    if (!switches::off("allowed_calls")) {
        if (allowed.depth != pg::session::executor_depth || allowed.context != error_context_stack || InSecurityRestrictedOperation())
            return false;
        allowed.calls--;
    }
    return true;
}

void call_unseen(Oid function, int index)
{
    const char object_class = class_of(functions[index]);
    if (sets_sequence(functions[index]) && may_set_numbers())
        refuse_unseen(function, object_class);
    if (!guarded_class(object_class) || switches::off("unseen"))
        return;
    if (function == F_NEXTVAL && takes_allowed())
        return;
    if (concern_person() && !exempt_from_all(object_class))
        refuse_unseen(function, object_class);
    if (object_class == core::class_large_object)
        forget_descriptors();
}

} // namespace

bool names_any(char *words, std::span<const char *const> spelled)
{
    lower(words);
    if (strchr(words, '\\') != nullptr || strstr(words, "uescape") != nullptr)
        return true; // a name may be spelled in other ways
    for (const char *name : spelled)
        if (strstr(words, name) != nullptr)
            return true;
    return false;
}

namespace {

// Membership and policies decide, so the answer stands while they do.
struct Concern {
    uint64 guards_as_of;
    uint64 membership_as_of;
    bool person;
};
constinit Concern concern = {0, 0, true};

} // namespace

bool concern_person()
{
    const pg::things::State &guarded = pg::things::current();
    if (concern.guards_as_of == guarded.generation && concern.membership_as_of == pg::membership::generation())
        return concern.person;
    bool concerned = pg::catalog::presence() == pg::catalog::Presence::unbound || switches::off("exempt_values");
    for (const pg::memo::Guarded *one : pg::things::all()) {
        if (one->object_class != core::class_relation && one->object_class != core::class_large_object)
            continue;
        for (const core::Guard &g : one->guards)
            (void) pg::memo::meet(g.policy);
        for (const core::Guard &g : pg::memo::guards_for_person(one))
            concerned |= !g.exempt;
    }
    if (concerned != concern.person)
        pg::things::calls_are_stale = true; // plans were made for the other answer
    concern = {guarded.generation, pg::membership::generation(), concerned};
    return concerned;
}

bool exempt_from_all(char object_class)
{
    Exempt exempt = {true};
    const core::Actions actions = object_class == core::class_relation
                                      ? core::bit(core::Action::usage) | core::bit(core::Action::update) | core::bit(core::Action::select)
                                      : core::bit(core::Action::update) | core::bit(core::Action::select);
    for (const pg::memo::Guarded *guarded : pg::things::all())
        if (guarded->object_class == object_class)
            judge(objects::access_by_itself(object_class, guarded->relid, actions, InvalidOid), GetCurrentTimestamp(),
                  on_finding, &exempt);
    return exempt.all;
}

namespace {

void on_seeing(void *to, const Finding &finding)
{
    if (!finding.monitored && finding.obstacle != Obstacle::none)
        *static_cast<bool *>(to) = false;
}

} // namespace

bool may_see(Oid sequence)
{
    bool may = true;
    const core::Actions reading = core::bit(core::Action::select);
    judge(objects::access_by_itself(core::class_relation, sequence, reading, InvalidOid), GetCurrentTimestamp(), on_seeing, &may);
    if (may)
        objects::admit_value(core::class_relation, sequence, reading, InvalidOid, debug_query_string);
    return may;
}

bool is_about(const FuncExpr *call, Oid *object)
{
    const auto *argument = static_cast<const Node *>(linitial(call->args));
    while (IsA(argument, RelabelType))
        argument = reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(argument)->arg);
    const auto *constant = reinterpret_cast<const Const *>(argument);
    if (!IsA(argument, Const) || constant->constisnull || constant->constlen != sizeof(Oid))
        return false;
    *object = DatumGetObjectId(constant->constvalue);
    return true;
}

bool visit_call(const FuncExpr *call, Visit visit, void *to)
{
    const int index = index_of(call->funcid);
    if (index >= 0 && sets_sequence(functions[index]) && may_set_numbers())
        return false;
    if (index < 0 || !guarded_class(class_of(functions[index])))
        return true;
    if (functions[index].argument == Argument::descriptor)
        return false;
    Oid object = InvalidOid;
    if (!is_about(call, &object))
        return false;
    const core::Actions actions = functions[index].action != core::Action::count_
                                      ? core::bit(functions[index].action)
                                      : core::bit(core::Action::select) | core::bit(core::Action::update);
    judge(objects::access_by_itself(class_of(functions[index]), object, actions, InvalidOid),
          GetCurrentTimestamp(), visit, to);
    return true;
}

void called_unseen(Oid function)
{
    const int index = index_of(function);
    if (index >= 0 && !are_only_shown()) // EXPLAIN prepares calls, too
        call_unseen(function, index);
}

// Originals are always asked about; for somebody whom nothing of this concerns, bodies may go into plans as usual.
bool wants(Oid function)
{
    if ((!are_guarded() && !may_set_numbers()) || switches::off("value_names"))
        return false;
    bool names_one = false;
    return index_of_alias(function, &names_one) >= 0 || (names_one && (may_set_numbers() || concern_person()));
}

void called(Oid function)
{
    if (!are_guarded() && !may_set_numbers())
        return;
    bool names_one = false;
    const int index = index_of_alias(function, &names_one);
    if (index >= 0)
        call_unseen(function, index);
}

} // namespace jit::hooks::values
