// key_file.cpp: zone C. See key_file.hpp.

#include "pg/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace jit::pg::key_file {

Read read(const char *path, std::span<char> room, Size *count)
{
    struct stat found {};
    *count = 0;
    const int file = OpenTransientFile(path, O_RDONLY | PG_BINARY);
    if (file < 0)
        return errno == ENOENT ? Read::absent : Read::failed;
    const bool known = fstat(file, &found) == 0;
    const ssize_t bytes = known ? ::read(file, room.data(), room.size()) : -1;
    const int why = errno;
    (void)CloseTransientFile(file);
    errno = why;
    if (bytes < 0)
        return Read::failed;
    *count = static_cast<Size>(bytes);
    return (found.st_mode & (S_IRWXG | S_IRWXO)) != 0 ? Read::open_to_others : Read::done;
}

bool make(const char *path, std::string_view text)
{
    char temporary[MAXPGPATH];
    snprintf(temporary, sizeof(temporary), "%s.tmp.%d", path, MyProcPid);
    (void)unlink(temporary);
    const int file = OpenTransientFilePerm(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, S_IRUSR | S_IWUSR);
    bool done = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                pg_fsync(file) == 0;
    if (file >= 0)
        (void)CloseTransientFile(file);
    done = done && (link(temporary, path) == 0 || errno == EEXIST);
    const int why = errno;
    (void)unlink(temporary);
    errno = why;
    if (done) { // its name is in the folder, which may be outside of the data directory
        char folder[MAXPGPATH];
        strlcpy(folder, path, sizeof(folder));
        get_parent_directory(folder);
        fsync_fname(folder[0] != '\0' ? folder : ".", true);
    }
    return done;
}

} // namespace jit::pg::key_file
