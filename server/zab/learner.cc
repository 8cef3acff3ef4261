// The follower's connection, its part in discovery, and broadcast.
// Pure. Source: ZooKeeper Learner.connectToLeader, registerWithLeader, Follower.processPacket;
// docs/PROTOCOL.md 3.2, 3.7 to 3.10.
#include "zab/learner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::zab {

Learner::Learner(Settings settings, Log log)
    : settings_(std::move(settings)), log_(std::move(log)) {}

void Learner::start(
    ServerId leader, Epoch accepted, Epoch current, Zxid last_logged, Instant now, Actions& out) {
    ZK_ASSERT(stage_ == Stage::idle);
    leader_ = leader;
    accepted_ = accepted;
    current_ = current;
    last_logged_ = last_received_ = last_committed_ = last_logged;
    stage_ = Stage::dialing;
    start_deadline_ = now + settings_.init_timeout();
    log_.info("learner.start leader={} accepted_epoch={} current_epoch={} last_logged={}",
              leader,
              accepted,
              current,
              last_logged);
    dial(out);
}

// --- Connection

void Learner::dial(Actions& out) {
    next_dial_.reset();
    ++dials_;
    out.push_back(DialLeader{leader_});
}

void Learner::on_dial_failed(const std::string& why, Instant now, Actions& out) {
    if (stage_ != Stage::dialing) return;
    if (dials_ >= kDialsMax) {
        return give_up("cannot connect to leader " + to_string(leader_) + ": " + why, out);
    }
    log_.debug("learner.dial_failed leader={} dials={} why=\"{}\"", leader_, dials_, why);
    next_dial_ = now + kDialPause;
}

void Learner::on_connected(Instant now, Actions& out) {
    if (stage_ != Stage::dialing) return;
    stage_ = Stage::awaiting_epoch;
    last_heard_ = now;
    const LearnerInfo info{settings_.my_id, kProtocolVersion, settings_.members->version()};
    send({PacketType::follower_info, Zxid(accepted_, 0), encode(info), {}}, out);
}

void Learner::on_disconnected(const std::string& why, Instant, Actions& out) {
    if (stage_ == Stage::gone) return;
    stage_ = Stage::dialing;  // nothing to close
    give_up("lost the leader: " + why, out);
}

void Learner::on_tick(Instant now, Actions& out) {
    if (stage_ == Stage::dialing) {
        if (now >= start_deadline_) {
            return give_up("cannot connect to leader " + to_string(leader_) + " in time", out);
        }
        if (next_dial_ && now >= *next_dial_) dial(out);
        return;
    }
    if (!waits_for_leader() || now - last_heard_ < read_timeout()) return;
    give_up("nothing heard from the leader for " + std::to_string(to_ms(read_timeout())) + " ms",
            out);
}

/// While the disk works for us the leader owes us nothing.
bool Learner::waits_for_leader() const {
    switch (stage_) {
        case Stage::awaiting_epoch:
        case Stage::awaiting_sync:
        case Stage::loading:
        case Stage::syncing:
        case Stage::awaiting_up_to_date:
        case Stage::serving:
            return true;
        default:
            return false;
    }
}

Duration Learner::read_timeout() const {
    const bool synced = stage_ == Stage::awaiting_up_to_date || stage_ == Stage::serving;
    // While nothing is read it is our own disk that is slow.
    return synced && !leader_held_ ? settings_.sync_timeout() : settings_.init_timeout();
}

void Learner::on_packet(const Packet& packet, Instant now, Actions& out) {
    if (stage_ == Stage::gone) return;
    last_heard_ = now;
    log_.trace("learner.packet {}", to_string(packet));
    handle(packet, out);
}

void Learner::handle(const Packet& packet, Actions& out) {
    if (packet.type == PacketType::commit_and_activate ||
        packet.type == PacketType::inform_and_activate) {
        return give_up(kReconfigUnsupported, out);
    }
    switch (stage_) {
        case Stage::awaiting_epoch:
            return on_leader_info(packet, out);
        case Stage::awaiting_sync:
            return on_sync_start(packet, out);
        case Stage::truncating:
        case Stage::loading:
            waiting_.push_back(packet);
            return;
        case Stage::syncing:
            return on_sync_packet(packet, out);
        case Stage::saving_snapshot:
        case Stage::logging:
        case Stage::saving_current:
        case Stage::awaiting_up_to_date:
            return on_packet_before_up_to_date(packet, out);
        case Stage::serving:
            return on_live_packet(packet, out);
        case Stage::idle:
        case Stage::dialing:
        case Stage::saving_accepted:
            return give_up("unexpected " + to_string(packet), out);
        case Stage::gone:
            return;
    }
}

