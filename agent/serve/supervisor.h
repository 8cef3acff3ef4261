// Keeps a supervised server running: starts it, notices its death, starts it again with back-off;
// adopts one that an earlier agent started, so that replacing the agent does not restart the
// server. Shell, Asio. Lives on the resident agent's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "agent_api/node_spec.h"
#include "agent_host/process.h"
#include "agent_host/state_dir.h"
#include "base/log.h"
#include "base/result.h"
#include "elections/causes.h"

namespace zk::agent_serve {

/// How long to wait before the next start, after `deaths` deaths in a row that each came soon.
/// Pure.
std::chrono::milliseconds restart_delay(std::uint32_t deaths);
/// How many there are in a row with one more, of a server that lived for `lived`. Only a minute of life ends a row: a server
/// that dies each quarter of a minute is as ill as before. Pure.
std::uint32_t deaths_in_a_row(std::uint32_t before, std::chrono::milliseconds lived);

class Supervisor {
  public:
    /// Why the server must not start; nothing: it may.
    using Refuse =
        std::function<boost::asio::awaitable<std::optional<std::string>>(agent_api::NodeSpec)>;

    Supervisor(const agent_host::StateDir& state,
               Log log,
               boost::asio::any_io_executor executor,
               Refuse refuse)
        : state_(state),
          log_(std::move(log)),
          executor_(std::move(executor)),
          refuse_(std::move(refuse)) {}

    /// Takes over what was asked for last: adopts a running server. Call again when the
    /// specification changes.
    void adopt(const agent_api::NodeSpec& spec);
    /// One look: reaps, notices death, starts when it is time. Call a few times a second.
    void look();
    /// Part of a look: how a child ended is known from now on.
    void reap();

    /// Starts (when it does not run) and waits until it has lived for a moment or listens.
    boost::asio::awaitable<Result<>> start();
    boost::asio::awaitable<Result<>> restart();
    boost::asio::awaitable<Result<>> stop();

    [[nodiscard]] std::int64_t pid() const { return process_ ? process_->pid : 0; }
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
    /// How a server that was this agent's child ended: the last one.
    [[nodiscard]] const std::optional<elections::ProcessEnd>& last_end() const { return last_end_; }
    /// Of a server that should run and does not: until it is started again. Nothing for any other.
    [[nodiscard]] std::optional<std::uint64_t> next_start_ms() const;
    [[nodiscard]] bool wants_server() const { return desired_ == agent_host::Desired::run; }

  private:
    Result<> launch();
    boost::asio::awaitable<std::optional<std::string>> ask_leave();
    boost::asio::awaitable<void> ask_leave_soon();
    bool still_lives();
    void notice_death();
    void note_process();
    boost::asio::awaitable<Result<>> end_server();
    boost::asio::awaitable<Result<>> await_start();

    const agent_host::StateDir& state_;
    Log log_;
    boost::asio::any_io_executor executor_;
    Refuse refuse_;
    bool may_start_ = false;  ///< asked once; a server that ran under this agent may run again
    std::optional<agent_api::NodeSpec> spec_;
    agent_host::Desired desired_ = agent_host::Desired::stop;
    std::optional<agent_host::ProcessId> process_;
    std::chrono::steady_clock::time_point started_at_;
    std::chrono::steady_clock::time_point next_start_;
    std::chrono::steady_clock::time_point next_rotation_;
    std::optional<elections::ProcessEnd> last_end_;
    std::uint32_t deaths_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t looks_ = 0;
    bool asking_ = false;  ///< whether it may start; nothing starts meanwhile
    bool busy_ = false;    ///< a request is stopping or starting: look() keeps its hands off
};

}  // namespace zk::agent_serve
