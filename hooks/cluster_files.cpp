// cluster_files.cpp: zone C. What reaches files, programs and libraries without a command or function that says so.

#include "hooks/cluster.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "foreign/foreign.h"
#include "parser/parse_func.h"
}

namespace jit::hooks::cluster_targets {

namespace {

using core::Action;

// file_fdw reads files and runs programs as COPY does, but no hook sees it doing so: its tables are guarded when they are
// made or pointed elsewhere. It also takes the options of their server and wrapper, where no validator forbids them there.
bool reads_files(const ForeignDataWrapper *wrapper)
{
    return wrapper != nullptr && cluster::power_of(wrapper->fdwhandler) == Action::copy_file;
}

bool reads_files(const ForeignServer *server) { return server != nullptr && reads_files(GetForeignDataWrapper(server->fdwid)); }

// The handler that CREATE or ALTER FOREIGN DATA WRAPPER names; InvalidOid when it names none.
Oid named_handler(const List *options)
{
    ListCell *cell;
    foreach (cell, options)
        if (const auto *option = static_cast<const DefElem *>(lfirst(cell)); strcmp(option->defname, "handler") == 0 && option->arg != nullptr)
            return LookupFuncName(reinterpret_cast<List *>(option->arg), 0, nullptr, true);
    return InvalidOid;
}

void visit_options(const List *options, Emit emit, void *to)
{
    ListCell *cell;
    foreach (cell, options) {
        const auto *option = static_cast<const DefElem *>(lfirst(cell));
        if (strcmp(option->defname, "program") == 0)
            emit(to, {core::class_server, InvalidOid, Action::copy_program});
        else if (strcmp(option->defname, "filename") == 0)
            emit(to, {core::class_server, InvalidOid, Action::copy_file});
    }
}

} // namespace

namespace {

void visit_wrapper(const Node *parsetree, Emit emit, void *to)
{
    if (IsA(parsetree, CreateFdwStmt)) {
        const auto *create = reinterpret_cast<const CreateFdwStmt *>(parsetree);
        if (cluster::power_of(named_handler(create->func_options)) == Action::copy_file)
            visit_options(create->options, emit, to);
    } else if (IsA(parsetree, AlterFdwStmt)) {
        const auto *alter = reinterpret_cast<const AlterFdwStmt *>(parsetree);
        if (cluster::power_of(named_handler(alter->func_options)) == Action::copy_file) {
            // Whatever tables it has become files or programs.
            emit(to, {core::class_server, InvalidOid, Action::copy_program});
            emit(to, {core::class_server, InvalidOid, Action::copy_file});
        } else if (reads_files(GetForeignDataWrapperByName(alter->fdwname, true))) {
            visit_options(alter->options, emit, to);
        }
    } else if (IsA(parsetree, CreateForeignServerStmt)) {
        const auto *create = reinterpret_cast<const CreateForeignServerStmt *>(parsetree);
        if (reads_files(GetForeignDataWrapperByName(create->fdwname, true)))
            visit_options(create->options, emit, to);
    } else {
        const auto *alter = reinterpret_cast<const AlterForeignServerStmt *>(parsetree);
        if (reads_files(GetForeignServerByName(alter->servername, true)))
            visit_options(alter->options, emit, to);
    }
}

} // namespace

void visit_file_options(const Node *parsetree, Emit emit, void *to)
{
    if (switches::off("cluster_files"))
        return;
    if (IsA(parsetree, CreateForeignTableStmt)) {
        const auto *create = reinterpret_cast<const CreateForeignTableStmt *>(parsetree);
        if (reads_files(GetForeignServerByName(create->servername, true)))
            visit_options(create->options, emit, to);
        return;
    }
    if (!IsA(parsetree, AlterTableStmt)) {
        if (!switches::off("cluster_wrappers"))
            visit_wrapper(parsetree, emit, to);
        return;
    }
    const auto *alter = reinterpret_cast<const AlterTableStmt *>(parsetree);
    ListCell *cell;
    foreach (cell, alter->cmds) {
        const auto *command = static_cast<const AlterTableCmd *>(lfirst(cell));
        if (command->subtype != AT_GenericOptions)
            continue;
        const Oid relid = RangeVarGetRelid(alter->relation, NoLock, true);
        if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE &&
            reads_files(GetForeignServer(GetForeignTable(relid)->serverid)))
            visit_options(reinterpret_cast<const List *>(command->def), emit, to);
    }
}

namespace {

// What sessions load by themselves, and where code is found (the last one is Debian's own).
constexpr const char *preload_settings[] = {"session_preload_libraries", "local_preload_libraries", "dynamic_library_path",
                                            "extension_control_path", "extension_destdir"};

} // namespace

bool is_preload_setting(const char *name)
{
    for (const char *setting : preload_settings)
        if (pg_strcasecmp(name, setting) == 0)
            return true;
    return false;
}

bool mentions_preload_setting(const char *text)
{
    for (const char *setting : preload_settings)
        if (strstr(text, setting) != nullptr)
            return true;
    return false;
}

} // namespace jit::hooks::cluster_targets
