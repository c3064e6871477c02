// shared_uses.cpp: zone C. See shared_uses.hpp. One slot a backend, written by its owner alone, all under one LWLock:
// few statements are counted, and each holds it for microseconds.

#include "pg/shared_uses.hpp"

#include "pg/catalog.hpp"
#include "pg/compat.hpp"
#include "pg/shared.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace jit::pg::shared_uses {

namespace {

struct Held {
    Oid database;
    int reserved;
    core::RequestId request;
    TimestampTz since; // of the newest reservation
};

struct Slot {
    int pid;
    int count;
    Held held[in_slot];
};

// An approval's rows that are counted and unread. What has no place here stays counted, which is on the safe side.
struct Spare {
    Oid database;
    Oid extension; // numbers of requests begin again with another installation
    int32 rows; // 0: free
    core::RequestId request;
};
constexpr int spare_room = 64;

struct Memory {
    LWLock *lock;
    int slot_count;
    int next_spare; // the place that is given up next when all are taken
    Spare spares[spare_room];
};

constinit Memory *memory = nullptr;
constinit Slot *slots = nullptr;
constinit Slot *own = nullptr;
constinit bool leaving = false;

extern "C" void jit_leave_uses(int, Datum)
{
    // ShutdownPostgres() has yet to roll back: what is given back here is not needed any more.
    leaving = true;
    const bool lived_on_some = own->count > 0;
    lock();
    own->count = 0;
    own->pid = 0;
    own = nullptr;
    unlock();
    if (lived_on_some)
        shared::wake(); // the keeper may have waited for this to end an approval that is used up
}

Slot *own_slot()
{
    if (own != nullptr || memory == nullptr || leaving)
        return own;
    const int number = compat::backend_number();
    if (number < 0 || number >= memory->slot_count)
        return nullptr;
    before_shmem_exit(jit_leave_uses, static_cast<Datum>(0));
    own = &slots[number];
    own->pid = MyProcPid;
    own->count = 0;
    return own;
}

Held *find(Slot *slot, core::RequestId request)
{
    for (int i = 0; i < slot->count; i++)
        if (slot->held[i].request == request && slot->held[i].database == MyDatabaseId)
            return &slot->held[i];
    return nullptr;
}

} // namespace

Size memory_size()
{
    return MAXALIGN(sizeof(Memory)) + MAXALIGN(mul_size(sizeof(Slot), static_cast<Size>(compat::backend_count())));
}

void attach(LWLock *lock)
{
    bool found = false;
    auto *base = static_cast<char *>(ShmemInitStruct("jit_guard uses", memory_size(), &found));
    memory = reinterpret_cast<Memory *>(base);
    slots = reinterpret_cast<Slot *>(base + MAXALIGN(sizeof(Memory)));
    if (!found) {
        memset(static_cast<void *>(base), 0, memory_size());
        memory->lock = lock;
        memory->slot_count = compat::backend_count();
    }
}

void lock()
{
    if (memory != nullptr)
        LWLockAcquire(memory->lock, LW_EXCLUSIVE);
}

void unlock()
{
    if (memory != nullptr)
        LWLockRelease(memory->lock);
}

int reserved(core::RequestId request)
{
    int sum = 0;
    for (int i = 0; memory != nullptr && i < memory->slot_count; i++)
        if (slots[i].count > 0)
            if (const Held *held = find(&slots[i], request))
                sum += held->reserved;
    return sum;
}

bool hold(core::RequestId request, int reserve)
{
    Slot *slot = own_slot();
    if (slot == nullptr)
        return false;
    Held *held = find(slot, request);
    if (held == nullptr) {
        if (slot->count == in_slot)
            return false;
        held = &slot->held[slot->count++];
        *held = {MyDatabaseId, 0, request, 0};
    }
    held->reserved = larger(held->reserved + reserve, 0);
    if (reserve > 0)
        held->since = GetCurrentTimestamp();
    return true;
}

int32 spare(core::RequestId request, int32 more)
{
    if (memory == nullptr)
        return 0;
    Spare *found = nullptr;
    Spare *free_place = nullptr;
    for (Spare &one : memory->spares) {
        if (one.rows == 0)
            free_place = &one;
        else if (one.request == request && one.database == MyDatabaseId && one.extension == catalog::house().extension)
            found = &one;
    }
    if (found != nullptr) {
        found->rows = larger(found->rows + more, 0);
        return found->rows;
    }
    if (more <= 0)
        return 0;
    if (free_place == nullptr) {
        free_place = &memory->spares[memory->next_spare];
        memory->next_spare = (memory->next_spare + 1) % spare_room;
    }
    *free_place = {MyDatabaseId, catalog::house().extension, more, request};
    return more;
}

void forget(core::RequestId lasting)
{
    if (own == nullptr || own->count == 0)
        return;
    lock();
    const Held *kept = lasting != 0 ? find(own, lasting) : nullptr;
    if (kept != nullptr) {
        own->held[0] = *kept;
        own->held[0].reserved = 0;
    }
    own->count = kept != nullptr ? 1 : 0;
    unlock();
}

bool is_held(core::RequestId request)
{
    lock();
    bool found = spare(request, 0) > 0;
    for (int i = 0; memory != nullptr && i < memory->slot_count && !found; i++)
        found = find(&slots[i], request) != nullptr;
    unlock();
    return found;
}

Holder holder(core::RequestId request)
{
    Holder found = {0, 0};
    lock();
    for (int i = 0; memory != nullptr && i < memory->slot_count; i++)
        if (const Held *held = &slots[i] != own ? find(&slots[i], request) : nullptr;
            held != nullptr && held->reserved > 0 && held->since > found.since)
            found = {slots[i].pid, held->since};
    unlock();
    return found;
}

} // namespace jit::pg::shared_uses
