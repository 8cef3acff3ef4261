// Drives the turns of a core: collects events, carries effects out. Decides nothing.
// Shell; lives on one io_context. Of other threads those of the disk reach it, through DiskPort, and client loops, through
// RequestPort.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/time.h"
#include "core/turn.h"
#include "disk/log_thread.h"
#include "disk/snapshot_writer.h"
#include "metrics/metrics.h"
#include "net/alarm.h"
#include "net/ports.h"
#include "net/quorum_links.h"
#include "threads/annotations.h"
#include "threads/mutex.h"

namespace zk::net {

class CoreLoop final : public CorePort, public RequestPort, public disk::DiskPort {
  public:
    /// Where effects go. All of it lives longer than the loop's last turn.
    struct Doors {
        NotificationPort*
            notifications;    ///< null: a server alone, which has nothing to say to others
        QuorumLinks* quorum;  ///< null as well then
        disk::LogThread& log;
        disk::SnapshotThread& snapshots;
        ClientPort& clients;
        ServerPort& server;
    };

    CoreLoop(boost::asio::io_context& io, core::Turn& turn, Log log);

    /// Of snapshot files.
    [[nodiscard]] const metrics::Distribution& snapshot_times_ms() const {
        return snapshot_times_ms_;
    }

    /// Begins ticking and the first election.
    void start(Doors doors);
    /// No more turns or ticks.
    void stop();
    void post(core::Event event) override;
    void ask(std::vector<request::ToCore>& requests) override ZK_EXCLUDES(asked_mutex_);
    void log_told(std::vector<storage::DiskEvent> events) override;
    void snapshot_told(disk::SnapshotEvent event) override;
    void snapshot_has_room() override;

  private:
    void schedule();
    void turn();
    void take_requests() ZK_EXCLUDES(asked_mutex_);
    void tick_later();
    void publish();
    void carry_out();
    void carry_out(core::LinkEffect& effect);
    void carry_out(core::SnapshotEffect& effect);
    void take(disk::SnapshotEvent& event);
    void write_snapshot_later();

    boost::asio::io_context& io_;
    core::Turn& turn_;
    Log log_;
    std::optional<Doors> doors_;  ///< from start() on
    Alarm tick_;
    core::Effects effects_;
    metrics::Distribution snapshot_times_ms_;
    std::optional<Instant> snapshot_began_;
    threads::Mutex asked_mutex_;
    std::vector<request::ToCore> asked_ ZK_GUARDED_BY(asked_mutex_);
    std::vector<request::ToCore> taken_;  ///< empty between turns
    std::atomic<bool> scheduled_ = false;
    bool writes_snapshot_ = false;  ///< a chunk of it is scheduled
    bool stopped_ = true;
};

}  // namespace zk::net
