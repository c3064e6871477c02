// json.hpp: zone P. Members of a JSON object that have to be there and of their type.
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <json/value.h>

namespace jit::verify {

// What stands in the file is not what FORMAT.md describes.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct NoCrypto : std::exception {
    [[nodiscard]] const char *what() const noexcept override { return "libcrypto refuses to compute SHA-256"; }
};

[[nodiscard]] Json::Value parsed(std::string_view text);
[[nodiscard]] std::int64_t number(const Json::Value &object, const char *name);
[[nodiscard]] std::string text(const Json::Value &object, const char *name);
[[nodiscard]] std::string bytes(const Json::Value &object, const char *name); // from base64

} // namespace jit::verify
