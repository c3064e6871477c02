// session.cpp: zone C. Identity of the session and what its transaction proposes for its commit.

#include "pg/session.hpp"

#include "pg/catalog.hpp"
#include "pg/compat.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "common/ip.h"
#include "libpq/libpq-be.h"
}

namespace jit::pg::session {

int house_open = 0;
int executor_depth = 0;
int utility_depth = 0;
int planner_depth = 0;
int block_depth = 0;
Oid bare_function = InvalidOid;
constinit uint64 statement_number = 0;
constinit bool planned_ahead = false;
constinit const char *worker_name = nullptr;
constinit bool anything_proposed = false;

namespace {

// Proposals of the open transaction, newest last. A plain array: dropping some cannot fail.
struct Strike {
    core::RequestId request;
    TimestampTz until; // 0 = ended; else the new end
    bool shortens;
    SubTransactionId by;
};
constinit Strike *strikes = nullptr; // TopMemoryContext
constinit int strike_count = 0;
constinit int strike_room = 0;
constinit bool wake_proposed = false; // a wake too many costs nothing, so these are not tagged
constinit bool launcher_proposed = false;
constinit bool publication_proposed = false; // the same

} // namespace

Oid person() { return GetAuthenticatedUserId(); }

const char *authn_id() { return compat::authn_id(); }

char *client_addr()
{
    if (MyProcPort == nullptr)
        return nullptr;
    switch (MyProcPort->raddr.addr.ss_family) {
        case AF_INET:
        case AF_INET6:
            break;
        default:
            return nullptr;
    }
    char host[NI_MAXHOST];
    if (pg_getnameinfo_all(&MyProcPort->raddr.addr, MyProcPort->raddr.salen, host, sizeof(host), nullptr, 0,
                           NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return nullptr;
    if (char *zone = strchr(host, '%')) // an IPv6 zone is no part of an inet
        *zone = '\0';
    return pstrdup(host);
}

char *role_name(Oid role)
{
    char *name = GetUserNameFromId(role, true);
    return name != nullptr ? name : psprintf("role %u", role);
}

char *quoted_role_name(Oid role) { return pstrdup(quote_identifier(role_name(role))); }

void become_worker(const char *name) { worker_name = name; }

const char *actor() { return worker_name != nullptr ? worker_name : role_name(person()); }

void propose_wake() { anything_proposed = wake_proposed = true; }

void propose_launcher()
{
    anything_proposed = launcher_proposed = true;
    if (settings::in_control_database())
        propose_publication();
}

void propose_publication() { anything_proposed = publication_proposed = true; }

void propose_strike(core::RequestId request) { propose_retime(request, 0, false); }

void propose_retime(core::RequestId request, TimestampTz until, bool shortens)
{
    if (strike_count == strike_room) {
        const int room = strike_room == 0 ? 16 : strike_room * 2;
        const Size bytes = sizeof(Strike) * static_cast<Size>(room);
        strikes = static_cast<Strike *>(strikes == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                           : repalloc(strikes, bytes));
        strike_room = room;
    }
    strikes[strike_count++] = {request, until, shortens, GetCurrentSubTransactionId()};
    propose_wake();
}

void carry_out_proposals()
{
    // First: from here on nobody decides on what was published before.
    if (publication_proposed)
        shared::cluster::expect();
    for (int i = 0; i < strike_count; i++)
        if (strikes[i].until == 0)
            shared::strike(strikes[i].request);
        else
            shared::retime(strikes[i].request, strikes[i].until, strikes[i].shortens);
    if (wake_proposed) {
        shared::evidence::note_events();
        shared::wake();
    }
    if (launcher_proposed)
        shared::wake_launcher();
    proposals_aborted();
}

void proposals_aborted()
{
    strike_count = 0;
    wake_proposed = false;
    launcher_proposed = false;
    publication_proposed = false;
    anything_proposed = false;
}

void proposals_refuse_prepare()
{
    if (strike_count > 0 || wake_proposed || launcher_proposed || (publication_proposed && !switches::off("prepare_publication")))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot prepare a transaction that used functions of jit_guard"),
                        errdetail("What they changed takes effect at commit, in the session that made it."),
                        errhint("COMMIT it.")));
}

void proposals_subcommitted(SubTransactionId id, SubTransactionId parent)
{
    for (int i = 0; i < strike_count; i++)
        if (strikes[i].by == id)
            strikes[i].by = parent;
}

void proposals_subaborted(SubTransactionId id)
{
    int kept = 0;
    for (int i = 0; i < strike_count; i++)
        if (strikes[i].by != id)
            strikes[kept++] = strikes[i];
    strike_count = kept;
}

bool is_bare_call(Oid function)
{
    // A member of the extension: the same C function under a harmless name is not what somebody meant to call.
    return executor_depth == 1 && utility_depth == 0 && OidIsValid(bare_function) && bare_function == function &&
           catalog::presence() != catalog::Presence::absent &&
           getExtensionOfObject(ProcedureRelationId, function) == catalog::house().extension;
}

void require_bare_call(FunctionCallInfo fcinfo)
{
    const Oid function = fcinfo->flinfo->fn_oid;
    if (is_bare_call(function))
        return;
    const char *name = quote_identifier(get_func_name(function));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("jit.%s() can only be called by the client itself", name),
                    errdetail("A decision counts only as a top-level statement of its own, so that no view, trigger, "
                              "function, cursor or EXECUTE can decide in somebody's name."),
                    errhint("Send SELECT %sjit.%s(...) by itself, with constants or parameters.",
                            fcinfo->flinfo->fn_retset ? "* FROM " : "", name)));
}

} // namespace jit::pg::session
