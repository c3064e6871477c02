// finish.cpp: zone C. jit.cancel, jit.release and jit.revoke: the ways out before the deadline.
#include "api/deciders.hpp"
#include "api/extension.hpp"
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "pg/journal.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace journal = pg::journal;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

void require_own(const Request &request, const char *what)
{
    if (request.person != session::person())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("request " INT64_FORMAT " is not yours to %s", request.id, what),
                        errdetail("It is \"%s\" who asked; you are connected as \"%s\".", session::role_name(request.person),
                                  session::role_name(session::person())),
                        errhint("An approver can use jit.deny() or jit.revoke().")));
}

void cancel(core::RequestId id)
{
    Request request{};
    requests::require_visible(id, &request);
    require_own(request, "cancel");
    requests::require_locked(id, &request);
    const core::Transition to = requests::require_step(request, core::Event::cancel);
    requests::move(request, to, clock(), {});
    (void) requests::remove_approval(id);
    journal::event("cancelled", id, request.policy, request.person, nullptr);
    session::propose_wake();
}

void release(core::RequestId id)
{
    Request request{};
    requests::require_visible(id, &request);
    require_own(request, "release");
    requests::require_locked(extension::right_of(id), &request);
    requests::end(request, core::Event::release, "released", nullptr);
}

void require_revoker(const Request &request)
{
    if (membership::is_admin(session::person()))
        return;
    Terms policy{};
    if (terms::load(request.policy_id, terms::Lock::none, &policy) &&
        deciders::decides(policy, session::person(), deciders::live_delegations(clock()).view()))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("request " INT64_FORMAT " is not yours to revoke", request.id),
                    errdetail("Approvers of policy \"%s\" and members of jit_admin may; you are connected as \"%s\".",
                              request.policy, session::role_name(session::person())),
                    request.person == session::person() ? errhint("Use jit.release() to give your own right back.")
                                                        : errhint("Ask one of the approvers.")));
}

void revoke(core::RequestId id, const char *reason)
{
    check_text("reason", reason, max_comment_chars);
    Request request{};
    requests::require_visible(id, &request);
    require_revoker(request);
    requests::seize(extension::right_of(id), &request);
    requests::end(request, core::Event::revoke, "revoked", reason);
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_cancel(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_cancel);
PGDLLEXPORT Datum jit_release(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_release);
PGDLLEXPORT Datum jit_revoke(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_revoke);
}

Datum jit_cancel(PG_FUNCTION_ARGS)
{
    require_writer("jit.cancel()");
    require_own_call("jit.cancel()");
    const core::RequestId id = request_argument(fcinfo);
    spi::connect();
    cancel(id);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_release(PG_FUNCTION_ARGS)
{
    require_writer("jit.release()");
    require_own_call("jit.release()");
    const core::RequestId id = request_argument(fcinfo);
    spi::connect();
    release(id);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_revoke(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.revoke()");
    const core::RequestId id = request_argument(fcinfo);
    const char *reason = text_argument(fcinfo, 1);
    spi::connect();
    revoke(id, reason);
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
