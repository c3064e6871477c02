// replication.cpp: zone C. Replication connections copy everything below the tables, and libraries that a connection's
// options name are loaded before its first statement. No other hook sees them: they are let in or turned away when they are
// authenticated.

#include "hooks/chain.hpp"
#include "hooks/cluster.hpp"
#include "hooks/cluster_words.hpp"
#include "hooks/switches.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/shared_standby.hpp"

extern "C" {
#include "replication/walsender.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timeout.h"
#include "utils/varlena.h"
}

namespace jit::hooks {

namespace {

using pg::settings::Replication;

// Is the person, or a role that he is a member of, named by jit_guard.replication_roles?
bool is_named(Oid person)
{
    char *names = pstrdup(pg::settings::replication_roles);
    List *list = NIL;
    if (!SplitIdentifierString(names, ',', &list))
        return false; // the setting's check refuses that
    ListCell *cell;
    foreach (cell, list)
        if (const Oid role = get_role_oid(static_cast<const char *>(lfirst(cell)), true);
            OidIsValid(role) && pg::membership::is_member(person, role))
            return true;
    return false;
}

[[noreturn]] void refuse(const char *action, const char *person, const char *detail, const char *hint)
{
    ereport(LOG, (errmsg("jit_guard: connection of \"%s\" was refused for %s: %s", person, action, detail)));
    ereport(FATAL, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s on the server needs a just-in-time approval", action), errdetail("%s", detail),
                    hint != nullptr ? errhint("%s", hint) : 0));
    pg_unreachable();
}

// No statement ends a replication connection, so its approval's end does.
extern "C" void jit_replication_is_over()
{
    ProcDiePending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

void end_at(TimestampTz until)
{
    if (until == core::never || switches::off("timers"))
        return;
    const TimeoutId timer = RegisterTimeout(USER_TIMEOUT, jit_replication_is_over);
    enable_timeout_at(timer, until);
}

void check(const Port *port)
{
    const Oid person = get_role_oid(port->user_name, true);
    if (!OidIsValid(person))
        return; // the server has its own error
    const bool named = is_named(person);
    cluster::Connection asked = {};
    if (pg::cluster::is_configured() && !named)
        asked = cluster::ask_for_connection(person, core::Action::replication);
    const cluster::Answer &answer = asked.answer;
    if (!core::allows(answer.verdict))
        refuse("REPLICATION", port->user_name, answer.detail, answer.hint);
    if (answer.verdict == core::Verdict::approved) {
        pg::shared::note_connection_use(answer.request, asked.control_database, answer.until);
        end_at(answer.until);
        return;
    }
    if (pg::settings::replication == static_cast<int>(Replication::exempt_only) && !named && answer.verdict != core::Verdict::exempt)
        refuse("REPLICATION", port->user_name, "jit_guard.replication is exempt_only, and neither jit_guard.replication_roles nor a policy lets "
                                "this role replicate.",
               "Name the role in jit_guard.replication_roles, or give it an approval of REPLICATION on server.");
}

// Does the startup packet name libraries to be loaded? Its options are split, unescaped and spelled as the server does it
// later: here a name that appears anywhere in them counts.
bool names_libraries(const Port *port)
{
    for (int i = 0; i + 1 < list_length(port->guc_options); i += 2)
        if (cluster_targets::is_preload_setting(static_cast<const char *>(list_nth(port->guc_options, i))))
            return true;
    if (port->cmdline_options == nullptr)
        return false;
    char *options = pstrdup(port->cmdline_options);
    char *to = options;
    for (const char *from = options; *from != '\0'; from++)
        if (*from != '\\')
            *to++ = *from == '-' ? '_' : static_cast<char>(pg_tolower(static_cast<unsigned char>(*from)));
    *to = '\0';
    return cluster_targets::mentions_preload_setting(options);
}

void check_libraries(const Port *port)
{
    if (!pg::cluster::is_configured() || !names_libraries(port))
        return;
    const Oid person = get_role_oid(port->user_name, true);
    if (!OidIsValid(person))
        return; // the server has its own error
    const cluster::Answer answer = cluster::ask_for_connection(person, core::Action::load).answer;
    if (!core::allows(answer.verdict))
        refuse("LOAD", port->user_name, answer.detail, answer.hint);
    if (answer.verdict == core::Verdict::approved)
        ereport(LOG, (errmsg("jit_guard: connection of \"%s\" names libraries to load under approval " INT64_FORMAT,
                             port->user_name, answer.request)));
}

} // namespace

void authentication(Port *port, int status)
{
    if (chain::authentication != nullptr)
        chain::authentication(port, status);
    if (status != STATUS_OK)
        return;
    if (!pg::settings::enabled) {
        if (am_walsender) // a standby may have it on
            pg::shared::standbys::seen();
        return;
    }
    if (am_walsender && !switches::off("replication"))
        check(port);
    if (am_walsender)
        pg::shared::standbys::seen();
    if ((port->cmdline_options != nullptr || port->guc_options != NIL) && !switches::off("startup_libraries"))
        check_libraries(port);
}

} // namespace jit::hooks
