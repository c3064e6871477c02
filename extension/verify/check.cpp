// check.cpp: zone P. See check.hpp. One pass over the lines; what is kept is the frontier of the tree and a few numbers.
#include "verify/check.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/evidence.hpp"
#include "core/merkle.hpp"
#include "core/utf8.hpp"
#include "verify/earlier.hpp"
#include "verify/json.hpp"
#include "verify/keys.hpp"
#include "verify/record_line.hpp"

namespace jit::verify {

namespace evidence = core::evidence;
namespace merkle = core::merkle;
namespace note = core::note;

namespace {

constexpr int export_version = 1;

std::string text_of(std::uint64_t number) { return std::to_string(number); }

std::string record_name(std::uint64_t seq) { return "record " + text_of(seq); }

std::string range(std::uint64_t first, std::uint64_t last)
{
    return first == last ? record_name(first) : "records " + text_of(first) + " to " + text_of(last);
}

class Check {
  public:
    Check(Lines &lines, const Options &options) : lines_(lines), options_(options), earlier_(options.checkpoints)
    {
        for (const std::string &key : options.keys)
            if (!given_.add(key))
                throw std::invalid_argument("this is no verifier key of Ed25519: " + key);
    }
    Report run();

  private:
    void header();
    void body();
    bool line(std::string_view text); // false: it was the last one
    void record(const Record &record);
    void incarnation(const Record &record);
    void checkpoint(const std::string &text);
    void consistency(const Json::Value &proof);
    void end(const Json::Value &end);
    void compare_earlier();
    [[noreturn]] void out_of_order(std::uint64_t found);
    [[nodiscard]] core::Hash root() const;
    [[nodiscard]] const Keys &keys() const { return given_.empty() ? own_ : given_; }
    [[nodiscard]] bool is_signed(const note::Checkpoint &checkpoint, const std::string &name);
    void conclude();
    void say(std::string text) { report_.lines.push_back(std::move(text)); }
    [[noreturn]] static void fail(const std::string &what) { throw Failure{what}; }
    [[noreturn]] void fail_line(const std::string &what) const { fail("line " + text_of(lines_.number()) + ": " + what); }

    Lines &lines_;
    const Options &options_;
    Earlier earlier_;
    Anchors anchors_;
    Keys given_;
    Keys own_; // what the export says about itself
    RecordReader reader_;
    Report report_{};

