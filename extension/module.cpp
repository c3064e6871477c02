// module.cpp: zone C. Entry point of the library.

#include "hooks/chain.hpp"
#include "pg/labels.hpp"
#include "pg/settings.hpp"
#include "workers/registry.hpp"

extern "C" {
#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit_guard must be loaded by shared_preload_libraries"),
                        errdetail("Its hooks, shared memory and workers exist only when the server starts with it."),
                        errhint("Add jit_guard to shared_preload_libraries in postgresql.conf and restart the server.")));
    jit::pg::settings::define();
    jit::pg::labels::define();
    jit::hooks::install();
    jit::workers::register_launcher();
}
