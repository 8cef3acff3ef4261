// The election message: "this is my state and this is my vote". One frame on the election port.
// Pure. Byte table in docs/WIRE.md. Written in version 2; read in all versions that a server ever
// sent. Source: ZooKeeper FastLeaderElection.buildMsg and WorkerReceiver;
// docs/PROTOCOL.md 2.4.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "election/vote.h"

namespace zk::election {

inline constexpr std::int32_t kNotificationVersion = 2;

struct Notification {
    PeerState state = PeerState::looking;  ///< of the sender
    Vote vote;
    std::int32_t version = kNotificationVersion;  ///< 0 for what servers before 3.5 send
    /// The sender's committed configuration. It must always be complete: a config that Java cannot
    /// parse ends the election of a Java server until it is restarted. Empty for versions below 2.
    std::string config_text;
    friend bool operator==(const Notification&, const Notification&) = default;
};

/// The body of an election frame, always in version 2.
Bytes encode(const Notification& notification);

/// Reads a body of any version. Never trusts a length; Errc::corrupt for anything that Java drops.
Result<Notification> decode_notification(ByteView body);

/// "LOOKING leader=3 epoch=1 zxid=0x100000004 round=2".
std::string to_string(const Notification& notification);

}  // namespace zk::election
