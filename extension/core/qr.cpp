// qr.cpp: zone P. See qr.hpp.
#include "core/qr.hpp"

#include <cstring>

#include <qrencode.h>

namespace jit::core::qr {

namespace {

struct Out {
    std::span<char> room;
    std::size_t count;
    bool fits;
};

void put(Out *out, std::string_view text) noexcept
{
    out->fits = out->fits && text.size() <= out->room.size() - out->count;
    if (!out->fits)
        return;
    std::memcpy(out->room.data() + out->count, text.data(), text.size());
    out->count += text.size();
}

// The quiet zone, and what is beyond it, is light.
bool is_light(const QRcode &code, int x, int y) noexcept
{
    const int column = x - quiet_modules;
    const int row = y - quiet_modules;
    return column < 0 || row < 0 || column >= code.width || row >= code.width ||
           (code.data[row * code.width + column] & 1U) == 0;
}

void put_blocks(Out *out, const QRcode &code) noexcept
{
    constexpr std::string_view pictures[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80",
                                             "\xe2\x96\x88"}; // lower, upper, both light
    const int side = code.width + 2 * quiet_modules;
    for (int y = 0; y < side; y += 2) {
        for (int x = 0; x < side; x++)
            put(out, pictures[(is_light(code, x, y) ? 2 : 0) + (is_light(code, x, y + 1) ? 1 : 0)]);
        put(out, "\n");
    }
}

void put_letters(Out *out, const QRcode &code) noexcept
{
    const int side = code.width + 2 * quiet_modules;
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++)
            put(out, is_light(code, x, y) ? "##" : "  ");
        put(out, "\n");
    }
}

} // namespace

std::size_t draw(std::string_view text, Form form, std::span<char> room_of) noexcept
{
    if (text.empty() || text.size() > longest_text)
        return 0;
    QRcode *const code = QRcode_encodeData(static_cast<int>(text.size()),
                                           reinterpret_cast<const unsigned char *>(text.data()), 0, QR_ECLEVEL_L);
    if (code == nullptr)
        return 0;
    Out out{room_of, 0, true};
    switch (form) {
        case Form::blocks:
            put_blocks(&out, *code);
            break;
        case Form::letters:
            put_letters(&out, *code);
            break;
    }
    // It holds a secret.
    volatile unsigned char *const data = code->data;
    for (int i = 0; i < code->width * code->width; i++)
        data[i] = 0;
    QRcode_free(code);
    return out.fits ? out.count : 0;
}

} // namespace jit::core::qr
