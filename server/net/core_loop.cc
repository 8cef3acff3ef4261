#include "net/core_loop.h"

#include <chrono>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "net/clock.h"

namespace zk::net {
namespace {
/// The wall clock in txns may be this old, or as old as the turn before; a tick refreshes it.
constexpr Duration kWallAgeMax = std::chrono::milliseconds(5);
constexpr std::size_t kSnapshotChunkBytes = std::size_t{256} << 10;
}  // namespace

CoreLoop::CoreLoop(boost::asio::io_context& io, core::Core& core, Log log)
    : io_(io), core_(core), log_(std::move(log)), timer_(io) {}

void CoreLoop::start(Doors doors) {
    doors_ = std::move(doors);
    stopped_ = false;
    const Instant now = steady_now();
    last_tick_ = now;
    core_.start(wall_now(), now, actions_);
    for (core::Action& action : actions_) carry_out(action);
    actions_.clear();
    end_turn();
    tick_later();
}

void CoreLoop::stop() {
    stopped_ = true;
    timer_.cancel();
    inbox_.clear();
    snapshot_.reset();
}

void CoreLoop::post(core::Event event) {
    if (stopped_) return;
    inbox_.push_back(std::move(event));
    schedule();
}

void CoreLoop::post_from_thread(std::vector<storage::DiskEvent> events) {
    boost::asio::post(io_, [this, events = std::move(events)]() mutable {
        for (storage::DiskEvent& event : events) post(std::move(event));
    });
}

void CoreLoop::post_from_thread(disk::SnapshotEvent event) {
    boost::asio::post(io_, [this, event = std::move(event)]() mutable {
        if (const auto* found = std::get_if<disk::PurgeFound>(&event)) {
            if (!stopped_) doors_.log->post(storage::Purge{found->kept});
            return;
        }
        if (const auto* failed = std::get_if<disk::SnapshotFailed>(&event)) {
            if (!stopped_)
                doors_.fatal("snapshot " + to_string(failed->zxid) + ": " + failed->words);
            return;
        }
        snapshot_.reset();
        post(core::SnapshotFinished{std::get<disk::SnapshotSaved>(event).zxid, true});
    });
}

void CoreLoop::snapshot_space_from_thread() {
    boost::asio::post(io_, [this] { pump_snapshot(); });
}

void CoreLoop::schedule() {
    if (scheduled_) return;
    scheduled_ = true;
    boost::asio::post(io_, [this] { turn(); });
}

void CoreLoop::tick_later() {
    timer_.expires_after(core::Core::kTickPeriod);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error || stopped_) return;
        post(core::Tick{wall_now()});
        tick_later();
    });
}

void CoreLoop::turn() {
    scheduled_ = false;
    if (stopped_) return;
    batch_.swap(inbox_);
    const Instant now = steady_now();
    // What came is heard before the time: after a pause of the process it may be the sign of life that a tick would miss.
    bool ticks = now - last_tick_ >= kWallAgeMax;
    for (core::Event& event : batch_) {
        if (std::holds_alternative<core::Tick>(event)) {
            ticks = true;
        } else {
            step(std::move(event), now);
        }
    }
    if (ticks) {
        last_tick_ = now;
        step(core::Tick{wall_now()}, now);
    }
    batch_.clear();
    end_turn();
}

void CoreLoop::step(core::Event event, Instant now) {
    if (stopped_) return;
    core_.step(std::move(event), now, actions_);
    while (true) {
        for (core::Action& action : actions_) carry_out(action);
        actions_.clear();
        if (!core_.more()) return;
        deliver_to_clients();
        core_.proceed(now, actions_);
    }
}

void CoreLoop::deliver_to_clients() {
    if (tree_replaced_) doors_.tree_replaced(core_.tree());
    tree_replaced_ = false;
    for (std::unique_ptr<tree::DataTree>& tree : retired_trees_) doors_.snapshots->dispose(std::move(tree));
    retired_trees_.clear();
    if (to_clients_.empty()) return;
    doors_.clients(to_clients_);
    to_clients_.clear();
}

