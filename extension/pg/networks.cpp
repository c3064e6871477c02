// networks.cpp: zone C. See networks.hpp. The address of a session never changes, so the answer holds as long as the list.

#include "core/network.hpp"

#include "pg/networks.hpp"

#include "pg/session.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "libpq/libpq-be.h"
#include "utils/inet.h"
}

#include <netinet/in.h>
#include <sys/socket.h>

namespace jit::pg::networks {

namespace {

struct Elements {
    Datum *items;
    int count;
};

Elements elements_of(Datum list)
{
    Elements found = {nullptr, 0};
    bool *nulls = nullptr;
    deconstruct_array(DatumGetArrayTypeP(list), CIDROID, -1, false, TYPALIGN_INT, &found.items, &nulls, &found.count);
    for (int i = 0; i < found.count; i++)
        if (nulls[i]) // what says nothing serves nobody
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("networks must not contain null")));
    return found;
}

core::Network network_of(Datum item)
{
    const inet *value = DatumGetInetPP(item);
    core::Network network = {ip_family(value) == PGSQL_AF_INET6, static_cast<std::uint8_t>(ip_bits(value)), {}};
    memcpy(network.bytes.data(), ip_addr(value), network.v6 ? 16 : 4);
    return network;
}

bool contained(const Elements &list, const core::Network &address)
{
    for (int i = 0; i < list.count; i++)
        if (core::contains(network_of(list.items[i]), address))
            return true;
    return false;
}

} // namespace

bool serve_client(Datum list)
{
    if (switches::off("networks"))
        return true;
    const Elements elements = elements_of(list);
    if (elements.count == 0)
        return true;
    if (MyProcPort == nullptr)
        return false;
    const sockaddr_storage *from = &MyProcPort->raddr.addr;
    core::Network address = {false, 32, {}};
    switch (from->ss_family) {
        case AF_UNIX:
            return contained(elements, core::loopback_v4) || contained(elements, core::loopback_v6);
        case AF_INET:
            memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in *>(from)->sin_addr, 4);
            return contained(elements, address);
        case AF_INET6:
            address.v6 = true;
            address.bits = 128;
            memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6 *>(from)->sin6_addr, 16);
            return contained(elements, address);
        default:
            return false;
    }
}

const char *client_text()
{
    if (MyProcPort == nullptr)
        return "no client";
    const char *address = session::client_addr();
    return address != nullptr ? address : "a unix socket, which counts as 127.0.0.1 and ::1";
}

char *list_text(Datum list)
{
    const Elements elements = elements_of(list);
    if (elements.count == 0)
        return pstrdup(""); // nearly always, and kept by every session
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < elements.count; i++)
        appendStringInfo(&text, "%s%s", i > 0 ? ", " : "",
                         DatumGetCString(DirectFunctionCall1(cidr_out, elements.items[i])));
    return text.data;
}

} // namespace jit::pg::networks
