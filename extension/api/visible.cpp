// visible.cpp: zone C. Whom a request concerns. To everybody else it is as if it did not exist: its number alone would tell
// who asked, and under which policy.
#include "api/deciders.hpp"
#include "api/requests.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/switches.hpp"

namespace jit::api::requests {

namespace membership = pg::membership;
namespace session = pg::session;

// One answer for both.
void refuse_unknown(core::RequestId id)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no request " INT64_FORMAT " that concerns you", id),
                    errdetail("You are connected as \"%s\"; SET ROLE and superuser rights do not change that.",
                              session::role_name(session::person())),
                    errhint("SELECT * FROM jit.my_requests; or SELECT * FROM jit.pending; shows the numbers.")));
    pg_unreachable();
}

bool is_visible(const Request &request)
{
    const Oid person = session::person();
    if (request.person == person || membership::is_auditor(person) || pg::switches::off("visible_requests"))
        return true;
    Terms policy{};
    return terms::load(request.policy_id, terms::Lock::none, &policy) &&
           deciders::decides(policy, person, deciders::live_delegations(clock()).view());
}

void require_visible(core::RequestId id, Request *out)
{
    require(id, out);
    if (!is_visible(*out))
        refuse_unknown(id);
}

} // namespace jit::api::requests
