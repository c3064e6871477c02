// object_name.cpp: zone P. A scanner for PostgreSQL's tokens and a parser of one look-ahead token over it.
// Strict, because what it reads becomes a guard: a name that could mean two things is an error.
#include "core/object_name.hpp"

#include <optional>

namespace jit::core {
namespace {

enum class TokenKind : std::uint8_t { end, identifier, quoted, number, dot, comma, open, close, star, bad };

struct Token {
    TokenKind kind;
    std::size_t position;
    NameError error; // for bad: what is wrong with it
    Name name;       // for identifier and quoted
    std::uint64_t number; // for number; more than 32 bits when it is too large

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
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool continues_identifier(char c) noexcept { return starts_identifier(c) || is_digit(c) || c == '$'; }
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
            default:  break;
        }
        if (is_digit(text_[at_]))
            return number();
        return starts_identifier(text_[at_]) ? unquoted() : bad(NameError::syntax, at_);
    }

    // From behind an opening parenthesis to behind the one that closes it; what lies between is not looked at, but
    // for quotes.
    [[nodiscard]] bool skip_list() noexcept
    {
        bool in_quotes = false;
        for (int depth = 1; at_ < text_.size(); at_++) {
            const char c = text_[at_];
            in_quotes ^= c == '"';
            if (in_quotes)
                continue;
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (depth == 0) {
                at_++;
                return true;
            }
        }
        return false;
    }

private:
    [[nodiscard]] Token of_kind(TokenKind kind) const noexcept { return {kind, at_, NameError::none, {}, 0}; }
    [[nodiscard]] static Token bad(NameError error, std::size_t position) noexcept
    {
        return {TokenKind::bad, position, error, {}, 0};
    }
    [[nodiscard]] Token punctuation(TokenKind kind) noexcept
    {
        const Token token = of_kind(kind);
        at_++;
        return token;
    }

    [[nodiscard]] Token number() noexcept
    {
        Token token = of_kind(TokenKind::number);
        for (; at_ < text_.size() && continues_identifier(text_[at_]); at_++) {
            if (!is_digit(text_[at_]))
                return bad(NameError::syntax, token.position);
            if (token.number <= UINT32_MAX)
                token.number = token.number * 10 + static_cast<unsigned>(text_[at_] - '0');
        }
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
    LaterKind{"user", ""},            LaterKind{"group", ""},         LaterKind{"extension", ""},
    LaterKind{"language", ""},        LaterKind{"tablespace", ""},    LaterKind{"publication", ""},
    LaterKind{"subscription", ""},    LaterKind{"index", ""},         LaterKind{"foreign", "server"},
    LaterKind{"foreign", "data"},     LaterKind{"event", "trigger"},  LaterKind{"access", "method"},
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
        return finish(ObjectKind::database_relations);
    }

    [[nodiscard]] ParsedName alone(const Token &word) noexcept
    {
        if (word.is_word("database"))
            return finish(ObjectKind::database);
        if (word.is_word("server"))
            return finish(ObjectKind::server);
        return {NameError::not_qualified, word.position};
    }

    [[nodiscard]] ParsedName named(Name ObjectName::*part, ObjectKind kind) noexcept
    {
        out_.*part = take().name;
        return finish(kind);
    }

    // schema.name, and the dot is still to come.
    [[nodiscard]] ParsedName qualified(ObjectKind kind) noexcept
    {
        out_.signature = token_.position;
        const Token schema = take();
        if (token_.kind == TokenKind::end || token_.kind == TokenKind::open)
            return {NameError::not_qualified, schema.position};
        if (token_.kind != TokenKind::dot)
            return unexpected();
        take();
        if (!token_.is_name())
            return unexpected();
        out_.schema = schema.name;
        out_.relation = take().name;
        if (kind != ObjectKind::function) {
            out_.signature = 0;
            return finish(kind);
        }
        if (token_.kind == TokenKind::end)
            return fail(NameError::no_arguments);
        if (token_.kind != TokenKind::open)
            return unexpected();
        if (!scanner_.skip_list())
            return unexpected();
        take(); // the parenthesis
        return finish(kind);
    }

    [[nodiscard]] ParsedName large_object() noexcept
    {
        take(); // "object"
        if (token_.kind != TokenKind::number)
            return unexpected();
        if (token_.number == 0 || token_.number > UINT32_MAX)
            return fail(NameError::bad_number);
        out_.number = static_cast<std::uint32_t>(take().number);
        return finish(ObjectKind::large_object);
    }

    // A word and then something that is neither a dot nor a list: the word must be the kind of what follows.
    [[nodiscard]] ParsedName after_kind(const Token &word) noexcept
    {
        if (!token_.is_name())
            return unexpected();
        for (const LaterKind &kind : later_kinds)
            if (word.is_word(kind.first) && (kind.second.empty() || token_.is_word(kind.second)))
                return {NameError::later_kind, word.position};
        if (word.is_word("schema"))
            return named(&ObjectName::schema, ObjectKind::schema);
        if (word.is_word("role"))
            return named(&ObjectName::relation, ObjectKind::role);
        if (word.is_word("database"))
            return named(&ObjectName::relation, ObjectKind::database);
        if (word.is_word("sequence"))
            return qualified(ObjectKind::sequence);
        if (word.is_word("type") || word.is_word("domain"))
            return qualified(ObjectKind::type);
        if (word.is_word("function") || word.is_word("procedure") || word.is_word("routine") || word.is_word("aggregate"))
            return qualified(ObjectKind::function);
        if (word.is_word("large") && token_.is_word("object"))
            return large_object();
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
            return finish(ObjectKind::schema_relations);
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
        case NameError::no_arguments:     return "A function needs the types of its arguments: write function "
                                                 "schema.name(type, ...), or () for none";
        case NameError::bad_number:       return "A large object has a number from 1 to 4294967295";
        case NameError::later_kind:       return "This version guards relations, sequences, functions, types, large "
                                                 "objects, schemas, roles, databases and the server, but not this "
                                                 "kind of object";
    }
    return "Write schema.table, schema.table(column, ...), schema.*, *.*, or the kind and the name, as in function "
           "schema.name(type), with double quotes around unusual names";
}
static_assert(max_columns == 100 && name_bytes == 64, "name_error_text() says these numbers");

} // namespace jit::core
