// tokens.cpp: zone C. See tokens.hpp. What a token has to say is judged in core/entra.cpp; here is what it is compared with.
#include "core/base64.hpp"
#include "core/entra.hpp"
#include "core/jwt.hpp"

#include "api/tokens.hpp"

#include "api/call.hpp"

#include "pg/json.hpp"
#include "pg/labels.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/shared_keys.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/portal.h"
}

namespace jit::api::tokens {

namespace entra = core::entra;
namespace jwt = core::jwt;
namespace keys = pg::shared::keys;
namespace labels = pg::labels;
namespace session = pg::session;
namespace settings = pg::settings;
namespace spi = pg::spi;
namespace switches = pg::switches;

struct Token {
    jwt::Token parts;
    std::string_view issuer, modulus, exponent; // of the key
    labels::Found label;
    int64 max_age_s;
    entra::Judged judged;
};

namespace {

constexpr long longest_wait_ms = 5'000;
constexpr int64 good_for = 24 * USECS_PER_HOUR; // keys that were fetched

constexpr spi::Sql find_key{
    "SELECT k.issuer, k.modulus, k.exponent FROM jit.token_keys k JOIN jit.token_issuers i ON i.version = k.version "
    "WHERE k.version = $1 AND k.kid = $2 AND i.source = $3 AND i.fetched_at > $4",
    4,
    {INT2OID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
constexpr spi::Sql newest_keys{
    "SELECT i.fetched_at, i.last_error FROM jit.token_issuers i WHERE i.version = $1 AND i.source = $2", 2, {INT2OID, TEXTOID}};
constexpr spi::Sql find_row{
    "SELECT FROM jit.authenticators a WHERE a.person = $1 AND a.kind = 'entra'", 1, {OIDOID}};

std::string_view view(const char *text) { return {text, strlen(text)}; }

const char *source() { return psprintf("%s/%s", settings::entra_authority, settings::entra_tenant); }

int version_of(const jwt::Token &parts)
{
    switch (entra::version_of(parts.claims)) {
        case entra::Version::unknown:
            break;
        case entra::Version::v1:
            return 1;
        case entra::Version::v2:
            return 2;
    }
    return 0;
}

const char *words_of(jwt::Shape shape)
{
    switch (shape) {
        case jwt::Shape::good:
            break;
        case jwt::Shape::too_long:
            return "It is longer than 16 kB.";
        case jwt::Shape::no_token:
            return "It is not three parts of base64url, of which the first two are JSON objects in which no name comes twice.";
        case jwt::Shape::other_algorithm:
            return "It is not signed with RS256.";
        case jwt::Shape::critical:
            return "Its header has critical parameters (crit), which nobody here understands.";
        case jwt::Shape::no_kid:
            return "Its header does not name the key (kid).";
    }
    return "";
}

jwt::Shape read(const char *text, jwt::Token *out)
{
    auto *room = static_cast<char *>(palloc(jwt::room_bytes));
    return jwt::read(view(text), {room, jwt::room_bytes}, out);
}

std::string_view bytes_of(int column)
{
    bool is_null = false;
    const auto *bytes = DatumGetByteaPCopy(spi::value(0, column, &is_null));
    return {VARDATA_ANY(bytes), static_cast<size_t>(VARSIZE_ANY_EXHDR(bytes))};
}

// Of another tenant's or authority's keys, or of those that are too old, none is found.
bool has_key(const jwt::Token &parts, Token *out)
{
    spi::Args args{};
    spi::add(&args, Int16GetDatum(static_cast<int16>(version_of(parts))));
    spi::add_text(&args, pnstrdup(parts.kid.data(), parts.kid.size()));
    spi::add_text(&args, source());
    spi::add(&args, TimestampTzGetDatum(switches::off("entra_key_age") ? 0 : clock() - good_for));
    if (spi::execute(find_key, args) == 0)
        return false;
    out->issuer = view(spi::text(0, 1));
    out->modulus = bytes_of(2);
    out->exponent = bytes_of(3);
    return true;
}

bool has_row(Oid person)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    return spi::execute(find_row, args) > 0;
}

[[noreturn]] void refuse_unready(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message), errdetail("%s", detail), errhint("%s", hint)));
    pg_unreachable();
}

