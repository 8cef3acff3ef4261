#include "zab/send_queue.h"

#include <algorithm>

#include "base/check.h"

namespace zk::zab {

void SendQueue::queued(std::size_t bytes) { bytes_ += bytes; }

QueueNews SendQueue::stream_ended() {
    ZK_ASSERT(streams_ > 0);
    --streams_;
    return news();
}

QueueNews SendQueue::left(std::size_t bytes, Instant now) {
    ZK_ASSERT(bytes <= bytes_);
    bytes_ -= bytes;
    exempt_ -= std::min(exempt_, bytes);  // first in, first out
    if (const QueueNews room = news(); room == QueueNews::room) return room;
    if (!awaited_ || bytes == 0 || now - progress_told_ < limits_.progress_every) {
        return QueueNews::none;
    }
    progress_told_ = now;
    return QueueNews::progress;
}

QueueNews SendQueue::await_room(Instant now) {
    if (!awaited_) progress_told_ = now;
    awaited_ = true;
    return news();
}

void SendQueue::up_to_date() {
    counting_ = true;
    exempt_ = bytes_;
}

QueueNews SendQueue::news() {
    if (!awaited_ || !has_room()) return QueueNews::none;
    awaited_ = false;
    return QueueNews::room;
}

}  // namespace zk::zab
