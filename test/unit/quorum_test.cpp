// quorum_test.cpp: zone P. Every small case of core/quorum.hpp against people who are put into stages one by one.
#include "core/quorum.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace {

using jit::core::Quorum;
using jit::core::Stages;

// Can the people from `first` on fill what is still needed, each in one stage at most? By trying all ways.
bool can_fill(const std::vector<Stages> &people, std::size_t first, std::vector<int> &needs)
{
    bool done = true;
    for (const int need : needs)
        done = done && need <= 0;
    if (done)
        return true;
    if (first == people.size())
        return false;
    if (can_fill(people, first + 1, needs))
        return true;
    for (std::size_t stage = 0; stage < needs.size(); stage++) {
        if ((people[first] >> stage & 1u) == 0 || needs[stage] <= 0)
            continue;
        needs[stage]--;
        const bool found = can_fill(people, first + 1, needs);
        needs[stage]++;
        if (found)
            return true;
    }
    return false;
}

Quorum quorum_of(const std::vector<Stages> &people, const std::vector<int> &needs)
{
    std::array<std::int32_t, jit::core::max_stages> wanted{};
    for (std::size_t i = 0; i < needs.size(); i++)
        wanted[i] = needs[i];
    Quorum quorum{};
    quorum.begin(wanted.data(), static_cast<unsigned>(needs.size()));
    for (const Stages may : people)
        quorum.add(may);
    return quorum;
}

// Every crowd of up to `most` people (their order does not matter), and every asker among them.
void try_crowds(std::vector<Stages> &people, Stages least, std::size_t most, std::vector<int> &needs, int &cases)
{
    const Quorum quorum = quorum_of(people, needs);
    ASSERT_EQ(quorum.met(0), can_fill(people, 0, needs));
    cases++;
    for (std::size_t asker = 0; asker < people.size(); asker++) {
        std::vector<Stages> others = people;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(asker));
        ASSERT_EQ(quorum.met(people[asker]), can_fill(others, 0, needs));
        cases++;
    }
    if (people.size() == most)
        return;
    for (Stages may = least; may < 1u << needs.size(); may++) {
        people.push_back(may);
        try_crowds(people, may, most, needs, cases);
        people.pop_back();
    }
}

void try_needs(std::size_t stages, std::size_t most_people, int most_needed)
{
    std::vector<int> needs(stages, 1);
    int cases = 0;
    for (;;) {
        std::vector<Stages> people;
        try_crowds(people, 0, most_people, needs, cases);
        if (testing::Test::HasFatalFailure())
            return;
        std::size_t at = 0;
        while (at < stages && ++needs[at] > most_needed)
            needs[at++] = 1;
        if (at == stages)
            break;
    }
    EXPECT_GT(cases, 10);
}

TEST(Quorum, OneStage) { try_needs(1, 6, 4); }
TEST(Quorum, TwoStages) { try_needs(2, 6, 3); }
TEST(Quorum, ThreeStages) { try_needs(3, 5, 2); }
TEST(Quorum, FourStages) { try_needs(4, 4, 1); }

TEST(Quorum, EightStagesNeedEightPeople)
{
    const std::vector<int> needs(jit::core::max_stages, 1);
    std::vector<Stages> people(jit::core::max_stages - 1, 0xFFu);
    EXPECT_FALSE(quorum_of(people, needs).met(0));
    people.push_back(0x01u);
    EXPECT_TRUE(quorum_of(people, needs).met(0));
    EXPECT_FALSE(quorum_of(people, needs).met(0xFFu));
    people.push_back(0x80u);
    EXPECT_TRUE(quorum_of(people, needs).met(0xFFu));
}

TEST(Quorum, ManyApprovalsDoNotOverflow)
{
    const std::vector<int> needs(jit::core::max_stages, 100);
    const std::vector<Stages> people(800, 0xFFu);
    EXPECT_TRUE(quorum_of(people, needs).met(0));
    EXPECT_FALSE(quorum_of(people, needs).met(1));
}

} // namespace
