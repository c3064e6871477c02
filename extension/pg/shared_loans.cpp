// shared_loans.cpp: zone C. The loans that the lender published: an array sorted by request, to withdraw by request,
// under an open-addressing index by (role, member), to look up.

#include <type_traits>

#include "pg/shared_memory.hpp"

#include "pg/settings.hpp"

namespace jit::pg::shared {

namespace {

uint32 start_of(Oid role, Oid member, uint32 size)
{
    uint64 h = (static_cast<uint64>(role) << 32 | member) * UINT64CONST(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    return static_cast<uint32>(h) & (size - 1);
}

extern "C" int jit_compare_loans(const void *a, const void *b)
{
    const auto *x = static_cast<const Loan *>(a);
    const auto *y = static_cast<const Loan *>(b);
    if (x->request != y->request)
        return x->request < y->request ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

// Under the lock: where the loans of a request begin, or would.
int first_of(core::RequestId request)
{
    int low = 0;
    int high = memory->loan_count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (loans[middle].request < request)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Under the lock: roles once named stay, because sessions that took them may still be there.
void add_roles(std::span<const Oid> named)
{
    for (const Oid role : named) {
        bool known = memory->every_role;
        for (int i = 0; i < memory->role_count && !known; i++)
            known = memory->roles[i] == role;
        if (known)
            continue;
        if (memory->role_count < elevation_roles_max)
            memory->roles[memory->role_count++] = role;
        else
            memory->every_role = true;
    }
}

static_assert(std::has_unique_object_representations_v<Loan>); // compared byte by byte

} // namespace

bool loans_published() { return memory != nullptr && memory->published; }

uint64 loans_generation() { return memory == nullptr ? 0 : pg_atomic_read_u64(&memory->loans_generation); }

bool find_loan(Oid role, Oid member, Loan *out)
{
    if (memory == nullptr || !memory->published)
        return false;
    bool found = false;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    for (uint32 at = start_of(role, member, memory->index_size); loan_index[at] != 0;
         at = (at + 1) & (memory->index_size - 1)) {
        const Loan *loan = &loans[loan_index[at] - 1];
        if (loan->role == role && loan->member == member) {
            *out = *loan;
            found = true;
            break;
        }
    }
    LWLockRelease(memory->loans_lock);
    return found;
}

bool find_loan_to(Oid member, TimestampTz now, Loan *out)
{
    if (memory == nullptr)
        return false;
    bool found = false;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    for (int i = 0; i < memory->loan_count && !found; i++) {
        found = loans[i].member == member && loans[i].until > now;
        if (found)
            *out = loans[i];
    }
    LWLockRelease(memory->loans_lock);
    return found;
}

bool is_loan_live(core::RequestId request, TimestampTz now)
{
    if (memory == nullptr || !memory->published)
        return false;
    bool live = false;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    for (int at = first_of(request); at < memory->loan_count && loans[at].request == request; at++)
        live = live || loans[at].until > now;
    LWLockRelease(memory->loans_lock);
    return live;
}

int loan_count() { return memory == nullptr ? 0 : memory->loan_count; }

int live_loan_count(TimestampTz now)
{
    if (memory == nullptr)
        return 0;
    int live = 0;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    for (int i = 0; i < memory->loan_count; i++)
        live += loans[i].until > now;
    LWLockRelease(memory->loans_lock);
    return live;
}

bool is_elevation_role(Oid role)
{
    if (memory == nullptr)
        return false;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    bool is = memory->every_role;
    for (int i = 0; i < memory->role_count && !is; i++)
        is = memory->roles[i] == role;
    LWLockRelease(memory->loans_lock);
    return is;
}

int elevation_roles(std::span<Oid> out, bool *all)
{
    *all = false;
    if (memory == nullptr)
        return 0;
    int count = 0;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    *all = memory->every_role;
    while (count < memory->role_count && count < static_cast<int>(out.size())) {
        out[static_cast<std::size_t>(count)] = memory->roles[count];
        count++;
    }
    *all = *all || count < memory->role_count;
    LWLockRelease(memory->loans_lock);
    return count;
}

uint64 loan_strikes()
{
    if (memory == nullptr)
        return 0;
    LWLockAcquire(memory->loans_lock, LW_SHARED);
    const uint64 seen = memory->loan_strikes;
    LWLockRelease(memory->loans_lock);
    return seen;
}

bool publish(std::span<Loan> wanted, std::span<const Oid> elevation_roles, uint64 strikes_seen)
{
    if (memory == nullptr)
        return true;
    const uint32 size = memory->index_size;
    const auto count = static_cast<int>(wanted.size());
    if (count > memory->loan_room)
        elog(ERROR, "jit_guard: %d loans do not fit the shared memory of %d", count, memory->loan_room);

    // Built outside the lock: readers wait for a copy of at most 28 bytes a loan.
    qsort(wanted.data(), wanted.size(), sizeof(Loan), jit_compare_loans);
    auto *index = static_cast<uint32 *>(palloc0(sizeof(uint32) * size));
    for (int i = 0; i < count; i++) {
        const Loan *loan = &wanted[static_cast<std::size_t>(i)];
        uint32 at = start_of(loan->role, loan->member, size);
        while (index[at] != 0)
            at = (at + 1) & (size - 1);
        index[at] = static_cast<uint32>(i) + 1;
    }

    LWLockAcquire(memory->loans_lock, LW_EXCLUSIVE);
    const bool current = memory->loan_strikes == strikes_seen;
    if (current) {
        const bool same = memory->published && memory->loan_count == count &&
                          memcmp(loans, wanted.data(), sizeof(Loan) * wanted.size()) == 0;
        const int roles_before = memory->role_count;
        add_roles(elevation_roles);
        if (!same) {
            memcpy(loans, wanted.data(), sizeof(Loan) * wanted.size());
            memcpy(loan_index, index, sizeof(uint32) * size);
            memory->loan_count = count;
        }
        memory->control_database = MyDatabaseId;
        memory->published = true;
        if (!same || roles_before != memory->role_count)
            pg_atomic_fetch_add_u64(&memory->loans_generation, 1);
    }
    LWLockRelease(memory->loans_lock);
    pfree(index);
    return current;
}

// The withdrawn loan stays in its place with an end that has passed: the index is not touched.
void withdraw_loans(core::RequestId request)
{
    LWLockAcquire(memory->loans_lock, LW_EXCLUSIVE);
    memory->loan_strikes++;
    if (memory->published && memory->control_database == MyDatabaseId) {
        for (int at = first_of(request); at < memory->loan_count && loans[at].request == request; at++)
            loans[at].until = DT_NOBEGIN;
        pg_atomic_fetch_add_u64(&memory->loans_generation, 1);
    }
    LWLockRelease(memory->loans_lock);
}

} // namespace jit::pg::shared
