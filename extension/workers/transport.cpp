// transport.cpp: zone C. See transport.hpp. What libcurl calls touches nothing of the server and cannot raise.
#include "net/address.hpp"
#include "workers/curl.hpp"

#include "workers/transport_channel.hpp"

#include "pg/compat.hpp"

#include <csignal>
#include <pthread.h>

extern "C" {
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace jit::workers::transport {

namespace {

constexpr TimestampTz stall_ms = 30'000;  // of a stream that takes nothing
constexpr int most_sockets = 512;
constexpr long most_connections = 64;

struct Watched {
    curl_socket_t socket;
    int what; // CURL_POLL_*
};

constinit CURLM *multi = nullptr;
constinit Channel *channels = nullptr;
constinit Watched watched[most_sockets]{};
constinit int watched_count = 0;
constinit long timer_ms = -1; // what libcurl asked for when it was asked last
constinit TimestampTz timer_set = 0;

// ---- called by libcurl ----

extern "C" int jit_watch_socket(CURL *, curl_socket_t socket, int what, void *, void *)
{
    int at = 0;
    while (at < watched_count && watched[at].socket != socket)
        at++;
    if (what == CURL_POLL_REMOVE) {
        if (at < watched_count)
            watched[at] = watched[--watched_count];
        return 0;
    }
    if (at == most_sockets)
        return -1;
    if (at == watched_count)
        watched_count++;
    watched[at] = {socket, what};
    return 0;
}

extern "C" int jit_set_timer(CURLM *, long timeout_ms, void *)
{
    timer_ms = timeout_ms;
    timer_set = 0; // the time is taken outside
    return 0;
}

// ---- calling it ----

// libcurl resolves names in threads of its own, which inherit the signal mask: no handler of the server may run in one.
struct Quiet {
    sigset_t before;
};
void begin_quiet(Quiet *quiet)
{
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
        sigdelset(&all, own);
    (void) pthread_sigmask(SIG_SETMASK, &all, &quiet->before);
}
void end_quiet(const Quiet &quiet) { (void) pthread_sigmask(SIG_SETMASK, &quiet.before, nullptr); }

void act(curl_socket_t socket, int events)
{
    Quiet quiet;
    int running = 0;
    begin_quiet(&quiet);
    (void) curl.socket_action(multi, socket, events, &running);
    end_quiet(quiet);
    if (timer_set == 0)
        timer_set = GetCurrentTimestamp();
}

// They may hold a token, and libcurl only frees them.
void forget_headers(Channel *channel)
{
    for (curl_slist *header = channel->headers; header != nullptr; header = header->next)
        explicit_bzero(header->data, strlen(header->data));
    curl.list_free(channel->headers);
    channel->headers = nullptr;
}

void leave(Channel *channel)
{
    Quiet quiet;
    begin_quiet(&quiet);
    if (channel->added)
        (void) curl.remove(multi, channel->handle); // of a stream: says goodbye and closes it
    end_quiet(quiet);
    forget_headers(channel);
    channel->added = false;
    channel->open = false;
}

void end(Channel *channel, int status, bool mistaken, const char *error)
{
    channel->state = State::ended;
    channel->answer.status = status;
    channel->answer.mistaken = mistaken;
    strlcpy(channel->answer.error, error, sizeof(channel->answer.error));
}

bool is_mistake(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_ISSUER_ERROR;
}

void end_request(Channel *channel, CURLcode code)
{
    long status = 0;
    curl_off_t after = 0;
    (void) curl.getinfo(channel->handle, CURLINFO_RESPONSE_CODE, &status);
    if (curl.getinfo(channel->handle, CURLINFO_RETRY_AFTER, &after) == CURLE_OK)
        channel->answer.retry_after_s = after;
    const char *says = channel->detail[0] != '\0' ? channel->detail : curl.explain(code);
    if (channel->refused)
        end(channel, 0, true, psprintf("the address %s is not public, and jit_guard.courier_allow does not name it", channel->address));
    else if (code == CURLE_OK && !channel->whole)
        end(channel, 0, false, "the answer was cut short");
    else if (code == CURLE_OK || (channel->too_much && channel->wanted.empty() && status >= 200 && status < 300))
        end(channel, static_cast<int>(status), false, status >= 200 && status < 300 ? "" : psprintf("HTTP status %ld", status));
    else if (channel->too_much)
        end(channel, channel->wanted.empty() ? static_cast<int>(status) : 0, false, "the answer is too long");
    else
        end(channel, 0, is_mistake(code), says);
}

// Whoever closed a stream says so when it is read; else the last bytes would be taken for delivered.
bool is_closed(const Channel *channel)
{
    char ignored[512];
    size_t done = 0;
    const CURLcode code = curl.recv(channel->handle, ignored, sizeof(ignored), &done);
    return (code == CURLE_OK && done == 0) || (code != CURLE_OK && code != CURLE_AGAIN);
}

// Writes as much as the stream takes now.
void push(Channel *channel)
{
    size_t done = 0;
    const size_t before = channel->count;
    Quiet quiet;
    begin_quiet(&quiet);
    const bool closed = is_closed(channel);
    CURLcode code = CURLE_OK;
    while (!closed && code == CURLE_OK && channel->count > 0) {
        code = curl.send(channel->handle, channel->bytes, channel->count, &done);
        if (code == CURLE_OK) {
            channel->bytes += done;
            channel->count -= done;
        }
    }
    end_quiet(quiet);
    const TimestampTz now = GetCurrentTimestamp();
    if (channel->count < before)
        channel->stalls_at = TimestampTzPlusMilliseconds(now, stall_ms);
    if (channel->count == 0) {
        end(channel, 200, false, "");
    } else if (closed || (code != CURLE_OK && code != CURLE_AGAIN)) {
        leave(channel);
        end(channel, 0, false, closed ? "the connection was closed" : curl.explain(code));
    } else if (now >= channel->stalls_at) {
        leave(channel);
        end(channel, 0, false, "nothing was taken for 30 seconds");
    }
}

void begin_stream(Channel *channel)
{
    channel->open = true;
    channel->state = State::streaming;
    channel->stalls_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), stall_ms);
    push(channel);
}

void collect()
{
    int left = 0;
    while (CURLMsg *found = curl.info_read(multi, &left)) {
        if (found->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = found->data.result;
        for (Channel *channel = channels; channel != nullptr; channel = channel->next) {
            if (channel->handle != found->easy_handle)
                continue;
            if (channel->protocol == Protocol::tls && code == CURLE_OK) {
                begin_stream(channel);
                break;
            }
            end_request(channel, code);
            leave(channel);
            break;
        }
    }
}

bool is_anything_ended()
{
    for (const Channel *channel = channels; channel != nullptr; channel = channel->next)
        if (channel->state == State::ended)
            return true;
    return false;
}

long longest_wait(TimestampTz until)
{
    const TimestampTz now = GetCurrentTimestamp();
    TimestampTz first = until;
    if (timer_ms >= 0)
        first = smaller(first, TimestampTzPlusMilliseconds(timer_set, timer_ms));
    for (const Channel *channel = channels; channel != nullptr; channel = channel->next)
        if (channel->state == State::streaming)
            first = smaller(first, channel->stalls_at);
    constexpr int64 longest_ms = 3'600'000;
    if (first >= TimestampTzPlusMilliseconds(now, longest_ms))
        return longest_ms;
    return first <= now ? 0 : static_cast<long>((first - now + 999) / 1'000);
}

} // namespace

const char *open()
{
    if (multi != nullptr)
        return nullptr;
    if (const char *why = load_curl(); why != nullptr)
        return why;
    multi = curl.multi_init();
    if (multi == nullptr || curl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, jit_watch_socket) != CURLM_OK ||
        curl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, jit_set_timer) != CURLM_OK ||
        curl.multi_setopt(multi, CURLMOPT_MAXCONNECTS, most_connections) != CURLM_OK)
        return "libcurl cannot be used";
    return nullptr;
}