// --- Discovery

void Learner::on_leader_info(const Packet& packet, Actions& out) {
    if (packet.type != PacketType::leader_info) {
        return give_up(to_string(packet) + " instead of LEADERINFO", out);
    }
    const bool versioned = packet.data && packet.data->size() >= 4;
    if (!versioned || load_be<std::int32_t>(packet.data->data()) < kProtocolVersion) {
        return give_up("the leader speaks a protocol older than ZooKeeper 3.4", out);
    }
    leader_knows_flag_ = packet.data->size() > 4 && packet.data->at(4) == kKnowsSnapshotFlag;
    epoch_ = packet.zxid.epoch();
    if (promise_is_absurd()) {
        ZK_COVERED("learner.absurd_promise");
        log_.warn("learner.absurd_promise accepted_epoch={} leader_epoch={}", accepted_, epoch_);
    } else if (epoch_ < accepted_) {
        ZK_COVERED("learner.old_leader");
        return give_up("the leader's epoch " + to_string(epoch_) + " is below our accepted epoch " +
                           to_string(accepted_),
                       out);
    }
    if (epoch_ == accepted_) {
        ZK_COVERED("learner.same_epoch");
        return send_ack_epoch(Epoch(-1), out);  // we promised before: no new promise
    }
    stage_ = Stage::saving_accepted;
    out.push_back(SaveAcceptedEpoch{epoch_});
}

/// No election has made the epoch that we accepted: somebody has lied to us, or the file is damaged. Keeping that promise
/// would keep us out for good.
bool Learner::promise_is_absurd() const {
    return accepted_.value() - epoch_.value() > limits::kEpochStep;
}

void Learner::on_accepted_epoch_saved(Epoch epoch, Instant now, Actions& out) {
    if (stage_ != Stage::saving_accepted || epoch != epoch_) return;  // of an earlier role
    accepted_ = epoch;
    last_heard_ = now;
    send_ack_epoch(current_, out);
}

void Learner::send_ack_epoch(Epoch current, Actions& out) {
    stage_ = Stage::awaiting_sync;
    Bytes data;
    append_be(data, static_cast<std::int32_t>(current.value()));
    Zxid last = last_logged_;
    if (snapshot_wanted_ && leader_knows_flag_) {
        data.push_back(kSnapshotWanted);
    } else if (snapshot_wanted_) {
        last = not_ahead_ ? Zxid(0) : Zxid(-1);
    }
    send({PacketType::ack_epoch, last, std::move(data), {}}, out);
}

// --- Broadcast

void Learner::on_live_packet(const Packet& packet, Actions& out) {
    switch (packet.type) {
        case PacketType::proposal:
            if (take_proposal(packet, out)) append(pending_.back(), out);
            return;
        case PacketType::commit:
            return commit(packet.zxid, out);
        case PacketType::ping:
            return answer_ping(packet, out);
        case PacketType::revalidate:
            return on_revalidate_reply(packet, out);
        case PacketType::sync:
            return on_sync_reply(out);
        case PacketType::up_to_date:
            return;  // Java ignores a second one as well
        default:
            return give_up("unexpected " + to_string(packet), out);
    }
}

void Learner::append(const CommittedTxn& txn, Actions& out) {
    ZK_ASSERT(stage_ == Stage::serving && txn.zxid > last_logged_);
    last_logged_ = txn.zxid;
    unacknowledged_.push_back({txn.zxid, txn.bytes->size()});
    unacknowledged_bytes_ += txn.bytes->size();
    out.push_back(AppendTxn{txn.zxid, txn.bytes});
    if (unacknowledged_bytes_ > settings_.bounds.unsynced_bytes_max) hold_leader(true, out);
}

void Learner::on_log_durable(Zxid up_to, Instant now, Actions& out) {
    if (stage_ == Stage::gone) return;
    last_durable_ = std::max(last_durable_, up_to);
    if (leader_held_) last_heard_ = now;
    if (stage_ == Stage::logging && last_durable_ >= last_logged_) {
        last_heard_ = now;
        save_current_epoch(out);
    } else if (stage_ == Stage::serving) {
        acknowledge_durable(out);
    }
}

void Learner::acknowledge_durable(Actions& out) {
    while (!unacknowledged_.empty() && unacknowledged_.front().zxid <= last_durable_) {
        send({PacketType::ack, unacknowledged_.front().zxid, {}, {}}, out);
        unacknowledged_bytes_ -= unacknowledged_.front().bytes;
        unacknowledged_.pop_front();
    }
    if (unacknowledged_bytes_ <= settings_.bounds.unsynced_bytes_max / 2) hold_leader(false, out);
}

