// destination_fuzz.cpp: zone P. What an administrator or a file says about a destination is understood as it is written, or refused.
#include "core/webhook.hpp"
#include "net/address.hpp"
#include "net/azure_monitor.hpp"
#include "net/blob.hpp"
#include "net/delivery.hpp"
#include "net/gzip.hpp"
#include "net/key_vault.hpp"
#include "net/url.hpp"

#include <string>

#include "bytes.hpp"
#include "promise.hpp"

using namespace jit;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string given{reinterpret_cast<const char *>(data), size};

    net::Url url{};
    if (net::parse_url(given, &url) == nullptr) {
        promise(given.find_first_of(std::string_view{" \t\r\n\0\"<>\\", 9}) == std::string::npos, "nothing in an address breaks a line or a quote");
        promise(given.find('@') == std::string::npos || given.find('@') > given.find(url.host), "no user comes before the host");
        std::string again{url.scheme};
        again += url.v6 ? "://[" : "://";
        again += url.host;
        again += url.v6 ? "]" : "";
        if (net::azure_monitor::resource_of(url.host) != nullptr)
            promise(url.host.size() > 24 && !url.v6 && url.host.find('.') != std::string_view::npos, "a token goes to hosts of Azure Monitor only");
        if (net::azure_monitor::bad_path(url.path) == nullptr)
            promise(url.path.starts_with("/dataCollectionRules/dcr-") && url.path.find("..") == std::string_view::npos &&
                        url.path.find('&') == std::string_view::npos,
                    "a path says one rule and one stream");
        promise(given.starts_with(again) && given.ends_with(url.path) && url.port <= 65'535, "an address consists of its parts");
    }

    std::array<net::Network, 4> networks{};
    std::size_t count = 0;
    std::string_view bad;
    if (net::parse_networks(given, networks, &count, &bad))
        for (std::size_t i = 0; i < count; i++) {
            const net::Network &one = networks[i];
            promise(one.bits <= (one.v6 ? 128 : 32), "a network has no more bits than its family");
            net::Network address = one;
            address.bits = one.v6 ? 128 : 32;
            promise(net::may_connect(address, {networks.data(), count}), "what is allowed may be connected to");
        }

    net::key_vault::Reference reference{};
    if (net::key_vault::parse(given, &reference) == nullptr) {
        promise(reference.url.path.find_first_of("?&") == std::string_view::npos && reference.url.path.starts_with("/secrets/"), "a reference says one secret");
        promise(reference.resource == nullptr || reference.url.host.find(".vault.") != std::string_view::npos, "a token goes to vaults only");
    }

    std::string packed(net::gzip::packed_room(given.size()), '\0');
    std::size_t packed_size = 0;
    promise(net::gzip::pack(given, packed, &packed_size) && packed_size <= packed.size(), "there is always room enough");

    core::webhook::Secrets secrets{};
    if (core::webhook::parse_secrets(given, &secrets)) {
        std::array<char, core::webhook::most_secrets *(core::webhook::signature_chars + 1)> out{};
        const std::size_t length = core::webhook::sign(secrets, "msg_1", "1", given, out);
        promise(length == secrets.count * (core::webhook::signature_chars + 1) - 1, "each secret signs once");
    }

    fuzz::Bytes bytes{data, size};
    const int status = bytes.up_to(255) * 4;
    const auto failures = static_cast<unsigned>(bytes.up_to(255));
    const std::int64_t asked = bytes.up_to(255) * 100;
    const net::Verdict verdict = net::judge(status);
    const std::int64_t wait = net::wait_ms(verdict, failures, asked, static_cast<std::uint32_t>(size) * 2'654'435'761U);
    promise(wait >= net::first_wait_ms / 2 && wait <= net::longest_asked_ms, "a wait is neither nothing nor for ever");
    const int sent = bytes.up_to(99) + 1;
    const int next = net::next_size(verdict, sent, sent, 100);
    promise(next >= 1 && next <= 100 && (verdict != net::Verdict::rejected || sent == 1 || next < sent), "halving ends");

    const net::blob::Judged put = net::blob::judge_put(status);
    promise(put.verdict != net::Verdict::rejected && put.verdict != net::Verdict::gone, "no checkpoint is put aside");
    promise((put.step == net::blob::Step::anchored) == (status == 201), "only what was created is anchored");
    const net::blob::Judged got = net::blob::judge_get(status, given, "note");
    promise(got.step != net::blob::Step::anchored || given == "note", "only the same bytes are the same");
    promise(!net::blob::is_host(given) || given.find(".blob.") != std::string::npos, "a credential goes to storage");
    return 0;
}
