// totp.hpp: zone P. Time-based one-time passwords (RFC 6238) as every authenticator app makes them: HMAC-SHA-1, six digits,
// thirty seconds. Apps ignore other choices in the URI, so there are none.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::totp {

inline constexpr std::size_t secret_bytes = 20; // RFC 4226 chapter 4: as long as what HMAC-SHA-1 gives
inline constexpr std::size_t digits = 6;
inline constexpr std::int64_t period_s = 30;
inline constexpr std::int64_t window_steps = 1; // before and after: clocks differ, and typing takes time

using Code = std::array<char, digits>;

[[nodiscard]] constexpr std::int64_t step_at(std::int64_t unix_seconds) noexcept { return unix_seconds / period_s; }
[[nodiscard]] bool is_code(std::string_view text) noexcept; // six digits
// False when libcrypto refuses.
[[nodiscard]] bool code_at(std::span<const std::uint8_t> secret, std::int64_t step, Code *out) noexcept;
// The latest step around `now` with this code; -1: none. Takes as long whichever it is. Whether the step was used before is
// the caller's to know: RFC 6238 accepts no code twice.
[[nodiscard]] std::int64_t find(std::span<const std::uint8_t> secret, std::string_view code, std::int64_t unix_seconds) noexcept;

// otpauth://totp/issuer:account?secret=...; returns the length, or 0 when it does not fit.
[[nodiscard]] std::size_t uri(std::string_view issuer, std::string_view account, std::span<const std::uint8_t> secret,
                              std::span<char> out) noexcept;

} // namespace jit::core::totp
