// Faults of a World: which one when, and its end. See faults.h for the kinds.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "election/notification.h"
#include "jute/archive.h"
#include "sim/world.h"
#include "sim/world_parts.h"

namespace zk::sim {

// One fault after the other; several may last at the same time.
void World::chaos() {
    if (calm_) return;
    int sum = 0;
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        if (!is_companion(static_cast<FaultKind>(i))) sum += shape_.weights.of[i];
    }
    if (sum == 0) return;
    auto dice = static_cast<int>(random_.below(static_cast<std::uint64_t>(sum)));
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        const auto kind = static_cast<FaultKind>(i);
        if (is_companion(kind)) continue;
        dice -= shape_.weights.of[i];
        if (dice >= 0) continue;
        cause(kind);
        break;
    }
    later(milliseconds(random_.between(to_ms(shape_.gap_min), to_ms(shape_.gap_max))),
          [this] { chaos(); });
}

World::Server& World::any_server() { return *servers_[random_.below(servers_.size())]; }

void World::cause(FaultKind kind) {
    Server& server = any_server();
    switch (kind) {
        case FaultKind::power_cut:
            power_cut(server);
            break;
        case FaultKind::power_cut_call:
            server.power_failing = true;
            server.disk.fail_after(1 + random_.below(30));
            break;
        case FaultKind::power_cut_all:
            for (auto& each : servers_) power_cut(*each);
            break;
        case FaultKind::torn_pages:
        case FaultKind::dropped_cache:
            return;
        case FaultKind::lost_disk:
            if (!lose_disk(server)) return;
            break;
        case FaultKind::kill:
            if (!server.up) return;
            if (random_.chance(30)) {
                server.ends_after_snapshot = true;
                return;  // counted when it happens
            }
            kill(server, "kill -9");
            break;
        case FaultKind::failed_sync:
            server.sync_failing = true;
            server.disk.fail_sync_after(1 + random_.below(10));
            break;
        case FaultKind::slow_disk:
            server.disk_slow_until = now_ + milliseconds(random_.between(500, 8000));
            judge_.sessions().delayed(server.disk_slow_until + std::chrono::seconds(1));
            break;
        case FaultKind::pause:
            if (!server.up || server.paused) return;
            pause(server);
            break;
        case FaultKind::clock_jump:
            server.wall_offset_ms = random_.between(-86'400'000, 86'400'000);
            break;
        case FaultKind::partition:
            partition(true);
            break;
        case FaultKind::one_way:
            partition(false);
            break;
        case FaultKind::reset:
            if (links_.empty()) return;
            break_link(links_[random_.below(links_.size())], true, true);
            break;
        case FaultKind::cut_sync:
            (random_.chance(30)   ? cuts_at_start_
             : random_.chance(60) ? cuts_at_snapshot_
                                  : cuts_at_replacement_) = 1;
            return;  // counted when it happens
        case FaultKind::lost_promises:
            if (shape_.servers < 5) return;
            failing_reigns_ = {.left = 2, .until = now_ + std::chrono::seconds(20)};
            return;  // counted when it happens
        case FaultKind::stuck_client: {
            SimClient& client = *clients_[random_.below(clients_.size())];
            client.stand_still(now_ + milliseconds(random_.between(1000, 20000)));
            break;
        }
        case FaultKind::client_reset:
            close_client_links(server);
            break;
        case FaultKind::slow_link:
            links_slow_until_ = now_ + milliseconds(random_.between(500, 8000));
            judge_.sessions().disturbed(links_slow_until_ + std::chrono::seconds(1));
            break;
        case FaultKind::stranger_info:
            stranger_info();
            break;
        case FaultKind::stranger_vote:
            stranger_votes_ = 6;
            return;  // counted when they come
        case FaultKind::late_address:
            server.unknown_until = now_ + milliseconds(random_.between(300, 6000));
            judge_.sessions().disturbed(server.unknown_until);
            later(server.unknown_until - now_,
                  [this] { resend_notifications([](int, int) { return true; }); });
            break;
        case FaultKind::purge:
            if (!server.up) return;
            purge(server);
            break;
    }
    if (options_.trace) trace(server, "FAULT " + std::string(to_string(kind)));
    count(kind);
}

// A server that is down may lose its power as well, and with it the cache that its process left.
void World::power_cut(Server& server) {
    if (server.up) return crash(server, "power cut");
    lose_power(server);
}

