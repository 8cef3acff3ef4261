#include "phases/probe_sessions.h"

#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/core.h>

#include "asio_impl/await.h"
#include "base/numbers.h"
#include "client/session.h"

namespace zk::phases {
namespace {

namespace asio = boost::asio;
using asio_impl::kAwait;
using client::Session;

constexpr milliseconds kPause{50};
constexpr milliseconds kSessionTimeout{10000};
constexpr milliseconds kReadyWait{5000};
constexpr milliseconds kRequestTimeout{10000};
/// At the end, for a server to read from.
constexpr std::chrono::seconds kLastWait{20};

/// Znodes' names that no user has.
std::string probe_name() {
    std::random_device random;
    return fmt::format("/zkprov-migrate-{:08x}{:08x}", random(), random());
}

}  // namespace

struct ProbeSessions::Loop {
    Loop(std::vector<client::ServerAddress> servers,
         const std::atomic<bool>& stop,
         migration::ProbeHistory& told)
        : stopping(stop), history(told), path(probe_name()) {
        client::SessionOptions options;
        options.where.servers = std::move(servers);
        options.session_timeout = kSessionTimeout;
        options.connect_timeout = milliseconds(1000);
        options.request_timeout = kRequestTimeout;
        options.pause = milliseconds(100);
        writer = std::make_unique<Session>(context.get_executor(), options, Session::OnEvent());
        watcher = std::make_unique<Session>(
            context.get_executor(), options, [this](const client::Event& event) {
                if (event.kind != jute::EventKind::node_data_changed) return;
                ++history.watches;
                fired = true;
            });
    }

    void run() {
        int left = 2;
        const auto done = [&left](const std::exception_ptr&) { --left; };
        asio::co_spawn(context, write(), done);
        asio::co_spawn(context, watch(), done);
        while (left > 0) context.run_one();
        ledger.tell(history);
        history.lost += unseen;
        writer.reset();
        watcher.reset();
        context.restart();
        context.run_for(milliseconds(20));
    }

    [[nodiscard]] milliseconds now() const {
        return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    }
    asio::awaitable<void> pause() {
        asio::steady_timer timer(context, kPause);
        co_await timer.async_wait(kAwait);
    }
    static bool is_over(const Session& session) {
        return session.state() == client::SessionState::closed ||
               session.state() == client::SessionState::auth_failed;
    }

    /// Connects and makes its ephemeral; false: why it could not is told.
    asio::awaitable<bool> open(Session& session, std::string name) {
        session.start();
        const auto ready = co_await session.ready_within(kReadyWait);
        if (!ready.has_value()) {
            history.unmeasured =
                "this machine cannot use the client ports: " + ready.error().message();
            co_return false;
        }
        client::NewNode node;
        node.path = std::move(name);
        node.data = jute::Buffer("0");
        node.acl = client::open_acl();
        node.mode = CreateMode::ephemeral;
        const auto made = co_await session.create(std::move(node));
        if (made.has_value() && made->ok()) co_return true;
        history.unmeasured =
            "a znode cannot be made: " +
            (made.has_value() ? std::string(to_string(made->error)) : made.error().message());
        co_return false;
    }

    /// The number that the znode holds; nothing: not to be had. `gone` when the znode, and so its session, is lost.
    asio::awaitable<std::optional<std::uint64_t>> read(Session& session,
                                                       client::Watch watch,
                                                       bool& gone) {
        const auto found = co_await session.get_data(path, watch);
        if (!found.has_value()) co_return std::nullopt;
        if (!found->ok()) {
            gone = found->error == ErrorCode::no_node;
            co_return std::nullopt;
        }
        if (!found->value.data) co_return std::nullopt;
        const auto number = parse_number<std::uint64_t>(*found->value.data);
        if (!number) co_return std::nullopt;
        co_return *number;
    }

    asio::awaitable<void> write() {
        if (!co_await open(*writer, path)) {
            opened = Opened::no;
            co_return;
        }
        begun = std::chrono::steady_clock::now();
        ledger.begin(now());
        opened = Opened::yes;
        bool lost = false;
        while (!stopping && !lost) {
            jute::Buffer next(std::to_string(ledger.last() + 1));
            const auto version = static_cast<std::int32_t>(ledger.last());
            const auto reply = co_await writer->set_data(path, std::move(next), version);
            if (reply.has_value() && reply->ok()) {
                ledger.acknowledge(now());
            } else {
                lost = !co_await look_again();
            }
            co_await pause();
        }
        if (!lost) lost = !co_await look_again();
        if (lost) ++history.sessions_lost;
        co_await writer->close();
    }

    /// What became of a write without an answer. False: the session is lost.
    asio::awaitable<bool> look_again() {
        std::optional<std::chrono::steady_clock::time_point> last;
        for (;;) {
            if (stopping && !last) last = std::chrono::steady_clock::now() + kLastWait;
            bool gone = false;
            const auto number = co_await read(*writer, client::Watch::no, gone);
            if (number) {
                ledger.find(*number, now());
                co_return true;
            }
            if (gone || is_over(*writer)) co_return false;
            // Nobody serves: what is not known is no loss.
            if (last && std::chrono::steady_clock::now() >= *last) co_return true;
            co_await pause();
        }
    }

    asio::awaitable<void> watch() {
        while (opened == Opened::not_yet) co_await pause();
        if (opened == Opened::no || !co_await open(*watcher, path + "-watcher")) co_return;
        std::uint64_t seen = 0;
        fired = true;
        while (!stopping && !is_over(*watcher)) {
            if (std::exchange(fired, false)) {
                bool gone = false;
                const auto number = co_await read(*watcher, client::Watch::yes, gone);
                if (!number) fired = true;
                // What this session has seen it must not unsee.
                if (number && *number < seen) unseen += seen - *number;
                if (number) seen = *number;
            }
            co_await pause();
        }
        const auto until = std::chrono::steady_clock::now() + kLastWait;
        bool known = false;
        bool there = false;
        while (!known && !is_over(*watcher) && std::chrono::steady_clock::now() < until) {
            const auto stat = co_await watcher->exists(path + "-watcher");
            known = stat.has_value();
            there = known && stat->ok();
            if (!known) co_await pause();
        }
        if (is_over(*watcher) || (known && !there)) ++history.sessions_lost;
        co_await watcher->close();
    }

    enum class Opened { not_yet, no, yes };

    const std::atomic<bool>& stopping;
    migration::ProbeHistory& history;
    const std::string path;
    asio::io_context context;
    migration::WriteLedger ledger;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    Opened opened = Opened::not_yet;  ///< the first session
    std::uint64_t unseen = 0;         ///< by the second
    bool fired = false;               ///< the watch of the second, which is to be set again
    std::unique_ptr<Session> writer;
    std::unique_ptr<Session> watcher;
};

ProbeSessions::ProbeSessions(std::vector<client::ServerAddress> servers)
    : loop_(std::make_unique<Loop>(std::move(servers), stopping_, history_)),
      thread_([this] { loop_->run(); }) {}

ProbeSessions::~ProbeSessions() {
    if (thread_.joinable()) end();
}

migration::ProbeHistory ProbeSessions::end() {
    stopping_ = true;
    thread_.join();
    return history_;
}

EndProbes begin_probe_sessions(std::vector<client::ServerAddress> servers) {
    auto sessions = std::make_shared<ProbeSessions>(std::move(servers));
    return [sessions] { return sessions->end(); };
}

}  // namespace zk::phases
