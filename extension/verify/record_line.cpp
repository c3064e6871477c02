// record_line.cpp: zone P. See record_line.hpp.
#include "verify/record_line.hpp"

#include <algorithm>
#include <charconv>

#include "core/base64.hpp"
#include "core/evidence_json.hpp"
#include "core/merkle.hpp"
#include "verify/json.hpp"

namespace jit::verify {

namespace evidence = core::evidence;
using namespace std::string_view_literals;

namespace {

constexpr Json::ArrayIndex members = 5; // of the line of a record

// Takes `what` off the start of `rest`.
bool skip(std::string_view *rest, std::string_view what)
{
    if (!rest->starts_with(what))
        return false;
    rest->remove_prefix(what.size());
    return true;
}

std::int64_t time_of(std::string_view record)
{
    evidence::Field at{};
    return evidence::find(record, evidence::Tag::at, &at) ? at.number() : 0;
}

void hash(Record *record)
{
    if (!core::merkle::leaf(record->bytes, &record->leaf))
        throw NoCrypto{};
}

// Where two JSON values that shall be the same first differ: a member's name.
std::string difference(const Json::Value &is, const Json::Value &shall)
{
    if (!is.isObject())
        return "is not there";
    for (const std::string &name : shall.getMemberNames())
        if (!is.isMember(name) || is[name] != shall[name])
            return "differs in \"" + name + "\"";
    for (const std::string &name : is.getMemberNames())
        if (!shall.isMember(name))
            return "has \"" + name + "\", which the record has not";
    return {};
}

} // namespace

bool RecordReader::read_exact(std::string_view line, Record *out)
{
    std::string_view rest = line;
    if (!skip(&rest, "{\"seq\":"))
        return false;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out->seq);
    if (error != std::errc{})
        return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    constexpr std::string_view before = ",\"record\":\"";
    const std::size_t at = rest.substr(0, 64).find(before);
    if (at == std::string_view::npos)
        return false;
    rest.remove_prefix(at + before.size());
    const std::string_view encoded = rest.substr(0, rest.find('"'));
    std::size_t count = 0;
    out->bytes.resize(core::base64::decoded_room(encoded.size()));
    if (!core::base64::decode(encoded, out->bytes, &count))
        return false;
    out->bytes.resize(count);
    if (!evidence::is_record(out->bytes))
        return false;
    hash(out);
    again_.clear();
    evidence::json::put_record_line(again_, out->seq, time_of(out->bytes), out->bytes, out->leaf);
    out->problem.clear();
    return again_ == line;
}

void RecordReader::read(const Json::Value &line, Record *out)
{
    if (line.size() != members)
        throw Malformed{"the line of a record has other members than seq, at, record, leaf and json"};
    out->seq = number(line, "seq");
    out->bytes = bytes(line, "record");
    out->problem.clear();
    hash(out);
    if (!evidence::is_record(out->bytes)) {
        out->problem = "its bytes are no record in canonical form";
        return;
    }
    if (bytes(line, "leaf") != core::bytes_of(out->leaf)) {
        out->problem = "its bytes are not those that its hash was made of";
        return;
    }
    again_.clear();
    evidence::json::put_record_line(again_, out->seq, time_of(out->bytes), out->bytes, out->leaf);
    const Json::Value shall = parsed(again_);
    if (line["at"] != shall["at"])
        out->problem = "its time \"at\" is not that of the record";
    else if (const std::string where = difference(line["json"], shall["json"]); !where.empty())
        out->problem = "its readable form " + where + ": that is not what its bytes say";
}

} // namespace jit::verify
