// The core's thread of a run: takes what loops asked, applies it in batches, publishes.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "jute/txn.h"
#include "loops/read_index.h"
#include "loops/shared.h"

namespace zk::loops {

class CoreSide {
  public:
    struct Figures {
        std::int64_t txns = 0, turns = 0;
        std::int64_t cpu_ns = 0;
        std::vector<std::int64_t> lock_waits, stop_waits;  ///< ns each
    };

    /// Makes the znodes.
    explicit CoreSide(Shared& shared);
    /// Until Shared::ended.
    void run();
    [[nodiscard]] const Figures& figures() const { return figures_; }
    [[nodiscard]] const TrieNode* root() const { return index_.root(); }
    [[nodiscard]] std::uint64_t version() const { return index_.version(); }

  private:
    /// One step of a turn, in the order of what was asked.
    struct Prepared {
        Write write;
        Bytes txn;
        const Reads* reads = nullptr;  ///< or these
    };
    void turn();
    jute::TxnHeader next(OpCode type);
    Prepared prepare(const Write& write);
    void serve(const Reads& reads);
    void apply(const Prepared& prepared);
    void stop_at_read(std::uint32_t loop);
    [[nodiscard]] bool must_stop(const Write& write) const;
    void lock();
    void publish_and_unlock();
    void publish();
    void free_versions();

    Shared& shared_;
    ReadIndex index_;
    Figures figures_;
    std::vector<std::vector<ToCore>> taken_;
    std::vector<Prepared> batch_;
    std::vector<std::int32_t> versions_;     ///< of each znode, with what is prepared
    std::vector<std::vector<ToLoop>> mail_;  ///< for each loop, not published yet
    std::vector<std::uint64_t> posted_;      ///< mails to each loop so far
    /// By session: number of the mail with its last answer.
    std::unordered_map<std::uint64_t, std::uint64_t> answered_in_;
    std::uint32_t counter_ = 0;
    bool locked_ = false;
};

}  // namespace zk::loops