void Learner::hold_leader(bool held, Actions& out) {
    if (held == leader_held_) return;
    ZK_COVERED("learner.leader_held");
    leader_held_ = held;
    out.push_back(ReadLeader{!held});
}

void Learner::commit(Zxid zxid, Actions& out) {
    if (zxid <= last_committed_) {
        log_.warn("learner.commit_again zxid={} last_committed={}", zxid, last_committed_);
        return;
    }
    if (pending_.empty() || pending_.front().zxid != zxid) {
        ZK_COVERED("learner.commit_out_of_order");
        const std::string expected =
            pending_.empty() ? "nothing" : to_string(pending_.front().zxid);
        return give_up("COMMIT of " + to_string(zxid) + ", expected " + expected, out);
    }
    last_committed_ = zxid;
    out.push_back(Committed{zxid, std::move(pending_.front().bytes)});
    pending_.pop_front();
    if (serve_after_ && zxid >= *serve_after_) {
        serve_after_.reset();
        out.push_back(Established{epoch_});
    }
}

void Learner::answer_ping(const Packet& packet, Actions& out) {
    Bytes table;
    jute::OutputArchive archive(table);
    for (const auto& [session, timeout_ms] : std::exchange(touched_, {})) {
        archive(session, timeout_ms);
    }
    send({PacketType::ping, packet.zxid, std::move(table), packet.auth}, out);
}

void Learner::on_revalidate_reply(const Packet& packet, Actions& out) {
    if (!packet.data || packet.data->size() < 9) return give_up("malformed REVALIDATE", out);
    RevalidateAnswered answer;
    jute::InputArchive archive(*packet.data);
    archive(answer.session, answer.valid);
    out.push_back(answer);
}

void Learner::on_sync_reply(Actions& out) {
    if (syncs_.empty()) {
        log_.warn("learner.sync_unasked");
        return;
    }
    out.push_back(SyncAnswered{syncs_.front()});
    syncs_.pop_front();
}

// --- What clients of this server want from the leader

void Learner::forward(SessionId session,
                      Xid xid,
                      OpCode op,
                      ByteView body,
                      const std::vector<jute::AuthId>& auth,
                      Actions& out) {
    // A check outside multi poisons the log of Java leaders (ZOOKEEPER-2623).
    ZK_ASSERT(op != OpCode::check && op != OpCode::sync);
    send_request(session, xid, op, body, auth, out);
}

void Learner::request_sync(std::uint64_t token,
                           SessionId session,
                           Xid xid,
                           ByteView body,
                           const std::vector<jute::AuthId>& auth,
                           Actions& out) {
    send_request(session, xid, OpCode::sync, body, auth, out);
    syncs_.push_back(token);
}

void Learner::send_request(SessionId session,
                           Xid xid,
                           OpCode op,
                           ByteView body,
                           const std::vector<jute::AuthId>& auth,
                           Actions& out) {
    ZK_ASSERT(serving());
    Bytes data;
    jute::OutputArchive archive(data);
    archive(session, xid, op);
    data.append(body);
    send({PacketType::request, Zxid(-1), std::move(data), auth}, out);
}

void Learner::revalidate(SessionId session, std::int32_t timeout_ms, Actions& out) {
    ZK_ASSERT(serving());
    Bytes data;
    jute::OutputArchive archive(data);
    archive(session, timeout_ms);
    send({PacketType::revalidate, Zxid(-1), std::move(data), {}}, out);
}

// --- Ends

std::vector<CommittedTxn> Learner::take_pending() {
    std::vector<CommittedTxn> taken;
    if (!pending_logged_) return taken;
    for (CommittedTxn& txn : std::exchange(pending_, {})) taken.push_back(std::move(txn));
    return taken;
}

void Learner::send(Packet packet, Actions& out) { out.push_back(SendToLeader{std::move(packet)}); }

void Learner::give_up(std::string why, Actions& out) {
    ZK_ASSERT(stage_ != Stage::gone);
    log_.warn("learner.give_up leader={} why=\"{}\"", leader_, why);
    if (stage_ != Stage::idle && stage_ != Stage::dialing) out.push_back(CloseLeader{why});
    stage_ = Stage::gone;
    if (memory_ahead_) {
        ZK_COVERED("learner.discard_database");
        out.push_back(DiscardDatabase{});
    }
    out.push_back(GiveUp{std::move(why)});
}

}  // namespace zk::zab
