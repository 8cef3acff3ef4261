// Does a set of servers form a quorum: more than half of the participants; observers never count.
// Pure. The arithmetic that agreement rests on, in one place. Source: ZooKeeper QuorumMaj.
#pragma once

#include <cstddef>
#include <set>

#include "base/ids.h"
#include "ensemble/ensemble_config.h"

namespace zk::ensemble {

class QuorumVerifier {
  public:
    explicit QuorumVerifier(const EnsembleConfig& config) : voters_(config.voters()) {}

    [[nodiscard]] const std::set<ServerId>& voters() const { return voters_; }
    [[nodiscard]] bool is_voter(ServerId sid) const { return voters_.contains(sid); }
    /// Smallest number of voters that is a majority.
    [[nodiscard]] std::size_t majority() const { return voters_.size() / 2 + 1; }

    /// True when `sids` contains a majority of the participants; other sids in it are ignored.
    [[nodiscard]] bool has_quorum(const std::set<ServerId>& sids) const {
        std::size_t votes = 0;
        for (const ServerId sid : sids) votes += voters_.contains(sid) ? 1U : 0U;
        return !voters_.empty() && votes >= majority();
    }

  private:
    std::set<ServerId> voters_;
};

}  // namespace zk::ensemble
