// call.cpp: zone C. Arguments of SQL functions and the texts of their messages.
#include "core/plain_text.hpp"

#include "api/call.hpp"

#include "hooks/calling_texts.hpp"
#include "hooks/owner_stack.hpp"
#include "pg/catalog.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/regproc.h"
}

namespace jit::api {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace session = pg::session;
namespace switches = pg::switches;

void require_writable(const char *function)
{
    if (catalog::is_outdated())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("cannot execute %s before jit_guard is updated in this database", function),
                        errdetail("The library is of version " JIT_GUARD_VERSION ", the extension's tables and functions are of the "
                                  "version before. What was decided holds and is enforced; nothing new can be decided."),
                        errhint("A superuser runs: ALTER EXTENSION jit_guard UPDATE;")));
    if (RecoveryInProgress())
        ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("cannot execute %s on a standby server", function),
                        errdetail("It writes to the tables of jit_guard, and a standby takes those from the primary."),
                        errhint("Call it on the primary; the approval reaches the standby by replication.")));
    if (XactReadOnly)
        ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                        errmsg("cannot execute %s in a read-only transaction", function),
                        errdetail("It writes to the tables of jit_guard."),
                        errhint("Call it in a transaction of its own: BEGIN READ WRITE, or SET default_transaction_read_only "
                                "= off.")));
    // Also for what is no event: its locks and rows must not outlive the session in a prepared transaction.
    if (!switches::off("prepare_writers"))
        session::propose_wake();
}

void require_bound()
{
    if (!catalog::is_current_version())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the tables of jit_guard are of another version than its library"),
                        errdetail("The library is of version %s. What its policies name is closed, and nothing can be decided.",
                                  JIT_GUARD_VERSION),
                        errhint("ALTER EXTENSION jit_guard UPDATE;")));
    if (catalog::presence() == catalog::Presence::unbound)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit_guard is not bound to this database"),
                        errdetail("The database was restored, copied or upgraded since jit_guard was installed, so its "
                                  "policies may point at other objects."),
                        errhint("A jit_admin calls: SELECT * FROM jit.rebind();")));
}

void require_writer(const char *function)
{
    require_writable(function);
    require_bound();
}

void require_own_call(const char *function)
{
    if (switches::off("own_calls"))
        return;
    const Oid caller = hooks::owner_stack::foreign_function(InvalidOid);
    const Oid author = OidIsValid(caller) ? InvalidOid : hooks::calling_texts::untrusted_on_stack(InvalidOid);
    if (!OidIsValid(caller) && !OidIsValid(author))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s cannot be called in your name", function),
                    OidIsValid(caller) ? errdetail("Function %s, which calls it, belongs neither to you nor to a superuser.", format_procedure(caller))
                                       : errdetail("A view, default, trigger or the like of %s calls it.", session::quoted_role_name(author)),
                    errhint("Call it yourself, or in a function of your own.")));
}

void require_admin(const char *function)
{
    if (!membership::is_admin(session::person()))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s is for members of jit_admin", function),
                        errdetail("You are connected as \"%s\"; SET ROLE does not change that.",
                                  session::role_name(session::person())),
                        errhint("Somebody who may grant it runs: GRANT jit_admin TO %s;",
                                session::quoted_role_name(session::person()))));
}

void require_policy_maker(FunctionCallInfo fcinfo, const char *function)
{
    if (catalog::is_sealed())
        session::require_bare_call(fcinfo);
    require_admin(function);
}

char *text_argument(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Interval *interval_argument(FunctionCallInfo fcinfo, int n) { return PG_ARGISNULL(n) ? nullptr : PG_GETARG_INTERVAL_P(n); }

core::RequestId request_argument(FunctionCallInfo fcinfo, int n)
{
    if (PG_ARGISNULL(n))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("request_id must not be null"),
                        errhint("The number is what jit.request() returned; see also jit.my_requests and jit.pending.")));
    return PG_GETARG_INT64(n);
}

namespace {

int elements_of(Datum array, const char *what, Oid type, int length, bool by_value, Datum **elements)
{
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(array), type, length, by_value, TYPALIGN_INT, elements, &nulls, &count);
    if (count > max_list_items)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s has too many elements", what),
                        errdetail("It has %d; at most %d are allowed.", count, max_list_items),
                        errhint("Use a wildcard such as schema.*, or several policies.")));
    for (int i = 0; i < count; i++)
        if (nulls[i])
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not contain nulls", what),
                            errdetail("Element %d is null.", i + 1), errhint("Leave the element out.")));
    return count;
}

} // namespace

