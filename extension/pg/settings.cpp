// settings.cpp: zone C. The settings jit_guard.*, one table, in alphabetical order.

#include "pg/settings.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "utils/guc.h"
}

namespace jit::pg::settings {

constinit bool enabled = true;
constinit char *control_database = nullptr;
constinit int expiry_grace_ms = 5'000;
constinit int max_loans = 16'384;
constinit int max_databases = 64;
constinit bool log_uses = true;

namespace {

enum class Type : uint8 { boolean, integer, text };

struct Row {
    const char *name;
    Type type;
    void *variable;
    int boot, least, most; // of an integer; boot of a boolean
    GucContext context;
    int flags;
    const char *says;
};

// GUC_DISALLOW_IN_AUTO_FILE on every row: what weakens the guard takes the configuration file, not ALTER SYSTEM.
constexpr int by_file = GUC_DISALLOW_IN_AUTO_FILE;

const Row table[] = {
    {"jit_guard.control_database", Type::text, &control_database, 0, 0, 0, PGC_POSTMASTER, by_file,
     "Name of the one database whose policies may lend membership in roles; empty means none."},
    {"jit_guard.enabled", Type::boolean, &enabled, 1, 0, 0, PGC_POSTMASTER, by_file,
     "Whether jit_guard guards anything; off is the way back in for the owner of the server."},
    {"jit_guard.expiry_grace", Type::integer, &expiry_grace_ms, 5'000, 100, 3'600'000, PGC_SIGHUP, by_file | GUC_UNIT_MS,
     "Time between the cancel at the end of an approval and the end of a session that did not obey it."},
    {"jit_guard.log_uses", Type::boolean, &log_uses, 1, 0, 0, PGC_SIGHUP, by_file,
     "Whether each use of an approval is written to the server log."},
    {"jit_guard.max_databases", Type::integer, &max_databases, 64, 1, 10'000, PGC_POSTMASTER, by_file,
     "Number of databases of this server that can have the extension."},
    {"jit_guard.max_loans", Type::integer, &max_loans, 16'384, 16, 1'048'576, PGC_POSTMASTER, by_file,
     "Number of role memberships that can be lent at the same time."},
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
        case Type::text:
            DefineCustomStringVariable(row.name, row.says, nullptr, static_cast<char **>(row.variable), "",
                                       row.context, row.flags, nullptr, nullptr, nullptr);
            break;
    }
}

} // namespace

void define()
{
    for (const Row &row : table)
        define_row(row);
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
