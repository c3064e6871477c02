// evidence.hpp: zone P. A record of the ledger in its canonical bytes: exactly one byte string for one set of facts, so that
// whoever has the facts can compute its hash. extension/verify/FORMAT.md describes it for people without this source.
//
//   record = version (1 byte, 1) · kind (1 byte) · field …
//   field  = tag (1 byte) · length (4 bytes, most significant first) · that many bytes
//
// Tags ascend; those of groups may repeat. A number or time is 8 bytes, most significant first, two's complement; a time
// counts microseconds from 1970-01-01 00:00 UTC; a flag is one byte, 0 or 1; a text is as it was, in the encoding of the
// database; a group consists of fields again, and holds no group. What is not known has no field.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace jit::core::evidence {

inline constexpr char version = 1;

enum class Kind : std::uint8_t {
    event = 1,      // a row of jit.events
    use,            // a statement that is about to run under approvals
    refusal,        // a statement that was refused
    would_refuse,   // in mode monitor: would have been
    outcome,        // what became of a transaction whose statements were recorded
    session_ended,  // a session that lived on an approval that is over
    left_behind,    // what a command under a loan made, changed or dropped
    maintenance,    // a command on jit_guard itself, under an approval
    text,           // a part of a long statement, which a use or refusal names by its hash
    incarnation,    // the ledger begins, or goes on in another server
    gap,            // records that are lost, and why
};
inline constexpr unsigned kind_count = 11;

enum class Type : std::uint8_t { text, number, time, flag, bytes, group };

enum class Tag : std::uint8_t {
    at = 1,
    database,
    person,
    authn_id,
    role,
    client_addr,
    application_name,
    session_start,
    pid,
    transaction,      // number of the transaction in its session, from 1
    statement_number, // of the record in its transaction, from 1
    nested,
    statement_hash,
    statement_length,
    statement,
    outer_statement, // what the client sent, when the statement is nested in it
    parameters,      // JSON array of texts and nulls
    use,             // group: one for each object
    policy,
    request_id,
    action,
    actions, // "SELECT, UPDATE"
    object,
    columns, // "a, b"
    until,
    why,
    call_stack,
    trigger_depth,
    views,
    offset, // of a part of a statement, in bytes
    event_id,
    event,
    actor,
    detail,  // JSON
    outcome, // committed, rolled back, failed, unknown
    xid,
    done, // group: what a statement of the transaction did
    rows,
    number,            // of the incarnation, from 1
    system_identifier, // in decimals
    database_oid,
    timeline,
    encoding,
    public_key,
    tree_size, // where this one goes on
    tree_root,
    lost,
    from_lsn, // in PostgreSQL's notation
    to_lsn,
    person_oid, // whoever has the name later is another
};

struct TagName {
    Tag tag;
    Type type;
    std::string_view name;
};

// By tag: tags[tag - 1]. The names are those of the members in JSON.
inline constexpr std::array tags{
    TagName{Tag::at, Type::time, "at"},
    TagName{Tag::database, Type::text, "database"},
    TagName{Tag::person, Type::text, "person"},
    TagName{Tag::authn_id, Type::text, "authn_id"},
    TagName{Tag::role, Type::text, "role"},
    TagName{Tag::client_addr, Type::text, "client_addr"},
    TagName{Tag::application_name, Type::text, "application_name"},
    TagName{Tag::session_start, Type::time, "session_start"},
    TagName{Tag::pid, Type::number, "pid"},
    TagName{Tag::transaction, Type::number, "transaction"},
    TagName{Tag::statement_number, Type::number, "statement_number"},
    TagName{Tag::nested, Type::flag, "nested"},
    TagName{Tag::statement_hash, Type::bytes, "statement_hash"},
    TagName{Tag::statement_length, Type::number, "statement_length"},
    TagName{Tag::statement, Type::text, "statement"},
    TagName{Tag::outer_statement, Type::text, "outer_statement"},
    TagName{Tag::parameters, Type::text, "parameters"},
    TagName{Tag::use, Type::group, "uses"},
    TagName{Tag::policy, Type::text, "policy"},
    TagName{Tag::request_id, Type::number, "request_id"},
    TagName{Tag::action, Type::text, "action"},
    TagName{Tag::actions, Type::text, "actions"},
    TagName{Tag::object, Type::text, "object"},
    TagName{Tag::columns, Type::text, "columns"},
    TagName{Tag::until, Type::time, "until"},
    TagName{Tag::why, Type::text, "why"},
    TagName{Tag::call_stack, Type::text, "call_stack"},
    TagName{Tag::trigger_depth, Type::number, "trigger_depth"},
    TagName{Tag::views, Type::text, "views"},
    TagName{Tag::offset, Type::number, "offset"},
    TagName{Tag::event_id, Type::number, "event_id"},
    TagName{Tag::event, Type::text, "event"},
    TagName{Tag::actor, Type::text, "actor"},
    TagName{Tag::detail, Type::text, "detail"},
    TagName{Tag::outcome, Type::text, "outcome"},
    TagName{Tag::xid, Type::number, "xid"},
    TagName{Tag::done, Type::group, "done"},
    TagName{Tag::rows, Type::number, "rows"},
    TagName{Tag::number, Type::number, "number"},
    TagName{Tag::system_identifier, Type::text, "system_identifier"},
    TagName{Tag::database_oid, Type::number, "database_oid"},
    TagName{Tag::timeline, Type::number, "timeline"},
    TagName{Tag::encoding, Type::text, "encoding"},
    TagName{Tag::public_key, Type::text, "public_key"},
    TagName{Tag::tree_size, Type::number, "tree_size"},
    TagName{Tag::tree_root, Type::bytes, "tree_root"},
    TagName{Tag::lost, Type::number, "lost"},
    TagName{Tag::from_lsn, Type::text, "from_lsn"},
    TagName{Tag::to_lsn, Type::text, "to_lsn"},
    TagName{Tag::person_oid, Type::number, "person_oid"},
};