[[noreturn]] void refuse_key(const jwt::Token &parts)
{
    spi::Args args{};
    spi::add(&args, Int16GetDatum(static_cast<int16>(version_of(parts))));
    spi::add_text(&args, source());
    const bool known = spi::execute(newest_keys, args) > 0;
    bool never = true;
    const Datum fetched = known ? spi::value(0, 1, &never) : Datum{0};
    const char *error = known ? spi::text(0, 2) : nullptr;
    const char *detail = never ? psprintf("Its keys were not fetched yet%s%s.", error != nullptr ? ": " : "", error != nullptr ? error : "")
                               : psprintf("They were fetched last at %s%s%s.", when(DatumGetTimestampTz(fetched)),
                                          error != nullptr ? "; since then: " : "", error != nullptr ? error : "");
    refuse_unready("the key that the token is signed with is not known here", detail,
                   "Try again in some seconds. For one key nobody knows, the issuer is asked at most every five minutes; "
                   "jit.token_issuers shows how that went.");
}

[[noreturn]] void refuse_label(Oid person, const labels::Found &label)
{
    const char *role = session::quoted_role_name(person);
    switch (label.standing) {
        case labels::Standing::ambiguous:
            refuse_unready("your token is that of two roles",
                           psprintf("\"%s\" has the same label as your role, so it does not say which of them you are.", session::role_name(label.other)),
                           "A jit_admin takes the label from one of them.");
        case labels::Standing::uncommitted:
            refuse_unready("the label of your role is not committed", "This transaction set it.", "COMMIT first.");
        case labels::Standing::none:
        case labels::Standing::good:
            break;
    }
    refuse_unready("your role is not tied to a person of Entra ID", "Tokens prove that somebody is a role that has a label.",
                   psprintf("A jit_admin runs: SECURITY LABEL FOR jit_guard ON ROLE %s IS 'entra,oid=OBJECT-ID,tid=%s,type=user';", role,
                            settings::entra_tenant));
}

bool is_same(const ParamExternData &parameter, std::string_view text)
{
    if (parameter.isnull || (parameter.ptype != TEXTOID && parameter.ptype != VARCHAROID))
        return false;
    const struct varlena *value = PG_DETOAST_DATUM_PACKED(parameter.value);
    return std::string_view{VARDATA_ANY(value), static_cast<size_t>(VARSIZE_ANY_EXHDR(value))} == text;
}

} // namespace

bool looks_like_one(const char *text) { return text != nullptr && jwt::looks_signed(view(text)); }

bool is_tied(Oid person) { return settings::is_entra_configured() && labels::of(person).standing != labels::Standing::none; }

void refuse_text()
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no token"),
                    errdetail("An access token of Entra ID is three parts of base64url with dots between them."), errhint("%s", commands(0))));
    pg_unreachable();
}

bool await_key(Oid person, const char *text)
{
    jwt::Token parts{};
    if (!settings::is_entra_configured() || read(text, &parts) != jwt::Shape::good || version_of(parts) == 0 ||
        labels::of(person).standing == labels::Standing::none)
        return false;
    const TimestampTz until = TimestampTzPlusMilliseconds(clock(), longest_wait_ms);
    Token found{};
    uint32 number = 0;
    for (;;) {
        const uint64 seen = pg::shared::change_count();
        const bool answered = number != 0 && keys::is_answered(number);
        const bool knows_key = has_key(parts, &found);
        if (knows_key && has_row(person))
            return true;
        const long left = TimestampDifferenceMilliseconds(clock(), until);
        if (answered || left <= 0)
            return false;
        if (number == 0 && (number = keys::ask(knows_key ? keys::For::people : keys::For::key)) == 0)
            return false;
        pg::shared::wait_for_change(seen, left);
    }
}

const Token *prepare(Oid person, const char *text, int64 max_age)
{
    if (!settings::is_entra_configured())
        refuse_unready("tokens of Entra ID prove nothing here", "It is not set which tenant, audience and scope they have to be of.",
                       "The owner of the server sets jit_guard.entra_tenant, jit_guard.entra_audience and jit_guard.entra_scope in the "
                       "configuration file.");
    auto *token = static_cast<Token *>(palloc0(sizeof(Token)));
    token->max_age_s = max_age / USECS_PER_SEC;
    if (const jwt::Shape shape = read(text, &token->parts); shape != jwt::Shape::good)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no token of Entra ID"), errdetail("%s", words_of(shape)),
                        errhint("%s", commands(0))));
    if (version_of(token->parts) == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no token of Entra ID"),
                        errdetail("Its claim ver is neither 1.0 nor 2.0."), errhint("%s", commands(0))));
    token->label = labels::of(person);
    if (switches::off("entra_ambiguous") && token->label.standing == labels::Standing::ambiguous)
        token->label.standing = labels::Standing::good;
    if (token->label.standing != labels::Standing::good)
        refuse_label(person, token->label);
    if (!has_key(token->parts, token) && (!await_key(person, text) || !has_key(token->parts, token)))
        refuse_key(token->parts);
    if (!has_row(person) && !await_key(person, text))
        refuse_unready("your tokens cannot be counted yet", "The courier has not written down that your role has its label.",
                       "Try again in some seconds. If it persists, look for the courier in pg_stat_activity.");
    return token;
}

