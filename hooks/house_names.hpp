// house_names.hpp: zone C. What names mean in jit_guard's own statements. They run as the owner of its tables, also in its workers, and are
// parsed again whenever something that they name changes: a function or cast that somebody puts where PostgreSQL's are found, and that fits
// the arguments better, would run in them.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace jit::hooks::house_names {

// Of every statement that is planned while one of those runs. Raises when it calls a function that is neither PostgreSQL's own C code nor the
// extension's.
void check_query(Query *query);

// Something got another name, schema or owner: PostgreSQL's own functions, types, operators and the like, and the schema pg_catalog, keep theirs.
void check_altered(Oid class_id, Oid id);

} // namespace jit::hooks::house_names
