// evidence.hpp: zone C. What a backend itself records of its uses and refusals: written into the write-ahead log and durable
// there before the statement starts, whatever becomes of the transaction. The keeper moves it into jit.ledger
// (workers/sequencer.cpp); no worker stands in the way. On a hot standby it goes to a file (pg/spool.hpp).
//
// A statement that the client sent is always recorded; one nested in it once, however often it runs with the same objects.
#pragma once

#include "pg/record.hpp"

namespace jit::pg::evidence {

// A guarded statement is about to run. Returns its number in the transaction, for add_rows(); 0: it has none. Raises when it
// cannot be recorded, and then the statement must not run. `bound`: parameters, where a policy asks for them, else nullptr.
[[nodiscard]] int32 uses(std::span<const record::Use> uses, const char *statement, bool nested, ParamListInfo bound);
void maintenance(const record::Use &use, const char *statement, bool nested);
struct Refused {
    record::Outcome outcome;
    const char *policy, *action, *object, *why, *statement;
    bool nested;
    const char *call_stack; // nullptr: not known
    int32 trigger_depth;
    const char *views;
};
void refusal(const Refused &refused);
void left_behind(core::RequestId request, const char *what);
void session_ended(core::RequestId request, const char *why); // while the process exits

// Why nothing can be recorded now, as DETAIL and HINT; nullptr: it can. For jit.status, and asked by uses().
struct Closed {
    const char *detail, *hint;
};
[[nodiscard]] Closed closed(Oid ledger);

// Rows that the statement has read or changed.
void add_rows(int32 number, uint64 rows);

// From the transaction callbacks and the utility hook.
JIT_OURS extern bool any; // this transaction has records whose outcome is open
JIT_OURS extern bool rollback_asked;
void before_commit();
enum class End : uint8 { committed, aborted };
void transaction_over(End end);
void subcommitted(SubTransactionId id, SubTransactionId parent);
void subaborted(SubTransactionId id);

} // namespace jit::pg::evidence
