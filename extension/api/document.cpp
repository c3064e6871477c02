// document.cpp: zone C. Reads a document of policies into arguments, so that it goes the way of the calls.
#include "api/document.hpp"

#include "pg/spi.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace jit::api::document {

namespace spi = pg::spi;

namespace {

extern "C" void jit_tell_place(void *to)
{
    const auto *place = static_cast<const Place *>(to);
    if (place->term)
        errcontext("policy \"%s\", term \"%s\"", place->policy, place->term);
    else if (place->policy)
        errcontext("policy \"%s\"", place->policy);
}

[[noreturn]] void bad_document(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

// A member of an object or an element of an array. `text` of a string is its content, of anything else its JSON.
struct Member {
    char *key;
    char *text; // nullptr for null
    char *type; // as json_typeof says
};
struct Members {
    Member *items;
    int count;
};

constexpr spi::Sql type_of{"SELECT pg_catalog.json_typeof($1)", 1, {JSONOID}};
constexpr spi::Sql members_of{
    "SELECT e.key, e.value OPERATOR(pg_catalog.#>>) '{}', pg_catalog.json_typeof(e.value) "
    "FROM ROWS FROM (pg_catalog.json_each($1)) WITH ORDINALITY AS e (key, value, n) ORDER BY e.n",
    1,
    {JSONOID}};
constexpr spi::Sql elements_of{
    "SELECT NULL, e.value OPERATOR(pg_catalog.#>>) '{}', pg_catalog.json_typeof(e.value) "
    "FROM ROWS FROM (pg_catalog.json_array_elements($1)) WITH ORDINALITY AS e (value, n) ORDER BY e.n",
    1,
    {JSONOID}};

Datum as_json(const char *text) { return CStringGetTextDatum(text); }

Members list(const spi::Sql &sql, Datum json)
{
    spi::Args args{};
    spi::add(&args, json);
    const auto rows = static_cast<Size>(spi::execute(sql, args));
    Members members{static_cast<Member *>(palloc(sizeof(Member) * (rows + 1))), static_cast<int>(rows)};
    for (Size row = 0; row < rows; row++)
        members.items[row] = {spi::text(row, 1), spi::text(row, 2), spi::text(row, 3)};
    return members;
}

Members members(Datum json, const char *what)
{
    spi::Args args{};
    spi::add(&args, json);
    (void) spi::execute(type_of, args);
    if (const char *type = spi::text(0, 1); strcmp(type, "object") != 0)
        bad_document(psprintf("%s must be a JSON object", what), psprintf("It is of type %s.", type),
                     "jit.export_policies() shows the form.");
    const Members found = list(members_of, json);
    for (int i = 0; i < found.count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(found.items[i].key, found.items[k].key) == 0)
                bad_document(psprintf("key \"%s\" is there twice", clipped(found.items[i].key)),
                             psprintf("It is in %s.", what), "Keep one of them; a merge may have left both.");
    return found;
}

// ---- terms ----

enum class Form : uint8 { words, role, roles, number, flag, span, text, networks, json };

struct Term {
    const char *key;
    TermArgument argument;
    Form form;
};
constexpr Term known_terms[] = {
    {"actions", TermArgument::actions, Form::words},
    {"objects", TermArgument::objects, Form::words},
    {"lends", TermArgument::lends, Form::role},
    {"elevates_to", TermArgument::elevates_to, Form::role},
    {"eligible", TermArgument::eligible, Form::roles},
    {"approvers", TermArgument::approvers, Form::roles},
    {"approvals", TermArgument::approvals, Form::number},
    {"exempt", TermArgument::exempt, Form::roles},
    {"max_duration", TermArgument::max_duration, Form::span},
    {"default_duration", TermArgument::default_duration, Form::span},
    {"pending_timeout", TermArgument::pending_timeout, Form::span},
    {"require_reason", TermArgument::require_reason, Form::flag},
    {"ticket_pattern", TermArgument::ticket_pattern, Form::text},
    {"hours", TermArgument::hours, Form::text},
    {"networks", TermArgument::networks, Form::networks},
    {"max_uses", TermArgument::max_uses, Form::number},
    {"max_rows", TermArgument::max_rows, Form::number},
    {"break_glass", TermArgument::break_glass, Form::roles},
    {"break_glass_duration", TermArgument::break_glass_duration, Form::span},
    {"stages", TermArgument::stages, Form::json},
    {"escalate_to", TermArgument::escalate_to, Form::roles},
    {"escalate_after", TermArgument::escalate_after, Form::span},
    {"remind_after", TermArgument::remind_after, Form::span},
    {"rules", TermArgument::rules, Form::json},
    {"on_expiry", TermArgument::on_expiry, Form::text},
    {"mode", TermArgument::mode, Form::text},
    {"comment", TermArgument::comment, Form::text},
    {"statement", TermArgument::statement, Form::text},
    {"require_mfa", TermArgument::require_mfa, Form::text},
    {"mfa_max_age", TermArgument::mfa_max_age, Form::span},
    {"record_parameters", TermArgument::record_parameters, Form::flag},
    {"pim_group", TermArgument::pim_group, Form::text},
};

const Term &find_term(const char *key)
{
    for (const Term &term : known_terms)
        if (strcmp(term.key, key) == 0)
            return term;
    StringInfoData all;
    initStringInfo(&all);
    for (const Term &term : known_terms)
        appendStringInfo(&all, "%s%s", all.len > 0 ? ", " : "", term.key);
    bad_document(psprintf("there is no term \"%s\"", clipped(key)), "Keys that are not known are not passed over.",
                 psprintf("Terms are: %s.", all.data));
}

const char *form_name(Form form)
{
    switch (form) {
        case Form::words:
        case Form::roles:
        case Form::networks: return "an array of strings";
        case Form::json:     return "an array";
        case Form::role:
        case Form::span:
        case Form::text:     return "a string";
        case Form::number:   return "a number";
        case Form::flag:     return "true or false";
    }
    return "";
}

[[noreturn]] void wrong_form(const Term &term, const Member &given)
{
    bad_document(psprintf("%s must be %s", term.key, form_name(term.form)),
                 psprintf("It is of type %s: %s", given.type, clipped(given.text)), "jit.export_policies() shows the form.");
}

void require_type(const Term &term, const Member &given, const char *type)
{
    if (strcmp(given.type, type) != 0)
        wrong_form(term, given);
}

Datum role_named(const char *name)
{
    const Oid role = get_role_oid(name, true);
    if (!OidIsValid(role))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", clipped(name)),
                        errhint("A document names roles as they are called, without quotes; create the role first.")));
    return ObjectIdGetDatum(role);
}

