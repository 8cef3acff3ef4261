#include "zab/send_queue.h"

#include <algorithm>

#include "base/check.h"

namespace zk::zab {

void SendQueue::queued(std::size_t bytes) {
    bytes_ += bytes;
    queued_ += bytes;
}

void SendQueue::packet_queued(Instant now) {
    ends_.push_back(queued_);
    if (packets_++ % kPacketsTimed == 0) timed_.push_back({queued_, now});
}

void SendQueue::piece_queued(std::size_t bytes) {
    bytes_ += bytes;
    pieces_ += bytes;
}

QueueNews SendQueue::stream_ended() {
    ZK_ASSERT(streams_ > 0);
    --streams_;
    return news();
}

QueueNews SendQueue::left(std::size_t bytes, Instant now) {
    ZK_ASSERT(bytes <= bytes_);
    bytes_ -= bytes;
    exempt_ -= std::min(exempt_, bytes);  // first in, first out
    count_packets(bytes, now);
    if (const QueueNews room = news(); room == QueueNews::room) return room;
    if (!awaited_ || bytes == 0 || now - progress_told_ < limits_.progress_every) {
        return QueueNews::none;
    }
    progress_told_ = now;
    return QueueNews::progress;
}

void SendQueue::count_packets(std::size_t bytes, Instant now) {
    const auto of_pieces = std::min<std::uint64_t>(pieces_, bytes);
    pieces_ -= of_pieces;
    gone_ += bytes - of_pieces;
    while (!ends_.empty() && ends_.front() <= gone_) {
        ends_.pop_front();
        sizes_.add(static_cast<std::int64_t>(ends_.size()));
    }
    while (!timed_.empty() && timed_.front().end <= gone_) {
        times_ms_.add(to_ms(now - timed_.front().since));
        timed_.pop_front();
    }
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
