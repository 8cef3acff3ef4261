// Turns of the core on an io_context. See core_loop.h.
#include "net/core_loop.h"

#include <iterator>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "clocks/clocks.h"

namespace zk::net {
namespace {
constexpr std::size_t kSnapshotChunkBytes = std::size_t{256} << 10;
}  // namespace

CoreLoop::CoreLoop(boost::asio::io_context& io, core::Turn& turn, Log log)
    : io_(io), turn_(turn), log_(std::move(log)), tick_(io) {}

void CoreLoop::start(Doors doors) {
    doors_.emplace(doors);
    stopped_ = false;
    turn_.before_change = [this] { doors_->clients.keep_out(); };
    turn_.start(clocks::wall_now(), clocks::steady_now(), effects_);
    carry_out();
    tick_later();
}

void CoreLoop::stop() {
    stopped_ = true;
    tick_.stop();
}

void CoreLoop::post(core::Event event) {
    if (stopped_) return;
    turn_.post(std::move(event));
    schedule();
}

void CoreLoop::log_told(std::vector<storage::DiskEvent> events) {
    boost::asio::post(io_, [this, events = std::move(events)]() mutable {
        for (storage::DiskEvent& event : events) post(std::move(event));
    });
}

void CoreLoop::snapshot_told(disk::SnapshotEvent event) {
    boost::asio::post(io_, [this, event = std::move(event)]() mutable {
        if (!stopped_) take(event);
    });
}

void CoreLoop::take(disk::SnapshotEvent& event) {
    struct Handler {
        CoreLoop& loop;
        void operator()(disk::SnapshotSaved& e) {
            if (const auto began = std::exchange(loop.snapshot_began_, std::nullopt))
                loop.snapshot_times_ms_.add(to_ms(clocks::steady_now() - *began));
            loop.post(core::SnapshotFinished{e.zxid, true});
        }
        void operator()(disk::SnapshotFailed& e) {
            loop.doors_->server.cannot_go_on("snapshot " + to_string(e.zxid) + ": " + e.words);
        }
        void operator()(disk::PurgeFound& e) {
            loop.doors_->log.post(storage::Purge{std::move(e.kept)});
        }
    };
    std::visit(Handler{*this}, event);
}

void CoreLoop::snapshot_has_room() {
    boost::asio::post(io_, [this] { write_snapshot_later(); });
}

void CoreLoop::ask(std::vector<request::ToCore>& requests) {
    if (requests.empty()) return;
    {
        const threads::Lock lock(asked_mutex_);
        if (asked_.empty()) {
            asked_.swap(requests);
        } else {
            std::move(requests.begin(), requests.end(), std::back_inserter(asked_));
        }
    }
    requests.clear();
    schedule();
}

void CoreLoop::take_requests() {
    {
        const threads::Lock lock(asked_mutex_);
        taken_.swap(asked_);
    }
    for (request::ToCore& request : taken_) turn_.post(core::Event(std::move(request)));
    taken_.clear();
}

/// Any thread. A turn that begins behind this takes what is there now.
void CoreLoop::schedule() {
    if (scheduled_.exchange(true)) return;
    boost::asio::post(io_, [this] { turn(); });
}

void CoreLoop::tick_later() {
    tick_.set(core::Core::kTickPeriod, [this] {
        post(core::Tick{clocks::wall_now()});
        tick_later();
    });
}

void CoreLoop::turn() {
    scheduled_ = false;
    if (stopped_) return;
    const Instant now = clocks::steady_now();
    const WallMs wall = clocks::wall_now();
    ClientPort& clients = doors_->clients;
    for (std::uint32_t loop = 0; loop < clients.loop_count(); ++loop) {
        if (clients.has_heard(loop)) turn_.heard(loop);
    }
    take_requests();
    while (turn_.run(wall, now, effects_) == core::Turn::Ended::at_a_read) {
        publish();
        clients.keep_out();
        clients.hear(turn_.reader());
        turn_.heard(turn_.reader());
    }
    carry_out();
}

void CoreLoop::publish() {
    if (effects_.tree == nullptr && effects_.frontends.empty()) return;
    doors_->clients.publish(std::exchange(effects_.tree, nullptr), effects_.frontends);
    effects_.frontends.clear();
}

void CoreLoop::carry_out() {
    publish();
    doors_->clients.let_in();
    for (core::LinkEffect& effect : effects_.links) carry_out(effect);
    effects_.links.clear();
    doors_->log.post(effects_.disk);
    doors_->clients.flush();
    for (core::SnapshotEffect& effect : effects_.snapshot) carry_out(effect);
    effects_.snapshot.clear();
    for (auto& tree : effects_.retired) doors_->snapshots.dispose(std::move(tree));
    effects_.retired.clear();
    for (const core::OperatorNews& news : effects_.told) doors_->server.told(news);
    effects_.told.clear();
    if (effects_.fatal)
        return doors_->server.cannot_go_on(*std::exchange(effects_.fatal, std::nullopt));
    write_snapshot_later();
}

void CoreLoop::carry_out(core::LinkEffect& effect) {
    struct Handler {
        QuorumLinks& quorum;
        NotificationPort& notifications;
        void operator()(core::SendNotification& e) {
            notifications.notify(e.to, std::move(e.body));
        }
        void operator()(core::OpenLearnerPort&) { quorum.open_port(); }
        void operator()(core::CloseLearnerPort&) { quorum.close_port(); }
        void operator()(core::SendToLearner& e) { quorum.send_to_learner(e.link, e.packet); }
        void operator()(core::SendProposal& e) {
            quorum.send_proposal(e.link, e.zxid, std::move(e.bytes));
        }
        void operator()(core::AwaitRoom& e) { quorum.await_room(e.link); }
        void operator()(core::StreamSnapshot& e) {
            quorum.send_snapshot(e.link, std::move(e.tree));
        }
        void operator()(core::CloseLearner& e) { quorum.close_learner(e.link); }
        void operator()(core::DialLeader& e) { quorum.dial(e.attempt, e.leader); }
        void operator()(core::SendToLeader& e) { quorum.send_to_leader(e.packet); }
        void operator()(core::CloseLeader&) { quorum.close_leader(); }
        void operator()(core::ReadLeader& e) { quorum.read_leader(e.on); }
    };
    ZK_ASSERT(doors_->quorum != nullptr && doors_->notifications != nullptr);
    std::visit(Handler{*doors_->quorum, *doors_->notifications}, effect);
}

void CoreLoop::carry_out(core::SnapshotEffect& effect) {
    struct Handler {
        CoreLoop& loop;
        disk::SnapshotThread& thread;
        void operator()(core::BeginSnapshot& e) {
            loop.snapshot_began_ = clocks::steady_now();
            thread.begin(e.zxid, e.role);
        }
        void operator()(core::WriteSnapshot& e) { thread.write(std::move(e.chunk)); }
        void operator()(core::NameSnapshot&) { thread.finish(); }
        // Not when the thread has come to it: it may be in the middle of a purge, and only finish() gives a name.
        void operator()(core::AbandonSnapshot& e) {
            thread.abandon();
            loop.post(core::SnapshotFinished{e.zxid, false});
        }
    };
    std::visit(Handler{*this, doors_->snapshots}, effect);
}

// One chunk at a time, so that clients and peers are served in between.
void CoreLoop::write_snapshot_later() {
    if (stopped_ || writes_snapshot_ || !turn_.has_snapshot_chunk() ||
        !doors_->snapshots.wants_more())
        return;
    writes_snapshot_ = true;
    boost::asio::post(io_, [this] {
        writes_snapshot_ = false;
        if (stopped_ || !turn_.has_snapshot_chunk()) return;
        turn_.write_snapshot(kSnapshotChunkBytes, effects_);
        carry_out();
    });
}

}  // namespace zk::net
