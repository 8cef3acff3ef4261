// Drives a core: collects events, runs turns, carries out actions. Decides nothing.
// Shell; lives on one io_context. Other threads reach it through post_from_thread() only.
//
// In a turn each event is one core step, and its actions are carried out before the next. Log
// commands are gathered and leave at the end of the turn: one wake-up of the log thread. Messages
// to clients leave at the end of the turn too, or earlier where the core stops for that
// (Core::more).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/time.h"
#include "core/core.h"
#include "disk/log_writer.h"
#include "disk/snapshot_writer.h"
#include "net/quorum_links.h"
#include "storage/snapshot.h"

namespace zk::net {

class CoreLoop {
  public:
    /// Where actions go. All of it lives longer than the loop's last turn.
    struct Doors {
        std::function<void(ServerId to, Bytes notification)> notify;
        QuorumLinks* quorum = nullptr;
        disk::LogThread* log = nullptr;
        disk::SnapshotThread* snapshots = nullptr;
        std::function<void(std::span<const request::ToFrontend>)> clients;
        std::function<void(const tree::DataTree&)> tree_replaced;
        std::function<void(const std::string& why)> fatal;
    };

    CoreLoop(boost::asio::io_context& io, core::Core& core, Log log);

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
    void step(core::Event event, Instant now);
    void carry_out(core::Action& action);
    void end_turn();
    void deliver_to_clients();
    void start_snapshot(const core::StartSnapshot& start);
    void cancel_snapshot();
    void pump_snapshot();

    boost::asio::io_context& io_;
    core::Core& core_;
    Log log_;
    Doors doors_;
    boost::asio::steady_timer timer_;
    std::vector<core::Event> inbox_;
    std::vector<core::Event> batch_;
    core::Actions actions_;
    std::vector<storage::DiskCommand> disk_commands_;
    std::vector<request::ToFrontend> to_clients_;
    bool tree_replaced_ = false;
    std::vector<std::unique_ptr<tree::DataTree>> retired_trees_;  ///< freed once clients have let go of them
    bool scheduled_ = false;
    bool stopped_ = true;
    Instant last_tick_{};

    /// The snapshot file under way: serializing, then waiting for the log, then finishing.
    struct FileSnapshot {
        Zxid zxid;
        bool install = false;
        std::optional<storage::SnapshotSerializer> serializer;
        std::optional<Zxid> end_zxid;  ///< set once everything has been handed to the writer
        bool finishing = false;
        bool pump_posted = false;
    };
    std::optional<FileSnapshot> snapshot_;
};

}  // namespace zk::net
