// object_name.cpp: zone P. A scanner for PostgreSQL's tokens and a parser of one look-ahead token over it.
// Strict, because what it reads becomes a guard: a name that could mean two things is an error.
#include "core/object_name.hpp"

#include <optional>

namespace jit::core {
namespace {

enum class TokenKind : std::uint8_t { end, identifier, quoted, dot, comma, open, close, star, bad };

struct Token {
    TokenKind kind;
    std::size_t position;
    NameError error; // for bad: what is wrong with it
    Name name;       // for identifier and quoted

    [[nodiscard]] constexpr bool is_name() const noexcept
    {
        return kind == TokenKind::identifier || kind == TokenKind::quoted;
    }
    // Quoted, a word is only a name.
    [[nodiscard]] bool is_word(std::string_view word) const noexcept
    {
        return kind == TokenKind::identifier && name.view() == word;
    }
};

constexpr bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
constexpr bool starts_identifier(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
constexpr bool continues_identifier(char c) noexcept
{
    return starts_identifier(c) || (c >= '0' && c <= '9') || c == '$';
}
// ASCII only, as in a UTF-8 database; the server's single-byte locales fold more, and there one quotes.
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

class Scanner {
public:
    explicit constexpr Scanner(std::string_view text) noexcept : text_(text) {}

    [[nodiscard]] Token next() noexcept
    {
        while (at_ < text_.size() && is_blank(text_[at_]))
            at_++;
        if (at_ == text_.size())
            return of_kind(TokenKind::end);
        switch (text_[at_]) {
            case '.': return punctuation(TokenKind::dot);
            case ',': return punctuation(TokenKind::comma);
            case '(': return punctuation(TokenKind::open);
            case ')': return punctuation(TokenKind::close);
            case '*': return punctuation(TokenKind::star);
            case '"': return quoted();
            default:  return starts_identifier(text_[at_]) ? unquoted() : bad(NameError::syntax, at_);
        }
    }

private:
    [[nodiscard]] Token of_kind(TokenKind kind) const noexcept { return {kind, at_, NameError::none, {}}; }
    [[nodiscard]] static Token bad(NameError error, std::size_t position) noexcept
    {
        return {TokenKind::bad, position, error, {}};
    }
    [[nodiscard]] Token punctuation(TokenKind kind) noexcept
    {
        const Token token = of_kind(kind);
        at_++;
        return token;
    }

    [[nodiscard]] Token unquoted() noexcept
    {
        Token token = of_kind(TokenKind::identifier);
        std::size_t length = 0;
        for (; at_ < text_.size() && continues_identifier(text_[at_]); at_++) {
            if (length == name_bytes - 1)
                return bad(NameError::too_long, token.position);
            token.name.text[length++] = lower(text_[at_]);
        }
        return token;
    }

    [[nodiscard]] Token quoted() noexcept
    {
        Token token = of_kind(TokenKind::quoted);
        std::size_t length = 0;
        for (at_++; at_ < text_.size(); at_++) {
            if (text_[at_] == '"') {
                at_++;
                if (at_ == text_.size() || text_[at_] != '"')
                    return length > 0 ? token : bad(NameError::empty_identifier, token.position);
            }
            if (length == name_bytes - 1)
                return bad(NameError::too_long, token.position);
            token.name.text[length++] = text_[at_];
        }
        return bad(NameError::unterminated, token.position);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

// Kinds of objects that a later version guards, by the word or two that lead the name.
struct LaterKind {
    std::string_view first;
    std::string_view second; // empty: the first word suffices
};
constexpr std::array later_kinds{
    LaterKind{"function", ""},        LaterKind{"procedure", ""},     LaterKind{"routine", ""},
    LaterKind{"aggregate", ""},       LaterKind{"sequence", ""},      LaterKind{"type", ""},
    LaterKind{"domain", ""},          LaterKind{"role", ""},          LaterKind{"user", ""},
    LaterKind{"group", ""},           LaterKind{"server", ""},        LaterKind{"database", ""},
    LaterKind{"extension", ""},       LaterKind{"language", ""},      LaterKind{"tablespace", ""},
    LaterKind{"publication", ""},     LaterKind{"subscription", ""},  LaterKind{"index", ""},
    LaterKind{"large", "object"},     LaterKind{"foreign", "server"}, LaterKind{"foreign", "data"},
    LaterKind{"event", "trigger"},    LaterKind{"access", "method"},
};

class Parser {
public:
    Parser(std::string_view text, ObjectName *out) noexcept : scanner_(text), token_(scanner_.next()), out_(*out) {}

    [[nodiscard]] ParsedName parse() noexcept
    {
        if (token_.kind == TokenKind::end)
            return fail(NameError::empty);
        if (token_.kind == TokenKind::star)
            return everything();
        if (!token_.is_name())
            return unexpected();

        const Token first = take();
        switch (token_.kind) {
            case TokenKind::dot:  return after_schema(first.name, false);
            case TokenKind::end:  return alone(first);
            case TokenKind::open: return {NameError::not_qualified, first.position};
            default:              break;
        }
        return after_kind(first);
    }

private:
    Token take() noexcept
    {
        const Token taken = token_;
        token_ = scanner_.next();
        return taken;
    }
    [[nodiscard]] ParsedName fail(NameError error) const noexcept { return {error, token_.position}; }
    // The token that is here does not belong here; if it is broken in itself, that is what to say.
    [[nodiscard]] ParsedName unexpected() const noexcept
    {
        return fail(token_.kind == TokenKind::bad ? token_.error : NameError::syntax);
    }
    [[nodiscard]] ParsedName finish(ObjectKind kind) noexcept
    {
        if (token_.kind != TokenKind::end)
            return unexpected();
        out_.kind = kind;
        return {NameError::none, 0};
    }

    [[nodiscard]] ParsedName everything() noexcept // *.*
    {
        take();
        if (token_.kind != TokenKind::dot)
            return unexpected();
        take();
        if (token_.kind != TokenKind::star)
            return unexpected();
        take();
        return finish(ObjectKind::database);
    }

    [[nodiscard]] ParsedName alone(const Token &word) noexcept
    {
        if (word.is_word("database"))
            return finish(ObjectKind::database);
        return {word.is_word("server") ? NameError::later_kind : NameError::not_qualified, word.position};
    }

    // A word and then something that is neither a dot nor a list: the word must be the kind of what follows.
    [[nodiscard]] ParsedName after_kind(const Token &word) noexcept
    {
        if (!token_.is_name())
            return unexpected();
        for (const LaterKind &kind : later_kinds)
            if (word.is_word(kind.first) && (kind.second.empty() || token_.is_word(kind.second)))
                return {NameError::later_kind, word.position};
        if (word.is_word("schema")) {
            out_.schema = take().name;
            return finish(ObjectKind::schema);
        }
        if ((word.is_word("materialized") && token_.is_word("view")) ||
            (word.is_word("foreign") && token_.is_word("table")))
            take();
        else if (!word.is_word("table") && !word.is_word("view"))
            return unexpected();
        if (!token_.is_name())
            return unexpected();
        const Token schema = take();
        if (token_.kind == TokenKind::end || token_.kind == TokenKind::open)
            return {NameError::not_qualified, schema.position};
        if (token_.kind != TokenKind::dot)
            return unexpected();
        return after_schema(schema.name, true);
    }

    [[nodiscard]] ParsedName after_schema(const Name &schema, bool one_relation) noexcept
    {
        take(); // the dot
        out_.schema = schema;
        if (token_.kind == TokenKind::star && !one_relation) {
            take();
            return finish(ObjectKind::schema);
        }
        if (!token_.is_name())
            return unexpected();
        out_.relation = take().name;
        if (token_.kind != TokenKind::open)
            return finish(ObjectKind::relation);
        do {
            take(); // the parenthesis or a comma
            if (const std::optional<NameError> error = add_column())
                return fail(*error);
            take();
        } while (token_.kind == TokenKind::comma);
        if (token_.kind != TokenKind::close)
            return unexpected();
        take();
        return finish(ObjectKind::columns);
    }

    [[nodiscard]] std::optional<NameError> add_column() noexcept
    {
        if (!token_.is_name())
            return unexpected().error;
        for (std::size_t i = 0; i < out_.column_count; i++)
            if (out_.columns[i].view() == token_.name.view())
                return NameError::duplicate_column;
        if (out_.column_count == max_columns)
            return NameError::too_many_columns;
        out_.columns[out_.column_count++] = token_.name;
        return std::nullopt;
    }

    Scanner scanner_;
    Token token_;
    ObjectName &out_;
};

} // namespace

ParsedName parse_object_name(std::string_view text, ObjectName *out) noexcept
{
    *out = {};
    // First of all: inside a name a zero byte would silently cut it short.
    for (std::size_t i = 0; i < text.size(); i++)
        if (text[i] == '\0')
            return {NameError::zero_byte, i};
    const ParsedName parsed = Parser(text, out).parse();
    if (parsed.error != NameError::none)
        *out = {};
    return parsed;
}

const char *name_error_text(NameError e) noexcept
{
    switch (e) {
        case NameError::none:             return "The name is well formed";
        case NameError::empty:            return "The name is empty";
        case NameError::syntax:           break;
        case NameError::unterminated:     return "A quoted identifier has no closing quote";
        case NameError::empty_identifier: return "An identifier between quotes is empty";
        case NameError::too_long:         return "An identifier is longer than 63 bytes";
        case NameError::not_qualified:    return "A table needs its schema: write schema.table";
        case NameError::too_many_columns: return "There are more than 100 columns";
        case NameError::duplicate_column: return "A column appears twice";
        case NameError::zero_byte:        return "The name contains a zero byte";
        case NameError::later_kind:       return "This version guards tables, views, materialized views, foreign "
                                                 "tables, their columns, schemas and the database, but not this "
                                                 "kind of object";
    }
    return "Write schema.table, schema.table(column, ...), schema.* or *.*, with double quotes around unusual names";
}
static_assert(max_columns == 100 && name_bytes == 64, "name_error_text() says these numbers");

} // namespace jit::core
