// ledger_keys.cpp: zone C. See ledger_keys.hpp.
#include "core/evidence.hpp"
#include "core/merkle.hpp"
#include "core/note.hpp"

#include "api/ledger_keys.hpp"
#include "api/ledger_scan.hpp"

#include "pg/signing_key.hpp"
#include "pg/spi.hpp"

namespace jit::api::ledger_keys {

const char *own_text()
{
    core::note::Key key{};
    char text[core::note::max_note_bytes];
    if (!pg::signing_key::get(&key, false))
        return nullptr;
    const size_t length = core::note::vkey(pg::signing_key::origin(), key, text);
    core::signing::forget(&key);
    return length == 0 ? nullptr : pnstrdup(text, length);
}

namespace {

constexpr pg::spi::Sql incarnations{"SELECT l.record FROM jit.ledger l"
                                    " WHERE jit.record_keys(l.record) @> ARRAY['kind:incarnation'] ORDER BY l.seq + 0 DESC",
                                    0,
                                    {}};

// What is none, or known already, is left out.
void add(Keys *keys, std::string_view vkey)
{
    core::note::Verifier verifier{};
    if (keys->count == lengthof(keys->known) || !core::note::parse_vkey(vkey, &verifier))
        return;
    for (int i = 0; i < keys->count; i++)
        if (keys->known[i].name == verifier.name && keys->known[i].key == verifier.key)
            return;
    // The name points into the text, which may go away.
    verifier.name = {pnstrdup(verifier.name.data(), verifier.name.size()), verifier.name.size()};
    keys->known[keys->count++] = verifier;
}

} // namespace

void read(Keys *keys)
{
    if (const char *text = own_text(); text != nullptr) {
        add(keys, text);
        keys->has_own = keys->count > 0;
    }
    const uint64 rows = pg::spi::execute(incarnations, pg::spi::Args{});
    for (uint64 row = 0; row < rows; row++) {
        bool is_null = false;
        const std::string_view record = scan::bytes_of(pg::spi::value(row, 1, &is_null));
        core::evidence::Field field{};
        if (core::evidence::is_record(record) && core::evidence::find(record, core::evidence::Tag::public_key, &field))
            add(keys, field.bytes);
    }
}

bool have_signed(const Keys &keys, const core::note::Checkpoint &checkpoint)
{
    for (int i = 0; i < keys.count; i++)
        if (keys.known[i].name == checkpoint.origin && core::note::is_signed(checkpoint, keys.known[i]) == core::note::Signed::yes)
            return true;
    return false;
}

} // namespace jit::api::ledger_keys