Words words_of(Datum array, const char *what)
{
    Datum *elements = nullptr;
    const int count = elements_of(array, what, TEXTOID, -1, false, &elements);
    Words words{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(count + 1))), count};
    for (int i = 0; i < count; i++)
        words.items[i] = TextDatumGetCString(elements[i]);
    return words;
}

Roles roles_of(Datum array, const char *what)
{
    Datum *elements = nullptr;
    const int count = elements_of(array, what, REGROLEOID, sizeof(Oid), true, &elements);
    Roles roles{static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(count + 1))), count};
    for (int i = 0; i < count; i++)
        roles.oids[i] = DatumGetObjectId(elements[i]);
    return roles;
}

Datum array_of(const Words &words)
{
    auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(words.count + 1)));
    for (int i = 0; i < words.count; i++)
        elements[i] = CStringGetTextDatum(words.items[i]);
    return PointerGetDatum(construct_array(elements, words.count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum array_of(const Roles &roles)
{
    auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(roles.count + 1)));
    for (int i = 0; i < roles.count; i++)
        elements[i] = ObjectIdGetDatum(roles.oids[i]);
    return PointerGetDatum(construct_array(elements, roles.count, REGROLEOID, sizeof(Oid), true, TYPALIGN_INT));
}

bool same_words(const Words &a, const Words &b)
{
    if (a.count != b.count)
        return false;
    for (int i = 0; i < a.count; i++)
        if (strcmp(a.items[i], b.items[i]) != 0)
            return false;
    return true;
}

void check_length(const char *what, const char *text, int max_chars)
{
    if (!text)
        return;
    const int chars = pg_mbstrlen(text);
    if (chars > max_chars)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION), errmsg("%s is too long", what),
                        errdetail("It has %d characters; at most %d are kept.", chars, max_chars),
                        errhint("Put the long text into a ticket and name the ticket here.")));
}

namespace {

void check_visible(const char *what, const char *text, core::Lines lines, const char *hint)
{
    const char *const utf8 = GetDatabaseEncoding() == PG_SQL_ASCII
                                 ? text // of an encoding that nobody knows
                                 : pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8);
    const core::Hidden hidden = core::find_hidden(utf8, lines);
    if (hidden.position > 0 && !switches::off("plain_text"))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s contains a character that cannot be seen", what),
                        errdetail("Character %zu is U+%04X: it is invisible, or changes how the others are shown.", hidden.position,
                                  static_cast<unsigned int>(hidden.point)),
                        errhint("%s", hint)));
}

} // namespace

void check_text(const char *what, const char *text, int max_chars, const char *hint)
{
    check_length(what, text, max_chars);
    if (text)
        check_visible(what, text, core::Lines::many, hint);
}

void check_shown_name(const char *what, const char *name)
{
    check_visible(what, name, core::Lines::one, "Rename it. Those who decide must see what it is called.");
}

bool is_blank(const char *text) { return !text || text[strspn(text, " \t\r\n\v\f")] == '\0'; }

const char *when(TimestampTz at)
{
    return pstrdup(timestamptz_to_str(TIMESTAMP_NOT_FINITE(at) ? at : at - at % USECS_PER_SEC));
}

char *role_list(std::span<const Oid> roles, int at_most)
{
    StringInfoData out;
    initStringInfo(&out);
    const int count = static_cast<int>(roles.size());
    // "and 1 more" would be longer than the name that it hides.
    const int shown = count <= at_most + 1 ? count : at_most;
    for (int i = 0; i < shown; i++)
        appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", session::role_name(roles[static_cast<std::size_t>(i)]));
    if (shown < count)
        appendStringInfo(&out, " and %d more", count - shown);
    return out.data;
}

char *word_list(const Words &words)
{
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 0; i < words.count; i++)
        appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", words.items[i]);
    return out.data;
}

char *clipped(const char *text)
{
    constexpr int max_bytes = 120;
    const int bytes = static_cast<int>(strlen(text));
    if (bytes <= max_bytes)
        return pstrdup(text);
    return psprintf("%.*s...", pg_mbcliplen(text, bytes, max_bytes), text);
}

} // namespace jit::api