[[nodiscard]] constexpr bool in_order() noexcept
{
    for (std::size_t i = 0; i < tags.size(); i++)
        if (static_cast<std::size_t>(tags[i].tag) != i + 1)
            return false;
    return true;
}
static_assert(in_order());

[[nodiscard]] constexpr Type type_of(Tag tag) noexcept { return tags[static_cast<std::size_t>(tag) - 1].type; }
[[nodiscard]] std::string_view kind_name(Kind kind) noexcept; // as the enumerator

// Writes a record into a sink, which has append(const char *, std::size_t), size() and patch(position, const char *, std::size_t).
template <class Sink> class Writer {
  public:
    Writer(Sink &sink, Kind kind) : sink_(sink)
    {
        const char head[2] = {version, static_cast<char>(kind)};
        sink_.append(head, sizeof head);
    }
    // One field by itself, for parts of a record that are kept and used again.
    static void field(Sink &sink, Tag tag, std::string_view value)
    {
        header(sink, tag, value.size());
        sink.append(value.data(), value.size());
    }
    static void field(Sink &sink, Tag tag, std::int64_t value)
    {
        char bytes[head_bytes + sizeof value];
        put_head(bytes, tag, sizeof value);
        put_big_endian(bytes + head_bytes, static_cast<std::uint64_t>(value));
        sink.append(bytes, sizeof bytes);
    }
    void text(Tag tag, std::string_view value) { field(sink_, tag, value); }
    void number(Tag tag, std::int64_t value) { field(sink_, tag, value); }
    void flag(Tag tag, bool value) { text(tag, {value ? "\1" : "\0", 1}); }
    void begin(Tag group)
    {
        header(sink_, group, 0);
        group_starts_ = sink_.size();
    }
    void end()
    {
        char bytes[4];
        put_big_endian(bytes, static_cast<std::uint32_t>(sink_.size() - group_starts_));
        sink_.patch(group_starts_ - sizeof bytes, bytes, sizeof bytes);
    }

  private:
    static constexpr std::size_t head_bytes = 5;
    // Most significant byte first. (Compilers do not make one instruction of a loop here.)
    static void put_big_endian(char *bytes, std::uint64_t value) noexcept
    {
        if constexpr (std::endian::native == std::endian::little)
            value = __builtin_bswap64(value);
        std::memcpy(bytes, &value, sizeof value);
    }
    static void put_big_endian(char *bytes, std::uint32_t value) noexcept
    {
        if constexpr (std::endian::native == std::endian::little)
            value = __builtin_bswap32(value);
        std::memcpy(bytes, &value, sizeof value);
    }
    static void put_head(char *bytes, Tag tag, std::size_t length) noexcept
    {
        bytes[0] = static_cast<char>(tag);
        put_big_endian(bytes + 1, static_cast<std::uint32_t>(length));
    }
    static void header(Sink &sink, Tag tag, std::size_t length)
    {
        char bytes[head_bytes];
        put_head(bytes, tag, length);
        sink.append(bytes, sizeof bytes);
    }
    Sink &sink_;
    std::size_t group_starts_ = 0;
};

struct Field {
    Tag tag;
    std::string_view bytes;

    [[nodiscard]] std::int64_t number() const noexcept; // also of a time
    [[nodiscard]] bool flag() const noexcept { return bytes == std::string_view{"\1", 1}; }
};

// The fields of a record, or of a group of one, in their order.
class Reader {
  public:
    explicit Reader(std::string_view fields) noexcept : rest_(fields) {}
    // False at the end, or where the bytes are no field: `whole()` tells which.
    [[nodiscard]] bool next(Field *out) noexcept;
    [[nodiscard]] bool whole() const noexcept { return rest_.empty(); }

  private:
    std::string_view rest_;
};

// Is it a record in canonical form? Everything that reads one asks this first.
[[nodiscard]] bool is_record(std::string_view bytes) noexcept;
// Of a record:
[[nodiscard]] inline Kind kind(std::string_view record) noexcept { return static_cast<Kind>(record[1]); }
[[nodiscard]] inline std::string_view fields(std::string_view record) noexcept
{
    record.remove_prefix(record.size() < 2 ? record.size() : 2); // substr() may throw
    return record;
}
// Its first field with this tag; false when it has none.
[[nodiscard]] bool find(std::string_view record, Tag tag, Field *out) noexcept;

} // namespace jit::core::evidence
