// What waits to be sent on one link, as numbers: when there is room again, when the learner makes
// progress, when it owes too much; how many packets wait, and how long. The shell keeps the bytes
// themselves; the simulator keeps its own. Pure. One for each link.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/limits.h"
#include "base/time.h"
#include "metrics/metrics.h"

namespace zk::zab {

struct SendQueueLimits {
    /// Bytes below which there is room for more: enough to keep a socket busy for a round trip.
    std::size_t low_water = std::size_t{256} << 10;
    /// Bytes that a learner may owe of what was queued after UPTODATE: it would rather synchronise
    /// anew than hold the leader's memory. What was queued before is bounded by whoever waits for
    /// room.
    std::size_t owed_max = std::size_t{64} << 20;
    /// The shortest time between two reports of progress.
    Duration progress_every = milliseconds(100);
};

/// Limits with room for the proposals that jute.maxbuffer (bytes) admits: a learner that owes one of the largest, while the
/// next one is made, is not cut off.
constexpr SendQueueLimits queue_limits_for(std::int32_t jute_max_buffer) {
    SendQueueLimits limits;
    const auto proposal = static_cast<std::size_t>(limits::with_jute_extra(jute_max_buffer));
    limits.owed_max = std::max(limits.owed_max, 2 * proposal);
    return limits;
}

/// What has to be told after a change.
enum class QueueNews { none, progress, room };

class SendQueue {
  public:
    explicit SendQueue(SendQueueLimits limits = {}) : limits_(limits) {}

    /// `bytes` more wait.
    void queued(std::size_t bytes);
    /// What was queued last is the end of a packet.
    void packet_queued(Instant now);
    /// A piece of a stream comes in front of all that waits.
    void piece_queued(std::size_t bytes);
    /// A stream of unknown length waits: there is no room until its end, however few bytes of it
    /// are queued.
    void stream_queued() { ++streams_; }
    /// Its last piece is queued. REQUIRES: a stream is queued.
    QueueNews stream_ended();
    /// `bytes` have left for the kernel. REQUIRES: no more than are queued.
    QueueNews left(std::size_t bytes, Instant now);
    /// Somebody waits for room. QueueNews::room when there is room already; else it comes from
    /// left() or stream_ended(), once, and progress until then.
    QueueNews await_room(Instant now);
    /// UPTODATE is queued: from here on the learner may owe only owed_max.
    void up_to_date();
    /// True when the learner owes too much.
    [[nodiscard]] bool overflowed() const {
        return counting_ && bytes_ - exempt_ > limits_.owed_max;
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// How many packets waited behind each that has left.
    [[nodiscard]] const metrics::Distribution& sizes() const { return sizes_; }
    /// How long packets have waited, the first and each kPacketsTimed-th after it: what is queued at the same time leaves
    /// at the same time.
    [[nodiscard]] const metrics::Distribution& times_ms() const { return times_ms_; }
    static constexpr std::uint64_t kPacketsTimed = 1000;
    void reset_counts() { sizes_ = times_ms_ = {}; }

  private:
    void count_packets(std::size_t bytes, Instant now);
    [[nodiscard]] bool has_room() const { return streams_ == 0 && bytes_ <= limits_.low_water; }
    QueueNews news();

    SendQueueLimits limits_;
    std::size_t bytes_ = 0;
    std::size_t exempt_ = 0;  ///< of bytes_: queued before UPTODATE
    std::size_t streams_ = 0;
    bool counting_ = false;
    bool awaited_ = false;
    Instant progress_told_{};

    std::deque<std::uint64_t> ends_;  ///< of packets that wait: bytes queued when each was whole
    std::uint64_t queued_ = 0;        ///< bytes since the beginning, without pieces of streams
    std::uint64_t gone_ = 0;          ///< of queued_
    std::uint64_t pieces_ = 0;        ///< bytes of streams in front of all that waits
    std::uint64_t packets_ = 0;       ///< queued since the beginning
    struct Timed {
        std::uint64_t end = 0;
        Instant since{};
    };
    std::deque<Timed> timed_;
    metrics::Distribution sizes_, times_ms_;
};

}  // namespace zk::zab
