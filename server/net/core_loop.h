// Drives the turns of a core: collects events, carries effects out. Decides nothing.
// Shell; lives on one io_context. Other threads reach it through post_from_thread() only.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/time.h"
#include "core/turn.h"
#include "disk/log_thread.h"
#include "disk/snapshot_writer.h"
#include "net/quorum_links.h"

namespace zk::net {

class CoreLoop {
  public:
    /// Where effects go. All of it lives longer than the loop's last turn.
    struct Doors {
        std::function<void(ServerId to, Bytes notification)> notify;
        QuorumLinks* quorum = nullptr;
        disk::LogThread* log = nullptr;
        disk::SnapshotThread* snapshots = nullptr;
        /// Clients hear what the core says; nothing leaves yet. `tree`: another one from now on, or null.
        std::function<void(const tree::DataTree* tree, std::span<request::ToFrontend>)> hear;
        /// What clients were told leaves.
        std::function<void()> flush;
        std::function<void(const std::string& why)> fatal;
    };

    CoreLoop(boost::asio::io_context& io, core::Turn& turn, Log log);

    /// Begins ticking and the first election.
    void start(Doors doors);
    /// No more turns or ticks.
    void stop();
    /// From the loop's own thread: the event is taken in the next turn.
    void post(core::Event event);
    /// From any thread.
    void post_from_thread(std::vector<storage::DiskEvent> events);
    void post_from_thread(disk::SnapshotEvent event);
    /// The snapshot thread has room again; any thread.
    void snapshot_space_from_thread();

  private:
    void schedule();
    void turn();
    void tick_later();
    void hear();
    void carry_out();
    void carry_out(core::LinkEffect& effect);
    void carry_out(core::SnapshotEffect& effect);
    void take(disk::SnapshotEvent& event);
    void write_snapshot_later();

    boost::asio::io_context& io_;
    core::Turn& turn_;
    Log log_;
    Doors doors_;
    boost::asio::steady_timer timer_;
    core::Effects effects_;
    bool scheduled_ = false;
    bool writes_snapshot_ = false;  ///< a chunk of it is scheduled
    bool stopped_ = true;
};

}  // namespace zk::net