void allow(std::span<const net::Network> networks, const char *ca_file)
{
    request::allow(networks, ca_file);
    for (Channel *channel = channels; channel != nullptr; channel = channel->next) {
        channel->stale = true;
        if (channel->open && channel->state != State::streaming)
            leave(channel);
    }
}

Channel *make_channel()
{
    auto *channel = static_cast<Channel *>(MemoryContextAllocZero(TopMemoryContext, sizeof(Channel)));
    channel->handle = curl.easy_init();
    if (channel->handle == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errdetail("libcurl gives no handle.")));
    channel->next = channels;
    channels = channel;
    return channel;
}

void drop(Channel *channel)
{
    Channel **at = &channels;
    while (*at != channel)
        at = &(*at)->next;
    *at = channel->next;
    leave(channel);
    curl.cleanup(channel->handle);
    pfree(channel);
}

void send(Channel *channel, const Message &message)
{
    channel->answer = {};
    channel->bytes = message.bytes;
    channel->count = message.count;
    if (channel->open && !channel->stale && message.protocol == Protocol::tls && !is_closed(channel)) { // else it is made anew
        begin_stream(channel);
        return;
    }
    leave(channel);
    channel->stale = false;
    channel->protocol = message.protocol;
    channel->received = 0;
    channel->wanted = message.answer;
    channel->too_much = channel->refused = channel->whole = false;
    channel->detail[0] = channel->address[0] = '\0';
    channel->state = State::connecting;
    if (!request::prepare(channel, message) || curl.add(multi, channel->handle) != CURLM_OK) {
        end(channel, 0, true, "this libcurl does not do what jit_guard needs of it");
        return;
    }
    channel->added = true;
    act(CURL_SOCKET_TIMEOUT, 0);
    collect();
}