    std::string origin_;
    std::uint64_t from_ = 1;
    std::uint64_t to_ = 0;
    std::uint64_t size_ = 0; // of the whole ledger
    merkle::Frontier tree_{};
    std::uint64_t agreed_ = 0;      // the last checkpoint, whoever signed it
    bool has_checkpoint_ = false;
    std::uint64_t signed_ = 0;      // the last one of a key that counts
    std::uint64_t checkpoints_ = 0; // how many such
    std::uint64_t foreign_ = 0;     // and how many others
    std::int64_t incarnation_ = 0;
};

core::Hash Check::root() const
{
    core::Hash hash{};
    if (!merkle::root(tree_, &hash))
        throw NoCrypto{};
    return hash;
}

void Check::header()
{
    std::string_view line;
    if (!lines_.next(&line))
        fail("the export is empty");
    const Json::Value header = parsed(line);
    if (number(header, "jit_guard_export") != export_version)
        fail_line("this program knows version " + std::to_string(export_version) + " of exports");
    origin_ = text(header, "origin");
    const std::int64_t from = number(header, "from");
    const std::int64_t to = number(header, "to");
    const std::int64_t size = number(header, "size");
    if (from < 1 || to < from - 1 || size < to)
        fail_line("its numbers \"from\", \"to\" and \"size\" do not fit together");
    from_ = static_cast<std::uint64_t>(from);
    to_ = static_cast<std::uint64_t>(to);
    size_ = static_cast<std::uint64_t>(size);
    agreed_ = from_ - 1;
    if (!merkle::from_bytes(from_ - 1, bytes(header, "frontier"), &tree_))
        fail_line("\"frontier\" has not as many hashes as a tree of " + text_of(from_ - 1) + " records");
    if (!header["public_key"].isNull() && !own_.add(text(header, "public_key")))
        fail_line("\"public_key\" is no verifier key of Ed25519");
    say("ledger " + origin_ + ", " + (to_ < from_ ? "no records" : range(from_, to_)) + " of " + text_of(size_));
    if (!given_.empty() && !given_.knows(origin_))
        fail("the export is of the ledger " + origin_ + ", and no given key has that name");
    if (options_.anchors)
        anchors_.begin(*options_.anchors, origin_, from_, given_);
}

// What shall come next is missing, or stands further down.
void Check::out_of_order(std::uint64_t found)
{
    const std::uint64_t next = tree_.size + 1;
    const std::string where = "line " + text_of(lines_.number());
    if (found < next)
        fail(record_name(found) + " stands a second time, or too late, after " + record_name(tree_.size) + " (" + where + ")");
    std::uint64_t last = found;
    std::string_view text;
    while (lines_.next(&text)) {
        if (!text.starts_with("{\"seq\""))
            continue;
        const std::int64_t seq = number(parsed(text), "seq");
        if (seq == static_cast<std::int64_t>(next))
            fail(record_name(next) + " is not in its place: " + record_name(found) + " stands there (" + where + "), and it follows " +
                 record_name(last));
        last = static_cast<std::uint64_t>(seq);
    }
    fail(record_name(next) + " is missing: " + record_name(found) + " stands in its place (" + where + ")");
}

void Check::incarnation(const Record &record)
{
    evidence::Field field{};
    const auto value = [&](evidence::Tag tag) { return evidence::find(record.bytes, tag, &field) ? field.number() : 0; };
    const auto words = [&](evidence::Tag tag) {
        return evidence::find(record.bytes, tag, &field) ? std::string{field.bytes} : std::string{"?"};
    };
    const std::int64_t which = value(evidence::Tag::number);
    const auto size = static_cast<std::uint64_t>(value(evidence::Tag::tree_size));
    const std::string name = "incarnation " + std::to_string(which);
    if (size != tree_.size)
        fail(record_name(tree_.size + 1) + ": " + name + " says that it goes on after record " + text_of(size));
    if (evidence::find(record.bytes, evidence::Tag::tree_root, &field) && field.bytes != core::bytes_of(root()))
        fail(record_name(tree_.size + 1) + ": " + name + " goes on from other records than those before it");
    if (incarnation_ != 0 && which != incarnation_ + 1)
        fail(record_name(tree_.size + 1) + ": " + name + " follows incarnation " + std::to_string(incarnation_));
    if (which > 1)
        say(name + " begins with " + record_name(tree_.size + 1) + ": it forks after record " + text_of(size) + ", system " +
            words(evidence::Tag::system_identifier) + ", timeline " + std::to_string(value(evidence::Tag::timeline)));
    earlier_.note_fork(which, size);
    anchors_.note_fork(which, size);
    incarnation_ = which;
    // A key that is wrong shows at the checkpoints.
    if (evidence::find(record.bytes, evidence::Tag::public_key, &field))
        static_cast<void>(own_.add(std::string{field.bytes}));
}

void Check::record(const Record &record)
{
    compare_earlier(); // after a checkpoint of that size, which tells more
    if (record.seq < 1)
        fail_line("there is no record " + std::to_string(record.seq));
    if (static_cast<std::uint64_t>(record.seq) != tree_.size + 1)
        out_of_order(static_cast<std::uint64_t>(record.seq));
    if (tree_.size >= to_)
        fail(record_name(tree_.size + 1) + " was added: the export says that it ends with record " + text_of(to_));
    if (!record.problem.empty())
        fail(record_name(tree_.size + 1) + " was changed: " + record.problem);
    if (evidence::kind(record.bytes) == evidence::Kind::incarnation)
        incarnation(record);
    if (!merkle::append(&tree_, record.leaf))
        throw NoCrypto{};
}

bool Check::is_signed(const note::Checkpoint &checkpoint, const std::string &name)
{
    switch (keys().judge(checkpoint)) {
        case Keys::Answer::good:
            return true;
        case Keys::Answer::wrong:
            fail(name + " is forged: its signature is not that of the key");
        case Keys::Answer::by_another_key:
            fail(name + " is forged: it is signed by another key" + (given_.empty() ? "" : " than the given one"));
        case Keys::Answer::of_another_name:
            break;
    }
    return false;
}

void Check::checkpoint(const std::string &text)
{
    note::Checkpoint checkpoint{};
    if (!note::parse(text, &checkpoint))
        fail_line("this checkpoint is no signed note");
    const std::string name = "the checkpoint of " + text_of(checkpoint.size) + " records";
    if (has_checkpoint_ && checkpoint.size < agreed_)
        fail(name + " follows one of " + text_of(agreed_) + ": a ledger does not shrink");
    const bool counts = is_signed(checkpoint, name);
    if (checkpoint.size != tree_.size)
        fail(name + " stands after record " + text_of(tree_.size) + ": records before it were " +
             (checkpoint.size > tree_.size ? "removed" : "inserted"));
    if (checkpoint.root != root()) {
        if (has_checkpoint_ && checkpoint.size == agreed_)
            fail(name + " is one of two that contradict each other: the ledger was forked");
        fail((agreed_ == tree_.size ? "the frontier before " + record_name(from_) : range(agreed_ + 1, tree_.size)) + ": " +
             (tree_.size - agreed_ > 1 ? "one of them" : "it") + " is not what was signed with " + name +
             (from_ > 1 && agreed_ == from_ - 1 ? ", or the frontier before them is not" : "") +
             "; changed, inserted or removed since");
    }
    agreed_ = tree_.size;
    has_checkpoint_ = true;
    anchors_.note_checkpoint(tree_.size);
    if (counts) {
        signed_ = tree_.size;
        checkpoints_++;
    } else {
        foreign_++;
    }
}

void Check::compare_earlier()
{
    if (earlier_.waits_for(tree_.size))
        earlier_.compare(tree_.size, root());
    if (anchors_.waits_for(tree_.size))
        anchors_.compare(tree_.size, root());
}

void Check::consistency(const Json::Value &proof)
{
    if (!proof.isObject())
        fail_line("this proof is no object");
    const std::int64_t size = number(proof, "from");
    if (number(proof, "to") != static_cast<std::int64_t>(tree_.size))
        fail_line("this proof is about another tree than that of the records before it");
    const std::string hashes = bytes(proof, "proof");
    earlier_.prove(static_cast<std::uint64_t>(size), hashes, tree_.size, root());
    anchors_.prove(static_cast<std::uint64_t>(size), hashes, tree_.size, root());
}

void Check::end(const Json::Value &end)
{
    compare_earlier();
    if (number(end, "end") != static_cast<std::int64_t>(tree_.size) || tree_.size != to_)
        fail("the export ends after record " + text_of(tree_.size) + ", and its first line says " + text_of(to_) + ": it was truncated");
    if (bytes(end, "root") != core::bytes_of(root()))
        fail(range(std::min(agreed_ + 1, tree_.size), tree_.size) + ": the root in the last line is another one; something was changed");
    std::string_view rest;
    if (lines_.next(&rest))
        fail_line("something was added after the end");
}

bool Check::line(std::string_view text)
{
    Record one{};
    if (reader_.read_exact(text, &one)) {
        record(one);
        return true;
    }
    const Json::Value line = parsed(text);
    if (line.isMember("seq")) {
        reader_.read(line, &one);
        record(one);
    } else if (line.isMember("checkpoint")) {
        checkpoint(verify::text(line, "checkpoint"));
    } else if (line.isMember("consistency")) {
        consistency(line["consistency"]);
    } else if (line.isMember("end")) {
        end(line);
        return false;
    } else {
        fail_line("an export has no such line");
    }
    return true;
}

void Check::body()
{
    std::string_view text;
    while (lines_.next(&text))
        if (!line(text))
            return;
    fail("the export ends after record " + text_of(tree_.size) + " without its last line: it was truncated");
}

void Check::conclude()
{
    bool proven = true;
    const auto lacking = [&](std::string what) {
        say("not proved: " + std::move(what));
        proven = false;
    };
    if (checkpoints_ > 0)
        say(text_of(checkpoints_) + (checkpoints_ == 1 ? " checkpoint" : " checkpoints") + " signed by " +
            (given_.empty() ? "the key that the export names" : "the given key") + ", the last one of " + text_of(signed_) + " records");
    if (foreign_ > 0)
        say(text_of(foreign_) + " checkpoints of other ledgers' keys, from earlier incarnations, have the same records");
    if (tree_.size > std::max(signed_, from_ - 1))
        say("not signed yet: " + range(std::max(signed_ + 1, from_), tree_.size));
    if (checkpoints_ == 0 && to_ >= from_)
        lacking("anything: no checkpoint of the key is in the export");
    if (given_.empty())
        lacking("who signed: no key was given, so the key is the export's own word");
    for (const std::string &what : earlier_.judge(&given_, own_, size_, to_))
        lacking(what);
    for (std::string &what : earlier_.told())
        say(std::move(what));
    if (options_.anchors) {
        for (const std::string &what : anchors_.judge(given_, own_, size_, to_))
            lacking(what);
        for (std::string &what : anchors_.told(to_))
            say(std::move(what));
    }
    report_.verdict = proven ? Verdict::verified : Verdict::unproven;
    say(proven ? "verified" : "nothing is wrong, but not everything is proved");
}

Report Check::run()
{
    try {
        header();
        body();
        conclude();
    } catch (const Failure &failure) {
        say(std::string{"FAILED: "} + failure.what());
        report_.verdict = Verdict::failed;
    } catch (const Malformed &malformed) {
        say("FAILED: line " + text_of(lines_.number()) + ": " + malformed.what());
        report_.verdict = Verdict::failed;
    }
    return std::move(report_);
}

} // namespace

Report check(Lines &lines, const Options &options) { return Check{lines, options}.run(); }

} // namespace jit::verify
