// json.cpp: zone P. See json.hpp.
#include "verify/json.hpp"

#include <memory>

#include <json/reader.h>

#include "core/base64.hpp"

namespace jit::verify {

namespace {

std::unique_ptr<Json::CharReader> make_reader()
{
    Json::CharReaderBuilder builder;
    Json::CharReaderBuilder::strictMode(&builder.settings_);
    builder["stackLimit"] = 32;
    return std::unique_ptr<Json::CharReader>{builder.newCharReader()};
}

} // namespace

Json::Value parsed(std::string_view text)
{
    static const std::unique_ptr<Json::CharReader> reader = make_reader();
    Json::Value out;
    std::string errors;
    if (!reader->parse(text.data(), text.data() + text.size(), &out, &errors) || !out.isObject())
        throw Malformed{"it is no JSON object"};
    return out;
}

std::int64_t number(const Json::Value &object, const char *name)
{
    const Json::Value &value = object[name];
    if (!value.isInt64())
        throw Malformed{std::string{"it has no number \""} + name + "\""};
    return value.asInt64();
}

std::string text(const Json::Value &object, const char *name)
{
    const Json::Value &value = object[name];
    if (!value.isString())
        throw Malformed{std::string{"it has no text \""} + name + "\""};
    return value.asString();
}

std::string bytes(const Json::Value &object, const char *name)
{
    const std::string encoded = text(object, name);
    std::string out(core::base64::decoded_room(encoded.size()), '\0');
    std::size_t count = 0;
    if (!core::base64::decode(encoded, out, &count))
        throw Malformed{std::string{"\""} + name + "\" is no base64"};
    out.resize(count);
    return out;
}

} // namespace jit::verify
