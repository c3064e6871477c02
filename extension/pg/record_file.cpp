// record_file.cpp: zone C. See record_file.hpp.

#include "pg/record_file.hpp"

#include <unistd.h>

extern "C" {
#include "port/pg_crc32c.h"
}

namespace jit::pg::record_file {

namespace {

struct Head {
    uint32 length;
    pg_crc32c crc;
    XLogRecPtr position;
};
static_assert(sizeof(Head) == 16);

pg_crc32c checksum(XLogRecPtr position, std::string_view record)
{
    pg_crc32c crc;
    INIT_CRC32C(crc);
    COMP_CRC32C(crc, &position, sizeof(position));
    COMP_CRC32C(crc, record.data(), record.size());
    FIN_CRC32C(crc);
    return crc;
}

} // namespace

bool append(int file, XLogRecPtr position, std::string_view record)
{
    const Head head = {static_cast<uint32>(record.size()), checksum(position, record), position};
    const Size count = sizeof(head) + record.size();
    auto *frame = static_cast<char *>(palloc(count));
    memcpy(frame, &head, sizeof(head));
    memcpy(frame + sizeof(head), record.data(), record.size());
    const off_t before = lseek(file, 0, SEEK_END);
    errno = 0;
    const ssize_t written = ::write(file, frame, count);
    const int why = errno != 0 ? errno : ENOSPC;
    pfree(frame);
    if (written == static_cast<ssize_t>(count))
        return true;
    (void) ftruncate(file, before);
    errno = why;
    return false;
}

bool parse(std::string_view bytes, Size *at, Frame *out)
{
    Head head{};
    if (bytes.size() - *at < sizeof(head))
        return false;
    memcpy(&head, bytes.data() + *at, sizeof(head));
    if (head.length > bytes.size() - *at - sizeof(head))
        return false;
    const std::string_view record = bytes.substr(*at + sizeof(head), head.length);
    if (checksum(head.position, record) != head.crc)
        return false;
    *out = {head.position, record};
    *at += sizeof(head) + head.length;
    return true;
}

} // namespace jit::pg::record_file
