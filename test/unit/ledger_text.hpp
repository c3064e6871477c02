// ledger_text.hpp: zone P. Ledgers and their exports, made for tests of jit-verify.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evidence_json.hpp"
#include "core/merkle.hpp"
#include "core/note.hpp"
#include "../text_sink.hpp"

namespace jit::unit {

namespace evidence = core::evidence;
namespace merkle = core::merkle;
namespace note = core::note;

using test::Text;

inline std::string use_record(std::int64_t at, const std::string &person, const std::string &statement)
{
    Text out;
    evidence::Writer writer{out, evidence::Kind::use};
    writer.number(evidence::Tag::at, at);
    writer.text(evidence::Tag::database, "bank");
    writer.text(evidence::Tag::person, person);
    writer.flag(evidence::Tag::nested, false);
    writer.text(evidence::Tag::statement, statement);
    for (const int request : {41, 42}) {
        writer.begin(evidence::Tag::use);
        writer.number(evidence::Tag::request_id, request);
        writer.text(evidence::Tag::object, "pay.accounts");
        writer.end();
    }
    return out.bytes;
}

struct Ledger {
    std::string origin = "jit_guard/7291822041958321153/16384";
    note::Key key{};
    std::vector<std::string> records;
    std::vector<std::size_t> checkpoints; // their sizes, ascending

    Ledger() { EXPECT_TRUE(core::signing::make_key(&key)); }

    [[nodiscard]] merkle::Frontier tree(std::size_t size) const
    {
        merkle::Frontier out{};
        for (std::size_t i = 0; i < size; i++) {
            core::Hash leaf{};
            EXPECT_TRUE(merkle::leaf(records.at(i), &leaf) && merkle::append(&out, leaf));
        }
        return out;
    }
    [[nodiscard]] core::Hash root(std::size_t size) const
    {
        core::Hash out{};
        EXPECT_TRUE(merkle::root(tree(size), &out));
        return out;
    }
    [[nodiscard]] std::string vkey() const
    {
        std::string out(note::max_note_bytes, '?');
        out.resize(note::vkey(origin, key, out));
        return out;
    }
    [[nodiscard]] std::string checkpoint(std::size_t size) const
    {
        std::string out(note::max_note_bytes, '?');
        out.resize(note::sign_checkpoint(origin, size, root(size), key, out));
        return out;
    }

    void add(std::string record) { records.push_back(std::move(record)); }
    void add_incarnation(std::int64_t number)
    {
        Text out;
        evidence::Writer writer{out, evidence::Kind::incarnation};
        writer.number(evidence::Tag::at, 1'000'000 * static_cast<std::int64_t>(records.size()));
        writer.number(evidence::Tag::number, number);
        writer.text(evidence::Tag::system_identifier, "7291822041958321153");
        writer.number(evidence::Tag::timeline, number);
        writer.text(evidence::Tag::public_key, vkey());
        writer.number(evidence::Tag::tree_size, static_cast<std::int64_t>(records.size()));
        if (!records.empty())
            writer.text(evidence::Tag::tree_root, core::bytes_of(root(records.size())));
        add(out.bytes);
    }
    void grow(std::size_t to)
    {
        while (records.size() < to)
            add(use_record(1'764'000'000'000'000 + static_cast<std::int64_t>(records.size()) * 1'000'003, "alice",
                           "UPDATE pay.accounts SET note = '\xc3\xa9 \"" + std::to_string(records.size()) + "\"\n'"));
    }

    [[nodiscard]] std::string record_line(std::size_t seq) const
    {
        std::string out;
        core::Hash leaf{};
        evidence::Field at{};
        EXPECT_TRUE(merkle::leaf(records.at(seq - 1), &leaf) && evidence::find(records[seq - 1], evidence::Tag::at, &at));
        evidence::json::put_record_line(out, static_cast<std::int64_t>(seq), at.number(), records[seq - 1], leaf);
        return out;
    }
    [[nodiscard]] static std::string checkpoint_line(const std::string &note)
    {
        std::string out;
        evidence::json::put_checkpoint_line(out, note);
        return out;
    }
    [[nodiscard]] std::string proof_line(std::size_t from, std::size_t to) const
    {
        const merkle::Plan plan = merkle::plan_consistency(from, to);
        std::string hashes;
        for (unsigned i = 0; i < plan.count; i++) {
            Ledger part;
            part.records.assign(records.begin() + static_cast<std::ptrdiff_t>(plan.nodes[i].begin),
                                records.begin() + static_cast<std::ptrdiff_t>(plan.nodes[i].end));
            hashes += core::bytes_of(part.root(part.records.size()));
        }
        std::string out;
        evidence::json::put_consistency_line(out, static_cast<std::int64_t>(from), static_cast<std::int64_t>(to), hashes);
        return out;
    }

    // As jit.export() does it. `earlier`: for the checkpoint of that size a proof is added.
    [[nodiscard]] std::vector<std::string> lines(std::size_t from, std::size_t to, std::size_t earlier = 0) const
    {
        std::vector<std::string> out(1);
        const merkle::Frontier before = tree(from - 1);
        const std::string key_text = vkey();
        evidence::json::put_header(out[0], {.origin = origin,
                                            .public_key = key_text,
                                            .from = static_cast<std::int64_t>(from),
                                            .to = static_cast<std::int64_t>(to),
                                            .size = static_cast<std::int64_t>(records.size()),
                                            .frontier = merkle::bytes(before)});
        for (std::size_t seq = from; seq <= to; seq++) {
            out.push_back(record_line(seq));
            for (const std::size_t size : checkpoints)
                if (size == seq)
                    out.push_back(checkpoint_line(checkpoint(size)));
        }
        if (earlier != 0)
            out.push_back(proof_line(earlier, to));
        evidence::json::put_end_line(out.emplace_back(), static_cast<std::int64_t>(to), root(to));
        return out;
    }
};

} // namespace jit::unit