bool is_busy(const Channel *channel) { return channel->state == State::connecting || channel->state == State::streaming; }

bool take(Channel *channel, Answer *answer)
{
    if (channel->state != State::ended)
        return false;
    *answer = channel->answer;
    channel->state = State::idle;
    return true;
}

bool wait(TimestampTz until)
{
    for (;;) {
        if (timer_ms >= 0 && TimestampTzPlusMilliseconds(timer_set, timer_ms) <= GetCurrentTimestamp()) {
            timer_ms = -1;
            act(CURL_SOCKET_TIMEOUT, 0);
            collect();
        }
        // The set is made anew each time: libcurl closes sockets without asking, and their numbers come again.
        WaitEventSet *set = pg::compat::make_wait_set(watched_count + 64 + 2);
        AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
        AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
        for (int i = 0; i < watched_count; i++) {
            const uint32 events = ((watched[i].what & CURL_POLL_IN) != 0 ? WL_SOCKET_READABLE : 0u) |
                                  ((watched[i].what & CURL_POLL_OUT) != 0 ? WL_SOCKET_WRITEABLE : 0u);
            if (events != 0)
                AddWaitEventToSet(set, events, watched[i].socket, nullptr, nullptr);
        }
        int streams = 0;
        for (Channel *channel = channels; channel != nullptr && streams < 64; channel = channel->next) {
            curl_socket_t socket = CURL_SOCKET_BAD;
            if (channel->state == State::streaming && curl.getinfo(channel->handle, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
                socket != CURL_SOCKET_BAD) {
                AddWaitEventToSet(set, WL_SOCKET_WRITEABLE, socket, nullptr, channel);
                streams++;
            }
        }
        WaitEvent found[16];
        const long left = is_anything_ended() ? 0 : longest_wait(until);
        const int count = WaitEventSetWait(set, left, found, lengthof(found), PG_WAIT_EXTENSION);
        FreeWaitEventSet(set);
        bool latched = false;
        for (int i = 0; i < count; i++) {
            if ((found[i].events & WL_LATCH_SET) != 0)
                latched = true;
            else if (found[i].user_data != nullptr)
                continue; // below
            else
                act(found[i].fd, ((found[i].events & WL_SOCKET_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                                     ((found[i].events & WL_SOCKET_WRITEABLE) != 0 ? CURL_CSELECT_OUT : 0));
        }
        collect();
        for (Channel *channel = channels; channel != nullptr; channel = channel->next)
            if (channel->state == State::streaming)
                push(channel);
        if (latched)
            ResetLatch(MyLatch);
        if (latched || is_anything_ended() || GetCurrentTimestamp() >= until)
            return latched;
    }
}

} // namespace jit::workers::transport