// Nobody may lose a disk while another one's is empty; and a machine that gets another disk is away for longer than a
// leader lives on without its followers: with the disk its promises are gone.
bool World::lose_disk(Server& server) {
    const auto empty = [](const auto& each) { return each->empty_disk; };
    if (shape_.servers < 3 || std::any_of(servers_.begin(), servers_.end(), empty)) return false;
    end_process(server, "disk lost");
    server.disk.replace();
    server.empty_disk = true;
    server.power_failing = server.sync_failing = false;
    const std::int64_t away = to_ms(kTick) * (shape_.sync_limit + 2);
    server.away_until = now_ + milliseconds(random_.between(away, to_ms(kDiskReplacedMax)));
    later(server.away_until - now_, [this, &server] {
        if (!server.up) boot(server);
    });
    return true;
}

// ---- in the middle of a synchronisation

// False: what was to be sent is lost with its link.
bool World::watch_synchronisation(Server& leader, const core::SendToLearner& sent) {
    const zab::PacketType type = sent.packet.type;
    const bool begins = type == zab::PacketType::diff || type == zab::PacketType::trunc ||
                        type == zab::PacketType::snap;
    if (!begins && type != zab::PacketType::leader_info) return true;
    const auto link = learner_link(leader, sent.link);
    if (link == nullptr) return true;
    if (begins) cut_sync(cuts_at_start_, link);
    return begins || leader.core->serving() || lose_promise(link);
}

void World::cut_sync(int& armed, const std::shared_ptr<Link>& link) {
    if (armed == 0 || calm_) return;
    armed = 0;
    later(milliseconds(random_.between(0, 40)), [this, link] {
        if (!link->open || calm_) return;
        Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
        Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
        const auto dice = random_.below(10);
        if (dice < 5) {
            break_link(link, true, true);
        } else if (dice < 7) {
            kill(learner, "kill -9 while it catches up");
        } else if (dice < 9) {
            crash(learner, "power cut while it catches up");
        } else {
            kill(leader, "kill -9 while it feeds a learner");
        }
        count(FaultKind::cut_sync);
    });
}

// A leader's word of its epoch reaches one member only, the reign ends, and so does the next one. Then those that know of
// these epochs are away until the others have begun a reign of a lower one. False: the link is gone.
bool World::lose_promise(const std::shared_ptr<Link>& link) {
    FailingReigns& failing = failing_reigns_;
    if (failing.left == 0 || now_ > failing.until || calm_) return true;
    failing.know.insert(link->leader);
    if (!failing.victim) failing.victim = link->learner;
    if (link->learner != *failing.victim) {
        break_link(link, true, true);
        return false;
    }
    later(milliseconds(random_.between(20, 60)), [this, link, life = link->leader_life] {
        Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
        if (failing_reigns_.left == 0 || calm_) return;
        --failing_reigns_.left;
        if (leader.up && leader.life == life) kill(leader, "kill -9 as its reign begins");
        if (failing_reigns_.left > 0) return;
        std::set<int> know = failing_reigns_.know;
        know.insert(link->learner);
        if (2 * (servers_.size() - know.size()) > servers_.size()) isolate(know);
        count(FaultKind::lost_promises);
    });
    return true;
}

void World::isolate(const std::set<int>& group) {
    for (const int a : group) {
        for (int b = 0; b < shape_.servers; ++b) {
            if (group.contains(b)) continue;
            blocked_.insert({a, b});
            blocked_.insert({b, a});
        }
    }
    heal_after(milliseconds(random_.between(3000, 7000)));
}

void World::heal_after(Duration takes) {
    judge_.sessions().disturbed(now_ + takes);
    later(takes, [this] {
        blocked_.clear();
        resend_notifications([](int, int) { return true; });
    });
}

void World::pause(Server& server) {
    server.paused = true;
    const Duration takes = milliseconds(random_.between(100, 8000));
    // A leader that stands still may be late with everything; but it hears what waited before it expires anybody.
    judge_.sessions().delayed(now_ + takes);
    if (!server.core->serving() || !rules(server.core->status().role)) {
        judge_.sessions().disturbed(now_ + takes);
    }
    later(takes, [this, &server, life = server.life] {
        if (server.up && server.life == life && server.paused) resume(server);
    });
}

// What waits in its sockets is heard before its clock is looked at.
void World::resume(Server& server) {
    const std::uint64_t life = server.life;
    server.paused = false;
    auto backlog = std::exchange(server.backlog, {});
    for (auto& what : backlog) {
        if (!server.up || server.life != life) return;
        what();
    }
    if (server.up && server.life == life && std::exchange(server.tick_waits, false)) tick(server);
}

void World::partition(bool both_ways) {
    const int a = any_server().index;
    for (int b = 0; b < shape_.servers; ++b) {
        if (b == a || random_.chance(25)) continue;
        blocked_.insert({a, b});
        if (both_ways) blocked_.insert({b, a});
    }
    heal_after(milliseconds(random_.between(300, 9000)));
}

