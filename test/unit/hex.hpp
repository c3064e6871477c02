// hex.hpp: zone P. Bytes of tests in hexadecimals.
#pragma once

#include <string>
#include <string_view>

namespace jit::unit {

inline std::string hex(std::string_view bytes)
{
    std::string out;
    for (const unsigned char byte : bytes)
        for (const int bits : {byte >> 4, byte & 15})
            out += "0123456789abcdef"[bits];
    return out;
}

inline std::string unhex(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16));
    return out;
}

template <class Array> Array array(std::string_view bytes)
{
    Array out{};
    for (std::size_t i = 0; i < out.size() && i < bytes.size(); i++)
        out[i] = static_cast<typename Array::value_type>(bytes[i]);
    return out;
}

} // namespace jit::unit
