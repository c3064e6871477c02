// secret_file.cpp: zone C. See secret_file.hpp.
#include "pg/secret_file.hpp"

#include "pg/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace jit::pg::secret_file {

const char *bad_name(const char *name)
{
    if (name[0] == '\0' || name[0] == '.')
        return "It is empty or begins with a dot.";
    if (strlen(name) >= NAMEDATALEN)
        return "It is longer than 63 bytes.";
    for (const char *letter = name; *letter != '\0'; letter++)
        if (isalnum(static_cast<unsigned char>(*letter)) == 0 && strchr("._-", *letter) == nullptr)
            return "It has something else than letters, digits, dots, dashes and underscores.";
    return nullptr;
}

const char *read(const char *name, char (&out)[most_bytes], size_t *count)
{
    if (const char *why = bad_name(name); why != nullptr)
        return psprintf("\"%s\" is no name of a file: %s", name, why);
    const char *path = psprintf("%s/%s", settings::courier_directory, name);
    struct stat found{};
    // A pipe would hold the process up.
    const int file = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
    if (file < 0)
        return psprintf("the file \"%s\" cannot be opened: %s", path, strerror(errno));
    const bool known = fstat(file, &found) == 0 && S_ISREG(found.st_mode);
    const ssize_t bytes = known ? ::read(file, out, sizeof(out)) : -1;
    (void) CloseTransientFile(file);
    if (bytes < 0)
        return psprintf("the file \"%s\" cannot be read", path);
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return psprintf("the permissions of the file \"%s\" let others read it; they must be 0600", path);
    if (bytes == static_cast<ssize_t>(sizeof(out)))
        return psprintf("the file \"%s\" is too long", path);
    *count = static_cast<size_t>(bytes);
    return nullptr;
}

} // namespace jit::pg::secret_file
