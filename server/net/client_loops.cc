// Several client loops, or one, behind one door. See client_loops.h.
#include "net/client_loops.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/time.h"
#include "frontend/shares.h"
#include "threads/mutex.h"

namespace zk::net {
namespace {

/// One throttle for clients of all loops.
class LockedThrottle final : public frontend::Throttle {
  public:
    explicit LockedThrottle(const frontend::ConnectionThrottle::Settings& settings)
        : throttle_(settings) {}
    Answer ask(Session session, Instant now) override {
        const threads::Lock lock(mutex_);
        return throttle_.ask(session, now);
    }
    double drop_chance() override {
        const threads::Lock lock(mutex_);
        return throttle_.drop_chance();
    }

  private:
    threads::Mutex mutex_;
    frontend::ConnectionThrottle throttle_ ZK_GUARDED_BY(mutex_);
};

}  // namespace

ClientLoops::ClientLoops(boost::asio::io_context& io,
                         const ClientSettings& settings,
                         const tree::DataTree& tree,
                         RequestPort& core,
                         WordPort& words,
                         const Log& log)
    : io_(io), lock_(settings.loops), door_(io, settings.door, log) {
    ZK_ASSERT(settings.loops > 0);
    frontend::Settings all = settings.frontend;
    if (settings.loops > 1)
        all.throttle = std::make_shared<LockedThrottle>(all.connection_throttle);
    for (std::uint32_t number = 0; number < settings.loops; ++number) {
        Place& place = places_.emplace_back();
        if (settings.loops > 1) place.io = std::make_unique<boost::asio::io_context>(1);
        place.loop = std::make_unique<ClientLoop>(
            place.io ? *place.io : io,
            frontend::share_of(all, number, settings.loops),
            tree,
            lock_.slot(number),
            ClientLoop::Doors{.core = core, .words = words, .clients = door_},
            log);
        door_.add(*place.loop);
    }
    with_each([&](frontend::Turn& turn) { turns_.push_back(&turn); });
}

ClientLoops::~ClientLoops() { stop(); }

Result<std::uint16_t> ClientLoops::open() {
    ZK_TRY(const std::uint16_t port, door_.open());
    for (Place& place : places_) {
        place.loop->start();
        if (!place.io) continue;
        place.guard.emplace(place.io->get_executor());
        place.thread = std::thread([&io = *place.io] { io.run(); });
    }
    return port;
}

void ClientLoops::stop() {
    if (std::exchange(stopped_, true)) return;
    let_in();  // a loop may wait for it
    door_.close();
    for (Place& place : places_) {
        if (!place.thread.joinable()) {
            place.loop->stop();
            continue;
        }
        boost::asio::post(*place.io, [&place] {
            place.loop->stop();
            place.io->stop();
        });
    }
    for (Place& place : places_) {
        if (place.thread.joinable()) place.thread.join();
    }
}

void ClientLoops::roll_call(std::function<void()> done) {
    auto missing = std::make_shared<std::size_t>(0);
    const auto ends = std::make_shared<std::function<void()>>(std::move(done));
    for (Place& place : places_) {
        if (!place.io) continue;
        ++*missing;
        // Counted on this thread alone.
        boost::asio::post(*place.io, [&core = io_, missing, ends] {
            boost::asio::post(core, [missing, ends] {
                if (--*missing == 0) (*ends)();
            });
        });
    }
    if (*missing == 0) (*ends)();
}

// ---- for the core's turn

void ClientLoops::keep_out() {
    if (!lock_.is_held()) lock_.lock();
}

// A tree that was replaced is freed soon: all leave it now, which is rare.
void ClientLoops::publish(const tree::DataTree* tree, std::span<request::ToFrontend> messages) {
    keep_out();
    frontend::publish(turns_, tree, messages);
    for (Place& place : places_) {
        ClientLoop& loop = *place.loop;
        loop.slot().is_held();
        if (loop.published()) place.is_due = true;
        if (tree != nullptr) loop.hear();
    }
}

void ClientLoops::hear(std::uint32_t number) {
    ZK_ASSERT(lock_.is_held());
    Place& place = places_[number];
    place.loop->slot().is_held();
    place.loop->hear();
    place.is_due = true;
}

void ClientLoops::let_in() {
    if (lock_.is_held()) lock_.unlock();
}

void ClientLoops::flush() {
    if (stopped_) return;
    for (Place& place : places_) {
        if (std::exchange(place.is_due, false)) place.loop->wake();
    }
}

// ---- of all together

template <class Each>
void ClientLoops::with_each(const Each& each) {
    const Writing all(lock_);
    for (Place& place : places_) {
        place.loop->slot().is_held();
        each(place.loop->turn());
    }
}

frontend::Statistics ClientLoops::statistics() {
    frontend::Statistics sum;
    with_each([&](frontend::Turn& turn) { sum.merge(turn.frontend().statistics()); });
    return sum;
}

std::vector<frontend::ConnectionStatistics> ClientLoops::connections() {
    std::vector<frontend::ConnectionStatistics> all;
    with_each([&](frontend::Turn& turn) {
        std::ranges::move(turn.frontend().connections(), std::back_inserter(all));
    });
    std::ranges::sort(all, {}, &frontend::ConnectionStatistics::number);
    return all;
}

std::vector<frontend::WatchedPath> ClientLoops::watched_paths() {
    if (places_.size() == 1) {
        std::vector<frontend::WatchedPath> only;
        with_each([&](frontend::Turn& turn) { only = turn.frontend().watched_paths(); });
        return only;
    }
    std::map<std::string, std::vector<SessionId>> by_path;
    with_each([&](frontend::Turn& turn) {
        for (frontend::WatchedPath& one : turn.frontend().watched_paths())
            std::ranges::copy(one.sessions, std::back_inserter(by_path[std::move(one.path)]));
    });
    std::vector<frontend::WatchedPath> all;
    for (auto& [path, sessions] : by_path) all.push_back({path, std::move(sessions)});
    return all;
}

std::size_t ClientLoops::held_bytes() {
    std::size_t sum = 0;
    with_each([&](frontend::Turn& turn) { sum += turn.frontend().held_bytes(); });
    return sum;
}

void ClientLoops::reset_statistics() {
    with_each([](frontend::Turn& turn) { turn.reset_statistics(); });
    door_.reset_refused();
}

void ClientLoops::reset_connection_statistics() {
    with_each([](frontend::Turn& turn) { turn.reset_connection_statistics(); });
}

}  // namespace zk::net
