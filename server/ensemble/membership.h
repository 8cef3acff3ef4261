// The members' configuration of one server, in its one home: who votes, where they listen, which version
// that is, and the text that says so. The core owns it and is the only one who changes it; election, zab and the
// links ask, each time anew, and keep nothing of it.
// What has a quorum is asked here too: while a reconfiguration is under way it will be two majorities at once.
// Pure. Lives on the core loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ensemble/ensemble_config.h"
#include "ensemble/quorum_verifier.h"

namespace zk::ensemble {

class Membership {
  public:
    explicit Membership(EnsembleConfig config);

    [[nodiscard]] const EnsembleConfig& config() const { return config_; }
    /// As servers exchange it: to_string(config()).
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::int64_t version() const { return config_.version; }
    [[nodiscard]] const QuorumVerifier& quorum() const { return quorum_; }

    /// The members are as before, their configuration has a later version. REQUIRES: it is later.
    void adopt_version(std::int64_t version);

  private:
    EnsembleConfig config_;
    std::string text_;
    QuorumVerifier quorum_;
};

/// How those who ask hold it.
using MembershipPtr = std::shared_ptr<const Membership>;

}  // namespace zk::ensemble
