// How a follower takes the leader's history: from DIFF, TRUNC or SNAP to UPTODATE.
// Pure. Order of steps: ZooKeeper 3.9.4 Learner.syncWithLeader; docs/PROTOCOL.md 3.4, whose letters the comments use.
// After a TRUNC, other than Java, the txns that follow are logged like those of a DIFF: the log ends where the txns
// begin, on disk and in memory, so no snapshot is needed.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "ensemble/ensemble_config.h"
#include "jute/txn.h"
#include "zab/learner.h"

namespace zk::zab {
namespace {

/// One step in the total order: the next counter, or the first of a later epoch.
bool follows(Zxid zxid, Zxid previous) {
    if (zxid.epoch() == previous.epoch()) return zxid == previous.next();
    return zxid.epoch() > previous.epoch() && zxid.counter() == 1;
}

bool is_reconfiguration(const CommittedTxn& txn) {
    const auto header = jute::decode_txn_header(*txn.bytes);
    return header.has_value() && header->type == OpCode::reconfig;
}

}  // namespace

/// a, b, c: which of the three ways it is.
void Learner::on_sync_start(const Packet& packet, Actions& out) {
    log_.info("learner.sync {} last_logged={}", to_string(packet), last_logged_);
    switch (packet.type) {
        case PacketType::diff:
            stage_ = Stage::syncing;
            return;
        case PacketType::trunc:
            stage_ = Stage::truncating;
            memory_ahead_ = true;  // until memory is what the shorter log says
            out.push_back(TruncateLog{packet.zxid});
            hold_leader(true, out);
            return;
        case PacketType::snap:
            stage_ = Stage::loading;
            out.push_back(LoadSnapshot{packet.zxid});
            return;
        default:
            return give_up(to_string(packet) + " instead of DIFF, TRUNC or SNAP", out);
    }
}

void Learner::on_truncated(Zxid zxid, Instant now, Actions& out) {
    if (stage_ != Stage::truncating) return;
    ZK_COVERED("learner.truncated");
    last_heard_ = now;
    memory_ahead_ = false;
    last_logged_ = zxid;
    last_durable_ = std::min(last_durable_, zxid);
    hold_leader(false, out);
    begin_sync_from(zxid, out);
}

void Learner::on_truncate_failed(const std::string& why, Instant, Actions& out) {
    if (stage_ != Stage::truncating) return;
    // Going on with a log that the leader has told us to cut would be a second history (ZOOKEEPER-3701).
    ZK_COVERED("learner.truncate_failed");
    needs_snapshot_ = true;
    give_up("cannot cut the log as the leader demands: " + why, out);
}

void Learner::on_snapshot_progress(Instant now) {
    if (stage_ == Stage::loading) last_heard_ = now;
}

void Learner::on_snapshot_loaded(Zxid zxid, Instant now, Actions& out) {
    if (stage_ != Stage::loading) return;
    last_heard_ = now;
    from_snapshot_ = true;
    memory_ahead_ = true;  // until it is saved
    begin_sync_from(zxid, out);
}

/// History in memory ends at `zxid`; now the packets that came meanwhile.
void Learner::begin_sync_from(Zxid zxid, Actions& out) {
    last_received_ = last_committed_ = zxid;
    stage_ = Stage::syncing;
    while (!waiting_.empty() && stage_ != Stage::gone) {
        const Packet packet = std::move(waiting_.front());
        waiting_.pop_front();
        handle(packet, out);
    }
}

void Learner::on_sync_packet(const Packet& packet, Actions& out) {
    switch (packet.type) {
        case PacketType::proposal:
            take_proposal(packet, out);
            return;  // d
        case PacketType::commit:
            return on_sync_commit(packet.zxid, out);  // e
        case PacketType::ping:
            return;  // f
        case PacketType::new_leader:
            return on_new_leader(packet, out);  // g
        default:
            return give_up("unexpected " + to_string(packet), out);
    }
}

bool Learner::take_proposal(const Packet& packet, Actions& out) {
    // Apache's leader labels a snapshot after it has begun to forward: what the label covers may come once more.
    if (from_snapshot_ && packet.zxid <= last_received_) {
        ZK_COVERED("learner.proposal_in_snapshot");
        return false;
    }
    if (!follows(packet.zxid, last_received_)) {
        ZK_COVERED("learner.gap");
        // A hole in the leader's history would be there the next time as well.
        if (stage_ == Stage::syncing) needs_snapshot_ = true;
        give_up(
            "PROPOSAL " + to_string(packet.zxid) + " does not follow " + to_string(last_received_),
            out);
        return false;
    }
    // All of it: once in the log, a txn that cannot be applied would keep this server from ever starting again.
    const auto txn = jute::decode_txn(packet.data ? ByteView(*packet.data) : ByteView());
    if (!txn.has_value() || txn->header.zxid != packet.zxid) {
        give_up("PROPOSAL " + to_string(packet.zxid) + " without a transaction of that zxid" +
                    (txn.has_value() ? "" : ": " + txn.error().message()),
                out);
        return false;
    }
    // An ack of ours must not help it to commit. Before NEWLEADER it may be history.
    if (txn->header.type == OpCode::reconfig && stage_ != Stage::syncing) {
        give_up(kReconfigUnsupported, out);
        return false;
    }
    last_received_ = packet.zxid;
    pending_.push_back({packet.zxid, std::make_shared<const std::string>(*packet.data)});
    return true;
}

void Learner::on_sync_commit(Zxid zxid, Actions& out) {
    const Zxid last = synced_.empty() ? last_committed_ : synced_.back().zxid;
    if (zxid <= last) return;
    if (pending_.empty() || pending_.front().zxid != zxid) {
        return give_up("COMMIT of " + to_string(zxid) + " during synchronisation, out of order",
                       out);
    }
    CommittedTxn txn = std::move(pending_.front());
    pending_.pop_front();
    if (from_snapshot_) {
        last_committed_ = zxid;
        out.push_back(Committed{zxid, std::move(txn.bytes)});
    } else {
        synced_.push_back(std::move(txn));
    }
}

/// g: the history first, then the epoch, then the ACK; each step waits for the disk.
void Learner::on_new_leader(const Packet& packet, Actions& out) {
    if (packet.zxid != Zxid(epoch_, 0)) {
        return give_up(to_string(packet) + " is not of epoch " + to_string(epoch_), out);
    }
    if (!accept_config(packet, out)) return;
    if (std::any_of(pending_.begin(), pending_.end(), is_reconfiguration)) {
        return give_up(kReconfigUnsupported, out);
    }
    if (from_snapshot_) {
        stage_ = Stage::saving_snapshot;
        if (last_logged_ > last_committed_) ZK_COVERED("learner.snapshot_below_log");
        out.push_back(SaveSnapshot{last_committed_});
        return;
    }
    if (synced_.empty()) return save_current_epoch(out);
    stage_ = Stage::logging;
    for (const CommittedTxn& txn : synced_) out.push_back(AppendTxn{txn.zxid, txn.bytes});
    for (CommittedTxn& txn : synced_) out.push_back(Committed{txn.zxid, std::move(txn.bytes)});
    last_logged_ = last_committed_ = synced_.back().zxid;
    synced_.clear();
}

void Learner::on_snapshot_saved(Zxid zxid, Instant now, Actions& out) {
    if (stage_ != Stage::saving_snapshot || zxid != last_committed_) return;  // of an earlier role
    last_heard_ = now;
    memory_ahead_ = false;
    last_logged_ = last_durable_ = zxid;
    save_current_epoch(out);
}

void Learner::save_current_epoch(Actions& out) {
    stage_ = Stage::saving_current;
    out.push_back(SaveCurrentEpoch{epoch_});
}

void Learner::on_current_epoch_saved(Epoch epoch, Instant now, Actions& out) {
    if (stage_ != Stage::saving_current || epoch != epoch_) return;  // of an earlier role
    current_ = epoch;
    last_heard_ = now;
    stage_ = Stage::awaiting_up_to_date;
    send({PacketType::ack, Zxid(epoch_, 0), {}, {}}, out);
}

/// h: what is live goes into queues.
void Learner::on_packet_before_up_to_date(const Packet& packet, Actions& out) {
    switch (packet.type) {
        case PacketType::proposal:
            take_proposal(packet, out);
            return;
        case PacketType::commit:
            queued_commits_.push_back(packet.zxid);
            return;
        case PacketType::ping:
            return;
        case PacketType::up_to_date:
            if (stage_ == Stage::awaiting_up_to_date) return on_up_to_date(out);
            return give_up("UPTODATE before our ACK of NEWLEADER", out);
        default:
            return give_up("unexpected " + to_string(packet), out);
    }
}

/// i: serve, log what was queued, then commit what was queued.
void Learner::on_up_to_date(Actions& out) {
    log_.info("learner.up_to_date epoch={} last_logged={} queued={} queued_commits={}",
              epoch_,
              last_logged_,
              pending_.size(),
              queued_commits_.size());
    send({PacketType::ack, Zxid(epoch_, 0), {}, {}}, out);
    stage_ = Stage::serving;
    pending_logged_ = true;
    // A snapshot that was streamed while the leader went on may hold parts of txns above its zxid, all of them proposed
    // to us by now: clients must not see such a tree.
    if (from_snapshot_ && !pending_.empty()) {
        ZK_COVERED("learner.serves_later");
        serve_after_ = pending_.back().zxid;
    } else {
        out.push_back(Established{epoch_});
    }
    out.push_back(EpochChanged{epoch_});
    for (const CommittedTxn& txn : pending_) append(txn, out);
    for (const Zxid zxid : std::exchange(queued_commits_, {})) {
        if (stage_ == Stage::serving) commit(zxid, out);
    }
}

/// Other voters mean a rolling change of static files. In a newer configuration they are what a reconfiguration has made:
/// with our old ones we would count other majorities than the rest. False after giving up. A newer version with the same
/// voters is no change: Apache's with reconfigEnabled gives the first configuration a version when a leader begins.
bool Learner::accept_config(const Packet& packet, Actions& out) {
    if (!packet.data || packet.data->empty()) return true;
    const auto config = ensemble::parse_ensemble_config(*packet.data, "NEWLEADER");
    if (!config.has_value()) {
        log_.warn("learner.config_unreadable why=\"{}\"", config.error().message());
        return true;
    }
    const ensemble::Membership& ours = *settings_.members;
    if (config->voters() == ours.quorum().voters()) {
        if (config->version > ours.version()) out.push_back(ConfigVersion{config->version});
        return true;
    }
    log_.warn("learner.config_differs version={} leader_voters={} our_voters={}",
              config->version,
              config->voters().size(),
              ours.quorum().voters().size());
    if (config->version <= ours.version()) return true;
    ZK_COVERED("learner.reconfigured");
    give_up(kReconfigUnsupported, out);
    return false;
}

}  // namespace zk::zab
