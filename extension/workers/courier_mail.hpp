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

// The next message, of `count` items from destination->at. Returns why it cannot be sent, palloc'ed, or nullptr.
[[nodiscard]] const char *compose(Destination *destination, int count, transport::Message *out);

} // namespace jit::workers::courier::mail
