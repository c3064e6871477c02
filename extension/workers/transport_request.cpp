// transport_request.cpp: zone C. What libcurl is told about a request, and what it asks while one is under way: to which addresses it
// may connect, and how much of an answer is read.
#include "net/address.hpp"
#include "workers/curl.hpp"

#include "workers/transport_channel.hpp"

#include "pg/settings.hpp"
#include "pg/switches.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

namespace jit::workers::transport::request {

namespace {

constexpr long connect_ms = 10'000;
constexpr long whole_ms = 30'000;            // of a request, whatever it does meanwhile
constexpr size_t most_answer_bytes = 65'536; // headers, and a body that nobody reads
// Of a connection, whatever is known of the time: one that was made under settings of before is not used again after a change of them.
constexpr int64 longest_life_s = 60;
constexpr net::Network metadata_service{false, 32, {169, 254, 169, 254}};

constinit net::Network allowed[pg::settings::most_networks]{};
constinit size_t allowed_count = 0;
constinit const char *authorities = nullptr;
constinit TimestampTz allowed_at = 0;
constinit bool guards_addresses = true; // asked for outside of what libcurl calls

// ---- called by libcurl: touches nothing of the server ----

net::Network network_of(const sockaddr *address)
{
    net::Network found{};
    if (address->sa_family == AF_INET) {
        found.bits = 32;
        memcpy(found.bytes.data(), &reinterpret_cast<const sockaddr_in *>(address)->sin_addr, 4);
    } else {
        found.v6 = true;
        found.bits = 128;
        memcpy(found.bytes.data(), &reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr, 16);
    }
    return found;
}

bool may_go_to(Channel *channel, const net::Network &target)
{
    const bool may = channel->protocol == Protocol::metadata_http
                         ? core::contains(metadata_service, target)
                         : net::may_connect(target, {allowed, allowed_count}) &&
                               (channel->protocol != Protocol::loopback_http || net::is_loopback(target));
    if (may || !guards_addresses)
        return true;
    if (!channel->refused)
        (void) inet_ntop(target.v6 ? AF_INET6 : AF_INET, target.bytes.data(), channel->address, sizeof(channel->address));
    channel->refused = true;
    return false;
}

// Every connection that is made passes here, after the name was resolved: what a name points to does not matter.
extern "C" curl_socket_t jit_open_socket(void *to, curlsocktype, curl_sockaddr *address)
{
    if ((address->family != AF_INET && address->family != AF_INET6) || !may_go_to(static_cast<Channel *>(to), network_of(&address->addr)))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// And every request here: its connection may be one that was made for another, or when other addresses were allowed.
extern "C" int jit_before_request(void *to, char *address, char *, int, int)
{
    net::Network target{false, 32, {}};
    if (inet_pton(AF_INET, address, target.bytes.data()) != 1) {
        target = {true, 128, {}};
        if (inet_pton(AF_INET6, address, target.bytes.data()) != 1)
            return CURL_PREREQFUNC_ABORT;
    }
    return may_go_to(static_cast<Channel *>(to), target) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

size_t count_in(Channel *channel, size_t length)
{
    channel->received += length;
    channel->too_much = channel->received > most_answer_bytes;
    return channel->too_much ? 0 : length;
}

extern "C" size_t jit_receive(char *bytes, size_t size, size_t count, void *to)
{
    auto *channel = static_cast<Channel *>(to);
    const size_t length = size * count;
    if (channel->wanted.empty())
        return count_in(channel, length);
    channel->too_much = length > channel->wanted.size() - channel->answer.bytes;
    if (channel->too_much)
        return 0;
    memcpy(channel->wanted.data() + channel->answer.bytes, bytes, length);
    channel->answer.bytes += length;
    return length;
}

// An answer that is cut short in its headers is none, whatever its first line says. After the body there may be more of them, without an
// empty line.
extern "C" size_t jit_receive_header(char *line, size_t size, size_t count, void *to)
{
    auto *channel = static_cast<Channel *>(to);
    const size_t length = size * count;
    const std::string_view text{line, length};
    channel->whole = text == "\r\n" || text == "\n" || (channel->whole && !text.starts_with("HTTP/"));
    return count_in(channel, length);
}

// ---- told to it ----

// Else the folder of the system is trusted as well, in the way of distributions that build libcurl with one.
constexpr const char *no_folder = nullptr;

template <class Value> bool set(Channel *channel, CURLoption option, Value value)
{
    return curl.setopt(channel->handle, option, value) == CURLE_OK;
}

bool set_method(Channel *channel, const Message &message)
{
    if (message.method == Method::get)
        return set(channel, CURLOPT_HTTPGET, 1L);
    return set(channel, CURLOPT_POST, 1L) && set(channel, CURLOPT_POSTFIELDS, message.bytes) &&
           set(channel, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.count)) &&
           (message.method == Method::post || set(channel, CURLOPT_CUSTOMREQUEST, "PUT"));
}

} // namespace

void allow(std::span<const net::Network> networks, const char *ca_file)
{
    allowed_count = smaller(networks.size(), size_t{pg::settings::most_networks});
    for (size_t i = 0; i < allowed_count; i++)
        allowed[i] = networks[i];
    authorities = ca_file;
    allowed_at = GetCurrentTimestamp();
    guards_addresses = !pg::switches::off("courier_addresses");
}

bool prepare(Channel *channel, const Message &message)
{
    curl.reset(channel->handle);
    const bool is_stream = message.protocol == Protocol::tls;
    const bool is_plain = message.protocol == Protocol::loopback_http || message.protocol == Protocol::metadata_http;
    const long verify = pg::switches::off("courier_certificates") ? 0 : 1;
    // libcurl counts whole seconds. Before it can tell old from new, nothing is used again.
    const int64 since_s = pg::switches::off("courier_reuse") ? longest_life_s : (GetCurrentTimestamp() - allowed_at) / USECS_PER_SEC;
    const auto life_s = static_cast<long>(smaller(larger(since_s - 1, INT64CONST(1)), longest_life_s));
    bool done = set(channel, CURLOPT_URL, message.url) && set(channel, CURLOPT_ERRORBUFFER, channel->detail) &&
                set(channel, CURLOPT_PROTOCOLS_STR, is_plain ? "http" : "https") &&
                set(channel, CURLOPT_FOLLOWLOCATION, 0L) && set(channel, CURLOPT_PROXY, "") && set(channel, CURLOPT_NOPROXY, "*") &&
                set(channel, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) && set(channel, CURLOPT_NOSIGNAL, 1L) &&
                set(channel, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) && set(channel, CURLOPT_SSL_VERIFYPEER, verify) &&
                set(channel, CURLOPT_SSL_VERIFYHOST, 2 * verify) &&
                set(channel, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
                set(channel, CURLOPT_OPENSOCKETFUNCTION, jit_open_socket) && set(channel, CURLOPT_OPENSOCKETDATA, channel) &&
                set(channel, CURLOPT_PREREQFUNCTION, jit_before_request) && set(channel, CURLOPT_PREREQDATA, channel) &&
                set(channel, CURLOPT_WRITEFUNCTION, jit_receive) && set(channel, CURLOPT_WRITEDATA, channel) &&
                set(channel, CURLOPT_HEADERFUNCTION, jit_receive_header) && set(channel, CURLOPT_HEADERDATA, channel) &&
                set(channel, CURLOPT_FRESH_CONNECT, since_s < 2 ? 1L : 0L) && set(channel, CURLOPT_MAXLIFETIME_CONN, life_s) &&
                (authorities == nullptr || (set(channel, CURLOPT_CAINFO, authorities) && set(channel, CURLOPT_CAPATH, no_folder)));
#if LIBCURL_VERSION_NUM >= 0x075700
    (void) set(channel, CURLOPT_CA_CACHE_TIMEOUT, 0L); // or what the file no longer has is trusted for a day
    (void) set(channel, CURLOPT_QUICK_EXIT, 1L); // not to wait for a resolver that hangs
#endif
    if (is_stream)
        return done && set(channel, CURLOPT_CONNECT_ONLY, 1L) && set(channel, CURLOPT_SSL_ENABLE_ALPN, 0L) &&
               set(channel, CURLOPT_TCP_KEEPALIVE, 1L);
    for (const char *const *header = message.headers; done && *header != nullptr; header++) {
        curl_slist *more = curl.list_append(channel->headers, *header);
        done = more != nullptr;
        channel->headers = done ? more : channel->headers;
    }
    return done && set_method(channel, message) && set(channel, CURLOPT_HTTPHEADER, channel->headers) && set(channel, CURLOPT_TIMEOUT_MS, whole_ms) &&
           set(channel, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
           set(channel, CURLOPT_USERAGENT, "jit_guard/" JIT_GUARD_VERSION);
}

} // namespace jit::workers::transport::request
