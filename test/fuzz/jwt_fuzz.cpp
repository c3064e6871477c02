// jwt_fuzz.cpp: zone P. Whatever the bytes are: what is read of a token or a key is what its text says, and nothing else is one.
#include "core/jwt.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base64.hpp"
#include "core/token_text.hpp"
#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

std::string url(std::string_view bytes)
{
    std::string out(base64::encoded_size(bytes.size()), '?');
    out.resize(base64::encode(bytes, out));
    while (out.ends_with('='))
        out.pop_back();
    for (char &c : out)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

bool is_inside(std::string_view part, const void *begin, std::size_t size)
{
    const auto *from = static_cast<const char *>(begin);
    return part.empty() || (part.data() >= from && part.data() + part.size() <= from + size);
}

// What is left of a text has no token, and is no longer.
void look_for_tokens(const std::string &text)
{
    const std::string_view found = token_text::find(text);
    promise(is_inside(found, text.data(), text.size()), "it is in the text");
    promise(found.empty() || (found.starts_with("eyJ") && found.size() >= jwt::least_bytes), "and looks like one");
    promise(!found.empty() || !jwt::looks_signed(text) || text.size() < jwt::least_bytes, "what is one is found");
    std::string rest = text;
    rest.resize(token_text::redact(rest));
    promise(found.empty() ? rest == text : rest.size() < text.size(), "shorter only with one in it");
    promise(token_text::find(rest).empty(), "and none is left");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static std::array<char, jwt::room_bytes> room;
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    look_for_tokens(std::string{text});
    look_for_tokens("eyJ" + std::string{text} + std::string(jwt::least_bytes, 'x') + "'eyJ" + std::string{text});
    jwt::Token token{};
    const jwt::Shape shape = jwt::read(text, room, &token);
    if (shape == jwt::Shape::good) {
        promise(size <= jwt::most_bytes, "it is no longer than that");
        promise(json::equals(json::member(token.header, "alg"), "RS256"), "of that algorithm");
        promise(json::member(token.header, "crit").kind == json::Kind::none, "it wants nothing understood");
        promise(json::equals(json::member(token.header, "kid"), token.kid) && !token.kid.empty() && token.kid.size() <= jwt::most_kid_bytes,
                "its key has that name");
        promise(token.claims.kind == json::Kind::object && token.header.kind == json::Kind::object, "of two objects");
        promise(is_inside(token.signature, room.data(), room.size()) && is_inside(token.kid, room.data(), room.size()), "in the room");
        promise(std::string(token.signed_part) + "." + url(token.signature) == text, "and there is no second text for it");
        promise(!jwt::is_signed(token, "", ""), "no key verifies nothing");
    } else {
        promise(shape != jwt::Shape::too_long || size > jwt::most_bytes, "long ones only");
    }

    static std::array<char, jwt::most_bytes> bytes;
    std::size_t count = 0;
    if (jwt::decode_url(text, bytes, &count))
        promise(url({bytes.data(), count}) == text, "bytes have one text");

    std::array<char, jwt::key_room_bytes> key_room;
    jwt::Key key{};
    if (jwt::read_key(json::parse(text), key_room, &key)) {
        promise(jwt::is_usable(key.modulus, key.exponent), "a key can be used");
        promise(key.modulus.size() >= jwt::least_rsa_bits / 8 && key.exponent.size() <= 4 && !key.kid.empty(), "and has a name and a size");
        for (const std::string_view part : {key.kid, key.issuer, key.modulus, key.exponent})
            promise(is_inside(part, key_room.data(), key_room.size()), "in its room");
    }
    return 0;
}