// Someone from nowhere connects to an open quorum port, says that it is a member, and what no member could say.
void World::stranger_info() {
    Server* leader = nullptr;
    for (auto& server : servers_) {
        if (server->up && server->port_open && !server->paused) leader = server.get();
    }
    if (leader == nullptr) return;
    // Mostly somebody who is not there to contradict; now and then from that member's own address.
    ServerId sid(random_.between(1, shape_.servers + 1));
    for (const auto& server : servers_) {
        if (!server->up && random_.chance(70)) sid = server->sid();
    }
    const zab::LinkId id = next_connection_++;
    const std::int64_t own = leader->core->status().accepted_epoch.value();
    const std::int64_t epochs[] = {0x7ffffff0,
                                   0x7fffffff,
                                   -1,
                                   random_.between(0, 200'000),
                                   own + 1,
                                   own + random_.between(1, 1000)};
    const std::int64_t epoch = epochs[random_.below(std::size(epochs))];
    std::vector<ServerId> members_there;
    if (random_.chance(25)) members_there = {sid};
    step(*leader, core::LearnerConnected{id, members_there});
    const auto says = [&](zab::PacketType type, Zxid zxid, Bytes data) {
        if (!leader->up) return;
        zab::Packet packet;
        packet.type = type;
        packet.zxid = zxid;
        packet.data = std::move(data);
        step(*leader, core::LearnerPacket{id, std::move(packet)});
    };
    if (random_.chance(80)) {
        says(random_.chance(90) ? zab::PacketType::follower_info : zab::PacketType::observer_info,
             Zxid(static_cast<std::int64_t>(static_cast<std::uint64_t>(epoch) << 32)),
             zab::encode(
                 zab::LearnerInfo{.sid = sid, .protocol_version = 0x10000, .config_version = 0}));
    }
    if (random_.chance(60)) {
        says(random_.chance(50) ? zab::PacketType::ack_epoch : zab::PacketType::ack,
             Zxid(random_.chance(50) ? 0x7fffffff00000001 : random_.between(0, 1 << 20)),
             Bytes(4, '\x7f'));
    }
    later_at(*leader, milliseconds(random_.between(1, 500)), [this, leader, id] {
        step(*leader, core::LearnerClosed{id});
    });
}

// Someone votes, in the name of a member or of nobody, when the server that sends `own` looks for a leader.
void World::strangers_at_election(Server& server, const Bytes& own) {
    if (stranger_votes_ == 0 || calm_ || !random_.chance(30)) return;
    const auto said = election::decode_notification(own);
    if (!said.has_value() || said->state != election::PeerState::looking) return;
    --stranger_votes_;
    later_at(server, milliseconds(random_.between(1, 60)), [this, &server, vote = said->vote] {
        stranger_vote(server, vote);
    });
}

void World::stranger_vote(Server& server, const election::Vote& own) {
    const ServerId from(random_.between(1, shape_.servers + 1));
    if (from == server.sid() || calm_) return;
    const auto origin = random_.chance(75) ? election::Origin::foreign : election::Origin::own;
    election::Notification notification;
    notification.state =
        random_.chance(60) ? election::PeerState::looking : election::PeerState::leading;
    notification.vote.leader =
        random_.chance(40) ? server.sid() : ServerId(random_.between(1, shape_.servers + 1));
    const std::int64_t current = own.peer_epoch.value();
    const std::int64_t epochs[] = {0, -5, 100'000, 0x7fffffff, current, current, current + 1};
    const std::int64_t epoch = epochs[random_.below(std::size(epochs))];
    const auto zxid_epoch = static_cast<std::uint64_t>(random_.chance(50) ? epoch : 0);
    notification.vote.zxid =
        Zxid(static_cast<std::int64_t>((zxid_epoch << 32) + random_.below(1000)));
    notification.vote.peer_epoch = Epoch(epoch);
    const std::int64_t rounds[] = {
        0x7fffffffffffff00, -7, own.round.value(), own.round.value(), own.round.value() + 1};
    notification.vote.round = Round(rounds[random_.below(std::size(rounds))]);
    notification.config_text = to_string(config_);
    count(FaultKind::stranger_vote);
    step(server, core::NotificationReceived{from, election::encode(notification), origin});
}

void World::heal_all() {
    calm_ = true;
    healed_ = now_;
    blocked_.clear();
    links_slow_until_ = now_;
    for (auto& server : servers_) {
        server->unknown_until = now_;
        server->disk_slow_until = now_;
        server->disk.never_fail();
        server->power_failing = false;
        server->sync_failing = false;
        if (server->up && server->paused) resume(*server);
    }
    resend_notifications([](int, int) { return true; });
    for (auto& client : clients_) {
        client->wake();
        client->finish();
    }
}

}  // namespace zk::sim
