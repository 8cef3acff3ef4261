// The clients of a server: the door, and one client loop or several behind it, which read the one tree.
//
// One loop lives on the core's io_context, and so on its thread: nothing waits for another thread then. Several have a
// thread each, beside the core's. docs/ARCHITECTURE.md, "Threads of zkserver".
// Shell. What is called here is called on the core's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "frontend/statistics.h"
#include "frontend/turn.h"
#include "net/client_door.h"
#include "net/client_loop.h"
#include "net/ports.h"
#include "net/tree_lock.h"
#include "tree/data_tree.h"

namespace zk::net {

struct ClientSettings {
    ClientDoorSettings door;
    frontend::Settings frontend;  ///< of all loops together
    std::uint32_t loops = 1;      ///< clientLoops
};

class ClientLoops final : public ClientPort {
  public:
    /// `tree` is the core's. What clients ask goes to `core`; `words` answers four-letter words. All of them outlive the
    /// loops.
    ClientLoops(boost::asio::io_context& io,
                const ClientSettings& settings,
                const tree::DataTree& tree,
                RequestPort& core,
                WordPort& words,
                const Log& log);
    ~ClientLoops() override;
    ClientLoops(const ClientLoops&) = delete;
    ClientLoops& operator=(const ClientLoops&) = delete;

    /// Opens the door, and lets the loops run. The error says what to do. Gives the port.
    Result<std::uint16_t> open();
    /// Closes the port and all connections, and ends the threads; no callback is called any more.
    void stop();
    /// `done` is called on the core's thread when each loop has come to a turn of its own that begins after this call: at
    /// once where there is none but the core's; never while one of them stands still.
    void roll_call(std::function<void()> done);

    void keep_out() override;
    void publish(const tree::DataTree* tree, std::span<request::ToFrontend> messages) override;
    void hear(std::uint32_t loop) override;
    void let_in() override;
    void flush() override;
    [[nodiscard]] std::uint32_t loop_count() const override {
        return static_cast<std::uint32_t>(places_.size());
    }
    [[nodiscard]] bool has_heard(std::uint32_t loop) const override {
        return places_[loop].loop->has_heard();
    }

    // ---- of all loops together

    [[nodiscard]] frontend::Statistics statistics();
    /// By number.
    [[nodiscard]] std::vector<frontend::ConnectionStatistics> connections();
    /// By path.
    [[nodiscard]] std::vector<frontend::WatchedPath> watched_paths();
    /// Bytes of requests that wait for their answers.
    [[nodiscard]] std::size_t held_bytes();
    /// Connections that were refused for a limit.
    [[nodiscard]] std::int64_t refused() const { return door_.refused(); }
    /// For tests. REQUIRES: there are several.
    [[nodiscard]] boost::asio::io_context& io_of(std::uint32_t loop) { return *places_[loop].io; }
    [[nodiscard]] std::vector<std::size_t> connections_by_loop() const {
        return door_.connections_by_loop();
    }
    void reset_statistics();
    void reset_connection_statistics();

  private:
    using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
    struct Place {
        std::unique_ptr<boost::asio::io_context> io;  ///< null: the core's
        std::unique_ptr<ClientLoop> loop;
        std::optional<Guard> guard;
        std::thread thread;
        bool is_due = false;  ///< it has mail, or was heard for, and is not woken yet
    };
    template <class Each>
    void with_each(const Each& each);

    boost::asio::io_context& io_;  ///< the core's
    TreeLock lock_;
    ClientDoor door_;
    std::deque<Place> places_;
    std::vector<frontend::Turn*> turns_;  ///< of the loops; used while all slots are held
    bool stopped_ = false;
};

}  // namespace zk::net
