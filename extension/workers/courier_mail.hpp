// courier_mail.hpp: zone C. How records are written for a destination, and what is sent to it.
#pragma once

#include "core/evidence.hpp"
#include "core/sha256.hpp"

#include "workers/courier_book.hpp"

namespace jit::workers::courier::mail {

// What the encoders of the core write into.
struct Text {
    StringInfo to;
    void append(const char *from, size_t count) { appendBinaryStringInfo(to, from, static_cast<int>(count)); }
};

// Appends the record to the destination's bytes. False: there is nothing to say any more, as of a request that is decided.
// In a transaction with SPI.
[[nodiscard]] bool put_item(Destination *destination, const Item &item, std::string_view record, const core::Hash &leaf);

// courier_notice.cpp: the same for people.
[[nodiscard]] bool put_notice(Destination *destination, std::string_view record);

// What keeps a message from being sent.
struct Obstacle {
    bool waits;        // for something that is on its way; the wait of the transport ends with it
    const char *why;   // palloc'ed; nullptr: nothing, or it waits
    bool passes;       // by itself
    TimestampTz again; // not before
};
// The next message, of `count` items from destination->at.
[[nodiscard]] Obstacle compose(Destination *destination, int count, transport::Message *out);

// courier_azure.cpp: to whom and as whom, and then the message itself, when destination->body is written.
[[nodiscard]] Obstacle set_azure_token(Destination *destination, const transport::Message &out, const char **header);
[[nodiscard]] const char *finish_azure(Destination *destination, const char *token, transport::Message *out);
// The answer was that the token is none. True: another one is asked for, and the same message sent once more.
[[nodiscard]] bool renew_azure_token(Destination *destination);

} // namespace jit::workers::courier::mail
