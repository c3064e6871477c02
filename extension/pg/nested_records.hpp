// nested_records.hpp: zone C. Nested statements that have their record already: within one statement of the client each is recorded
// once, however often it runs.
#pragma once

#include "pg/record.hpp"

namespace jit::pg::evidence::nested_records {

// What makes two nested statements the same: text, objects and rights.
[[nodiscard]] uint64 key_of(std::span<const record::Use> uses, const char *statement);
// The number of its record in the transaction; 0: it has none.
[[nodiscard]] int32 find(uint64 key);
void remember(uint64 key, int32 number);
void forget();

} // namespace jit::pg::evidence::nested_records
