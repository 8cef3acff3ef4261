// The order of a server alone, and what of a Core is only for it. See alone.h.
#include "core/alone.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/core.h"

namespace zk::core {

Alone::Alone(Settings settings, Zxid last, Epoch accepted, Epoch current, Log log)
    : settings_(settings),
      log_(std::move(log)),
      last_(last),
      accepted_(accepted),
      current_(current) {
    ZK_ASSERT(last >= Zxid(0));
    ZK_ASSERT(settings_.counter_limit >= 2);
}

Zxid Alone::next_zxid() const {
    if (last_.counter() < settings_.counter_limit - 1) return last_.next();
    return Zxid(Epoch(std::max({last_.epoch(), accepted_, current_}).value() + 1), 1);
}

void Alone::propose(Zxid zxid, SharedBytes bytes, zab::Actions& out) {
    ZK_ASSERT(zxid == next_zxid() && !window_full());
    if (zxid.epoch() != last_.epoch()) begin_epoch(zxid.epoch(), out);
    last_ = zxid;
    bytes_ += bytes->size();
    out.push_back(zab::AppendTxn{zxid, bytes});
    in_flight_.push_back({zxid, std::move(bytes)});
}

// The accepted epoch first, as everywhere: a crash between must not leave it below the current one.
void Alone::begin_epoch(Epoch epoch, zab::Actions& out) {
    ZK_COVERED("alone.rollover");
    log_.info(
        "alone.epoch epoch={} why=\"the counter of epoch {} is used up\"", epoch, last_.epoch());
    ZK_ASSERT(accepted_ < epoch && current_ < epoch);
    accepted_ = current_ = epoch;
    out.push_back(zab::SaveAcceptedEpoch{epoch});
    out.push_back(zab::SaveCurrentEpoch{epoch});
}

void Alone::request_sync(std::uint64_t token, zab::Actions& out) {
    if (in_flight_.empty()) {
        out.push_back(zab::SyncAnswered{token});
    } else {
        syncs_.push_back({token, last_});
    }
}

void Alone::on_log_durable(Zxid up_to, zab::Actions& out) {
    while (!in_flight_.empty() && in_flight_.front().zxid <= up_to) {
        zab::CommittedTxn txn = std::move(in_flight_.front());
        in_flight_.pop_front();
        bytes_ -= txn.bytes->size();
        out.push_back(zab::Committed{txn.zxid, std::move(txn.bytes)});
        while (!syncs_.empty() && syncs_.front().behind <= txn.zxid) {
            ZK_COVERED("alone.sync_behind_a_write");
            out.push_back(zab::SyncAnswered{syncs_.front().token});
            syncs_.pop_front();
        }
    }
}

// ---- of a Core

// There is nothing to wait for: what recovery found is the state.
void Core::serve_alone(Instant now, Actions& out) {
    state_ = State::alone;
    const Zxid last = database_.last();
    alone_ = std::make_unique<Alone>(
        Alone::Settings{.bounds = settings_.bounds, .counter_limit = settings_.counter_limit},
        last,
        accepted_epoch_,
        current_epoch_,
        log_);
    begin_serving(last.epoch(), now, out);
}

// Its clients lose their connections; those whose sessions the tree knows go on, unless they have seen more than it holds.
// Until it is on disk whole a crash brings the old one back.
void Core::handle(Restore& event, Instant, Actions& out) {
    if (!alone_ || !serving_) return out.push_back(OperatorNews(Restored{}));
    const Zxid zxid = event.tree->last_zxid();
    log_.warn("server.restoring zxid={} znodes={} instead_of={}",
              zxid,
              event.tree->node_count(),
              tree().last_zxid());
    stop_serving(out);
    end_role();
    state_ = State::restoring;
    to_restore_ = std::move(event);
    // The epoch before any file is of it, as in Alone::begin_epoch. It is written in any case: when the answer comes
    // frontends have heard that nothing is served, and nobody reads the tree.
    out.push_back(
        storage::DiskCommand(storage::SaveAcceptedEpoch{std::max(accepted_epoch_, zxid.epoch())}));
}

void Core::restore_now(Actions& out) {
    Restore restore = *std::exchange(to_restore_, std::nullopt);
    const Epoch epoch = restore.tree->last_zxid().epoch();
    if (current_epoch_ < epoch)
        out.push_back(storage::DiskCommand(storage::SaveCurrentEpoch{epoch}));
    database_.restore(std::move(restore.tree), out);
    take_sessions(restore.sessions);
}

void Core::restored(Instant now, Actions& out) {
    serve_alone(now, out);
    out.push_back(OperatorNews(Restored{tree().last_zxid()}));
}

bool Core::window_full() const { return alone_ ? alone_->window_full() : leader_->window_full(); }

Zxid Core::next_zxid() const { return alone_ ? alone_->next_zxid() : leader_->next_zxid(); }

// False: the txn is not proposed, and the role ends.
bool Core::propose_txn(Zxid zxid, SharedBytes bytes, Instant now) {
    counts_.add(metrics::Counter::prep_processor_request_queued);
    if (!alone_) {
        proposal_sizes_.add(static_cast<std::int64_t>(bytes->size()));
        counts_.add(metrics::Counter::proposal_count);
        return leader_->propose(zxid, std::move(bytes), now, zab_actions_);
    }
    alone_->propose(zxid, std::move(bytes), zab_actions_);
    return true;
}

}  // namespace zk::core
