// token_text.cpp: zone C. See token_text.hpp.
#include "core/token_text.hpp"

#include "pg/token_text.hpp"

namespace jit::pg::token_text {

bool redact(char *text)
{
    if (text == nullptr)
        return false;
    const Size before = strlen(text);
    const Size after = core::token_text::redact({text, before});
    text[after] = '\0';
    return after != before;
}

const char *without(const char *text)
{
    if (text == nullptr || core::token_text::find(text).empty())
        return text;
    char *copy = pstrdup(text);
    (void)redact(copy);
    return copy;
}

} // namespace jit::pg::token_text
