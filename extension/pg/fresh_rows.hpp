// fresh_rows.hpp: zone C. Rows of system catalogs as they are now, in the middle of the command that writes them: no cache
// shows them yet.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::fresh_rows {

struct Keys {
    AttrNumber first;
    AttrNumber second; // 0: one key
};
// A copy; nullptr when there is none.
[[nodiscard]] HeapTuple fresh(Oid catalog, Oid index, Keys keys, Oid id, int sub_id = 0);
// The expression in a column of the row; nullptr when there is none.
[[nodiscard]] Node *tree_in(Oid catalog, HeapTuple tuple, AttrNumber column);
[[nodiscard]] Oid owner_now(Oid relid);

} // namespace jit::pg::fresh_rows
