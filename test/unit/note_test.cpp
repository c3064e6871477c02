// note_test.cpp: zone P. Checkpoints as C2SP writes them; the expected texts were computed with the openssl program.
#include "core/note.hpp"

#include <string>

#include <gtest/gtest.h>

#include "core/base64.hpp"
#include "hex.hpp"

using namespace jit::core;
using jit::unit::array;
using jit::unit::unhex;

namespace {

constexpr std::string_view origin = "jit_guard/7291822041958321153/16384";
constexpr std::string_view expected =
    "jit_guard/7291822041958321153/16384\n"
    "5\n"
    "U0+Hc3ZdRzZFuaQzejD0pLVrZ0sHa5udoKUZihIcLqU=\n"
    "\n"
    "\xe2\x80\x94 jit_guard/7291822041958321153/16384 "
    "QhpiaXkz/iW34XqlTvYp9fW+Z8g4v8N4K8R/kcVrvwzvOIDFvdQc0WXY8LjHagIg7sH7fhhqIvArvgjGVGSa7IBgPQw=\n";
constexpr std::string_view expected_vkey =
    "jit_guard/7291822041958321153/16384+421a6269+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

note::Key sample_key() // the first of RFC 8032
{
    note::Key key{};
    EXPECT_TRUE(signing::from_seed(
        array<std::array<std::uint8_t, 32>>(unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")), &key));
    return key;
}

Hash sample_root() { return array<Hash>(unhex("534f8773765d473645b9a4337a30f4a4b56b674b076b9b9da0a5198a121c2ea5")); }

note::Verifier verifier(std::string_view vkey)
{
    note::Verifier out{};
    EXPECT_TRUE(note::parse_vkey(vkey, &out));
    return out;
}

bool parses(std::string_view text)
{
    note::Checkpoint checkpoint{};
    return note::parse(text, &checkpoint);
}

std::string replaced(std::string text, std::string_view what, std::string_view with)
{
    const std::size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), with);
}

TEST(Note, ACheckpointIsThisText)
{
    std::string out(note::max_note_bytes, '?');
    const std::size_t size = note::sign_checkpoint(origin, 5, sample_root(), sample_key(), out);
    EXPECT_EQ(out.substr(0, size), expected);
    EXPECT_EQ(note::sign_checkpoint(origin, 5, sample_root(), sample_key(), std::span{out}.first(size)), size);
    for (std::size_t room = 0; room < size; room++)
        ASSERT_EQ(note::sign_checkpoint(origin, 5, sample_root(), sample_key(), std::span{out}.first(room)), 0U) << room;
}

TEST(Note, APublicKeyIsThisText)
{
    std::string out(note::max_note_bytes, '?');
    const std::size_t size = note::vkey(origin, sample_key(), out);
    EXPECT_EQ(out.substr(0, size), expected_vkey);
    for (std::size_t room = 0; room < size; room++)
        ASSERT_EQ(note::vkey(origin, sample_key(), std::span{out}.first(room)), 0U) << room;
    const note::Verifier by = verifier(expected_vkey);
    EXPECT_EQ(by.name, origin);
    EXPECT_EQ(by.key, sample_key().public_key);
}

TEST(Note, ACheckpointIsRead)
{
    note::Checkpoint checkpoint{};
    ASSERT_TRUE(note::parse(expected, &checkpoint));
    EXPECT_EQ(checkpoint.origin, origin);
    EXPECT_EQ(checkpoint.size, 5U);
    EXPECT_EQ(checkpoint.root, sample_root());
    EXPECT_EQ(checkpoint.extensions, "");
    EXPECT_EQ(note::is_signed(checkpoint, verifier(expected_vkey)), note::Signed::yes);
}

TEST(Note, NamesAreWhatC2spAllows)
{
    for (const std::string_view name : {"a", "example.com/log", "\xc3\xa9t\xc3\xa9", "jit_guard/1/2"})
        EXPECT_TRUE(note::is_name(name)) << name;
    for (const std::string_view name : {"", "a b", "a+b", "a\n", "a\tb", "a\x7f", "a\xc2\xa0z", "\xe3\x80\x80", "\xe2\x80\x83", "\xff", "\xc3"})
        EXPECT_FALSE(note::is_name(name)) << name;
    EXPECT_FALSE(note::is_name(std::string(note::max_name_bytes + 1, 'a')));
    EXPECT_TRUE(note::is_name(std::string(note::max_name_bytes, 'a')));
    std::string out(note::max_note_bytes, '?');
    EXPECT_EQ(note::sign_checkpoint("a b", 5, sample_root(), sample_key(), out), 0U);
    EXPECT_EQ(note::vkey("a+b", sample_key(), out), 0U);
    const std::string longest(note::max_name_bytes, 'a');
    EXPECT_NE(note::sign_checkpoint(longest, UINT64_MAX, sample_root(), sample_key(), out), 0U);
    EXPECT_NE(note::vkey(longest, sample_key(), out), 0U);
}

TEST(Note, EveryChangedByteIsSeen)
{
    const note::Verifier by = verifier(expected_vkey);
    for (std::size_t i = 0; i < expected.size(); i++)
        for (const int bit : {0, 1, 5}) {
            std::string other{expected};
            other[i] = static_cast<char>(other[i] ^ 1 << bit);
            note::Checkpoint checkpoint{};
            EXPECT_FALSE(note::parse(other, &checkpoint) && note::is_signed(checkpoint, by) == note::Signed::yes) << i;
        }
}

TEST(Note, OtherTextIsRefused)
{
    const std::string good{expected};
    EXPECT_TRUE(parses(good));
    for (std::size_t length = 0; length < good.size(); length++)
        EXPECT_FALSE(parses(good.substr(0, length))) << length;
    EXPECT_FALSE(parses(good + "x"));
    EXPECT_FALSE(parses(good + "\n"));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n05\n")));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n+5\n")));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n-5\n")));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n5 \n")));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n\n")));
    EXPECT_FALSE(parses(replaced(good, "\n5\n", "\n18446744073709551616\n"))) << "one too many";
    EXPECT_TRUE(parses(replaced(good, "\n5\n", "\n18446744073709551615\n")));
    EXPECT_TRUE(parses(replaced(good, "\n5\n", "\n0\n")));
    EXPECT_FALSE(parses(replaced(good, "LqU=\n", "LqU\n"))) << "a root without padding";
    EXPECT_FALSE(parses(replaced(good, "LqU=\n", "LqV=\n"))) << "a root with bits that no byte holds";
    EXPECT_FALSE(parses(replaced(good, "LqU=\n", "LqUA\n"))) << "33 bytes";
    EXPECT_FALSE(parses(replaced(good, "LqU=\n", "LqU=\r\n")));
    EXPECT_FALSE(parses(replaced(good, "jit_guard", ""
                                                    "\xff")));
    EXPECT_FALSE(parses(replaced(good, "\xe2\x80\x94", "-")));
    EXPECT_FALSE(parses("\n" + good));
    EXPECT_FALSE(parses(replaced(good, "LqU=\n", "LqU=\n\nmore\n"))) << "an empty extension line";
    std::string many = good;
    const std::string signature = good.substr(good.find("\xe2\x80\x94"));
    for (std::size_t i = 1; i < note::max_signatures; i++)
        many += signature;
    EXPECT_TRUE(parses(many));
    EXPECT_FALSE(parses(many + signature));
}

