// transport.hpp: zone C. The courier's connections: requests that run side by side while the process goes on hearing its latch. No
// transaction is open here.
#pragma once

#include "net/address.hpp"

#include "pg/server.hpp"

namespace jit::workers::transport {

enum class Protocol : uint8 {
    https,
    loopback_http, // to a loopback address that is allowed, for programs on the same machine
    metadata_http, // to the metadata service of a virtual machine of Azure, which speaks nothing else
    tls,           // a stream of bytes, kept open
};

enum class Method : uint8 { post, put, get };

struct Message {
    const char *url;
    Protocol protocol;
    const char *const *headers; // ended by nullptr; of HTTP only
    const char *bytes;          // stay where they are until the answer is taken; none with get
    size_t count;
    Method method;
    std::span<char> answer;     // the body of the answer is wanted, and goes here; empty: nobody reads it
};

struct Answer {
    int status;          // of HTTP; 200: a stream has taken all; 0: there was none
    int64 retry_after_s; // 0: not said
    size_t bytes;        // of the body, in Message::answer; one that does not fit is an error
    bool mistaken;       // it will not pass by itself: a certificate, an address that is not allowed
    char error[256];     // empty when all went well
};

struct Channel;

// Once in a process; nullptr, or why not.
[[nodiscard]] const char *open();
// Addresses that may be connected to though they are not public, and the file with certificates of authorities (nullptr: those of
// the system). Connections that are open are not used again.
void allow(std::span<const net::Network> networks, const char *ca_file);

[[nodiscard]] Channel *make_channel();
void drop(Channel *channel); // whatever it does
void send(Channel *channel, const Message &message);
[[nodiscard]] bool is_busy(const Channel *channel);
// Did it end? Then what came of it, once.
[[nodiscard]] bool take(Channel *channel, Answer *answer);

// Moves everything on until the latch is set, a channel has an answer, or `until` has come. True: the latch was set; it is reset.
[[nodiscard]] bool wait(TimestampTz until);

} // namespace jit::workers::transport
