// parameters.cpp: zone C. See parameters.hpp.

#include "pg/parameters.hpp"

#include "pg/json.hpp"
#include "pg/switches.hpp"
#include "pg/token_text.hpp"

extern "C" {
#include "access/transam.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
}

namespace jit::pg::parameters {

namespace {

// Has the type an output function that calls none of a type that somebody made?
bool is_servers_own(Oid type)
{
    return OidIsValid(type) && type < FirstNormalObjectId && type != RECORDOID && type != RECORDARRAYOID;
}

const char *text_of(const ParamExternData &parameter)
{
    const Oid type = getBaseType(parameter.ptype);
    if (!is_servers_own(type))
        return psprintf("(a value of type %s)", format_type_be(parameter.ptype));
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    char *text = OidOutputFunctionCall(output, parameter.value);
    if (!switches::off("record_tokens"))
        (void)token_text::redact(text); // before it is cut
    const auto length = static_cast<int>(strlen(text));
    if (length <= longest_value)
        return text;
    text[pg_mbcliplen(text, length, longest_value)] = '\0';
    return psprintf("%s... (%d bytes)", text, length);
}

} // namespace

char *as_json(ParamListInfo parameters)
{
    // Variables of a procedural language are fetched one by one; a client's parameters are all there.
    if (parameters == nullptr || parameters->numParams <= 0 || parameters->paramFetch != nullptr)
        return nullptr;
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 0; i < parameters->numParams; i++) {
        const ParamExternData &parameter = parameters->params[i];
        const bool is_unused = !OidIsValid(parameter.ptype);
        appendStringInfoChar(&out, i == 0 ? '[' : ',');
        appendStringInfoString(&out, parameter.isnull || is_unused ? "null" : json::quoted(text_of(parameter)));
    }
    appendStringInfoChar(&out, ']');
    return out.data;
}

} // namespace jit::pg::parameters