TEST(Note, ExtensionsAreSignedToo)
{
    const std::string longer = replaced(std::string{expected}, "LqU=\n", "LqU=\nincarnation 2\n");
    note::Checkpoint checkpoint{};
    ASSERT_TRUE(note::parse(longer, &checkpoint));
    EXPECT_EQ(checkpoint.extensions, "incarnation 2\n");
    EXPECT_EQ(note::is_signed(checkpoint, verifier(expected_vkey)), note::Signed::wrongly);
}

TEST(Note, ForeignSignaturesAreLeftAlone)
{
    note::Key other{};
    ASSERT_TRUE(signing::make_key(&other));
    std::string vkey(note::max_note_bytes, '?');
    vkey.resize(note::vkey(origin, other, vkey));
    note::Checkpoint checkpoint{};
    ASSERT_TRUE(note::parse(expected, &checkpoint));
    EXPECT_EQ(note::is_signed(checkpoint, verifier(vkey)), note::Signed::not_by_this_key);
    vkey.resize(note::max_note_bytes);
    vkey.resize(note::vkey("witness", sample_key(), vkey));
    EXPECT_EQ(note::is_signed(checkpoint, verifier(vkey)), note::Signed::not_by_this_key);

    // A witness signs the same text, with another name and another kind of signature.
    const std::string witnessed = std::string{expected} + "\xe2\x80\x94 witness.example AAAAAQQ=\n";
    ASSERT_TRUE(note::parse(witnessed, &checkpoint));
    EXPECT_EQ(note::is_signed(checkpoint, verifier(expected_vkey)), note::Signed::yes);
}

TEST(Note, OneWrongSignatureOfTheKeyIsEnough)
{
    const std::string line = std::string{expected.substr(expected.find("\xe2\x80\x94"))};
    for (const std::string &both : {std::string{expected} + replaced(line, "kz/iW34", "kz/iW35"),
                                    std::string{expected} + "\xe2\x80\x94 " + std::string{origin} + " QhpiaXk=\n"}) {
        note::Checkpoint checkpoint{};
        ASSERT_TRUE(note::parse(both, &checkpoint));
        EXPECT_EQ(note::is_signed(checkpoint, verifier(expected_vkey)), note::Signed::wrongly);
    }
}

TEST(Note, OtherPublicKeysAreRefused)
{
    const std::string good{expected_vkey};
    note::Verifier out{};
    for (std::size_t length = 0; length < good.size(); length++)
        EXPECT_FALSE(note::parse_vkey(good.substr(0, length), &out)) << length;
    EXPECT_FALSE(note::parse_vkey(good + "\n", &out));
    EXPECT_FALSE(note::parse_vkey(replaced(good, "+421a", "+421A"), &out)) << "capitals";
    EXPECT_FALSE(note::parse_vkey(replaced(good, "+421a", "+421b"), &out)) << "another hash";
    EXPECT_FALSE(note::parse_vkey(replaced(good, "jit", "jit "), &out));
    EXPECT_FALSE(note::parse_vkey(replaced(good, "+AddamA", "+BNdamA"), &out)) << "another kind of key";
}

} // namespace
