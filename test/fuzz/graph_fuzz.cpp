// graph_fuzz.cpp: zone P. Whatever Microsoft Graph, or somebody in its place, answers: an activation has an end, ids are ids, and a credential is
// sent to the same host only.
#include "net/graph.hpp"
#include "net/url.hpp"

#include <string>

#include "promise.hpp"

using namespace jit;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view given{reinterpret_cast<const char *>(data), size};
    constexpr std::string_view group = "aaaaaaaa-0000-0000-0000-00000000000a";
    constexpr std::int64_t now = 1'795'161'600'000'000;

    std::int64_t at = 0;
    if (net::graph::parse_time(given, &at))
        promise(at >= 0 && at < 253'402'300'800'000'000, "a time is between 1970 and 9999");

    const core::json::Value document = core::json::parse(given);
    core::json::Value list{};
    const auto judge = [&](core::json::Value item) {
        net::graph::Activation one{};
        if (!net::graph::read_activation(item, group, now, &one))
            return;
        promise(one.starts <= now && now < one.ends, "it is active now");
        promise(net::graph::is_id(one.person.data()) && net::graph::is_id(one.request.data()), "ids are ids");
        promise(std::string_view{one.schedule.data()}.starts_with(group), "it is of the group");
        net::graph::Why why{};
        if (net::graph::read_why(document, group, one, &why))
            promise(why.reason.back() == '\0' && why.ticket.back() == '\0', "texts end");
    };
    judge(document);
    if (net::graph::read_page(document, &list)) {
        core::json::Items items{list};
        core::json::Value item{};
        while (items.next(&item))
            judge(item);
    }
    std::array<char, net::longest_url> link{};
    std::size_t length = 0;
    if (net::graph::next_page(document, "https://graph.microsoft.com", link, &length) == net::graph::Next::here) {
        const std::string_view text{link.data(), length};
        promise(text.starts_with("https://graph.microsoft.com/") || text.starts_with("https://graph.microsoft.com?") || text == "https://graph.microsoft.com",
                "the credential stays on the host");
    }
    return 0;
}
