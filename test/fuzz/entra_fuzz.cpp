// entra_fuzz.cpp: zone P. Whatever claims a token has: when they are good, each of the conditions holds, said here once more.
#include "core/entra.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

constexpr std::string_view tenant = "11111111-2222-3333-4444-555555555555";
constexpr std::string_view oid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
constexpr std::string_view issuer = "https://x/11111111-2222-3333-4444-555555555555/v2.0";
constexpr std::int64_t now = 1'800'000'000;

std::int64_t number(json::Value claims, std::string_view name)
{
    std::int64_t value = -1;
    promise(json::whole(json::member(claims, name), &value), "a time is a whole number");
    return value;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    const json::Value claims = json::parse(text);
    for (const std::string_view context : {std::string_view{"c1"}, std::string_view{}}) {
        const entra::Judged judged = entra::judge(claims, {issuer, tenant, "a, b", "api://a/s", "", context, oid, 300}, now);
        promise(judged.uti_bytes <= judged.uti.size(), "it fits");
        promise(entra::words(judged.reason).empty() == (judged.reason == entra::Reason::good), "a reason has words");
        if (judged.reason != entra::Reason::good)
            continue;
        promise(json::equals(json::member(claims, "iss"), issuer) && json::equals(json::member(claims, "tid"), tenant), "of that tenant");
        promise(json::equals(json::member(claims, "oid"), oid), "of that person");
        promise(json::equals(json::member(claims, "aud"), "a") || json::equals(json::member(claims, "aud"), "b"), "for that");
        promise(number(claims, "exp") > now - 60 && number(claims, "nbf") <= now + 60 && number(claims, "iat") <= now + 60, "at that time");
        promise(now - judged.signed_in_at < 300, "fresh");
        promise(json::member(claims, "scp").kind == json::Kind::string, "with a scope");
        const json::Value shown = json::member(claims, context.empty() ? "amr" : "acrs");
        promise(shown.kind == json::Kind::array && shown.text.size() > 2, "and with several factors");
        promise(!context.empty() || entra::version_of(claims) == entra::Version::v1, "as that version shows it");
    }

    entra::Label label{};
    if (entra::read_label(text, &label))
        promise("entra,oid=" + std::string(label.oid) + ",tid=" + std::string(label.tid) + ",type=user" == text && entra::is_guid(label.oid) &&
                    entra::is_guid(label.tid),
                "a label has one text");
    promise(!entra::is_listed("", text), "nothing is in no list");
    if (entra::is_scope(text) && !text.empty())
        promise(text.find_first_of(" \"'`$;\\\n") == std::string_view::npos && !entra::word_of_scope(text).empty(), "a scope can stand in a command");
    if (entra::is_context(text))
        promise(text.find_first_of(" \"'`$;\\\n") == std::string_view::npos, "a context, too");
    std::array<char, 128> out;
    std::size_t length = 0;
    if (entra::fill_tenant(text, tenant, out, &length))
        promise(std::string_view(out.data(), length).find("{tenantid}") == std::string_view::npos, "the place is filled");
    return 0;
}
