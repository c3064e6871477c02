// courier_notice.cpp: zone C. Messages to people. One about a request holds all that the decision needs, as things are now; when it is
// decided by now, there is none.
#include "core/notice.hpp"
#include "core/siem.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"

#include "workers/courier_mail.hpp"

#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "commands/dbcommands.h"
}

namespace jit::workers::courier::mail {

namespace notice = core::notice;
namespace siem = core::siem;
namespace spi = pg::spi;
using core::evidence::Tag;

namespace {

constexpr spi::Sql one_request{
    "SELECT r.state, r.person_name, r.policy, array_to_string(r.actions, ', '), array_to_string(r.objects, ', '), r.reason, r.ticket,"
    " r.duration, r.starts_at, r.pending_until, host(r.client_addr), r.application_name, r.policy_id, r.uses::text, r.rows::text,"
    " s.statement, r.pending_until <= clock_timestamp(), r.extends::text, r.review, r.ends_at, r.authn_id,"
    " r.pim_schedule IS NOT NULL, r.break_glass OR EXISTS (SELECT FROM jit.approvals a WHERE a.request_id = r.request_id"
    " AND (a.uses IS NOT NULL OR a.rows IS NOT NULL)) "
    "FROM jit.requests r LEFT JOIN jit.statements s ON s.request_id = r.request_id WHERE r.request_id = $1",
    1,
    {INT8OID}};

// What the same person asked for under the same policy before.
constexpr spi::Sql history{
    "SELECT count(*), count(*) FILTER (WHERE h.state IN ('approved', 'ended')), count(*) FILTER (WHERE h.state = 'denied'),"
    " count(*) FILTER (WHERE h.break_glass), max(h.requested_at) "
    "FROM jit.requests r JOIN jit.requests h ON h.person = r.person AND h.policy_id = r.policy_id AND h.request_id < r.request_id "
    "WHERE r.request_id = $1",
    1,
    {INT8OID}};

struct Draft {
    notice::Fact facts[notice::most_facts];
    size_t count;
    std::string_view calls[notice::most_calls];
    size_t call_count;
};

void add(Draft *draft, const char *title, std::string_view value)
{
    if (!value.empty() && draft->count < notice::most_facts)
        draft->facts[draft->count++] = {title, value};
}
void add(Draft *draft, const char *title, const char *value)
{
    if (value != nullptr)
        add(draft, title, std::string_view{value});
}

const char *time_text(uint64 row, int column)
{
    bool is_null = false;
    const Datum at = spi::value(row, column, &is_null);
    return is_null ? nullptr : api::when(DatumGetTimestampTz(at));
}

const char *history_of(core::RequestId id)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    (void) spi::execute(history, args);
    const int64 all = spi::int8_value(0, 1);
    if (all == 0)
        return "asks under this policy for the first time";
    return psprintf(INT64_FORMAT " earlier under this policy: " INT64_FORMAT " approved, " INT64_FORMAT " denied, " INT64_FORMAT
                                 " by broken glass; the last on %s",
                    all, spi::int8_value(0, 2), spi::int8_value(0, 3), spi::int8_value(0, 4), time_text(0, 5));
}

// Who can decide now, as jit.approve would let them.
const char *deciders_of(core::RequestId id, int32 policy_id)
{
    api::Terms policy{};
    if (!api::terms::load(policy_id, api::terms::Lock::none, &policy))
        return nullptr;
    const api::deciders::Case c = api::deciders::case_of(id, policy, GetCurrentTimestamp());
    int people = 0;
    const char *who = api::deciders::people_in(c, api::deciders::current_stage(c), &people);
    return people == 0 ? "nobody: see the policy's approvers" : who;
}

bool needs_decision(std::string_view name)
{
    return name == "requested" || name == "stage_reached" || name == "escalated" || name == "reminder";
}

// False: the request waits for nobody any more.
bool add_request(Draft *draft, core::RequestId id, std::string_view name)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    if (spi::execute(one_request, args) == 0)
        return !needs_decision(name);
    const bool waits = strcmp(spi::text(0, 1), "pending") == 0 && !spi::bool_value(0, 17);
    if (needs_decision(name) && !waits && !pg::switches::off("courier_decided"))
        return false;
    bool is_null = false;
    const int32 policy_id = DatumGetInt32(spi::value(0, 13, &is_null));
    const bool owes_review = strcmp(spi::text(0, 19), "awaiting") == 0;
    const char *policy = spi::text(0, 3);
    const bool from_pim = spi::bool_value(0, 22) && !pg::switches::off("ending_advice");
    const bool not_to_extend = spi::bool_value(0, 23) && !pg::switches::off("ending_advice");
    add(draft, "Who", spi::text(0, 2));
    add(draft, "Authenticated as", spi::text(0, 21));
    add(draft, "What", spi::text(0, 4));
    add(draft, "On what", spi::text(0, 5));
    add(draft, "Statement", spi::text(0, 16));
    add(draft, "Why", spi::text(0, 6));
    add(draft, "Ticket", spi::text(0, 7));
    add(draft, "How long", api::durations::text(DatumGetIntervalP(spi::value(0, 8, &is_null))));
    add(draft, "Starts at", time_text(0, 9));
    if (!waits)
        add(draft, "Until", time_text(0, 20));
    if (name == "ends_soon" && from_pim)
        add(draft, "For more time", "activate again in PIM, or ask here");
    add(draft, "Uses", spi::text(0, 14));
    add(draft, "Rows", spi::text(0, 15));
    add(draft, "Extends request", spi::text(0, 18));
    add(draft, "Policy", spi::text(0, 3));
    add(draft, "From address", spi::text(0, 11));
    add(draft, "With program", spi::text(0, 12));
    if (waits)
        add(draft, "Decide until", time_text(0, 10));
    add(draft, "History", history_of(id));
    // Text for people, who run it themselves.
    if (waits) {
        add(draft, "Who can decide", deciders_of(id, policy_id));
        draft->calls[draft->call_count++] = psprintf("SELECT jit.approve(" INT64_FORMAT ");", id);             // built SQL: to be copied
        draft->calls[draft->call_count++] = psprintf("SELECT jit.deny(" INT64_FORMAT ", 'your reason');", id); // built SQL: to be copied
    } else if (name == "ends_soon") {
        // What cannot be extended is asked for anew.
        draft->calls[draft->call_count++] =
            from_pim || not_to_extend
                ? psprintf("SELECT jit.request(%s, '30 min', 'your reason');", quote_literal_cstr(policy)) // built SQL: to be copied
                : psprintf("SELECT jit.extend(" INT64_FORMAT ", '30 min', 'your reason');", id); // built SQL: to be copied
    } else if (name == "break_glass") {
        draft->calls[draft->call_count++] = psprintf("SELECT jit.revoke(" INT64_FORMAT ", 'your reason');", id); // built SQL: to be copied
        if (owes_review)
            draft->calls[draft->call_count++] =
                psprintf("SELECT jit.review(" INT64_FORMAT ", 'justified', 'your comment');", id); // built SQL: to be copied
    }
    return true;
}

