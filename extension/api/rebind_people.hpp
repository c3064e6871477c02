// rebind_people.hpp: zone C. Whom restored rows are about.
#pragma once

#include "api/rows.hpp"

namespace jit::api::rebind_people {

// OIDs of people differ in another cluster: gives the rows of requests, votes and delegations the OIDs that people have here, by
// their last name. Adds a row for each person who is nobody here, and returns how many there are.
int64 find(const Rows &rows);

} // namespace jit::api::rebind_people
