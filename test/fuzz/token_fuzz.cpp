// token_fuzz.cpp: zone P. Whatever a service answers, nothing of it breaks out of a header or a message, and a token ends.
#include "core/client_assertion.hpp"
#include "net/token.hpp"

#include <cstring>
#include <string>

#include "bytes.hpp"
#include "promise.hpp"
#include "../text_sink.hpp"

using namespace jit;
using jit::fuzz::promise;

namespace {

bool is_bare(std::string_view text)
{
    for (const char c : text)
        if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '%')
            return false;
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string given{reinterpret_cast<const char *>(data), size};
    namespace token = net::token;

    std::array<char, 512> out{};
    std::size_t length = 0;
    std::int64_t ends = 0;
    if (token::read_answer(given, 1'000, out, &length, &ends)) {
        promise(length > 0 && length <= out.size() && is_bare({out.data(), length}), "a token is one word");
        promise(ends > 1'000, "a token ends after it was asked for");
    }
    const token::Refusal refusal = token::read_refusal(given);
    promise(std::memchr(refusal.error, 0, sizeof(refusal.error)) != nullptr && is_bare(refusal.error), "an error is one word");
    promise(std::memchr(refusal.trace_id, 0, sizeof(refusal.trace_id)) != nullptr && is_bare(refusal.trace_id), "a trace is one word");

    test::Text form;
    token::put_form(form, "https://r", given, size % 2 == 0 ? token::Proof::secret : token::Proof::assertion, given);
    std::size_t fields = 0;
    for (const char c : form.bytes)
        fields += c == '&' ? 1 : 0;
    promise(fields == (size % 2 == 0 ? 3 : 4), "no value of a form becomes another field");
    test::Text url;
    token::put_metadata_url(url, "169.254.169.254", "https://r", given);
    promise(url.bytes.starts_with("http://169.254.169.254/metadata/identity/oauth2/token?") && url.bytes.find_first_of(" #\r\n\"") == std::string::npos,
            "an identity does not change who is asked");

    std::array<char, core::client_assertion::most_bytes> made{};
    promise(core::client_assertion::make(given, {"https://a", "c", "i", 1}, made, &length) != core::client_assertion::Made::done || length > 0,
            "an assertion that is made is there");

    fuzz::Bytes bytes{data, size};
    const token::Life life{bytes.up_to(200) * 60, bytes.up_to(200) * 60};
    const std::int64_t now = bytes.up_to(250) * 60;
    const token::Due due = token::due(life, now);
    promise(due == token::Due::over || (now >= life.began_s && now < life.ends_s), "nothing is used outside of its life");
    const auto source = bytes.up_to(1) == 0 ? token::Source::metadata : token::Source::tenant;
    const std::int64_t wait = token::wait_ms(source, bytes.up_to(255) * 3, static_cast<unsigned>(bytes.up_to(255)) + 1, bytes.up_to(255) * 100,
                                             static_cast<std::uint32_t>(size) * 2'654'435'761U);
    promise(wait >= 1'000 && wait <= token::longest_asked_ms, "a wait is neither nothing nor for ever");
    return 0;
}
