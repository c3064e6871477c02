// courier_filter.cpp: zone C. See courier_filter.hpp.
#include "core/cloud_event.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"

#include "workers/courier_filter.hpp"

namespace jit::workers::courier {

namespace ledger = core::evidence;

namespace {

bool has_word(List *all, std::string_view word)
{
    ListCell *cell;
    foreach (cell, all)
        if (word == static_cast<const char *>(lfirst(cell)))
            return true;
    return false;
}

// Who is called only when somebody has to act, or to know at once.
constexpr std::string_view for_people[] = {"requested",   "stage_reached", "escalated",    "reminder",
                                           "break_glass", "switched_off",  "was_disabled", "gap", "anchor_contradicted"};

bool wants_event(const Destination &destination, std::string_view name)
{
    if (destination.events != NIL)
        return has_word(destination.events, name);
    if (destination.kind != Kind::slack && destination.kind != Kind::teams)
        return true;
    for (const std::string_view one : for_people)
        if (one == name)
            return true;
    return false;
}

bool wants_policy(const Destination &destination, std::string_view record)
{
    if (destination.policies == NIL)
        return true;
    ledger::Reader reader{ledger::fields(record)};
    ledger::Field field{};
    while (reader.next(&field)) {
        if (field.tag == ledger::Tag::policy && has_word(destination.policies, field.bytes))
            return true;
        if (field.tag != ledger::Tag::use)
            continue;
        ledger::Reader inner{field.bytes};
        ledger::Field part{};
        while (inner.next(&part))
            if (part.tag == ledger::Tag::policy && has_word(destination.policies, part.bytes))
                return true;
    }
    return false;
}

} // namespace

bool wants(const Destination &destination, std::string_view record)
{
    return wants_event(destination, core::cloud_event::name_of(record)) && wants_policy(destination, record);
}

} // namespace jit::workers::courier
