// Facts about a server that anybody may ask for: four-letter words, health, metrics.
// Pure values, filled by the core on request; nothing here reaches back into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "metrics/size_statistics.h"
#include "session/session_tracker.h"

namespace zk::core {

enum class Role { looking, following, leading, observing, standalone };
/// "leader", "follower", "observer", "standalone", "looking".
const char* to_string(Role role);

/// What the leader knows of one learner.
struct LearnerStatus {
    ServerId sid;
    bool synced = false;  ///< its NEWLEADER ack has arrived and its pings come in time
    bool voter = true;
    Zxid last_acked;
};

struct StatusPage {
    ServerId my_id;
    Role role = Role::looking;
    bool serving = false;    ///< clients are served, were it only to read
    bool read_only = false;  ///< no leader is known: clients that ask for it may read what is here
    std::optional<ServerId> leader;  ///< known leader, while following or leading
    Epoch accepted_epoch, current_epoch;
    Zxid last_zxid;          ///< last applied
    Zxid last_logged;        ///< last appended to the log
    std::int64_t round = 0;  ///< election round
    ServerId vote_leader;
    Zxid vote_zxid;
    Epoch vote_epoch;
    std::size_t znode_count = 0;
    std::size_t ephemeral_count = 0;
    std::size_t session_count = 0;        ///< those that all servers know
    std::size_t local_session_count = 0;  ///< those of this server alone
    std::size_t approximate_data_bytes = 0;
    std::size_t outstanding = 0;  ///< client requests waiting for an answer from the core
    std::size_t proposals_pending = 0;
    std::vector<LearnerStatus> learners;  ///< leader only
    std::int64_t elections = 0;           ///< since start
    std::size_t digest_mismatches = 0;    ///< since start
    Duration last_election_took{};
    Duration leads_for{};               ///< leader only: since it began to serve
    metrics::SizeStatistics proposals;  ///< leader only: bytes of serialized txns
};

/// Live sessions, and what will go with them.
struct SessionsPage {
    /// Sessions that expire together if nothing is heard of them.
    struct Bucket {
        Duration in{};  ///< from now; below 0: the next tick will see
        std::vector<SessionId> sessions;
    };
    bool expires = false;         ///< this server decides: it leads or is alone
    std::vector<Bucket> buckets;  ///< by time
    /// Those of this server alone; nothing where there are none of that kind.
    std::optional<std::vector<Bucket>> local;
    std::vector<session::SessionTimeout> all;
    std::vector<std::pair<SessionId, std::vector<std::string>>> ephemerals;  ///< paths by session
};

}  // namespace zk::core
