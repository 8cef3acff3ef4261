// Session ids and passwords, as every server of an ensemble computes them.
// Pure. Source: ZooKeeper SessionTrackerImpl.initializeNextSessionId,
// ZooKeeperServer.generatePasswd.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"

namespace zk::session {

/// The first id a server hands out after its start; the following ones count up. The sid is in the
/// top byte. REQUIRES: 0 <= sid <= 254 (255 marks TTL nodes).
SessionId first_session_id(ServerId sid, std::int64_t monotonic_ms);
/// The top byte: which server has opened it.
ServerId server_of(SessionId session);
/// The id after `previous`, skipping the two that are no sessions.
SessionId next_session_id(SessionId previous);

/// 16 bytes that prove to have been a client of the session: a checksum rather than a secret.
Bytes password_for(SessionId session);
/// False for any other bytes.
bool check_password(SessionId session, ByteView password);

}  // namespace zk::session