notice::Tone tone_of(siem::Severity severity, std::string_view name)
{
    if (severity == siem::Severity::critical)
        return notice::Tone::alarm;
    return needs_decision(name) || severity >= siem::Severity::medium ? notice::Tone::attention : notice::Tone::plain;
}

} // namespace

bool put_notice(Destination *destination, std::string_view record)
{
    const std::string_view name = core::cloud_event::name_of(record);
    const siem::Meaning &meaning = siem::meaning_of(name);
    const char *database = get_database_name(MyDatabaseId);
    Draft draft{};
    core::evidence::Field request{};
    const bool has_request = core::evidence::find(record, Tag::request_id, &request);
    if (has_request && !add_request(&draft, request.number(), name))
        return false;
    if (!has_request) {
        add(&draft, "Who", siem::text_of(record, Tag::person));
        add(&draft, "Policy", siem::text_of(record, Tag::policy));
        add(&draft, "What", siem::text_of(record, Tag::action));
        add(&draft, "On what", siem::text_of(record, Tag::object));
        add(&draft, "Statement", siem::text_of(record, Tag::statement));
        add(&draft, "Why", siem::text_of(record, Tag::why));
    }
    if (!needs_decision(name)) {
        add(&draft, "By", siem::text_of(record, Tag::actor));
        const std::string_view detail = siem::text_of(record, Tag::detail);
        if (detail != "{}")
            add(&draft, "Details", detail);
    }
    add(&draft, "Database", database);
    const auto says_size = static_cast<int>(meaning.says.size());
    const char *title = has_request ? psprintf("%.*s: request " INT64_FORMAT " in %s", says_size, meaning.says.data(), request.number(), database)
                                    : psprintf("%.*s in %s", says_size, meaning.says.data(), database);
    const notice::Notice all{tone_of(meaning.severity, name), title, {draft.facts, draft.count}, {draft.calls, draft.call_count}};
    Text out{&destination->bytes};
    if (destination->format == Format::blocks) {
        notice::put_slack(out, all);
        return true;
    }
    // Until Teams takes it: long values are cut shorter.
    const int start = destination->bytes.len;
    for (size_t clip = notice::first_clip_bytes;; clip /= 2) {
        destination->bytes.len = start;
        notice::put_card(out, all, clip);
        if (destination->bytes.len - start <= static_cast<int>(notice::card_bytes) || clip < 50)
            return true;
    }
}

} // namespace jit::workers::courier::mail
