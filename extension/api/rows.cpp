// rows.cpp: zone C. Rows of text into the server's tuple store.
#include "api/rows.hpp"

extern "C" {
#include "funcapi.h"
}

namespace jit::api::rows {

Rows begin(FunctionCallInfo fcinfo)
{
    InitMaterializedSRF(fcinfo, 0);
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    return {info->setResult, info->setDesc};
}

Rows begin_texts(FunctionCallInfo fcinfo)
{
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    return {info->setResult, info->setDesc};
}

void add(const Rows &rows, std::span<const char *const> values)
{
    Datum datums[max_columns] = {};
    bool nulls[max_columns] = {};
    Assert(values.size() <= max_columns);
    for (std::size_t i = 0; i < values.size(); i++) {
        nulls[i] = values[i] == nullptr;
        datums[i] = nulls[i] ? Datum{0} : CStringGetTextDatum(values[i]);
    }
    tuplestore_putvalues(rows.store, rows.descriptor, datums, nulls);
}

} // namespace jit::api::rows
