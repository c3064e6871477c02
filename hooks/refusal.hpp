// refusal.hpp: zone C. Says no: the error of DESIGN.md section 3, and its line in the record.
#pragma once

#include "hooks/judge.hpp"

namespace jit::hooks::refusal {

// Refuses, or in the case of a monitored finding only records that it would have. `statement` may be nullptr.
[[noreturn]] void refuse(const Finding &finding, const char *statement);
void record_only(const Finding &finding, const char *statement);

// The DETAIL and the HINT as values, for jit.check.
struct Text {
    const char *object; // payments.accounts, payments.accounts(iban)
    const char *detail;
    const char *hint;
};
[[nodiscard]] Text explain(const Finding &finding);

// WITH HOLD keeps rows beyond every check.
[[noreturn]] void refuse_held_cursor(const pg::memo::Guarded *guarded);
// A plan made before the approval existed does not show whose functions were folded into it.
[[noreturn]] void refuse_old_plan();
// A limit of rows appeared while the query was under way.
[[noreturn]] void refuse_uncounted_query();
// The next row, and none is left.
[[noreturn]] void refuse_row(Oid relid, core::RequestId request, core::PolicyId policy_id);
// A filter failed on a row when none was left.
[[noreturn]] void refuse_error_of_filter(Oid relid);

} // namespace jit::hooks::refusal
