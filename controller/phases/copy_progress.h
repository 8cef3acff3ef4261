// Whether servers that are waited for take in the leader's data, how far they are, and how long it may still take.
// Pure: looks go in with the time. A follower tells nobody how much it has received; what shows it is that its process grows
// while it builds the tree, and then that its disk fills with the snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "status/ensemble_judge.h"

namespace zk::phases {

class CopyProgress {
  public:
    using Time = std::chrono::steady_clock::time_point;

    void look(const status::EnsembleVerdict& verdict, const std::set<ServerId>& waited, Time now);
    /// One of them has come further within the last half minute.
    [[nodiscard]] bool goes_on(Time now) const;
    /// "node 2 takes in the leader's data: [####......] 40 % of about 1.0 GiB, about 30 s left"; empty: nobody does.
    [[nodiscard]] std::string words(Time now) const;

  private:
    struct Copy {
        std::int64_t pid = 0;
        Time began;
        Time advanced;
        Time grew;
        std::uint64_t first_bytes = 0;  ///< of its memory
        std::uint64_t bytes = 0;        ///< the most it had
        std::uint64_t free_bytes = 0;   ///< the least that its disk had
    };
    void look_at(ServerId id, const agent_api::NodeHealth& health, Time now);

    std::map<ServerId, Copy> copies_;
    std::uint64_t whole_bytes_ = 0;  ///< of the leader's memory; 0: not known
};

}  // namespace zk::phases
