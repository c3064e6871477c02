// transport_channel.hpp: zone C. A channel from the inside; for transport*.cpp only.
#pragma once

#include "workers/curl.hpp"
#include "workers/transport.hpp"

#include <netinet/in.h>

namespace jit::workers::transport {

enum class State : uint8 { idle, connecting, streaming, ended };

struct Channel {
    CURL *handle;
    curl_slist *headers;
    Channel *next;
    State state;
    bool added; // to the multi handle
    bool open;  // a stream that is connected
    bool stale; // the stream was connected under other settings: what comes next takes another
    bool too_much;
    bool refused; // the address is not allowed
    bool whole;   // the headers of the answer have ended
    Protocol protocol;
    char address[INET6_ADDRSTRLEN];
    char detail[CURL_ERROR_SIZE];
    size_t received;
    std::span<char> wanted; // Message::answer
    const char *bytes; // of a stream: what is left
    size_t count;
    TimestampTz stalls_at;
    Answer answer;
};

namespace request {

void allow(std::span<const net::Network> networks, const char *ca_file);
// Everything that makes a request safe has to be taken by this version of libcurl, or nothing is sent.
[[nodiscard]] bool prepare(Channel *channel, const Message &message);

} // namespace request

} // namespace jit::workers::transport
