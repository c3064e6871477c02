// code_paths.cpp: zone C. Settings that say in which folders the server finds code: whoever sets them loads what is there.
// dynamic_library_path (from 18 on) and Debian's extension_destdir also say where the library of functions is that are there
// ("$libdir/hstore"), and reading a constant of a type calls such a function while a statement is parsed, before any hook. So
// they are guarded where they are set, however that is done: SET, set_config(), a function's SET clause, pg_settings.

#include "hooks/chain.hpp"
#include "hooks/cluster.hpp"
#include "hooks/gate.hpp"
#include "hooks/house.hpp"
#include "hooks/planted.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/parallel.h"
#include "tcop/tcopprot.h"
}

namespace jit::hooks {

namespace {

struct Path {
    const char *name;
    GucStringCheckHook ours;
    GucStringCheckHook next; // may be NULL
    char **value;
};

void admit(const Path &path, const char *value)
{
    // A parallel worker takes over what its leader has. Nothing outside a transaction is a client's doing.
    if (IsParallelWorker() || InitializingParallelWorker || !IsTransactionState() || !gate::running() ||
        pg::session::is_worker() || switches::off("code_paths"))
        return;
    if (value == nullptr || (*path.value != nullptr && strcmp(value, *path.value) == 0))
        return;
    if (pg::cluster::is_configured() && cluster::is_gated()) {
        AcceptInvalidationMessages();
        cluster::admit({core::class_server, InvalidOid, core::Action::load}, debug_query_string);
    }
    planted::check_server_action(core::Action::load, debug_query_string); // a command was asked about, a call was not
    if (gate::applies() && pg::session::house_open == 0 && !pg::catalog::in_own_script())
        house::check_call(core::Action::load, "server", debug_query_string);
}

bool check(Path &path, char **value, void **extra, GucSource source)
{
    if (source == PGC_S_SESSION)
        admit(path, *value);
    return path.next == nullptr || path.next(value, extra, source);
}

extern Path paths[3];
bool check_library_path(char **value, void **extra, GucSource source) { return check(paths[0], value, extra, source); }
bool check_control_path(char **value, void **extra, GucSource source) { return check(paths[1], value, extra, source); }
bool check_folder(char **value, void **extra, GucSource source) { return check(paths[2], value, extra, source); }
constinit Path paths[3] = {
    {"dynamic_library_path", check_library_path, nullptr, nullptr},
    {"extension_control_path", check_control_path, nullptr, nullptr}, // 18 and later
    {"extension_destdir", check_folder, nullptr, nullptr},            // Debian's
};

} // namespace

void watch_code_paths()
{
    for (Path &path : paths)
        if (auto *setting = reinterpret_cast<config_string *>(pg::compat::find_setting(path.name)); setting != nullptr) {
            path.next = setting->check_hook;
            path.value = setting->variable;
            setting->check_hook = path.ours;
        }
}

} // namespace jit::hooks
