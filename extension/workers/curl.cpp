// curl.cpp: zone C. See curl.hpp.
#include "workers/curl.hpp"

#include "pg/server.hpp"

#include <dlfcn.h>

namespace jit::workers {

constinit Curl curl = {};

namespace {

constexpr const char *library_name = "libcurl.so.4"; // the name of its binary interface since 2006

template <class Function> bool find(void *library, const char *name, Function *out)
{
    *out = reinterpret_cast<Function>(dlsym(library, name));
    return *out != nullptr;
}

} // namespace

const char *load_curl()
{
    if (curl.global_init != nullptr)
        return nullptr;
    void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return pstrdup(dlerror());
    Curl found{};
    if (!find(library, "curl_global_init", &found.global_init) || !find(library, "curl_easy_init", &found.easy_init) ||
        !find(library, "curl_easy_setopt", &found.setopt) || !find(library, "curl_easy_getinfo", &found.getinfo) ||
        !find(library, "curl_easy_reset", &found.reset) || !find(library, "curl_easy_cleanup", &found.cleanup) ||
        !find(library, "curl_easy_send", &found.send) || !find(library, "curl_easy_recv", &found.recv) ||
        !find(library, "curl_easy_strerror", &found.explain) || !find(library, "curl_slist_append", &found.list_append) ||
        !find(library, "curl_slist_free_all", &found.list_free) || !find(library, "curl_multi_init", &found.multi_init) ||
        !find(library, "curl_multi_setopt", &found.multi_setopt) || !find(library, "curl_multi_add_handle", &found.add) ||
        !find(library, "curl_multi_remove_handle", &found.remove) ||
        !find(library, "curl_multi_socket_action", &found.socket_action) ||
        !find(library, "curl_multi_info_read", &found.info_read))
        return psprintf("%s lacks a function that jit_guard calls", library_name);
    if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return psprintf("%s cannot be initialised", library_name);
    curl = found;
    return nullptr;
}

} // namespace jit::workers
