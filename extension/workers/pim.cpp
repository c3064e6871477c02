// pim.cpp: zone C. See pim.hpp. What is asked of Microsoft Graph. One group at a time: its list, page by page, then the request behind each activation that is new here. Only
// when all of it was heard does anything change.
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/graph.hpp"
#include "net/url.hpp"

#include "workers/pim.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/settings.hpp"
#include "workers/azure_identity.hpp"
#include "workers/pim_book.hpp"
#include "workers/transport.hpp"

extern "C" {
#include "common/pg_prng.h"
}

namespace jit::workers::pim {

namespace graph = net::graph;
namespace settings = pg::settings;

namespace {

constexpr size_t answer_bytes = 1 << 20;
constexpr int most_pages = 50;
constexpr int most_activations = 200; // of a group at a time
constexpr const char *path = "/v1.0/identityGovernance/privilegedAccess/group/";

constinit transport::Channel *channel = nullptr;
constinit char *answer = nullptr;
constinit char link[net::longest_url + 1] = {};
constinit Found *found = nullptr;

// The look that is under way.
enum class Step : uint8 { none, list, request };
constinit Step step = Step::none;
constinit Group *current = nullptr;
constinit int pages = 0, count = 0, at = 0;
constinit bool is_sent = false;
constinit unsigned token_number = 0;
constinit TimestampTz heard_at = 0;

TimestampTz now() { return GetCurrentTimestamp(); }
TimestampTz after(int64 ms) { return TimestampTzPlusMilliseconds(now(), ms); }

TimestampTz next_look(const Group &group)
{
    const int64 interval = group.has_waiting ? larger(settings::pim_interval_ms / 4, 1'000) : settings::pim_interval_ms;
    return after(interval - interval / 8 + static_cast<int64>(pg_prng_uint32(&pg_global_prng_state) % static_cast<uint32>(interval / 4 + 1)));
}

void conclude()
{
    step = Step::none;
    book::settle(current, {found, static_cast<size_t>(count)}, heard_at);
    current->failures = 0;
    current->next = next_look(*current);
    current = nullptr;
}

void give_up(net::Verdict verdict, int64 asked_s, const char *why)
{
    step = Step::none;
    if (current->failures < PG_INT32_MAX)
        current->failures++;
    const auto dice = static_cast<uint32>(pg_prng_uint32(&pg_global_prng_state));
    current->next = after(net::wait_ms(verdict, static_cast<unsigned>(current->failures), asked_s, dice));
    if (current->failures == 1)
        ereport(LOG, (errmsg("jit_guard: activations of group %s in PIM cannot be seen: %s", current->id, why)));
    book::note_failure(current, why);
    current = nullptr;
}

// ---- asking ----

const char *resource() { return settings::graph_url; }

// False: its credential is on the way.
bool send(const char *url)
{
    const azure::Token token = azure::token(resource());
    switch (token.state) {
        case azure::State::ready:
            break;
        case azure::State::waits:
            return false;
        case azure::State::failed:
            give_up(token.mistaken ? net::Verdict::mistaken : net::Verdict::later, 0, token.why);
            return true;
    }
    token_number = token.number;
    auto **headers = static_cast<const char **>(palloc0(sizeof(char *) * 4));
    headers[0] = token.header;
    headers[1] = "Accept: application/json";
    transport::Message message{};
    message.url = url;
    message.protocol = strncmp(url, "http:", 5) == 0 ? transport::Protocol::loopback_http : transport::Protocol::https;
    message.headers = headers;
    message.method = transport::Method::get;
    message.answer = {answer, answer_bytes};
    transport::send(channel, message);
    is_sent = true;
    return true;
}

const char *list_url() { return psprintf("%s%sassignmentScheduleInstances?$filter=groupId%%20eq%%20%%27%s%%27", settings::graph_url, path, current->id); }

void take_list(const core::json::Value &document)
{
    core::json::Value list{};
    core::json::Value item{};
    if (!graph::read_page(document, &list)) {
        give_up(net::Verdict::later, 0, "the answer is no list");
        return;
    }
    const int64 unix_now = pg::evidence::unix_micros(now());
    core::json::Items items{list};
    while (items.next(&item)) {
        Found one{};
        if (!graph::read_activation(item, current->id, unix_now, &one.activation) || book::find({found, static_cast<size_t>(count)}, one.activation.schedule.data()) != nullptr)
            continue;
        if (count == most_activations) {
            give_up(net::Verdict::mistaken, 0, psprintf("more than %d activations at a time", most_activations));
            return;
        }
        one.is_settled = book::has(current->settled, one.activation.schedule.data());
        found[count++] = one;
    }
    size_t length = 0;
    switch (graph::next_page(document, settings::graph_url, {link, sizeof(link) - 1}, &length)) {
        case graph::Next::none:
            link[0] = '\0';
            heard_at = now();
            step = Step::request;
            at = 0;
            break;
        case graph::Next::here:
            link[length] = '\0';
            if (++pages >= most_pages)
                give_up(net::Verdict::mistaken, 0, psprintf("the list has more than %d pages", most_pages));
            break;
        case graph::Next::elsewhere:
            give_up(net::Verdict::mistaken, 0, "the list goes on at another host");
            break;
    }
}

void take_answer(const transport::Answer &got)
{
    if (got.status == 401)
        azure::refuse(resource(), token_number);
    if (got.mistaken || got.status != 200) {
        const net::Verdict verdict = got.mistaken ? net::Verdict::mistaken : net::judge(got.status);
        // A request that Graph does not show explains nothing; the others still count.
        if (step == Step::request && got.status == 404) {
            at++;
            return;
        }
        give_up(verdict == net::Verdict::later ? verdict : net::Verdict::mistaken, got.retry_after_s,
                got.error[0] != '\0' ? got.error : psprintf("HTTP status %d", got.status));
        return;
    }
    const core::json::Value document = core::json::parse({answer, got.bytes});
    if (document.kind != core::json::Kind::object) {
        give_up(net::Verdict::later, 0, "the answer is no JSON");
        return;
    }
    if (step == Step::list) {
        take_list(document);
        return;
    }
    Found *one = &found[at++];
    one->is_explained = graph::read_why(document, current->id, one->activation, &one->why);
}

// The next message of the look, or its end. False: nothing can be done now.
bool go_on()
{
    if (step == Step::list)
        return send(link[0] != '\0' ? pstrdup(link) : list_url());
    while (at < count && found[at].is_settled)
        at++;
    if (at < count)
        return send(psprintf("%s%sassignmentScheduleRequests/%s", settings::graph_url, path, found[at].activation.request.data()));
    conclude();
    return true;
}

void prepare()
{
    answer = static_cast<char *>(MemoryContextAlloc(book::memory(), answer_bytes));
    found = static_cast<Found *>(MemoryContextAllocHuge(book::memory(), sizeof(Found) * most_activations));
    channel = transport::make_channel();
}

} // namespace

bool read_groups()
{
    const bool any = book::read_groups();
    if (any && channel == nullptr)
        prepare();
    if (step != Step::none && !book::is_known(current)) {
        step = Step::none;
        current = nullptr;
    }
    return any;
}

void forget_groups()
{
    book::forget_groups();
    step = Step::none;
    current = nullptr;
}

TimestampTz work()
{
    for (;;) {
        if (is_sent) {
            transport::Answer got{};
            if (!transport::take(channel, &got))
                return DT_NOEND;
            is_sent = false;
            if (step != Step::none)
                take_answer(got);
            continue;
        }
        if (step == Step::none) {
            current = book::next();
            if (current == nullptr)
                return DT_NOEND;
            if (current->next > now())
                return current->next;
            step = Step::list;
            pages = count = at = 0;
            link[0] = '\0';
        }
        if (!go_on())
            return DT_NOEND; // for a credential
    }
}

} // namespace jit::workers::pim