const Token *prepare_if_possible(Oid person, const char *text)
{
    // Everything that prepare() raises for.
    if (!await_key(person, text) || labels::of(person).standing != labels::Standing::good)
        return nullptr;
    constexpr int64 any_age = PG_INT32_MAX * USECS_PER_SEC;
    return prepare(person, text, any_age);
}

Looked look(const Token &given)
{
    auto &token = const_cast<Token &>(given); // what was found out is kept beside it
    if (!jwt::is_signed(token.parts, token.modulus, token.exponent) && !switches::off("entra_signature"))
        return {"Its signature is not one by the key that it names.", 0};
    const entra::Expected expected{token.issuer,
                                   view(token.label.tid),
                                   view(settings::entra_audience),
                                   view(settings::entra_scope),
                                   view(settings::entra_clients),
                                   view(settings::entra_auth_context),
                                   view(token.label.oid),
                                   switches::off("mfa_age") ? PG_INT32_MAX : token.max_age_s};
    if (strcmp(token.label.tid, settings::entra_tenant) != 0)
        return {"Your role is tied to a person of another tenant than jit_guard.entra_tenant.", 0};
    const int64 now = (clock() + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / USECS_PER_SEC;
    token.judged = entra::judge(token.parts.claims, expected, now);
    if (token.judged.reason != entra::Reason::good && !switches::off("entra_claims")) {
        const std::string_view why = entra::words(token.judged.reason);
        return {pnstrdup(why.data(), why.size()), 0};
    }
    return {nullptr, token.judged.issued_at};
}

bool is_first_use(const Looked &looked)
{
    return keys::use_token(session::person(), looked.issued_at) || switches::off("entra_databases");
}

// A statement's text is in logs, in pg_stat_activity, and in histories of clients. The plan does not tell: it may hold the value of a
// parameter as a constant.
bool is_in_statement(const char *text)
{
    if (switches::off("entra_literal"))
        return false;
    if (debug_query_string != nullptr && strstr(debug_query_string, text) != nullptr)
        return true;
    const ParamListInfo given = ActivePortal != nullptr ? ActivePortal->portalParams : nullptr;
    if (given == nullptr || given->paramFetch != nullptr)
        return true;
    for (int i = 0; i < given->numParams; i++)
        if (is_same(given->params[i], view(text)))
            return false;
    return true;
}

void describe(const Token &token, StringInfo json)
{
    pg::json::add(json, "oid", token.label.oid);
    if (token.judged.uti_bytes > 0)
        pg::json::add(json, "uti", pnstrdup(token.judged.uti.data(), token.judged.uti_bytes));
    if (settings::entra_auth_context[0] != '\0')
        pg::json::add(json, "acrs", settings::entra_auth_context);
    const TimestampTz at = token.judged.signed_in_at * USECS_PER_SEC - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
    pg::json::add_time(json, token.judged.has_auth_time ? "auth_time" : "iat", at);
}

namespace {

// As az wants it: with the application.
const char *full_scope()
{
    const char *scope = settings::entra_scope;
    if (strchr(scope, '/') != nullptr)
        return scope;
    const char *list = settings::entra_audience;
    const char *uri = strstr(list, "api://");
    const char *from = uri != nullptr ? uri : list;
    const char *application = pnstrdup(from, strcspn(from, ", "));
    return psprintf("%s%s/%s", uri != nullptr ? "" : "api://", application, scope);
}

} // namespace

const char *commands(core::RequestId request)
{
    if (!settings::is_entra_configured())
        return "SELECT * FROM jit.factors;";
    const char *challenge = "";
    if (settings::entra_auth_context[0] != '\0') {
        const char *claims = psprintf(R"({"access_token":{"acrs":{"essential":true,"value":"%s"}}})", settings::entra_auth_context);
        auto *encoded = static_cast<char *>(palloc0(core::base64::encoded_size(strlen(claims)) + 1));
        (void)core::base64::encode(view(claims), {encoded, core::base64::encoded_size(strlen(claims))});
        challenge = psprintf(" --claims-challenge \"%s\"", encoded);
    }
    const char *number = request != 0 ? psprintf(", " INT64_FORMAT, request) : "";
    // built SQL: a HINT
    return psprintf("az login --tenant %s --scope \"%s\"%s\n"
                    "az account get-access-token --tenant %s --scope \"%s\" --query accessToken -o tsv\n"
                    "Then, with psql 16 or later: \\set token `az account get-access-token ...` and "
                    "SELECT jit.present_token($1%s) \\bind :token \\g",
                    settings::entra_tenant, full_scope(), challenge, settings::entra_tenant, full_scope(), number);
}

} // namespace jit::api::tokens
