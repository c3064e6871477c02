// signer.cpp: zone C. See signer.hpp.

#include "core/note.hpp"
#include "core/signing.hpp"

#include "workers/signer.hpp"

#include "pg/signing_key.hpp"

namespace jit::workers::signer {

namespace spi = pg::spi;

namespace {

constexpr int64 records_between = 1'000;
constexpr int64 wait_ms = 30'000;

constexpr spi::Sql insert_checkpoint{
    "INSERT INTO jit.checkpoints (tree_size, signed_at, incarnation, note) VALUES ($1, clock_timestamp(), $2, $3)", 3,
    {INT8OID, INT4OID, TEXTOID}};
constexpr spi::Sql note_size{"UPDATE jit.ledger_state SET signed_size = $1", 1, {INT8OID}};

constexpr spi::Sql last_incarnation{
    "SELECT (SELECT jit.decode(l.record) ->> 'public_key' FROM jit.ledger AS l WHERE jit.record_keys(l.record) @> ARRAY['kind:incarnation']"
    " ORDER BY l.seq + 0 DESC LIMIT 1)",
    0,
    {}};

constinit TimestampTz unsigned_since = 0; // 0: everything is signed

constexpr size_t longest_key = 256;
constinit char noted[longest_key] = {}; // of the last incarnation; empty: it names none
constinit bool is_noted = false;

} // namespace

bool sign_if_due(batch::Batch *batch, bool asks)
{
    const auto size = static_cast<int64>(batch->state.tree.size);
    const TimestampTz now = GetCurrentTimestamp();
    if (size == batch->state.signed_size) {
        unsigned_since = 0;
        return false;
    }
    if (unsigned_since == 0)
        unsigned_since = now;
    if (!asks && size - batch->state.signed_size < records_between && now < TimestampTzPlusMilliseconds(unsigned_since, wait_ms))
        return false;
    unsigned_since = now; // whatever comes: not again before the next half minute
    core::note::Key key{};
    core::Hash root;
    char note[1'024];
    if (!pg::signing_key::get(&key, true) || !core::merkle::root(batch->state.tree, &root))
        return false;
    const size_t length = core::note::sign_checkpoint(pg::signing_key::origin(), batch->state.tree.size, root, key, note);
    core::signing::forget(&key);
    if (length == 0) {
        ereport(WARNING, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("jit_guard cannot sign its ledger"),
                          errdetail("OpenSSL refused the signature.")));
        return false;
    }
    spi::Args args{};
    spi::add(&args, Int64GetDatum(size));
    spi::add(&args, Int32GetDatum(batch->state.incarnation));
    spi::add(&args, PointerGetDatum(cstring_to_text_with_len(note, static_cast<int>(length))));
    (void) spi::execute(insert_checkpoint, args);
    spi::Args signed_size{};
    spi::add(&signed_size, Int64GetDatum(size));
    (void) spi::execute(note_size, signed_size);
    unsigned_since = 0;
    return true;
}

TimestampTz due_at() { return unsigned_since == 0 ? DT_NOEND : TimestampTzPlusMilliseconds(unsigned_since, wait_ms); }

const char *public_key()
{
    core::note::Key key{};
    char text[longest_key];
    if (!pg::signing_key::get(&key, true))
        return nullptr;
    const size_t length = core::note::vkey(pg::signing_key::origin(), key, text);
    core::signing::forget(&key);
    return length == 0 ? nullptr : pnstrdup(text, length);
}

bool is_key_new()
{
    const char *key = public_key();
    if (key == nullptr) // nothing can be signed, as a WARNING says
        return false;
    if (!is_noted) {
        (void) spi::execute(last_incarnation, spi::Args{});
        note_key(spi::text(0, 1));
    }
    return strcmp(key, noted) != 0;
}

void note_key(const char *key)
{
    strlcpy(noted, key != nullptr ? key : "", sizeof(noted));
    is_noted = true;
}

void forget_noted_key() { is_noted = false; }

} // namespace jit::workers::signer
