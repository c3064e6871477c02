// note.cpp: zone P. Writes checkpoints, and reads only what somebody who follows C2SP would have written.
#include "core/note.hpp"

#include <algorithm>
#include <charconv>

#include "core/base64.hpp"
#include "core/utf8.hpp"

namespace jit::core::note {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature_begins = "\xe2\x80\x94 "; // an em dash and a space
constexpr char ed25519 = 1;
constexpr std::size_t signed_key_bytes = sizeof(KeyHash) + signing::signature_bytes;
constexpr std::string_view hexadecimals = "0123456789abcdef";

// Writes one thing after the other, and remembers when one did not fit.
struct Out {
    std::span<char> room;
    std::size_t size;
    bool whole;

    void text(std::string_view text) noexcept
    {
        whole = whole && text.size() <= room.size() - size;
        if (whole)
            std::copy(text.begin(), text.end(), room.data() + size);
        size += whole ? text.size() : 0;
    }
    void base64(std::string_view bytes) noexcept
    {
        const std::size_t count = whole ? base64::encode(bytes, room.subspan(size)) : 0;
        whole = count > 0;
        size += count;
    }
    void number(std::uint64_t number) noexcept
    {
        std::array<char, 20> digits;
        text({digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr});
    }
    [[nodiscard]] std::string_view written() const noexcept { return {room.data(), size}; }
};

// substr() would throw, were the position beyond the end.
std::string_view after(std::string_view text, std::size_t position) noexcept
{
    return {text.data() + position, text.size() - position};
}

template <std::size_t size> std::string_view view(const std::array<std::uint8_t, size> &bytes) noexcept
{
    return {reinterpret_cast<const char *>(bytes.data()), size};
}

template <std::size_t size> void take(std::string_view bytes, std::array<std::uint8_t, size> *out) noexcept
{
    std::copy_n(bytes.data(), size, reinterpret_cast<char *>(out->data()));
}

// Decodes exactly `size` bytes.
template <std::size_t size> bool decoded(std::string_view text, std::array<char, size> *out) noexcept
{
    std::size_t count = 0;
    return text.size() == base64::encoded_size(size) && base64::decode(text, *out, &count) && count == size;
}

// Takes the first line off `rest`, without its end; false when there is no whole line.
bool line(std::string_view *rest, std::string_view *out) noexcept
{
    const std::size_t end = rest->find('\n');
    if (end == std::string_view::npos)
        return false;
    *out = rest->substr(0, end);
    rest->remove_prefix(end + 1);
    return true;
}

bool number(std::string_view digits, std::uint64_t *out) noexcept
{
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0'))
        return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *out);
    return error == std::errc{} && end == digits.data() + digits.size();
}

// Valid UTF-8 without control characters but the ends of lines.
bool is_text(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t length = utf8::length(text);
        if (length == 0 || (static_cast<unsigned char>(text[0]) < 0x20 && text[0] != '\n'))
            return false;
        text.remove_prefix(length);
    }
    return true;
}

// Unicode's White_Space characters above ASCII.
bool is_wide_space(std::string_view character) noexcept
{
    constexpr std::array spaces{"\xc2\x85"sv,     "\xc2\xa0"sv,     "\xe1\x9a\x80"sv, "\xe2\x80\xa8"sv,
                                "\xe2\x80\xa9"sv, "\xe2\x80\xaf"sv, "\xe2\x81\x9f"sv, "\xe3\x80\x80"sv};
    for (const std::string_view space : spaces) // std::find() is not noexcept
        if (space == character)
            return true;
    return character.size() == 3 && character.starts_with("\xe2\x80"sv) && static_cast<unsigned char>(character[2]) <= 0x8a;
}

struct Signature {
    std::string_view name;
    KeyHash hash;
    std::string_view encoded; // of hash and signature
};

bool signature(std::string_view line, Signature *out) noexcept
{
    if (!line.starts_with(signature_begins))
        return false;
    line.remove_prefix(signature_begins.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !is_name(line.substr(0, space)))
        return false;
    out->name = line.substr(0, space);
    out->encoded = after(line, space + 1);
    // Other kinds of keys have signatures of other lengths. Only the first bytes tell whether it is of interest.
    std::array<char, 512> bytes;
    std::size_t count = 0;
    if (!base64::decode(out->encoded, bytes, &count) || count <= out->hash.size())
        return false;
    take({bytes.data(), count}, &out->hash);
    return true;
}

} // namespace

bool is_name(std::string_view name) noexcept
{
    if (name.empty() || name.size() > max_name_bytes || !is_text(name))
        return false;
    while (!name.empty()) {
        const std::size_t length = utf8::length(name);
        const char first = name[0];
        if (first == '+' || first == '\x7f' || static_cast<unsigned char>(first) <= ' ' || is_wide_space(name.substr(0, length)))
            return false;
        name.remove_prefix(length);
    }
    return true;
}

