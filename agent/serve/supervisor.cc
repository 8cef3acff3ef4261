#include "agent_serve/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <sys/wait.h>

#include "agent_api/agent_errc.h"
#include "agent_host/node_control.h"
#include "agent_host/posix.h"
#include "agent_host/server_probe.h"
#include "asio_impl/await.h"
#include "clocks/clocks.h"

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using agent_api::AgentErrc;
using asio_impl::kAwait;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr auto kSoon =
    seconds(10);  // a death within this time after the start makes the row longer
constexpr auto kHealthy = seconds(60);        // and one after this time ends it
constexpr auto kStable = milliseconds(1000);  // a server that lives that long did start
constexpr std::uint64_t kLooksBetween = 10;
constexpr auto kStopPatience = seconds(30);
constexpr auto kAskAgain = seconds(30);  // whether a node that was replaced may start
constexpr auto kRotationInterval = seconds(60);
constexpr std::uintmax_t kConsoleBytesMax = 64UL << 20;
constexpr std::uintmax_t kOwnLogBytesMax = 4UL << 20;

asio::awaitable<void> wait(milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(kAwait);
}

/// The server writes its log to stderr: one old file is kept. A server that runs goes on writing to
/// the file it has open, always to its end: that one is copied and emptied.
void rotate(const std::string& path, bool in_use, std::uintmax_t bytes_max = kConsoleBytesMax) {
    std::error_code code;
    const auto size = std::filesystem::file_size(path, code);
    if (code || size <= bytes_max) return;
    if (!in_use) return std::filesystem::rename(path, path + ".1", code);
    agent_host::FileOptions options;
    options.mode = 0640;
    (void)agent_host::copy_file(path, path + ".1", options);
    std::filesystem::resize_file(path, 0, code);
}

Error busy() {
    return {Errc::refused, "the server is being started or stopped right now; try again later"};
}

std::string words_of(const std::string& log) {
    std::string text = agent_host::last_lines(log, 4);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::replace(text.begin(), text.end(), '\n', '|');
    return text;
}

}  // namespace

milliseconds restart_delay(std::uint32_t deaths) {
    // 200 ms, then doubling to half a minute: a server that cannot start must not eat the host.
    return milliseconds(std::min<std::uint64_t>(200ULL << std::min(deaths, 10U), 30000));
}

std::uint32_t deaths_in_a_row(std::uint32_t before, milliseconds lived) {
    if (lived < kSoon) return before + 1;
    return lived < kHealthy ? before : 0;
}

std::optional<std::uint64_t> Supervisor::next_start_ms() const {
    if (process_ || busy_ || !wants_server()) return std::nullopt;
    const auto left = std::chrono::duration_cast<milliseconds>(next_start_ - Clock::now());
    return static_cast<std::uint64_t>(std::max<milliseconds::rep>(left.count(), 0));
}

void Supervisor::adopt(const agent_api::NodeSpec& spec) {
    if (!spec_ || spec_->incarnation != spec.incarnation) may_start_ = false;
    spec_ = spec;
    desired_ = state_.load_desired();
    if (process_) return;
    process_ = agent_host::running_process(state_.server_pid_file(), spec.server_path());
    if (!process_) return;
    may_start_ = true;
    started_at_ = Clock::now();
    log_.info("server.adopted pid={}", process_->pid);
    note_process();
}

void Supervisor::look() {
    reap();
    if (!spec_ || busy_ || asking_) return;
    if (process_ && !still_lives()) notice_death();
    if (process_ && Clock::now() >= next_rotation_) {
        next_rotation_ = Clock::now() + kRotationInterval;
        rotate(spec_->console_log_path(), true);
        rotate(state_.file("agent.log"), true, kOwnLogBytesMax);
    }
    if (process_ || !wants_server() || Clock::now() < next_start_) return;
    if (!may_start_) {
        asking_ = true;
        return asio::co_spawn(executor_, ask_leave_soon(), asio::detached);
    }
    if (auto started = launch(); !started.has_value()) {
        log_.error("server.start_failed why={}", started.error().message());
        next_start_ = Clock::now() + restart_delay(++deaths_);
    }
}

asio::awaitable<std::optional<std::string>> Supervisor::ask_leave() {
    asking_ = true;
    agent_api::NodeSpec asked_about = *spec_;
    const auto asked = asked_about.incarnation;
    auto refused = co_await refuse_(std::move(asked_about));
    asking_ = false;
    // Meanwhile it may have been made anew, or stopped: then it is asked about again.
    may_start_ = !refused && spec_->incarnation == asked && wants_server();
    co_return refused;
}

asio::awaitable<void> Supervisor::ask_leave_soon() {
    const auto refused = co_await ask_leave();
    if (refused) next_start_ = Clock::now() + kAskAgain;
}

