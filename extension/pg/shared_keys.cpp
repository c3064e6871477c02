// shared_keys.cpp: zone C. See shared_keys.hpp.

#include "pg/shared_keys.hpp"

#include "pg/shared_memory.hpp"
#include "pg/worker_table.hpp"

namespace jit::pg::shared::keys {

uint32 ask(For what)
{
    uint32 number = 0;
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(MyDatabaseId)) {
        if (++row->keys_asked == 0)
            ++row->keys_asked;
        number = row->keys_asked;
        row->keys_for_key = row->keys_for_key || what == For::key;
    }
    LWLockRelease(memory->workers_lock);
    wake(); // the keeper too, which brings a courier
    return number;
}

bool is_answered(uint32 number)
{
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    const DatabaseRow *row = row_of(MyDatabaseId);
    const bool answered = row != nullptr && static_cast<int32>(row->keys_answered - number) >= 0;
    LWLockRelease(memory->workers_lock);
    return answered;
}

bool use_token(Oid person, int64 issued_at)
{
    bool good = false;
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    TokenUse *own = nullptr;
    TokenUse *oldest = &memory->token_uses[0];
    for (TokenUse &use : memory->token_uses) {
        if (use.person == person)
            own = &use;
        if (use.issued_at < oldest->issued_at)
            oldest = &use; // a free one is older than any
    }
    if (own != nullptr) {
        good = issued_at > own->issued_at;
        own->issued_at = larger(own->issued_at, issued_at);
    } else {
        good = issued_at > memory->tokens_forgotten;
        memory->tokens_forgotten = larger(memory->tokens_forgotten, oldest->issued_at);
        *oldest = {person, issued_at};
    }
    LWLockRelease(memory->workers_lock);
    return good;
}

Asked asked()
{
    Asked found{};
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    if (const DatabaseRow *row = row_of(MyDatabaseId); row != nullptr && row->keys_asked != row->keys_answered)
        found = {row->keys_asked, row->keys_for_key};
    LWLockRelease(memory->workers_lock);
    return found;
}

void answer(uint32 number)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(MyDatabaseId)) {
        row->keys_answered = number;
        row->keys_for_key = row->keys_for_key && row->keys_asked != number; // who came later may want one
    }
    LWLockRelease(memory->workers_lock);
    tell_change();
}

} // namespace jit::pg::shared::keys
