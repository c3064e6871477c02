// curl.hpp: zone C. The functions of libcurl that the courier calls. The library is loaded by the courier and by nobody else: with it
// come thirty others, some of which run code when they are loaded, and none of that belongs into every session of the server.
#pragma once

#include <curl/curl.h>

namespace jit::workers {

struct Curl {
    decltype(&curl_global_init) global_init;
    decltype(&curl_easy_init) easy_init;
    decltype(&curl_easy_setopt) setopt;
    decltype(&curl_easy_getinfo) getinfo;
    decltype(&curl_easy_reset) reset;
    decltype(&curl_easy_cleanup) cleanup;
    decltype(&curl_easy_send) send;
    decltype(&curl_easy_recv) recv;
    decltype(&curl_easy_strerror) explain;
    decltype(&curl_slist_append) list_append;
    decltype(&curl_slist_free_all) list_free;
    decltype(&curl_multi_init) multi_init;
    decltype(&curl_multi_setopt) multi_setopt;
    decltype(&curl_multi_add_handle) add;
    decltype(&curl_multi_remove_handle) remove;
    decltype(&curl_multi_socket_action) socket_action;
    decltype(&curl_multi_info_read) info_read;
};

extern Curl curl; // after load_curl()

// nullptr, or why it cannot be loaded.
[[nodiscard]] const char *load_curl();

} // namespace jit::workers
