// settings.cpp: zone C. The settings jit_guard.*, one table, in alphabetical order.

#include "core/entra.hpp"
#include "net/address.hpp"
#include "net/url.hpp"

#include "pg/settings.hpp"

#include "pg/secret_file.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "utils/guc.h"
}

namespace jit::pg::settings {

constinit bool enabled = true;
constinit char *control_database = nullptr;
constinit int cluster_memory_kb = 1'024;
constinit int evidence = static_cast<int>(Evidence::durable);
constinit int evidence_backlog_kb = 65'536;
constinit int evidence_log_kb = 1'048'576;
constinit int ledger_period_days = 30;
constinit char *mfa_key = nullptr;
constinit char *signing_key = nullptr;
constinit int expiry_grace_ms = 5'000;
constinit int azure_identity = static_cast<int>(AzureIdentity::none);
constinit char *azure_authority_host = nullptr;
constinit char *azure_client_id = nullptr;
constinit char *azure_credential_file = nullptr;
constinit char *azure_metadata_host = nullptr;
constinit char *azure_tenant = nullptr;
constinit char *graph_url = nullptr;
constinit int pim_interval_ms = 60'000;
constinit int pim_max_staleness_ms = 300'000;
constinit int expiry_warning_ms = 300'000;
constinit char *courier_allow = nullptr;
constinit char *courier_ca_file = nullptr;
constinit char *courier_directory = nullptr;
constinit int max_loans = 16'384;
constinit int max_databases = 64;
constinit int max_standby_lag_ms = 30'000;
constinit int replication = static_cast<int>(Replication::allow);
constinit char *replication_roles = nullptr;
constinit bool log_uses = true;
constinit char *entra_audience = nullptr;
constinit char *entra_auth_context = nullptr;
constinit char *entra_authority = nullptr;
constinit char *entra_clients = nullptr;
constinit char *entra_scope = nullptr;
constinit char *entra_tenant = nullptr;

namespace {

bool check_networks(char **value, void **, GucSource)
{
    net::Network networks[most_networks];
    size_t count = 0;
    std::string_view bad;
    if (*value == nullptr || net::parse_networks(*value, networks, &count, &bad))
        return true;
    if (count == most_networks)
        GUC_check_errdetail("At most %d addresses are allowed.", most_networks);
    else
        GUC_check_errdetail("\"%.*s\" is no address or network, such as 10.1.2.3 or 10.1.0.0/16.", static_cast<int>(bad.size()), bad.data());
    return false;
}

// Names and numbers of a directory become parts of addresses and tokens.
bool check_azure_name(char **value, void **, GucSource)
{
    for (const char *letter = *value == nullptr ? "" : *value; *letter != '\0'; letter++)
        if (isalnum(static_cast<unsigned char>(*letter)) == 0 && strchr("-.", *letter) == nullptr) {
            GUC_check_errdetail("It has something else than letters, digits, dashes and dots.");
            return false;
        }
    return true;
}

bool check_metadata_host(char **value, void **, GucSource)
{
    net::Url url{};
    char address[300];
    const int length = snprintf(address, sizeof(address), "http://%s", *value == nullptr ? "" : *value);
    const char *why = length >= static_cast<int>(sizeof(address)) ? "It is too long." : net::parse_url(address, &url);
    if (why == nullptr && !url.path.empty())
        why = "Something follows the host and the port.";
    if (why != nullptr)
        GUC_check_errdetail("%s", why);
    return why == nullptr;
}

bool check_azure_host(char **value, void **, GucSource)
{
    net::Url url{};
    const char *why = *value == nullptr ? "It is empty." : net::parse_url(*value, &url);
    if (why == nullptr && url.scheme != "https" && url.scheme != "http") // without TLS only to the loopback, which the connection sees
        why = "It does not begin with \"https://\".";
    if (why == nullptr && !url.path.empty() && url.path != "/")
        why = "Something follows the host.";
    if (why != nullptr)
        GUC_check_errdetail("%s", why);
    return why == nullptr;
}

bool check_file_name(char **value, void **, GucSource)
{
    const char *why = *value == nullptr || **value == '\0' ? nullptr : secret_file::bad_name(*value);
    if (why != nullptr)
        GUC_check_errdetail("%s", why);
    return why == nullptr;
}

// What the setting holds goes into addresses, commands and comparisons as it is.
bool check_tenant(char **value, void **, GucSource)
{
    if (*value == nullptr || **value == '\0' || core::entra::is_guid(*value))
        return true;
    GUC_check_errdetail("A tenant is named by its GUID, in lower case.");
    return false;
}

bool check_authority(char **value, void **, GucSource)
{
    net::Url url{};
    if (*value == nullptr)
        return true;
    const std::string_view text{*value};
    const char *why = net::parse_url(text, &url);
    if (why == nullptr && url.scheme != "https" && url.scheme != "http")
        why = "Its scheme is not https.";
    if (why == nullptr && (text.ends_with('/') || url.path.find('?') != std::string_view::npos))
        why = "It ends with a slash, or has a question mark.";
    if (why != nullptr)
        GUC_check_errdetail("%s", why);
    return why == nullptr;
}

bool check_scope(char **value, void **, GucSource)
{
    if (*value == nullptr || core::entra::is_scope(*value))
        return true;
    GUC_check_errdetail("A scope is written as in api://APPLICATION/db.elevate.");
    return false;
}

bool check_context(char **value, void **, GucSource)
{
    if (*value == nullptr || core::entra::is_context(*value))
        return true;
    GUC_check_errdetail("The identifier of an authentication context is letters and digits, such as c1.");
    return false;
}

enum class Type : uint8 { boolean, integer, text, choice };

const config_enum_entry azure_identities[] = {
    {"none", static_cast<int>(AzureIdentity::none), false},
    {"managed", static_cast<int>(AzureIdentity::managed), false},
    {"certificate", static_cast<int>(AzureIdentity::certificate), false},
    {"federated", static_cast<int>(AzureIdentity::federated), false},
    {"secret", static_cast<int>(AzureIdentity::secret), false},
    {nullptr, 0, false},
};

const config_enum_entry replication_choices[] = {
    {"allow", static_cast<int>(Replication::allow), false},
    {"exempt_only", static_cast<int>(Replication::exempt_only), false},
    {nullptr, 0, false},
};

const config_enum_entry evidence_choices[] = {
    {"durable", static_cast<int>(Evidence::durable), false},
    {"async", static_cast<int>(Evidence::async), false},
    {nullptr, 0, false},
};

struct Row {
    const char *name;
    Type type;
    void *variable;
    int boot, least, most; // of an integer; boot of a boolean
    GucContext context;
    int flags;
    const char *says;
    const config_enum_entry *choices = nullptr;
    const char *text = "";
    GucStringCheckHook check = nullptr;
};

// GUC_DISALLOW_IN_AUTO_FILE on every row: what weakens the guard takes the configuration file, not ALTER SYSTEM.
constexpr int by_file = GUC_DISALLOW_IN_AUTO_FILE;

const Row table[] = {
    {"jit_guard.azure_authority_host", Type::text, &azure_authority_host, 0, 0, 0, PGC_SIGHUP, by_file,
     "Address of Microsoft Entra ID; other clouds have another one.", nullptr, "https://login.microsoftonline.com", check_azure_host},
    {"jit_guard.azure_client_id", Type::text, &azure_client_id, 0, 0, 0, PGC_SIGHUP, by_file,
     "Client id of the application, or of the managed identity where the machine has several.", nullptr, "", check_azure_name},
    {"jit_guard.azure_credential_file", Type::text, &azure_credential_file, 0, 0, 0, PGC_SIGHUP, by_file,
     "File in jit_guard.courier_directory with the key and certificate, the federated token, or the secret of the application.", nullptr, "",
     check_file_name},
    {"jit_guard.azure_identity", Type::choice, &azure_identity, static_cast<int>(AzureIdentity::none), 0, 0, PGC_SIGHUP, by_file,
     "As whom the courier talks to Azure: as the managed identity of the machine, or as an application.", azure_identities},
    {"jit_guard.azure_metadata_host", Type::text, &azure_metadata_host, 0, 0, 0, PGC_SIGHUP, by_file,
     "Address of the metadata service of the machine; another one than Azure's only for tests, on this machine.", nullptr, "169.254.169.254",
     check_metadata_host},
    {"jit_guard.azure_tenant", Type::text, &azure_tenant, 0, 0, 0, PGC_SIGHUP, by_file,
     "Tenant of the application in Microsoft Entra ID: its id or a domain.", nullptr, "", check_azure_name},
    {"jit_guard.cluster_memory", Type::integer, &cluster_memory_kb, 1'024, 64, 1'048'576, PGC_POSTMASTER,
     by_file | GUC_UNIT_KB,
     "Shared memory for the policies and approvals about roles, databases and the server that the control database publishes."},
    {"jit_guard.control_database", Type::text, &control_database, 0, 0, 0, PGC_POSTMASTER, by_file,
     "Name of the one database whose policies may lend membership in roles, and guard roles, databases and the server; empty means none."},
    {"jit_guard.courier_allow", Type::text, &courier_allow, 0, 0, 0, PGC_SIGHUP, by_file,
     "Addresses and networks, separated by commas, that destinations may have though they are not public.", nullptr, "", check_networks},
    {"jit_guard.courier_ca_file", Type::text, &courier_ca_file, 0, 0, 0, PGC_SIGHUP, by_file,
     "File with the certificates of the authorities that destinations are verified with; empty means those of the system."},
    {"jit_guard.courier_directory", Type::text, &courier_directory, 0, 0, 0, PGC_SIGHUP, by_file,
     "Folder with the files that hold secrets of destinations, relative to the data directory.", nullptr, "jit_guard_secrets"},
    {"jit_guard.enabled", Type::boolean, &enabled, 1, 0, 0, PGC_POSTMASTER, by_file,
     "Whether jit_guard guards anything; off is the way back in for the owner of the server."},
    {"jit_guard.entra_audience", Type::text, &entra_audience, 0, 0, 0, PGC_SIGHUP, by_file,
     "For which applications a token of Entra ID has to be issued: client identifiers or App ID URIs, separated by commas."},
    {"jit_guard.entra_auth_context", Type::text, &entra_auth_context, 0, 0, 0, PGC_SIGHUP, by_file,
     "Authentication context that a token of Entra ID has to name in acrs; empty means that amr of a v1 token has to say mfa.", nullptr, "",
     check_context},
    {"jit_guard.entra_authority", Type::text, &entra_authority, 0, 0, 0, PGC_SIGHUP, by_file,
     "Where the keys of Entra ID are published; another one in sovereign clouds.", nullptr, "https://login.microsoftonline.com",
     check_authority},
    {"jit_guard.entra_clients", Type::text, &entra_clients, 0, 0, 0, PGC_SIGHUP, by_file,
     "Programs with which tokens of Entra ID may be got, by their client identifiers, separated by commas; empty means any."},
    {"jit_guard.entra_scope", Type::text, &entra_scope, 0, 0, 0, PGC_SIGHUP, by_file,
     "Scope that a token of Entra ID has to be issued for, such as api://APPLICATION/db.elevate.", nullptr, "", check_scope},
    {"jit_guard.entra_tenant", Type::text, &entra_tenant, 0, 0, 0, PGC_SIGHUP, by_file,
     "Tenant of Entra ID whose tokens prove who a person is, by its GUID; empty means that none do.", nullptr, "", check_tenant},
    {"jit_guard.evidence", Type::choice, &evidence, static_cast<int>(Evidence::durable), 0, 0, PGC_SIGHUP, by_file,
     "Whether a guarded statement waits until the record of it is durable (durable), or a crash may lose the last records (async).",
     evidence_choices},
    {"jit_guard.evidence_backlog", Type::integer, &evidence_backlog_kb, 65'536, 64, INT_MAX, PGC_SIGHUP, by_file | GUC_UNIT_KB,
     "Records that may wait for their place in the ledger; with more, guarded statements are refused."},
    {"jit_guard.evidence_log", Type::integer, &evidence_log_kb, 1'048'576, 32'768, INT_MAX, PGC_SIGHUP, by_file | GUC_UNIT_KB,
     "Write-ahead log kept for records that no keeper reads; beyond that they are carried into a file and the log is let go."},
    {"jit_guard.expiry_grace", Type::integer, &expiry_grace_ms, 5'000, 100, 3'600'000, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "Time between the cancel at the end of an approval and the end of a session that did not obey it."},
    {"jit_guard.expiry_warning", Type::integer, &expiry_warning_ms, 300'000, 0, 86'400'000, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "Time before the end of an approval at which its holder is told; 0: never."},
    {"jit_guard.graph_url", Type::text, &graph_url, 0, 0, 0, PGC_SIGHUP, by_file,
     "Address of Microsoft Graph, where activations in PIM are looked up; other clouds have another one.", nullptr, "https://graph.microsoft.com",
     check_azure_host},
    {"jit_guard.ledger_period", Type::integer, &ledger_period_days, 30, 1, 3'650, PGC_SIGHUP, by_file,
     "Days that one partition of jit.ledger is filled before the next empty one is taken."},
    {"jit_guard.log_uses", Type::boolean, &log_uses, 1, 0, 0, PGC_SIGHUP, by_file,
     "Whether each use of an approval is written to the server log."},
    {"jit_guard.max_databases", Type::integer, &max_databases, 64, 1, 10'000, PGC_POSTMASTER, by_file,
     "Number of databases of this server that can have the extension."},
    {"jit_guard.max_loans", Type::integer, &max_loans, 16'384, 16, 1'048'576, PGC_POSTMASTER, by_file,
     "Number of role memberships that can be lent at the same time."},
    {"jit_guard.max_standby_lag", Type::integer, &max_standby_lag_ms, 30'000, -1, INT_MAX, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "How far a hot standby may be behind its primary and still use approvals; 0 or -1 means without limit."},
    {"jit_guard.mfa_key", Type::text, &mfa_key, 0, 0, 0, PGC_SIGHUP, by_file,
     "File with the key under which secrets of second factors are sealed, relative to the data directory; made at the first enrolment.",
     nullptr, "jit_guard_mfa.key"},
    {"jit_guard.pim_interval", Type::integer, &pim_interval_ms, 60'000, 1'000, 3'600'000, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "Time between two looks at the activations of a group in PIM; a quarter of it while a request waits under the policy."},
    {"jit_guard.pim_max_staleness", Type::integer, &pim_max_staleness_ms, 300'000, 1'000, 3'600'000, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "How old an answer of Microsoft Graph may be that an approval is made of."},
    {"jit_guard.replication", Type::choice, &replication, static_cast<int>(Replication::allow), 0, 0, PGC_SIGHUP, by_file,
     "Whether replication connections need only what policies say (allow), or an exemption or approval in any case (exempt_only).",
     replication_choices},
    {"jit_guard.replication_roles", Type::text, &replication_roles, 0, 0, 0, PGC_SIGHUP, by_file,
     "Roles, separated by commas, whose members replicate whatever policies say."},
    {"jit_guard.signing_key", Type::text, &signing_key, 0, 0, 0, PGC_SIGHUP, by_file,
     "File with the key that signs the ledger, relative to the data directory; made at the first start.", nullptr,
     "jit_guard_key.pem"},
};

void define_row(const Row &row)
{
    switch (row.type) {
        case Type::boolean:
            DefineCustomBoolVariable(row.name, row.says, nullptr, static_cast<bool *>(row.variable), row.boot != 0,
                                     row.context, row.flags, nullptr, nullptr, nullptr);
            break;
        case Type::integer:
            DefineCustomIntVariable(row.name, row.says, nullptr, static_cast<int *>(row.variable), row.boot, row.least,
                                    row.most, row.context, row.flags, nullptr, nullptr, nullptr);
            break;
        case Type::choice:
            DefineCustomEnumVariable(row.name, row.says, nullptr, static_cast<int *>(row.variable), row.boot, row.choices,
                                     row.context, row.flags, nullptr, nullptr, nullptr);
            break;
        case Type::text:
            DefineCustomStringVariable(row.name, row.says, nullptr, static_cast<char **>(row.variable), row.text,
                                       row.context, row.flags, row.check, nullptr, nullptr);
            break;
    }
}

} // namespace

void define()
{
    for (const Row &row : table) {
        const char *given = GetConfigOption(row.name, true, false);
        given = given != nullptr ? pstrdup(given) : nullptr;
        define_row(row);
        // The server itself would only warn, and start with a default that may protect less. It is tried, not set.
        if (given != nullptr)
            set_config_option(row.name, given, PGC_POSTMASTER, PGC_S_FILE, GUC_ACTION_SET, false, FATAL, false);
    }
    switches::define();
    MarkGUCPrefixReserved("jit_guard");
}

bool in_control_database()
{
    static constinit bool known = false;
    static constinit bool is = false;
    if (control_database == nullptr || control_database[0] == '\0')
        return false;
    // A database that somebody is connected to cannot be renamed: one look is enough.
    if (!known && OidIsValid(MyDatabaseId) && IsTransactionState()) {
        char *name = get_database_name(MyDatabaseId);
        is = name != nullptr && strcmp(name, control_database) == 0;
        known = name != nullptr;
    }
    return is;
}

} // namespace jit::pg::settings
