// The nodes that somebody watches: each is asked on a thread of its own, over a connection that it keeps, so that a host
// that hangs keeps nobody else waiting.
// Shell. Lives on the thread that shows them.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "phases/fleet.h"

namespace zk::phases {

class WatchedHosts {
  public:
    /// `inventory` and `settings` outlive it.
    WatchedHosts(const inventory::Inventory& inventory,
                 const RunSettings& settings,
                 milliseconds counts_for = kCountsFor);
    /// Waits for questions that are under way, at most for their own time limits.
    ~WatchedHosts();
    WatchedHosts(const WatchedHosts&) = delete;
    WatchedHosts& operator=(const WatchedHosts&) = delete;

    /// Asks each host whose last question is over.
    void ask();
    /// Until all have answered or failed, or the time has come, or the run is interrupted.
    void wait(LinkDeadline until);
    /// What each said last. An answer that is older than `counts_for` does not count: how old it is is told instead.
    [[nodiscard]] std::vector<status::NodeStatus> statuses() const;

    static constexpr milliseconds kCountsFor{5000};

  private:
    using Clock = LinkDeadline::clock;
    struct Watched {
        ServerId id;
        Host host;  ///< its thread's
        std::thread thread;
        bool asked = false;                        ///< till it is answered or has failed
        std::optional<status::NodeStatus> said{};  ///< after the last question that ended
        Clock::time_point said_at{};
        Clock::time_point asked_at{};  ///< when the question that is under way began
    };

    void work(Watched& watched);
    [[nodiscard]] status::NodeStatus status_of(const Watched& watched) const ZK_REQUIRES(mutex_);

    const RunSettings& settings_;
    const milliseconds counts_for_;
    mutable threads::Mutex mutex_;
    threads::Condition changed_;
    bool ends_ ZK_GUARDED_BY(mutex_) = false;
    std::list<Watched> hosts_;  ///< all but `host` guarded by the mutex
};

}  // namespace zk::phases
