// quorum.cpp: zone C. Are there people enough to decide under a policy?
#include "core/quorum.hpp"

#include "api/stages.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql login_roles{"SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolcanlogin ORDER BY a.rolname", 0, {}};

[[noreturn]] void bad_quorum(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

// The stages in which a person may decide. The escalation group does not count: whoever it is for may never come.
core::Stages stages_of(Oid person, const Terms &terms)
{
    core::Stages may = 0;
    for (int i = 1; i <= stages::count(terms); i++)
        if (membership::is_member_of_any(person, stages::at(terms, i).approvers.view()))
            may |= 1u << (i - 1);
    return may;
}

// "2 of 3 people in stage 1, 1 of 1 in stage 2"
char *counts(const Terms &terms, std::span<const Oid> people)
{
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 1; i <= stages::count(terms); i++) {
        int may = 0;
        for (const Oid one : people)
            may += membership::is_member_of_any(one, stages::at(terms, i).approvers.view()) ? 1 : 0;
        appendStringInfo(&out, "%sstage %d needs %d and has %d", i > 1 ? ", " : "", i, stages::at(terms, i).approvals, may);
    }
    return out.data;
}

} // namespace

Roles people_who_log_in()
{
    const auto rows = static_cast<Size>(spi::execute(login_roles, {}));
    Roles people{static_cast<Oid *>(palloc(sizeof(Oid) * (rows + 1))), static_cast<int>(rows)};
    for (Size i = 0; i < rows; i++) {
        bool is_null = false;
        people.oids[i] = DatumGetObjectId(spi::value(i, 1, &is_null));
    }
    return people;
}

Roles approvers_of(const Terms &policy, Oid person)
{
    Roles people = people_who_log_in();
    int kept = 0;
    for (const Oid one : people.view())
        if (one != person && membership::is_member_of_any(one, policy.approvers.view()))
            people.oids[kept++] = one;
    people.count = kept;
    return people;
}

namespace terms {

void check_quorum(const Terms &terms)
{
    if (terms.approvals < 0 || terms.approvals > 100)
        bad_quorum("approvals is out of range", psprintf("It is %d.", terms.approvals), "Use 0 (automatic) to 100.");
    if (terms.approvals == 0)
        return;
    if (terms.approvers.count == 0)
        bad_quorum("a policy needs approvers", psprintf("approvals is %d, and nobody may give one.", terms.approvals),
                   "Give approvers => '{role}', or approvals => 0 for automatic approval.");

    int32 needs[core::max_stages] = {};
    for (int i = 1; i <= stages::count(terms); i++)
        needs[i - 1] = stages::at(terms, i).approvals;
    core::Quorum quorum{};
    quorum.begin(needs, static_cast<unsigned>(stages::count(terms)));
    const Roles people = people_who_log_in();
    int approvers = 0; // of the first stage
    for (const Oid one : people.view()) {
        const core::Stages may = stages_of(one, terms);
        quorum.add(may);
        approvers += (may & 1u) != 0 ? 1 : 0;
    }
    int eligible = 0;
    int stuck = 0; // eligible people for whom too few others may approve
    auto *stuck_people = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(people.count + 1)));
    for (const Oid one : people.view()) {
        if (!membership::is_member_of_any(one, terms.eligible.view()))
            continue;
        eligible++;
        if (!quorum.met(stages_of(one, terms)))
            stuck_people[stuck++] = one;
    }
    if (!quorum.met(0) || (eligible > 0 && stuck == eligible))
        bad_quorum("the approvers can never be enough",
                   terms.stage_count == 0
                       ? psprintf("Approvals needed: %d. Members of the approvers who can log in: %d. Nobody approves their own "
                                  "request.",
                                  terms.approvals, approvers)
                       : psprintf("Members who can log in: %s. One person counts in one stage only, and nobody approves their "
                                  "own request.",
                                  counts(terms, people.view())),
                   "Add members to the approvers, name more roles, or ask for fewer approvals.");
    if (stuck > 0)
        ereport(NOTICE, (errmsg("some eligible people can never be approved"),
                         errdetail("Too few others may approve for: %s.",
                                   role_list({stuck_people, static_cast<std::size_t>(stuck)})),
                         errhint("Add members to the approvers.")));
}

} // namespace terms

} // namespace jit::api
