// Every bound that is not a user's setting, with its reason.
#pragma once

#include <cstdint>

namespace zk::limits {

/// Largest client frame when jute.maxbuffer is not set: ZooKeeper's 0xfffff, not 1 MiB.
inline constexpr std::int32_t kJuteMaxBuffer = 0xfffff;
/// Strings and buffers inside server-made records may exceed jute.maxbuffer by as much again
/// (zookeeper.jute.maxbuffer.extrasize defaults to jute.maxbuffer).
inline constexpr std::int32_t kJuteExtra = kJuteMaxBuffer;
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

}  // namespace zk::limits