void CoreLoop::carry_out(core::Action& action) {
    struct Handler {
        CoreLoop& loop;
        void operator()(core::SendNotification& a) { loop.doors_.notify(a.to, std::move(a.body)); }
        void operator()(core::OpenLearnerPort&) { loop.doors_.quorum->open_port(); }
        void operator()(core::CloseLearnerPort&) { loop.doors_.quorum->close_port(); }
        void operator()(core::SendToLearner& a) {
            loop.doors_.quorum->send_to_learner(a.link, a.packet);
        }
        void operator()(core::SendProposal& a) {
            loop.doors_.quorum->send_proposal(a.link, a.zxid, std::move(a.bytes));
        }
        void operator()(core::AwaitRoom& a) { loop.doors_.quorum->await_room(a.link); }
        void operator()(core::SendSnapshot& a) {
            loop.doors_.quorum->send_snapshot(
                a.link,
                storage::SnapshotSerializer(
                    loop.core_.tree(), loop.core_.session_timeouts(), storage::Form::wire));
        }
        void operator()(core::CloseLearner& a) {
            loop.log_.info("learner.closed link={} why=\"{}\"", a.link, a.why);
            loop.doors_.quorum->close_learner(a.link);
        }
        void operator()(core::DialLeader& a) { loop.doors_.quorum->dial(a.attempt, a.leader); }
        void operator()(core::SendToLeader& a) { loop.doors_.quorum->send_to_leader(a.packet); }
        void operator()(core::CloseLeader&) { loop.doors_.quorum->close_leader(); }
        void operator()(core::ReadLeader& a) { loop.doors_.quorum->read_leader(a.on); }
        void operator()(storage::DiskCommand& a) { loop.disk_commands_.push_back(std::move(a)); }
        void operator()(core::StartSnapshot& a) { loop.start_snapshot(a); }
        void operator()(core::CancelSnapshot&) { loop.cancel_snapshot(); }
        void operator()(core::TreeReplaced&) { loop.tree_replaced_ = true; }
        void operator()(core::RetireTree& a) { loop.retired_trees_.push_back(std::move(a.tree)); }
        void operator()(request::ToFrontend& a) { loop.to_clients_.push_back(std::move(a)); }
        void operator()(core::Fatal& a) { loop.doors_.fatal(a.why); }
    };
    std::visit(Handler{*this}, action);
}

void CoreLoop::end_turn() {
    if (!disk_commands_.empty()) {
        doors_.log->post(disk_commands_);
        disk_commands_.clear();
    }
    deliver_to_clients();
    pump_snapshot();
}

// ---- snapshot files

void CoreLoop::start_snapshot(const core::StartSnapshot& start) {
    ZK_ASSERT(!snapshot_);
    snapshot_.emplace();
    snapshot_->zxid = start.zxid;
    snapshot_->install = start.install;
    snapshot_->serializer.emplace(core_.tree(),
                                  core_.session_timeouts(),
                                  storage::Form::file,
                                  start.install ? storage::DigestSection::no : storage::DigestSection::yes);
    doors_.snapshots->begin(start.zxid,
                            start.install ? storage::SnapshotRole::install : storage::SnapshotRole::periodic);
    log_.info("snapshot.started zxid={} install={}", start.zxid, start.install);
}

void CoreLoop::cancel_snapshot() {
    if (!snapshot_ || snapshot_->finishing) return;  // too late: SnapshotSaved is on its way
    const Zxid zxid = snapshot_->zxid;
    doors_.snapshots->abandon();
    snapshot_.reset();
    log_.info("snapshot.cancelled zxid={}", zxid);
    post(core::SnapshotFinished{zxid, false});
}

// One chunk at a time, so that clients and peers are served in between.
void CoreLoop::pump_snapshot() {
    if (stopped_ || !snapshot_ || snapshot_->finishing) return;
    if (snapshot_->serializer && doors_.snapshots->wants_more()) {
        Bytes chunk;
        const bool more = snapshot_->serializer->next_chunk(chunk, kSnapshotChunkBytes);
        doors_.snapshots->write(std::move(chunk));
        if (more) {
            if (snapshot_->pump_posted) return;
            snapshot_->pump_posted = true;
            boost::asio::post(io_, [this] {
                if (!snapshot_) return;
                snapshot_->pump_posted = false;
                pump_snapshot();
            });
            return;
        }
        snapshot_->end_zxid = snapshot_->serializer->end_zxid();
        snapshot_->serializer.reset();
    }
    if (!snapshot_->end_zxid) return;
    // What the walk may have seen of later txns must be in the log before the name is given: only replay makes the file
    // whole. Without any it is the committed state as it was. One to be installed has no log yet, and nothing is applied
    // meanwhile.
    if (!snapshot_->install && *snapshot_->end_zxid != snapshot_->zxid &&
        core_.last_durable() < *snapshot_->end_zxid)
        return;
    snapshot_->finishing = true;
    doors_.snapshots->finish();
}

}  // namespace zk::net
