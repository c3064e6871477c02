// base64_fuzz.cpp: zone P. Any bytes come back, and a text that is decoded is the only one for its bytes.
#include "core/base64.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string given{reinterpret_cast<const char *>(data), size};
    std::string text(base64::encoded_size(size), '?');
    promise(base64::encode(given, text) == text.size(), "any bytes are encoded");
    std::string bytes(base64::decoded_room(text.size()), '?');
    std::size_t count = 0;
    promise(base64::decode(text, bytes, &count) && bytes.substr(0, count) == given, "and come back");

    bytes.assign(base64::decoded_room(size), '?');
    if (!base64::decode(given, bytes, &count))
        return 0;
    text.assign(base64::encoded_size(count), '?');
    promise(base64::encode({bytes.data(), count}, text) == text.size() && text == given, "bytes have one text");
    return 0;
}
