// json_terms.cpp: zone C. See json_terms.hpp.
#include "api/json_terms.hpp"

#include "api/durations.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"

extern "C" {
#include "utils/varlena.h"
}

namespace jit::api::json_terms {

void bad(const Place &place, const char *what, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    place.key ? errmsg("%s, element %d, key \"%s\": %s", place.term, place.element, clipped(place.key), what)
                              : errmsg("%s, element %d: %s", place.term, place.element, what),
                    errhint("%s", hint)));
    pg_unreachable();
}

void unknown_key(const Place &place, const char *known) { bad(place, "unknown key", psprintf("Known keys: %s.", known)); }

namespace {

// Errors of the server's own input functions say here where the text came from.
void say_place(void *arg)
{
    const auto *place = static_cast<const Place *>(arg);
    if (place->key)
        errcontext("%s, element %d, key \"%s\"", place->term, place->element, place->key);
    else
        errcontext("%s, element %d", place->term, place->element);
}

[[noreturn]] void bad_list(const char *term, const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s %s", term, what),
                    errhint("Write a list of objects, as in the README: %s => '[{...}, {...}]'.", term)));
    pg_unreachable();
}

void read_object(JsonbContainer *object, Place *place, Each each, void *arg)
{
    JsonbIterator *keys = JsonbIteratorInit(object);
    JsonbValue key;
    JsonbValue value;
    for (JsonbIteratorToken token = JsonbIteratorNext(&keys, &key, false); token != WJB_DONE;
         token = JsonbIteratorNext(&keys, &key, true)) {
        if (token != WJB_KEY)
            continue;
        place->key = pnstrdup(key.val.string.val, static_cast<Size>(key.val.string.len));
        (void) JsonbIteratorNext(&keys, &value, true);
        each(*place, value, arg);
    }
    place->key = nullptr;
}

} // namespace

void read(Datum jsonb, const char *term, int most, Each each, End end, void *arg)
{
    Jsonb *list = DatumGetJsonbPCopy(jsonb);
    if (!JB_ROOT_IS_ARRAY(list) || JB_ROOT_IS_SCALAR(list))
        bad_list(term, "must be a JSON array");
    const auto count = static_cast<int>(JB_ROOT_COUNT(list));
    if (count > most)
        bad_list(term, psprintf("has %d elements; at most %d are allowed", count, most));
    Place place{term, 0, nullptr};
    ErrorContextCallback context{error_context_stack, say_place, &place};
    error_context_stack = &context;
    for (int i = 0; i < count; i++) {
        place.element = i + 1;
        JsonbValue *element = getIthJsonbValueFromContainer(&list->root, static_cast<uint32>(i));
        if (element == nullptr || element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
            bad(place, "must be a JSON object", "Write {\"key\": value, ...}.");
        read_object(element->val.binary.data, &place, each, arg);
        end(place, arg);
    }
    error_context_stack = context.previous;
}

char *text(const Place &place, const JsonbValue &value)
{
    if (value.type != jbvString)
        bad(place, "must be a string", "Put the value into double quotes.");
    char *copy = pnstrdup(value.val.string.val, static_cast<Size>(value.val.string.len));
    if (is_blank(copy))
        bad(place, "must not be empty", "Leave the key out.");
    check_text(psprintf("%s, element %d, key \"%s\"", place.term, place.element, place.key), copy, max_comment_chars);
    return copy;
}

int32 number(const Place &place, const JsonbValue &value, int32 least, int32 most)
{
    const char *hint = psprintf("Write a whole number from %d to %d, without quotes.", least, most);
    if (value.type != jbvNumeric)
        bad(place, "must be a number", hint);
    const char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
    char *rest = nullptr;
    const long parsed = strlen(digits) > 9 ? -1 : strtol(digits, &rest, 10);
    if (rest == nullptr || *rest != '\0' || parsed < least || parsed > most)
        bad(place, "is out of range", hint);
    return static_cast<int32>(parsed);
}

Interval *span(const Place &place, const JsonbValue &value)
{
    const char *words = text(place, value);
    Interval *span = DatumGetIntervalP(
        DirectFunctionCall3(interval_in, CStringGetDatum(words), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
    durations::check(place.key, span);
    return span;
}

namespace {

Oid role(const Place &place, const char *name)
{
    // Names only: a number would be read as an OID, which means nothing in another cluster.
    const bool is_name = name[strspn(name, "0123456789")] != '\0' && strcmp(name, "-") != 0;
    Oid oid = InvalidOid;
    List *parts = NIL;
    // to_regrole() raises for what is no name before PostgreSQL 16, and returns NULL from 16 on.
    if (is_name && SplitIdentifierString(pstrdup(name), '.', &parts) && list_length(parts) == 1) {
        LOCAL_FCINFO(call, 1);
        InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
        call->args[0] = {CStringGetTextDatum(name), false};
        const Datum found = to_regrole(call);
        if (!call->isnull)
            oid = DatumGetObjectId(found);
    }
    if (!OidIsValid(oid))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("%s, element %d, key \"%s\": role \"%s\" does not exist", place.term, place.element, place.key,
                               clipped(name)),
                        errhint("Spell roles as in SQL: capitals and special characters in double quotes.")));
    return oid;
}

} // namespace

Roles roles(const Place &place, const JsonbValue &value)
{
    constexpr const char *hint = "Write [\"role\", ...].";
    if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
        bad(place, "must be a list of roles", hint);
    JsonbContainer *list = value.val.binary.data;
    const auto count = static_cast<int>(JsonContainerSize(list));
    if (count > max_list_items)
        bad(place, "has too many roles", psprintf("At most %d are allowed.", max_list_items));
    Roles roles{static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(count + 1))), 0};
    for (int i = 0; i < count; i++) {
        const JsonbValue *name = getIthJsonbValueFromContainer(list, static_cast<uint32>(i));
        if (name->type != jbvString)
            bad(place, "must be a list of roles", hint);
        const Oid oid = role(place, text(place, *name));
        int seen = 0;
        while (seen < roles.count && roles.oids[seen] != oid)
            seen++;
        if (seen == roles.count)
            roles.oids[roles.count++] = oid;
    }
    if (roles.count == 0)
        bad(place, "names no role", hint);
    return roles;
}

char *roles_json(const Roles &roles)
{
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '[');
    for (int i = 0; i < roles.count; i++)
        appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", pg::json::quoted(pg::session::quoted_role_name(roles.oids[i])));
    appendStringInfoChar(&out, ']');
    return out.data;
}

} // namespace jit::api::json_terms
