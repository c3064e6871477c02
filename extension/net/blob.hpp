// blob.hpp: zone P. One new blob in WORM storage for each checkpoint: its name, and what the answers of Azure Blob Storage mean.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstdint>
#include <string_view>

#include "net/delivery.hpp"

namespace jit::net::blob {

inline constexpr std::size_t size_digits = 20;
inline constexpr std::size_t most_read_bytes = 4'096; // of a blob that is there; longer than any note

// "00000000000000000042": so many that names sort as numbers do.
[[nodiscard]] constexpr std::array<char, size_digits> padded(std::uint64_t size) noexcept
{
    std::array<char, size_digits> out{};
    for (std::size_t i = size_digits; i > 0; i--, size /= 10)
        out[i - 1] = static_cast<char>('0' + size % 10);
    return out;
}

enum class Step : std::uint8_t {
    anchored,
    read,         // a blob of that name is there, or was not to be overwritten: is it the same?
    contradicted, // it is another one
    failed,       // `verdict` says in which way
};
struct Judged {
    Step step;
    Verdict verdict;
};

// Nothing is skipped here: a note that is not taken is the storage's fault, or the configuration's. 409 is also the answer for a blob that
// is immutable by policy, and 412 that of a condition that does not hold.
[[nodiscard]] constexpr Judged judge_put(int status) noexcept
{
    if (status == 201)
        return {Step::anchored, Verdict::delivered};
    if (status == 409 || status == 412)
        return {Step::read, Verdict::later};
    const Verdict verdict = judge(status);
    return {Step::failed, verdict == Verdict::later ? Verdict::later : Verdict::mistaken};
}

// The first most_read_bytes were asked for: 206, and 416 when there is none.
[[nodiscard]] constexpr Judged judge_get(int status, std::string_view found, std::string_view note) noexcept
{
    if (status == 200 || status == 206)
        return found == note ? Judged{Step::anchored, Verdict::delivered} : Judged{Step::contradicted, Verdict::rejected};
    if (status == 416)
        return {Step::contradicted, Verdict::rejected};
    if (status == 404)
        return {Step::failed, Verdict::later}; // it was there a moment ago: it is put again
    const Verdict verdict = judge(status);
    return {Step::failed, verdict == Verdict::later ? Verdict::later : Verdict::mistaken};
}

// Where a credential for storage may be sent: the public cloud, its DNS zones, and the sovereign clouds.
inline constexpr std::array<std::string_view, 4> hosts{".blob.core.windows.net", ".blob.storage.azure.net", ".blob.core.usgovcloudapi.net",
                                                       ".blob.core.chinacloudapi.cn"};
[[nodiscard]] constexpr bool is_host(std::string_view host) noexcept
{
    for (const std::string_view end : hosts)
        if (host.size() > end.size() && host.ends_with(end))
            return true;
    return false;
}

static_assert(std::string_view{padded(42).data(), size_digits} == "00000000000000000042");
static_assert(std::string_view{padded(UINT64_MAX).data(), size_digits} == "18446744073709551615");
static_assert(judge_put(201).step == Step::anchored && judge_put(200).step == Step::failed && judge_put(409).step == Step::read);
static_assert(judge_put(400).verdict == Verdict::mistaken && judge_put(410).verdict == Verdict::mistaken && judge_put(503).verdict == Verdict::later);
static_assert(judge_get(206, "a", "a").step == Step::anchored && judge_get(206, "ab", "a").step == Step::contradicted);
static_assert(judge_get(416, "", "a").step == Step::contradicted && judge_get(403, "a", "a").step == Step::failed);
static_assert(is_host("acct.blob.core.windows.net") && !is_host(".blob.core.windows.net") && !is_host("blob.core.windows.net.evil.example"));

} // namespace jit::net::blob