/// A child that died waits for its parent; how an adopted one ended is told to somebody else.
void Supervisor::reap() {
    int status = 0;
    for (;;) {
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return;
        if (!process_ || process_->pid != pid) continue;
        elections::ProcessEnd end;
        end.pid = pid;
        end.at = clocks::wall_now();
        if (WIFSIGNALED(status)) {
            end.way = elections::ProcessEnd::Way::killed;
            end.number = WTERMSIG(status);
        } else if (WIFEXITED(status)) {
            end.way = elections::ProcessEnd::Way::exited;
            end.number = WEXITSTATUS(status);
        }
        last_end_ = end;
    }
}

/// Many times a second, so the cheap question first: whether there is such a process. Now and then, whether it is this one.
bool Supervisor::still_lives() {
    const bool there = ::kill(static_cast<pid_t>(process_->pid), 0) == 0 || errno == EPERM;
    if (!there || ++looks_ % kLooksBetween != 0) return there;
    return agent_host::is_alive(*process_);
}

void Supervisor::notice_death() {
    reap();
    const auto lived = std::chrono::duration_cast<milliseconds>(Clock::now() - started_at_);
    deaths_ = deaths_in_a_row(deaths_, lived);
    const auto delay = restart_delay(deaths_);
    log_.warn("server.died pid={} next_start_in_ms={} deaths_in_a_row={}",
              process_->pid,
              delay.count(),
              deaths_);
    process_.reset();
    next_start_ = Clock::now() + delay;
    if (wants_server()) ++restarts_;
}

Result<> Supervisor::launch() {
    const std::string console = spec_->console_log_path();
    rotate(console, false);
    ZK_TRY(const auto process,
           agent_host::start_detached({spec_->server_path(), spec_->conf_path}, console));
    process_ = process;
    started_at_ = Clock::now();
    log_.info("server.started pid={} program={}", process.pid, spec_->server_path());
    note_process();
    return ok();
}

/// A server without a record runs all the same, and the next agent finds it by its program.
void Supervisor::note_process() {
    const auto written = agent_host::write_pid_file(state_.server_pid_file(), *process_);
    if (!written.has_value()) log_.error("server.unrecorded why={}", written.error().message());
}

asio::awaitable<Result<>> Supervisor::start() {
    if (!spec_) co_return Error(Errc::not_found, "there is no specification yet");
    if (busy_) co_return busy();
    desired_ = agent_host::Desired::run;
    if (auto saved = state_.save_desired(desired_); !saved.has_value()) co_return saved.error();
    if (process_ && agent_host::is_alive(*process_)) co_return ok();
    process_.reset();
    deaths_ = 0;
    while (asking_) co_await wait(milliseconds(20));
    if (!may_start_) {
        const auto refused = co_await ask_leave();
        if (refused) {
            next_start_ = Clock::now() + kAskAgain;
            co_return agent_api::from_agent_error({AgentErrc::identity_conflict, *refused});
        }
    }
    // Meanwhile somebody may have stopped it, or adopted one that runs.
    if (process_ || !wants_server()) co_return ok();
    if (auto launched = launch(); !launched.has_value()) co_return launched.error();
    busy_ = true;
    auto started = co_await await_start();
    busy_ = false;
    co_return started;
}

asio::awaitable<Result<>> Supervisor::await_start() {
    const auto deadline = Clock::now() + kStable;
    const std::string console = spec_->console_log_path();
    while (Clock::now() < deadline) {
        reap();
        if (process_ && !agent_host::is_alive(*process_)) {
            notice_death();
            co_return agent_api::from_agent_error(
                {AgentErrc::start_failed, "the server ended at once: " + words_of(console)});
        }
        const auto answer = co_await agent_host::async_probe_server(
            spec_->address, spec_->client_port, milliseconds(200));
        if (answer.answered) break;
        co_await wait(milliseconds(25));
    }
    co_return ok();
}

asio::awaitable<Result<>> Supervisor::restart() {
    auto ended = co_await end_server();
    if (!ended.has_value()) co_return ended;
    co_return co_await start();
}

asio::awaitable<Result<>> Supervisor::stop() {
    may_start_ = false;
    desired_ = agent_host::Desired::stop;
    if (auto saved = state_.save_desired(desired_); !saved.has_value()) co_return saved.error();
    co_return co_await end_server();
}

asio::awaitable<Result<>> Supervisor::end_server() {
    if (busy_) co_return busy();
    if (!process_) co_return ok();
    busy_ = true;
    const auto process = *process_;
    const auto pid = static_cast<pid_t>(process.pid);
    const auto patience = Clock::now() + kStopPatience;
    bool killed = false;
    if (agent_host::is_alive(process)) ::kill(pid, SIGTERM);
    while (agent_host::is_alive(process)) {
        reap();
        if (!killed && Clock::now() > patience) {
            ::kill(pid, SIGKILL);
            killed = true;
        }
        if (Clock::now() > patience + seconds(10)) {
            busy_ = false;
            co_return Error(Errc::timeout, "the server does not end");
        }
        co_await wait(milliseconds(10));
    }
    reap();
    log_.info("server.stopped pid={}", process.pid);
    process_.reset();
    busy_ = false;
    co_return ok();
}

}  // namespace zk::agent_serve
