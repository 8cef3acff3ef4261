// The order of a turn. See turn.h.
#include "core/turn.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace zk::core {

Turn::Turn(Settings settings, storage::RecoveredState recovered, Log log)
    : log_(log), core_(std::move(settings), std::move(recovered), std::move(log), [this] {
          if (before_change) before_change();
      }) {}

void Turn::start(WallMs wall, Instant now, Effects& out) {
    last_tick_ = now;
    core_.start(wall, now, actions_);
    settle(now, out);
}

void Turn::heard(std::uint32_t loop) {
    if (core_.stopped_for() == loop) heard_ = true;
    core_.heard(loop);
}

Turn::Ended Turn::run(WallMs wall, Instant now, Effects& out) {
    if (out.fatal) return Ended::whole;
    if (std::exchange(stopped_, false)) {
        ZK_ASSERT(heard_);
        heard_ = false;
        core_.proceed(now, actions_);
        if (!settle(now, out)) return Ended::at_a_read;
    } else {
        batch_.clear();
        batch_.swap(inbox_);
        taken_ = 0;
        ticks_ = now - last_tick_ >= kWallAgeMax;
    }
    while (taken_ < batch_.size()) {
        Event& event = batch_[taken_++];
        if (std::holds_alternative<Tick>(event)) {
            ticks_ = true;
        } else if (!take(std::move(event), now, out)) {
            return Ended::at_a_read;
        }
    }
    if (std::exchange(ticks_, false)) {
        last_tick_ = now;
        if (!take(Tick{wall}, now, out)) return Ended::at_a_read;
    }
    name_snapshot(out);
    return Ended::whole;
}

// False: stopped at a read.
bool Turn::take(Event event, Instant now, Effects& out) {
    if (out.fatal) return true;
    if (std::holds_alternative<SnapshotFinished>(event)) snapshot_.reset();
    core_.step(std::move(event), now, actions_);
    return settle(now, out);
}

bool Turn::settle(Instant, Effects& out) {
    for (Action& action : actions_) sort(action, out);
    actions_.clear();
    if (on_step) on_step(out);
    stopped_ = core_.more() && !out.fatal;
    return !stopped_;
}

// What the same step asks for behind a Fatal is void: nobody is to hear of it.
void Turn::sort(Action& action, Effects& out) {
    if (out.fatal) return;
    const auto put = [&]<class T>(T& a) {
        if constexpr (std::is_same_v<T, storage::DiskCommand>) {
            out.disk.push_back(std::move(a));
        } else if constexpr (std::is_same_v<T, request::ToFrontend>) {
            out.frontends.push_back(std::move(a));
        } else if constexpr (std::is_same_v<T, StartSnapshot>) {
            begin_snapshot(a, out);
        } else if constexpr (std::is_same_v<T, CancelSnapshot>) {
            abandon_snapshot(out);
        } else if constexpr (std::is_same_v<T, TreeReplaced>) {
            ZK_ASSERT(!has_snapshot_chunk());
            out.tree = &core_.tree();
        } else if constexpr (std::is_same_v<T, RetireTree>) {
            out.retired.push_back(std::move(a.tree));
        } else if constexpr (std::is_same_v<T, OperatorNews>) {
            out.told.push_back(a);
        } else if constexpr (std::is_same_v<T, Fatal>) {
            out.fatal = std::move(a.why);
        } else if constexpr (std::is_same_v<T, SendSnapshot>) {
            out.links.emplace_back(
                StreamSnapshot{a.link,
                               storage::SnapshotSerializer(
                                   core_.tree(), core_.session_timeouts(), storage::Form::wire)});
        } else {
            if constexpr (std::is_same_v<T, CloseLearner>)
                log_.info("learner.closed link={} why=\"{}\"", a.link, a.why);
            out.links.emplace_back(std::move(a));
        }
    };
    std::visit(put, action);
}

// ---- snapshot files

void Turn::begin_snapshot(const StartSnapshot& start, Effects& out) {
    ZK_ASSERT(!snapshot_);
    snapshot_.emplace(start.zxid, start.install);
    snapshot_->walk.emplace(
        core_.tree(),
        core_.session_timeouts(),
        storage::Form::file,
        start.install ? storage::DigestSection::no : storage::DigestSection::yes);
    out.snapshot.emplace_back(BeginSnapshot{
        start.zxid,
        start.install ? storage::SnapshotRole::install : storage::SnapshotRole::periodic});
    log_.info("snapshot.started zxid={} install={}", start.zxid, start.install);
}

void Turn::abandon_snapshot(Effects& out) {
    if (!snapshot_ || snapshot_->named) return;  // too late: its end is on its way
    log_.info("snapshot.cancelled zxid={}", snapshot_->zxid);
    out.snapshot.emplace_back(AbandonSnapshot{snapshot_->zxid});
    snapshot_.reset();
}

void Turn::write_snapshot(std::size_t bytes_max, Effects& out) {
    ZK_ASSERT(has_snapshot_chunk());
    Bytes chunk;
    const bool more = snapshot_->walk->next_chunk(chunk, bytes_max);
    out.snapshot.emplace_back(WriteSnapshot{std::move(chunk)});
    if (more) return;
    snapshot_->end_zxid = snapshot_->walk->end_zxid();
    snapshot_->walk.reset();
    name_snapshot(out);
}

// Without a txn during the walk the file is the committed state as it was, and needs no log. One to be installed has none
// yet, and nothing is applied meanwhile.
void Turn::name_snapshot(Effects& out) {
    if (!snapshot_ || !snapshot_->end_zxid || snapshot_->named) return;
    const bool needs_log = !snapshot_->install && *snapshot_->end_zxid != snapshot_->zxid;
    if (needs_log && core_.last_durable() < *snapshot_->end_zxid) return;
    snapshot_->named = true;
    out.snapshot.emplace_back(NameSnapshot{});
}

}  // namespace zk::core
