// destination_check.cpp: zone C. See destination_check.hpp.
#include "core/siem.hpp"
#include "net/address.hpp"
#include "net/azure_monitor.hpp"
#include "net/blob.hpp"
#include "net/key_vault.hpp"
#include "net/url.hpp"

#include "api/destination_check.hpp"

#include "api/call.hpp"
#include "pg/secret_file.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::destinations {

namespace spi = pg::spi;

namespace {

constexpr Kind kinds[] = {
    {"webhook", {"cloudevents", "cloudevents-batch", "ocsf"}, false, true, "https", true},
    {"slack", {"blocks", nullptr, nullptr}, true, false, "https", true},
    {"teams", {"card", nullptr, nullptr}, true, false, "https", true},
    {"syslog", {"json", "cef", "ocsf"}, false, false, "tls", true},
    {"azure_monitor", {"table", nullptr, nullptr}, false, false, "https", true},
    {"azure_blob", {"note", nullptr, nullptr}, false, false, "https", false},
};

} // namespace

void bad(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail), errhint("%s", hint)));
    pg_unreachable();
}

const Kind *kind_of(const char *name)
{
    for (const Kind &kind : kinds)
        if (name != nullptr && strcmp(kind.name, name) == 0)
            return &kind;
    bad("there is no such kind of destination", name == nullptr ? "None is given." : psprintf("It is \"%s\".", clipped(name)),
        "Kinds are webhook, slack, teams, syslog, azure_monitor and azure_blob.");
}

namespace {

void check_format(const Terms &terms)
{
    for (const char *format : terms.kind->formats)
        if (format != nullptr && strcmp(format, terms.format) == 0)
            return;
    const char *const *all = terms.kind->formats;
    bad("this kind of destination has no such format", psprintf("The kind is %s, the format \"%s\".", terms.kind->name, clipped(terms.format)),
        psprintf("It has: %s%s%s%s%s.", all[0], all[1] ? ", " : "", all[1] ? all[1] : "", all[2] ? ", " : "", all[2] ? all[2] : ""));
}

// Without TLS nothing leaves the machine: an address of the loopback that the configuration allows, not a name for it.
bool is_allowed_loopback(const net::Url &url)
{
    net::Network networks[pg::settings::most_networks];
    net::Network address{};
    size_t count = 0;
    std::string_view rest;
    return net::parse_network(url.host, &address) && net::is_loopback(address) &&
           net::parse_networks(pg::settings::courier_allow, networks, &count, &rest) && net::addresses::among({networks, count}, address);
}

// A credential goes there, so only to Azure; or, as http does, to an address of the machine itself.
void check_container(const net::Url &url)
{
    const bool is_here = url.host == "localhost" || is_allowed_loopback(url);
    if (!net::blob::is_host(url.host) && !is_here)
        bad("this is no container of Azure Blob Storage", "The host is not ACCOUNT.blob.core.windows.net, nor that of another cloud of Azure.",
            "Give https://ACCOUNT.blob.core.windows.net/CONTAINER, perhaps with a prefix.");
    if (url.path.size() < 2 || url.path.back() == '/' || url.path.find_first_of("?%") != std::string_view::npos)
        bad("the address of a container is a path without a query",
            "It names no container, ends with \"/\", or has a query, as addresses with a signature in them do.",
            "Give https://ACCOUNT.blob.core.windows.net/CONTAINER, perhaps with a prefix. The credential is that of jit_guard.azure_identity.");
}

void check_azure(const net::Url &url)
{
    constexpr const char *shape =
        "Give https://{logs ingestion endpoint}/dataCollectionRules/{immutable id}/streams/{stream}?api-version=2023-01-01, as the JSON view of "
        "the data collection rule has them.";
    if (const char *why = net::azure_monitor::bad_path(url.path); why != nullptr)
        bad("this is no address of the Logs Ingestion API", why, shape);
    if (url.scheme == "https" && net::azure_monitor::resource_of(url.host) == nullptr && !pg::switches::off("azure_hosts"))
        bad("this is no host of Azure Monitor", "Only its hosts are shown the courier's token: they end in .ingest.monitor.azure.com, .cn or .us.", shape);
}

void check_url(const Terms &terms)
{
    net::Url url{};
    if (const char *why = net::parse_url(terms.url, &url); why != nullptr)
        bad("this is no address of a destination", why, "Give https://host/path, or tls://host:port for syslog.");
    if (terms.kind->url_is_secret)
        bad("the address of such a destination is a secret",
            "Whoever has it can send messages there, and it would be seen in tables, logs and dumps.",
            "Write it into a file in jit_guard.courier_directory, and give url_file => 'name'.");
    const bool is_tls = url.scheme == "tls";
    if (url.scheme == "http" && strcmp(terms.kind->scheme, "https") == 0) {
        if (!is_allowed_loopback(url))
            bad("a destination without TLS is not allowed", "What is sent could be read and changed on its way.",
                "Use https. Only an address such as 127.0.0.1 that jit_guard.courier_allow names may have http.");
    } else if (url.scheme != terms.kind->scheme) {
        bad("the address has another scheme than this kind of destination", psprintf("The kind is %s.", terms.kind->name),
            psprintf("It wants %s://.", terms.kind->scheme));
    }
    if (!terms.kind->is_chosen)
        check_container(url);
    if (strcmp(terms.kind->name, "azure_monitor") == 0)
        check_azure(url);
    if (is_tls && (url.port == 0 || !url.path.empty()))
        bad("the address of a stream is a host and a port", "It has no port, or something after it.", "Give tls://host:6514.");
}

// Instead of a file: what the courier fetches, not this session.
void check_vault(const char *argument, const char *reference)
{
    net::key_vault::Reference parts{};
    const char *why = net::key_vault::parse(reference, &parts);
    if (why == nullptr && parts.url.scheme != "https" && !is_allowed_loopback(parts.url))
        why = "It does not begin with \"keyvault:https://\".";
    if (why == nullptr && parts.url.scheme == "https" && parts.resource == nullptr && !pg::switches::off("azure_hosts"))
        why = "Only vaults are shown the courier's token: their hosts end in .vault.azure.net, .vault.azure.cn or .vault.usgovcloudapi.net.";
    if (why != nullptr)
        bad(psprintf("%s is no reference to a secret of Azure Key Vault", argument), why,
            "Give keyvault:https://NAME.vault.azure.net/secrets/SECRET, and perhaps /VERSION.");
}

void check_file(const char *argument, const char *name)
{
    if (name == nullptr)
        return;
    if (net::key_vault::is_reference(name)) {
        check_vault(argument, name);
        return;
    }
    if (const char *why = pg::secret_file::bad_name(name); why != nullptr)
        bad(psprintf("%s is no name of a file", argument), why,
            "Files lie in the folder jit_guard.courier_directory; give the name without a folder.");
    char text[pg::secret_file::most_bytes];
    size_t count = 0;
    // It may come later, so this is no error; but not the text: one who may name files must not learn what is in others.
    if (const char *why = pg::secret_file::read(name, text, &count); why != nullptr)
        ereport(WARNING, (errmsg("%s cannot be used yet", argument), errdetail("%s", why), errhint("Nothing is sent until it can.")));
    explicit_bzero(text, sizeof(text));
}

void check_events(Datum events)
{
    const Words words = words_of(events, "events");
    for (int i = 0; i < words.count; i++)
        if (core::siem::meaning_of(words.items[i]).name.empty())
            bad("there is no such event", psprintf("It is \"%s\".", clipped(words.items[i])),
                "Events are those of jit.history, such as requested or break_glass, and the kinds of records: use, refusal, would_refuse, "
                "outcome, session_ended, left_behind, maintenance, text, incarnation and gap.");
}

constexpr spi::Sql missing_policy{
    "SELECT n.name FROM pg_catalog.unnest($1) AS n (name) WHERE n.name IS NULL OR NOT EXISTS (SELECT FROM jit.policies p WHERE p.name = n.name)",
    1,
    {TEXTARRAYOID}};

void check_policies(Datum policies)
{
    spi::Args args{};
    spi::add(&args, policies);
    if (spi::execute(missing_policy, args) == 0)
        return;
    const char *name = spi::text(0, 1);
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no policy \"%s\"", name != nullptr ? clipped(name) : ""),
                    errdetail("Nothing of it would ever be sent."), errhint("SELECT name FROM jit.policies;")));
}

} // namespace

