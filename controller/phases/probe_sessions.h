// Two sessions of zkprov's own while servers are exchanged: what those who use the ensemble would see of it. One writes a
// number after the other, about twenty a second, into an ephemeral znode; the other watches that one and has an ephemeral,
// too. Both znodes go with their sessions, also when zkprov is killed. Shell. A thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/connect_string.h"
#include "migration/move_report.h"
#include "phases/fleet.h"

namespace zk::phases {

class ProbeSessions {
  public:
    /// Begins at once. A cluster that this machine cannot reach is no failure: then nothing is measured.
    explicit ProbeSessions(std::vector<client::ServerAddress> servers);
    ~ProbeSessions();
    ProbeSessions(const ProbeSessions&) = delete;
    ProbeSessions& operator=(const ProbeSessions&) = delete;

    /// Reads what is there once more, ends both sessions, and tells. Takes up to about half a minute while nobody serves.
    migration::ProbeHistory end();

  private:
    struct Loop;

    std::atomic<bool> stopping_{false};
    migration::ProbeHistory history_;  ///< the thread's, until it has ended
    std::unique_ptr<Loop> loop_;
    std::jthread thread_;
};

/// The same as BeginProbes.
EndProbes begin_probe_sessions(std::vector<client::ServerAddress> servers);

}  // namespace zk::phases
