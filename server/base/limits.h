// Every bound that is not a user's setting, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zk::limits {

/// Largest client frame when jute.maxbuffer is not set: ZooKeeper's 0xfffff, not 1 MiB.
inline constexpr std::int32_t kJuteMaxBuffer = 0xfffff;
/// The most that jute.maxbuffer may be. Apache's server takes any number of 31 bits; a request is in memory some times on
/// its way, and a leader has it in a queue for each learner.
inline constexpr std::int32_t kJuteMaxBufferMost = std::int32_t{64} << 20;
/// What a record that servers make may have with a jute.maxbuffer: as much again
/// (zookeeper.jute.maxbuffer.extrasize defaults to jute.maxbuffer).
constexpr std::int32_t with_jute_extra(std::int32_t jute_max_buffer) { return 2 * jute_max_buffer; }
/// The longest of them at any server. What came from a server, or stands on a disk, is read up to this: it was accepted
/// under a limit that may have been another.
inline constexpr std::int32_t kJuteRecordMost = with_jute_extra(kJuteMaxBufferMost);
/// Largest election frame that any known server accepts.
inline constexpr std::int32_t kElectionFrameMax = 524288;
/// Longest address text in an election port's initial message.
inline constexpr std::int32_t kElectionAddressMax = 2048;
/// Committed txns kept in memory for DIFF, like ZooKeeper's commitLogCount.
inline constexpr std::size_t kCommittedWindow = 500;
/// And their bytes: what is older is read from the log files.
inline constexpr std::size_t kCommittedWindowBytes = std::size_t{16} << 20;
/// Proposals in flight at a leader before client writes wait: bounds memory and un-synced log.
inline constexpr std::size_t kProposalsInFlightMax = 2000;

/// Bytes of requests of one client connection that are not answered yet: two legal requests of the largest size, so that
/// one is read while the other is written. A larger jute.maxbuffer raises it, and the next one (frontend/shares).
inline constexpr std::size_t kConnectionBytesMax = std::size_t{2} << 20;
/// The same over all connections of a client loop: keeps disk and links busy; each is copied some times on its way.
inline constexpr std::size_t kClientLoopBytesMax = std::size_t{16} << 20;
/// Unanswered bytes of one connection that are let in whatever others hold: one read of a socket.
inline constexpr std::size_t kSmallBytesMax = std::size_t{64} << 10;
/// Answers and events of a client loop that clients do not take, beyond which each may leave only its share of as much, and
/// larger answers wait for room.
inline constexpr std::size_t kClientOutputBytesMax = std::size_t{64} << 20;
/// The least of such a share; the most is kSmallBytesMax.
inline constexpr std::size_t kOutputShareMin = std::size_t{4} << 10;
/// Answers and events of a client loop that clients do not take, in the end: events cannot wait. Beyond it those who have
/// left most are closed, until it is half as much.
inline constexpr std::size_t kClientOutputBytesEnd = std::size_t{256} << 20;
/// Watches of a client loop, as they are reckoned (WatchTable::kWatchBytes and the path for each): four million ordinary
/// ones. Beyond it the connection that has most of them is closed.
inline constexpr std::size_t kWatchBytesMax = std::size_t{1} << 30;
/// Answer of one multiRead, or twice jute.maxbuffer where that is more. Apache's server has no limit, and each of the 60,000
/// parts may ask for a megabyte.
inline constexpr std::size_t kMultiReadBytesMax = std::size_t{16} << 20;

/// An epoch, or a vote's epoch, is believed this far beyond what a server knows by itself: more elections than an ensemble
/// has in years, and so little that nobody can use the 31 bits up.
inline constexpr std::int64_t kEpochStep = 65'536;

}  // namespace zk::limits
