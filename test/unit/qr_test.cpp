// qr_test.cpp: zone P. The drawing of a QR code; test/tap/t/080_mfa.pl reads one with another program.
#include "core/qr.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

using namespace jit::core;

namespace {

std::string drawn(std::string_view text, qr::Form form)
{
    std::string out(qr::room, '\0');
    out.resize(qr::draw(text, form, out));
    return out;
}

// A row of '#' and ' ' for each row of modules.
std::vector<std::string> modules(const std::string &picture)
{
    std::vector<std::string> rows;
    std::string upper;
    std::string lower;
    for (std::size_t i = 0; i < picture.size();) {
        if (picture[i] == '\n') {
            rows.push_back(upper);
            rows.push_back(lower);
            upper.clear();
            lower.clear();
            i++;
            continue;
        }
        const std::string one = picture[i] == ' ' ? " " : picture.substr(i, 3);
        upper += one == "\xe2\x96\x80" || one == "\xe2\x96\x88" ? '#' : ' ';
        lower += one == "\xe2\x96\x84" || one == "\xe2\x96\x88" ? '#' : ' ';
        i += one.size();
    }
    return rows;
}

TEST(Qr, HasItsThreeSquaresAndAQuietZone)
{
    const std::vector<std::string> rows = modules(drawn("otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", qr::Form::blocks));
    const std::size_t side = rows[0].size();
    ASSERT_GT(side, 30U);
    ASSERT_GE(rows.size(), side);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(rows[static_cast<std::size_t>(i)], std::string(side, '#'));
    EXPECT_EQ(rows[4].substr(0, 12), "####       #"); // dark is not drawn
    EXPECT_EQ(rows[5].substr(0, 12), "#### ##### #");
    EXPECT_EQ(rows[4].substr(side - 12), "#       ####");
    EXPECT_EQ(rows[side - 5].substr(0, 12), "####       #");
    EXPECT_NE(rows[side - 5].substr(side - 12), "#       ####"); // not in the fourth corner
}

TEST(Qr, BothFormsAreTheSame)
{
    const std::vector<std::string> rows = modules(drawn("text", qr::Form::blocks));
    std::string letters;
    for (std::size_t row = 0; row < rows[0].size(); row++) {
        for (const char c : rows[row])
            letters += std::string(2, c);
        letters += '\n';
    }
    EXPECT_EQ(drawn("text", qr::Form::letters), letters);
}

TEST(Qr, WhatDoesNotFitIsNotDrawn)
{
    EXPECT_NE(drawn(std::string(qr::longest_text, 'x'), qr::Form::blocks), "");
    EXPECT_NE(drawn(std::string(qr::longest_text, 'x'), qr::Form::letters), "");
    EXPECT_EQ(drawn(std::string(qr::longest_text + 1, 'x'), qr::Form::blocks), "");
    EXPECT_EQ(drawn("", qr::Form::blocks), "");
    std::string small(100, '\0');
    EXPECT_EQ(qr::draw("text", qr::Form::blocks, small), 0U);
}

} // namespace