bool key_hash(std::string_view name, const PublicKey &key, KeyHash *out) noexcept
{
    Hash hash;
    if (!sha256({name, "\n"sv, {&ed25519, 1}, view(key)}, &hash))
        return false;
    take(view(hash), out);
    return true;
}

std::size_t sign_checkpoint(std::string_view origin, std::uint64_t size, const Hash &root, const Key &key,
                            std::span<char> out) noexcept
{
    Out to{.room = out, .size = 0, .whole = is_name(origin)};
    to.text(origin);
    to.text("\n");
    to.number(size);
    to.text("\n");
    to.base64(view(root));
    to.text("\n");
    std::array<std::uint8_t, signed_key_bytes> bytes;
    KeyHash hash;
    signing::Signature signature;
    if (!to.whole || !key_hash(origin, key.public_key, &hash) || !signing::sign(key, to.written(), &signature))
        return 0;
    std::copy(signature.begin(), signature.end(), std::copy(hash.begin(), hash.end(), bytes.begin()));
    to.text("\n");
    to.text(signature_begins);
    to.text(origin);
    to.text(" ");
    to.base64(view(bytes));
    to.text("\n");
    return to.whole ? to.size : 0;
}

std::size_t vkey(std::string_view name, const PublicKey &key, std::span<char> out) noexcept
{
    Out to{.room = out, .size = 0, .whole = is_name(name)};
    KeyHash hash;
    if (!to.whole || !key_hash(name, key, &hash))
        return 0;
    to.text(name);
    to.text("+");
    for (const unsigned byte : hash) {
        to.text({&hexadecimals[byte >> 4], 1});
        to.text({&hexadecimals[byte & 15u], 1});
    }
    to.text("+");
    std::array<char, 1 + public_key_bytes> bytes{ed25519};
    std::copy(key.begin(), key.end(), bytes.begin() + 1);
    to.base64({bytes.data(), bytes.size()});
    return to.whole ? to.size : 0;
}

bool parse_vkey(std::string_view text, Verifier *out) noexcept
{
    const std::size_t first = text.find('+');
    const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
    if (second == std::string_view::npos)
        return false;
    std::array<char, 1 + public_key_bytes> bytes;
    if (!is_name(text.substr(0, first)) || !decoded(after(text, second + 1), &bytes) || bytes[0] != ed25519)
        return false;
    out->name = text.substr(0, first);
    take({bytes.data() + 1, public_key_bytes}, &out->key);
    std::array<char, max_note_bytes> again;
    const std::size_t size = vkey(out->name, out->key, again);
    return size > 0 && text == std::string_view{again.data(), size} && key_hash(out->name, out->key, &out->hash);
}

bool parse(std::string_view note, Checkpoint *out) noexcept
{
    const std::size_t gap = note.rfind("\n\n");
    if (gap == std::string_view::npos || !is_text(note))
        return false;
    out->text = note.substr(0, gap + 1);
    out->signatures = after(note, gap + 2);

    std::string_view rest = out->text;
    std::string_view size;
    std::string_view root;
    std::array<char, hash_bytes> bytes;
    if (!line(&rest, &out->origin) || out->origin.empty() || !line(&rest, &size) || !number(size, &out->size) ||
        !line(&rest, &root) || !decoded(root, &bytes))
        return false;
    take({bytes.data(), bytes.size()}, &out->root);
    out->extensions = rest;
    for (std::string_view extension; !rest.empty();)
        if (!line(&rest, &extension) || extension.empty())
            return false;

    rest = out->signatures;
    std::size_t count = 0;
    std::string_view text;
    Signature one{};
    for (; !rest.empty(); count++)
        if (count == max_signatures || !line(&rest, &text) || !signature(text, &one))
            return false;
    return count > 0;
}

Signed is_signed(const Checkpoint &checkpoint, const Verifier &by) noexcept
{
    std::string_view rest = checkpoint.signatures;
    std::string_view text;
    Signature one{};
    Signed answer = Signed::not_by_this_key;
    while (line(&rest, &text)) {
        if (!signature(text, &one) || one.name != by.name || one.hash != by.hash)
            continue;
        std::array<char, signed_key_bytes> bytes;
        signing::Signature signature;
        if (!decoded(one.encoded, &bytes))
            return Signed::wrongly;
        take({bytes.data() + sizeof(KeyHash), signature.size()}, &signature);
        if (!signing::verify(by.key, checkpoint.text, signature))
            return Signed::wrongly;
        answer = Signed::yes;
    }
    return answer;
}

} // namespace jit::core::note
