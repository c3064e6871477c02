// window.hpp: zone C. From when until when a right holds, as the hours of its policy allow, and what changes of the
// hours do to rights that are there.
#pragma once

#include "api/requests.hpp"
#include "api/terms.hpp"

namespace jit::api::window {

// What jit.request refuses: a start outside of the hours. Raises 55000 naming the next opening.
void require_open(const Terms &policy, TimestampTz starts_at);
// The end of a right of that length; raises 55000 when it could not start. `request` is who it is for, in the error.
[[nodiscard]] TimestampTz end_of(const Terms &policy, const Request &request, TimestampTz starts_at, int64 micros);
// A NOTICE when a right would end, or ends, earlier than asked.
void say_if_clipped(const Terms &policy, TimestampTz starts_at, int64 micros, TimestampTz ends_at);

// After the hours of the policy have changed: rights end with the window that they are in now or start in; those that
// are in none are revoked. Never later than they did. Glass that was broken has no hours.
void apply_hours(const Terms &policy);

} // namespace jit::api::window
