// quorum_fuzz.cpp: zone P. Stages and people from bytes: Quorum against people who are put into stages one by one.
#include "core/quorum.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bytes.hpp"
#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::Bytes;
using jit::fuzz::promise;

namespace {

using Seats = std::vector<unsigned>; // the stage of each approval that is needed
constexpr std::size_t nobody = ~std::size_t{0};

// Finds somebody for a seat, moving others when they can go elsewhere (augmenting paths).
bool seat(std::size_t which, const Seats &seats, std::span<const Stages> people, std::vector<std::size_t> &sits,
          std::vector<bool> &tried)
{
    for (std::size_t person = 0; person < people.size(); person++) {
        if ((people[person] >> seats[which] & 1u) == 0 || tried[person])
            continue;
        tried[person] = true;
        if (sits[person] == nobody || seat(sits[person], seats, people, sits, tried)) {
            sits[person] = which;
            return true;
        }
    }
    return false;
}

bool can_fill(const Seats &seats, std::span<const Stages> people)
{
    std::vector<std::size_t> sits(people.size(), nobody);
    for (std::size_t i = 0; i < seats.size(); i++) {
        std::vector<bool> tried(people.size());
        if (!seat(i, seats, people, sits, tried))
            return false;
    }
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    Bytes bytes(data, size);
    const unsigned stages = 1 + static_cast<unsigned>(bytes.up_to(max_stages - 1));
    std::int32_t needs[max_stages] = {};
    Seats seats;
    for (unsigned i = 0; i < stages; i++) {
        needs[i] = bytes.up_to(3);
        seats.insert(seats.end(), static_cast<std::size_t>(needs[i]), i);
    }
    Quorum quorum{};
    quorum.begin(needs, stages);
    std::vector<Stages> people;
    while (bytes.any() && people.size() < 20) {
        people.push_back(static_cast<Stages>(bytes.up_to((1 << stages) - 1)));
        quorum.add(people.back());
    }
    promise(quorum.met(0) == can_fill(seats, people), "met when everybody finds a place, and only then");
    if (!people.empty())
        promise(quorum.met(people.back()) == can_fill(seats, std::span(people).first(people.size() - 1)),
                "the same without the one whose request it is");
    return 0;
}