void check(const Terms &terms)
{
    check_format(terms);
    if ((terms.url != nullptr) == (terms.url_file != nullptr))
        bad("a destination has one address", terms.url != nullptr ? "Both url and url_file are given." : "Neither url nor url_file is given.",
            "Give url, or url_file when the address itself is a secret.");
    if (terms.url != nullptr)
        check_url(terms);
    if (!terms.kind->is_chosen && terms.url_file != nullptr)
        bad("the address of such a destination is no secret", psprintf("The kind is %s.", terms.kind->name), "Give url instead of url_file.");
    if (!terms.kind->is_chosen && (terms.events != 0 || terms.policies != 0))
        bad("such a destination gets checkpoints, not records", psprintf("The kind is %s: a checkpoint covers everything.", terms.kind->name),
            "Leave events and policies out.");
    check_file("url_file", terms.url_file);
    if (terms.secret_file != nullptr && !terms.kind->is_signed)
        bad("messages to this kind of destination are not signed", psprintf("The kind is %s.", terms.kind->name), "Leave secret_file out.");
    check_file("secret_file", terms.secret_file);
    if (terms.events != 0)
        check_events(terms.events);
    if (terms.policies != 0)
        check_policies(terms.policies);
}

namespace {

bool needs_identity(const Terms &terms)
{
    for (const char *reference : {terms.secret_file, terms.url_file})
        if (reference != nullptr && net::key_vault::is_reference(reference))
            return true;
    return strcmp(terms.kind->name, "azure_monitor") == 0 || strcmp(terms.kind->name, "azure_blob") == 0;
}

} // namespace

void warn(const Terms &terms)
{
    if (needs_identity(terms) && pg::settings::azure_identity == static_cast<int>(pg::settings::AzureIdentity::none))
        ereport(WARNING, (errmsg("nothing is sent to \"%s\" yet", terms.name), errdetail("jit_guard.azure_identity does not say as whom."),
                          errhint("Set it to managed, certificate, federated or secret in the configuration file, and reload.")));
    if (terms.kind->is_signed && terms.secret_file == nullptr)
        ereport(NOTICE, (errmsg("messages to \"%s\" are not signed", terms.name),
                         errdetail("Whoever knows the address can send there what looks like them."),
                         errhint("Write \"whsec_\" and the Base64 of 32 random bytes into a file, and give secret_file => 'name'.")));
}

} // namespace jit::api::destinations
