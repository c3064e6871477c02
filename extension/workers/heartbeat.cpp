// heartbeat.cpp: zone C. A heartbeat is a transaction with a number and nothing in it: some 50 bytes of WAL that nobody waits
// for, and one transaction number. It is committed only while a standby is connected, every third of the lag that is
// allowed, at most every ten seconds.

#include "workers/heartbeat.hpp"

#include "pg/switches.hpp"
#include "pg/shared_standby.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace jit::workers::heartbeat {

namespace {

namespace standbys = pg::shared::standbys;

void beat()
{
    const int outer = synchronous_commit;
    synchronous_commit = SYNCHRONOUS_COMMIT_OFF; // the WAL writer flushes it within the second
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    (void) GetTopTransactionId();
    CommitTransactionCommand();
    synchronous_commit = outer;
}

} // namespace

TimestampTz work()
{
    const int interval = standbys::beat_interval_ms();
    const TimestampTz now = GetCurrentTimestamp();
    if (interval == 0 || !standbys::are_connected(now) || pg::switches::off("heartbeat"))
        return DT_NOEND;
    if (standbys::take_beat(now))
        beat();
    return TimestampTzPlusMilliseconds(standbys::last_beat(), interval);
}

} // namespace jit::workers::heartbeat
