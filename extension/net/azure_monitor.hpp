// azure_monitor.hpp: zone P. The address of the Logs Ingestion API of Azure Monitor: what it consists of, and whose token it takes.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <string_view>

#include "net/url.hpp"

namespace jit::net::azure_monitor {

// A cloud, by the end of the names of its endpoints. A token is shown to no other host: whoever gets it can write to the same rules.
struct Cloud {
    std::string_view host_ends;
    const char *resource;
};
inline constexpr Cloud clouds[] = {
    {".ingest.monitor.azure.com", "https://monitor.azure.com"},
    {".ingest.monitor.azure.cn", "https://monitor.azure.cn"},
    {".ingest.monitor.azure.us", "https://monitor.azure.us"},
};

// nullptr: it is no host of Azure Monitor.
[[nodiscard]] const char *resource_of(std::string_view host) noexcept;

// Why the path of an address is not /dataCollectionRules/{immutable id}/streams/{stream}?api-version={date}; nullptr: it is.
[[nodiscard]] const char *bad_path(std::string_view path) noexcept;

} // namespace jit::net::azure_monitor