Datum array_value(const Term &term, const Member &given)
{
    require_type(term, given, "array");
    const Members found = list(elements_of, as_json(given.text));
    auto *items = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(found.count + 1)));
    for (int i = 0; i < found.count; i++) {
        if (strcmp(found.items[i].type, "string") != 0)
            wrong_form(term, found.items[i]);
        const char *text = found.items[i].text;
        items[i] = term.form == Form::roles      ? role_named(text)
                   : term.form == Form::networks ? DirectFunctionCall1(cidr_in, CStringGetDatum(text))
                                                 : CStringGetTextDatum(text);
    }
    return PointerGetDatum(
        term.form == Form::roles      ? construct_array(items, found.count, REGROLEOID, sizeof(Oid), true, TYPALIGN_INT)
        : term.form == Form::networks ? construct_array(items, found.count, CIDROID, -1, false, TYPALIGN_INT)
                                      : construct_array(items, found.count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum value_of(const Term &term, const Member &given)
{
    switch (term.form) {
        case Form::words:
        case Form::roles:
        case Form::networks:
            return array_value(term, given);
        case Form::role:
            require_type(term, given, "string");
            return role_named(given.text);
        case Form::number:
            require_type(term, given, "number");
            return DirectFunctionCall1(int4in, CStringGetDatum(given.text));
        case Form::flag:
            require_type(term, given, "boolean");
            return BoolGetDatum(strcmp(given.text, "true") == 0);
        case Form::span:
            require_type(term, given, "string");
            return DirectFunctionCall3(interval_in, CStringGetDatum(given.text), ObjectIdGetDatum(InvalidOid),
                                       Int32GetDatum(-1));
        case Form::text:
            require_type(term, given, "string");
            return CStringGetTextDatum(given.text);
        case Form::json:
            require_type(term, given, "array");
            return DirectFunctionCall1(jsonb_in, CStringGetDatum(given.text));
    }
    pg_unreachable();
}

FunctionCallInfo no_arguments(const char *name)
{
    constexpr int count = static_cast<int>(TermArgument::new_name) + 1;
    auto *fcinfo = static_cast<FunctionCallInfo>(palloc0(SizeForFunctionCallInfo(count)));
    fcinfo->nargs = count;
    for (int i = 0; i < count; i++)
        fcinfo->args[i].isnull = true;
    fcinfo->args[0] = {CStringGetTextDatum(name), false};
    // What a document says together was meant together; what it undercuts is reported.
    fcinfo->args[static_cast<int>(TermArgument::weaker)] = {BoolGetDatum(true), false};
    return fcinfo;
}

Entry read_terms(const char *name, Datum json, Place *place)
{
    Entry entry{name, no_arguments(name)};
    place->policy = name;
    const Members given = members(json, "a policy");
    for (int i = 0; i < given.count; i++) {
        place->term = given.items[i].key;
        const Term &term = find_term(given.items[i].key);
        if (given.items[i].text != nullptr) // null: as by default
            entry.terms->args[static_cast<int>(term.argument)] = {value_of(term, given.items[i]), false};
        place->term = nullptr;
    }
    return entry;
}

} // namespace

void push(ErrorContextCallback *callback, Place *place)
{
    callback->callback = jit_tell_place;
    callback->arg = place;
    callback->previous = error_context_stack;
    error_context_stack = callback;
}

void pop(const ErrorContextCallback &callback) { error_context_stack = callback.previous; }

Entry read_policy(const char *name, const char *json)
{
    Place place{};
    ErrorContextCallback callback;
    push(&callback, &place);
    const Entry entry = read_terms(name, as_json(json), &place);
    pop(callback);
    return entry;
}

Document read(Datum json)
{
    Place place{};
    ErrorContextCallback callback;
    push(&callback, &place);
    Document document{};
    bool has_policies = false;
    const Members top = members(json, "the document");
    for (int i = 0; i < top.count; i++) {
        const Member &member = top.items[i];
        if (strcmp(member.key, "version") == 0) {
            if (member.text == nullptr || strcmp(member.text, "1") != 0)
                bad_document("the document is of a version that is not known here",
                             psprintf("It is %s; 1 is known.", member.text ? clipped(member.text) : "null"),
                             "Export it with this version of jit_guard.");
        } else if (strcmp(member.key, "comment") == 0) {
            if (member.text != nullptr && strcmp(member.type, "string") != 0)
                bad_document("comment must be a string", psprintf("It is of type %s.", member.type), "Quote it.");
            document.comment = member.text != nullptr && member.text[0] != '\0' ? member.text : nullptr;
            check_text("comment", document.comment, max_comment_chars);
        } else if (strcmp(member.key, "policies") == 0) {
            if (strcmp(member.type, "object") != 0)
                bad_document("policies must be a JSON object", psprintf("It is of type %s.", member.type),
                             "Write {\"name\": {terms}, ...}.");
            has_policies = true;
            const Members named = members(as_json(member.text), "policies");
            document.policies = static_cast<Entry *>(palloc(sizeof(Entry) * static_cast<Size>(named.count + 1)));
            for (int k = 0; k < named.count; k++) {
                place.policy = named.items[k].key;
                if (strcmp(named.items[k].type, "object") != 0)
                    bad_document("a policy must be a JSON object", psprintf("It is of type %s.", named.items[k].type),
                                 "Write {term: value, ...}.");
                document.policies[document.count++] = read_terms(named.items[k].key, as_json(named.items[k].text), &place);
            }
            place = {};
        } else {
            bad_document(psprintf("there is no key \"%s\" in a document of policies", clipped(member.key)),
                         "Keys that are not known are not passed over.", "Keys are: version, comment, policies.");
        }
    }
    if (!has_policies)
        bad_document("the document has no policies", "The key \"policies\" is missing.",
                     "Write {\"policies\": {}} for none.");
    pop(callback);
    return document;
}

} // namespace jit::api::document
