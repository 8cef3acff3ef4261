// The leader's side of one learner: handshake, acknowledgements and requests.
// Pure. Source: ZooKeeper LearnerHandler; docs/PROTOCOL.md 3.2 to 3.10.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "zab/leader.h"

namespace zk::zab {
namespace {

/// The version, and a byte of our own that Java does not look at: this leader knows the flag of ACKEPOCH.
Bytes encode_protocol_version() {
    Bytes data;
    append_be(data, kProtocolVersion);
    data.push_back(kKnowsSnapshotFlag);
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
        case PacketType::ack_epoch:
            return on_ack_epoch(id, link, packet, now, out);
        case PacketType::ack:
            return on_ack(id, link, packet, now, out);
        case PacketType::ping:
            return on_ping_reply(id, link, packet, out);
        case PacketType::revalidate:
        case PacketType::request:
            if (link.stage != Stage::serving) {
                return close(id, to_string(packet) + " before UPTODATE", out);
            }
            if (packet.type == PacketType::revalidate) return on_revalidate(id, packet, out);
            return on_request(id, link, packet, out);
        default:
            return close(id, "unexpected " + to_string(packet), out);
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
    if (info->config_version > settings_.members->version()) {
        return close(id, "its configuration is newer than ours", out);
    }
    if (!quorum().is_voter(info->sid)) {
        std::size_t strangers = 0;
        for (const auto& [other, l] : links_) {
            strangers += l.stage != Stage::connected && !quorum().is_voter(l.sid) ? 1 : 0;
        }
        if (strangers >= kStrangersMax)
            return close(id, "too many servers that are no voters", out);
    }
    if (!make_way(id, link, info->sid, out)) return;
    link.sid = info->sid;
    link.accepted = packet.zxid.epoch();
    link.stage = Stage::waiting_epoch;
    link.deadline.reset();
    log_.info("leader.learner_connected link={} sid={} accepted_epoch={} voter={} at_home={}",
              id,
              link.sid,
              link.accepted,
              quorum().is_voter(link.sid),
              link.at_home());
    believe(link);
    if (phase_ > Phase::discovery && link.accepted > epoch_ && quorum().is_voter(link.sid)) {
        // A reign that came to nothing left it with a promise. It will refuse us for as long as we lead; Java lets
        // it wait for that. Whoever comes from elsewhere, or has an epoch that no election can have made, is let wait
        // here, too: else anybody could end reigns.
        if (link.at_home() && believable(link.accepted) && may_abdicate_) {
            ZK_COVERED("leader.later_epoch_accepted");
            abdicated_ = true;
            return give_up("server " + to_string(link.sid) + " has accepted epoch " +
                               to_string(link.accepted) + " and cannot follow in epoch " +
                               to_string(epoch_) + ": a later one must start",
                           out);
        }
        ZK_COVERED("leader.later_epoch_ignored");
        log_.warn("leader.later_epoch_ignored sid={} accepted_epoch={} epoch={} at_home={}",
                  link.sid,
                  link.accepted,
                  epoch_,
                  link.at_home());
    }
    if (phase_ == Phase::discovery) {
        fix_epoch(now, out);
    } else if (phase_ >= Phase::collecting_acks) {
        send_leader_info(id, link, now, out);  // the epoch is fixed, whatever it claims
    }
}

/// Epochs grow by one with each reign. A number far above all that this server knew when its reign began is no epoch, but
/// damage or malice.
bool Leader::believable(Epoch accepted) const {
    return accepted.value() <= accepted_at_start_.value() + limits::kEpochStep;
}

/// A later reign must begin above what voters have accepted.
void Leader::believe(const Link& link) {
    if (!quorum().is_voter(link.sid)) return;
    if (believable(link.accepted)) {
        highest_accepted_ = std::max(highest_accepted_, link.accepted);
    } else {
        ZK_COVERED("leader.absurd_epoch");
        log_.warn("leader.absurd_epoch sid={} accepted_epoch={} ours={}",
                  link.sid,
                  link.accepted,
                  highest_accepted_);
    }
}

void Leader::send_leader_info(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(link.stage == Stage::waiting_epoch);
    link.stage = Stage::epoch_sent;
    link.deadline = now + settings_.init_timeout();
    out.push_back(SendToLearner{
        id, {PacketType::leader_info, Zxid(epoch_, 0), encode_protocol_version(), {}}});
}

void Leader::on_ack_epoch(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out) {
    if (link.stage != Stage::epoch_sent) return close(id, "unexpected ACKEPOCH", out);
    if (!packet.data || packet.data->size() < 4) return close(id, "ACKEPOCH without epoch", out);
    const Epoch current(load_be<std::int32_t>(packet.data->data()));
    link.peer_last = packet.zxid;
    link.wants_snapshot = packet.data->size() > 4 && packet.data->at(4) == kSnapshotWanted;
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
    if (quorum().has_quorum(epoch_acks_)) begin_synchronization(now, out);
}

// --- Acknowledgements

void Leader::on_ack(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out) {
    if (link.stage < Stage::catching_up) return close(id, "unexpected ACK", out);
    if (link.stage == Stage::catching_up) return;  // of what has committed long ago
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
    if (!quorum().is_voter(link.sid)) return;
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

void Leader::on_ping_reply(LinkId id, Link& link, const Packet& packet, Actions& out) {
    if (!link.pings.empty()) {
        link.answered_round = link.pings.front();
        link.pings.pop_front();
        answer_syncs(out);
    }
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

/// One link per learner: a second one means that the first is dead, even if nobody has told us. Unless it comes from
/// elsewhere, and the first one does not: false then, and it is closed.
bool Leader::make_way(LinkId id, const Link& link, ServerId sid, Actions& out) {
    std::vector<LinkId> older;
    for (const auto& [other, l] : links_) {
        if (other == id || l.stage == Stage::connected || l.sid != sid) continue;
        if (l.at_home() && !link.claims.contains(sid)) {
            ZK_COVERED("leader.impostor");
            close(id,
                  "server " + to_string(sid) +
                      " is connected from its own address, this one comes from another",
                  out);
            return false;
        }
        older.push_back(other);
    }
    for (const LinkId other : older) {
        close(other, "replaced by a newer connection of the same server", out);
    }
    return true;
}

}  // namespace zk::zab
