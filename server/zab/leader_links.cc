// The leader's side of one learner: handshake, synchronisation, acknowledgements and requests.
// Pure. Source: ZooKeeper LearnerHandler; quorum-protocol facts 3.2 to 3.9.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "zab/leader.h"
#include "zab/sync_plan.h"

namespace zk::zab {
namespace {

/// Room for the epochs of this reign and of later ones: zxids hold the epoch in 31 bits.
constexpr Epoch kEpochMax{0x7ffffff0};

Bytes encode_protocol_version() {
    Bytes data;
    append_be(data, kProtocolVersion);
    return data;
}

}  // namespace

void Leader::on_packet(LinkId id, const Packet& packet, Instant now, Actions& out) {
    const auto it = links_.find(id);
    if (it == links_.end()) return;  // closed, or we gave up
    Link& link = it->second;
    log_.trace("leader.packet link={} sid={} {}", id, link.sid, to_string(packet));
    if (link.deadline) {
        const bool synced = link.stage == Stage::serving;
        link.deadline = now + (synced ? settings_.sync_timeout() : settings_.init_timeout());
    }
    if (link.stage == Stage::connected) return on_follower_info(id, link, packet, now, out);
    switch (packet.type) {
        case PacketType::ack_epoch: return on_ack_epoch(id, link, packet, now, out);
        case PacketType::ack: return on_ack(id, link, packet, now, out);
        case PacketType::ping: return on_ping_reply(id, packet, out);
        case PacketType::revalidate:
        case PacketType::request:
            if (link.stage != Stage::serving) {
                return close(id, to_string(packet) + " before UPTODATE", out);
            }
            if (packet.type == PacketType::revalidate) return on_revalidate(id, packet, out);
            return on_request(id, link, packet, out);
        default: return close(id, "unexpected " + to_string(packet), out);
    }
}

// --- Discovery

void Leader::on_follower_info(
    LinkId id, Link& link, const Packet& packet, Instant now, Actions& out) {
    if (packet.type == PacketType::observer_info) {
        ZK_COVERED("leader.observer_refused");
        return close(id, "observers are not supported by this version of the server", out);
    }
    if (packet.type != PacketType::follower_info) {
        return close(id, to_string(packet) + " instead of FOLLOWERINFO", out);
    }
    const auto info = decode_learner_info(packet.data);
    if (!info) return close(id, "FOLLOWERINFO does not say who it is from", out);
    if (info->protocol_version < kProtocolVersion) {
        return close(id, "servers older than ZooKeeper 3.4 are not supported", out);
    }
    if (info->sid == settings_.my_id) return close(id, "it has our own server id", out);
    if (info->config_version > settings_.config.version) {
        return close(id, "its configuration is newer than ours", out);
    }
    if (packet.zxid.epoch() > kEpochMax) return close(id, "its accepted epoch is too large", out);

    close_older_link_of(info->sid, id, out);
    link.sid = info->sid;
    link.accepted = packet.zxid.epoch();
    link.stage = Stage::waiting_epoch;
    link.deadline.reset();
    log_.info("leader.learner_connected link={} sid={} accepted_epoch={} voter={}",
              id, link.sid, link.accepted, quorum_.is_voter(link.sid));
    if (quorum_.is_voter(link.sid)) {
        highest_accepted_ = std::max(highest_accepted_, link.accepted);
        if (phase_ > Phase::discovery && link.accepted > epoch_) {
            // A reign that came to nothing left it with a promise. It will refuse us for as long as we lead; Java lets
            // it wait for that.
            ZK_COVERED("leader.later_epoch_accepted");
            return give_up("server " + to_string(link.sid) + " has accepted epoch " +
                               to_string(link.accepted) + " and cannot follow in epoch " +
                               to_string(epoch_) + ": a later one must start",
                           out);
        }
    }
    if (phase_ == Phase::discovery) {
        fix_epoch(now, out);
    } else if (phase_ >= Phase::collecting_acks) {
        send_leader_info(id, link, now, out);  // the epoch is fixed, whatever it claims
    }
}

void Leader::send_leader_info(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(link.stage == Stage::waiting_epoch);
    link.stage = Stage::epoch_sent;
    link.deadline = now + settings_.init_timeout();
    out.push_back(SendToLearner{
        id, {PacketType::leader_info, Zxid(epoch_, 0), encode_protocol_version(), {}}});
}

void Leader::on_ack_epoch(
    LinkId id, Link& link, const Packet& packet, Instant now, Actions& out) {
    if (link.stage != Stage::epoch_sent) return close(id, "unexpected ACKEPOCH", out);
    if (!packet.data || packet.data->size() < 4) return close(id, "ACKEPOCH without epoch", out);
    const Epoch current(load_be<std::int32_t>(packet.data->data()));
    link.peer_last = packet.zxid;
    if (phase_ >= Phase::synchronization) return synchronize(id, link, now, out);

    ZK_ASSERT(phase_ == Phase::collecting_acks);
    if (current != Epoch(-1)) {  // -1: it had accepted this epoch before, its promise is not new
        if (std::pair(current, packet.zxid) > std::pair(current_, last_logged_)) {
            ZK_COVERED("leader.follower_ahead");
            return close(id,
                         "follower is ahead: epoch " + to_string(current) + " zxid " +
                             to_string(packet.zxid),
                         out);
        }
        if (packet.zxid != Zxid(-1)) epoch_acks_.insert(link.sid);
    }
    link.stage = Stage::waiting_quorum;
    link.deadline.reset();
    if (quorum_.has_quorum(epoch_acks_)) begin_synchronization(now, out);
}

// --- Synchronisation

/// Sends the learner's way to our history, then what is in flight, then NEWLEADER. From here on it gets all that is live.
void Leader::synchronize(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(phase_ >= Phase::synchronization && phase_ != Phase::gone);
    // A TRUNC or SNAP may take from its log what it acknowledged on an earlier link.
    proposals_.forget(link.sid);
    const SyncPlan plan = plan_sync(link.peer_last, *committed_);
    log_.info("leader.sync sid={} peer_last={} {} zxid={} txns={}",
              link.sid, link.peer_last, to_string(plan.kind), plan.zxid, plan.txns.size());
    const PacketType type = plan.kind == SyncKind::diff    ? PacketType::diff
                            : plan.kind == SyncKind::trunc ? PacketType::trunc
                                                           : PacketType::snap;
    out.push_back(SendToLearner{id, {type, plan.zxid, {}, {}}});
    if (plan.kind == SyncKind::snap) out.push_back(SendSnapshot{id});
    for (const CommittedTxn& txn : plan.txns) {
        out.push_back(SendToLearner{id, {PacketType::proposal, txn.zxid, *txn.bytes, {}}});
        out.push_back(SendToLearner{id, {PacketType::commit, txn.zxid, {}, {}}});
    }
    for (const Proposals::Proposal& proposal : proposals_.in_flight()) {
        const CommittedTxn& txn = proposal.txn;
        ZK_ASSERT(txn.zxid > committed_->max());
        out.push_back(SendToLearner{id, {PacketType::proposal, txn.zxid, *txn.bytes, {}}});
    }
    out.push_back(SendToLearner{
        id, {PacketType::new_leader, Zxid(epoch_, 0), to_string(settings_.config), {}}});
    link.stage = Stage::syncing;
    link.deadline = now + settings_.init_timeout();
}

void Leader::on_ack(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out) {
    if (link.stage < Stage::syncing) return close(id, "unexpected ACK", out);
    link.last_acked = std::max(link.last_acked, packet.zxid);
    if (packet.zxid.counter() != 0) {
        if (link.stage == Stage::serving) {
            count_proposal_ack(link, packet.zxid);
            commit_ready(out);
        } else if (proposals_.contains(packet.zxid)) {
            // Java up to 3.9.1 may acknowledge a proposal before NEWLEADER. It counts from that on.
            ZK_COVERED("leader.early_ack");
            if (link.early_acks.empty() || link.early_acks.back() < packet.zxid) {
                link.early_acks.push_back(packet.zxid);
            }
        }
        return;
    }
    if (link.stage != Stage::syncing || packet.zxid != Zxid(epoch_, 0)) {
        return;  // of UPTODATE, or of no meaning
    }
    link.stage = Stage::acked;
    link.deadline.reset();
    if (phase_ == Phase::established) {
        send_up_to_date(id, link, now, out);
        commit_ready(out);
    } else {
        maybe_establish(now, out);
    }
}

void Leader::send_up_to_date(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(link.stage == Stage::acked);
    log_.info("leader.learner_synced sid={} held_commits={}", link.sid, link.held_commits.size());
    link.stage = Stage::serving;
    link.deadline = now + settings_.sync_timeout();
    out.push_back(SendToLearner{id, {PacketType::up_to_date, Zxid(-1), {}, {}}});
    for (Packet& commit : std::exchange(link.held_commits, {})) {
        out.push_back(SendToLearner{id, std::move(commit)});
    }
    if (!proposals_.empty()) note_sent(link, proposals_.last(), now);
    for (const Zxid zxid : std::exchange(link.early_acks, {})) count_proposal_ack(link, zxid);
}

// --- Broadcast

/// Late, duplicate and unknown zxids change nothing. The caller commits what is ready.
void Leader::count_proposal_ack(Link& link, Zxid zxid) {
    while (!link.unacknowledged.empty() && link.unacknowledged.front().last <= zxid) {
        link.unacknowledged.pop_front();
    }
    if (!quorum_.is_voter(link.sid)) return;
    proposals_.ack(zxid, link.sid);
}

/// Remembers when a proposal went out, in steps of a twentieth of a tick, so that the memory is bounded.
void Leader::note_sent(Link& link, Zxid zxid, Instant now) {
    if (link.stage != Stage::serving) return;  // its time runs from UPTODATE on
    auto& sent = link.unacknowledged;
    if (!sent.empty() && now - sent.back().sent < settings_.tick / 20) {
        sent.back().last = zxid;
    } else {
        sent.push_back({zxid, now});
    }
}

void Leader::on_ping_reply(LinkId id, const Packet& packet, Actions& out) {
    if (!packet.data || packet.data->empty()) return;
    LearnerTouched touched{id, {}};
    jute::InputArchive archive(*packet.data);
    while (archive.ok() && !archive.at_end()) {
        const auto session = archive.get<SessionId>();
        const auto timeout_ms = archive.get<std::int32_t>();
        if (archive.ok()) touched.sessions.emplace_back(session, timeout_ms);
    }
    if (!archive.ok()) return close(id, "malformed PING", out);
    out.push_back(std::move(touched));
}

void Leader::on_revalidate(LinkId id, const Packet& packet, Actions& out) {
    if (!packet.data || packet.data->size() < 12) return close(id, "malformed REVALIDATE", out);
    LearnerRevalidates action{id, {}, 0};
    jute::InputArchive archive(*packet.data);
    archive(action.session, action.timeout_ms);
    out.push_back(action);
}

void Leader::on_request(LinkId id, const Link& link, const Packet& packet, Actions& out) {
    if (!packet.data || packet.data->size() < 16) return close(id, "malformed REQUEST", out);
    ForwardedRequest request;
    request.link = id;
    request.from = link.sid;
    jute::InputArchive archive(*packet.data);
    archive(request.session, request.cxid, request.op);
    if (request.op == OpCode::sync) return add_sync({id, 0}, out);
    request.body = Bytes(archive.rest());
    if (packet.auth) request.auth = *packet.auth;
    out.push_back(std::move(request));
}

// --- Ends

/// REQUIRES: the caller touches the link no more.
void Leader::close(LinkId id, std::string why, Actions& out) {
    const auto it = links_.find(id);
    ZK_ASSERT(it != links_.end());
    log_.warn("leader.learner_closed link={} sid={} why=\"{}\"", id, it->second.sid, why);
    links_.erase(it);
    out.push_back(CloseLearner{id, std::move(why)});
}

/// One link per learner: a second one means that the first is dead, even if nobody has told us.
void Leader::close_older_link_of(ServerId sid, LinkId newer, Actions& out) {
    std::vector<LinkId> older;
    for (const auto& [id, link] : links_) {
        if (id != newer && link.stage != Stage::connected && link.sid == sid) older.push_back(id);
    }
    for (const LinkId id : older) close(id, "replaced by a newer connection of the same server", out);
}

}  // namespace zk::zab
