// key_vault.hpp: zone P. A secret of Azure Key Vault in the place of a file's name: "keyvault:https://NAME.vault.azure.net/secrets/SECRET",
// perhaps with "/VERSION".
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <string_view>

#include "net/url.hpp"

namespace jit::net::key_vault {

inline constexpr std::string_view scheme = "keyvault:";
inline constexpr const char *api_version = "7.4";
inline constexpr std::size_t longest_reference = 500;

[[nodiscard]] constexpr bool is_reference(std::string_view text) noexcept { return text.starts_with(scheme); }

struct Reference {
    std::string_view address;
    Url url;
    const char *resource; // whose token the vault takes; nullptr: it is no host of a vault, and gets none
};
// Why it is none; nullptr: it is one. The host is the caller's to judge: in tests a vault may be on this machine.
[[nodiscard]] const char *parse(std::string_view text, Reference *out) noexcept;

} // namespace jit::net::key_vault
