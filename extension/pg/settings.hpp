// settings.hpp: zone C. The settings jit_guard.*, one table.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::settings {

void define(); // from _PG_init

JIT_OURS extern bool enabled;            // jit_guard.enabled, postmaster
extern char *control_database;  // jit_guard.control_database, postmaster; "" = no cluster scope
extern int cluster_memory_kb;   // jit_guard.cluster_memory, postmaster: room for what the control database publishes
enum class Evidence : int { async, durable };
extern int evidence;            // jit_guard.evidence, sighup: an Evidence
[[nodiscard]] inline bool is_evidence_durable() { return evidence == static_cast<int>(Evidence::durable); }
extern int evidence_log_kb;     // jit_guard.evidence_log, sighup: of write-ahead log kept for keepers that do not read it
extern int evidence_backlog_kb; // jit_guard.evidence_backlog, sighup: of records that are not in the ledger yet
extern int ledger_period_days;  // jit_guard.ledger_period, sighup: how long one partition of jit.ledger is filled
extern char *mfa_key;           // jit_guard.mfa_key, sighup: a file
extern char *signing_key;       // jit_guard.signing_key, sighup: a file
enum class AzureIdentity : int { none, managed, certificate, federated, secret };
extern int azure_identity;              // jit_guard.azure_identity, sighup: an AzureIdentity
extern char *azure_authority_host;      // jit_guard.azure_authority_host, sighup
extern char *azure_client_id;           // jit_guard.azure_client_id, sighup
extern char *azure_credential_file;     // jit_guard.azure_credential_file, sighup: a name in courier_directory
extern char *azure_metadata_host;       // jit_guard.azure_metadata_host, sighup
extern char *azure_tenant;              // jit_guard.azure_tenant, sighup
inline constexpr int most_networks = 64;
extern char *courier_allow;     // jit_guard.courier_allow, sighup: at most so many networks, separated by commas
extern char *courier_ca_file;   // jit_guard.courier_ca_file, sighup: "" = the system's
extern char *courier_directory; // jit_guard.courier_directory, sighup: where secrets lie
extern int expiry_grace_ms;     // jit_guard.expiry_grace, sighup: from the deadline's cancel to the end of the session
extern int expiry_warning_ms;   // jit_guard.expiry_warning, sighup: before the end of an approval; 0: nobody is told
extern char *graph_url;         // jit_guard.graph_url, sighup
extern int pim_interval_ms;     // jit_guard.pim_interval, sighup: between looks at activations of a group
extern int pim_max_staleness_ms; // jit_guard.pim_max_staleness, sighup: how old what was seen may be
extern int max_loans;           // jit_guard.max_loans, postmaster
extern int max_databases;       // jit_guard.max_databases, postmaster
extern int max_standby_lag_ms;  // jit_guard.max_standby_lag, sighup: how far a standby may be behind and use approvals; <= 0: any
enum class Replication : int { allow, exempt_only };
extern int replication;         // jit_guard.replication, sighup: a Replication
extern char *replication_roles; // jit_guard.replication_roles, sighup: names of roles, separated by commas
extern char *entra_audience;     // jit_guard.entra_audience, sighup: a list
extern char *entra_auth_context; // jit_guard.entra_auth_context, sighup: "" = none
extern char *entra_authority;    // jit_guard.entra_authority, sighup: an address
extern char *entra_clients;      // jit_guard.entra_clients, sighup: a list; "" = any
extern char *entra_scope;        // jit_guard.entra_scope, sighup
extern char *entra_tenant;       // jit_guard.entra_tenant, sighup: a GUID; "" = none
// Can a token of Entra ID prove anything? Nothing that is asked of it is left open.
[[nodiscard]] inline bool is_entra_configured()
{
    return entra_tenant[0] != '\0' && entra_audience[0] != '\0' && entra_scope[0] != '\0' && entra_authority[0] != '\0';
}
extern bool log_uses;           // jit_guard.log_uses, sighup: one line in the server log per use of an approval

// Is this session's database the control database?
[[nodiscard]] bool in_control_database();

} // namespace jit::pg::settings
