// Faults of a World: which one when, and its end. See faults.h for the kinds.
#include <algorithm>
#include <utility>

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
        if (static_cast<FaultKind>(i) != FaultKind::torn_pages) sum += shape_.weights.of[i];
    }
    if (sum == 0) return;
    auto dice = static_cast<int>(random_.below(static_cast<std::uint64_t>(sum)));
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        const auto kind = static_cast<FaultKind>(i);
        if (kind == FaultKind::torn_pages) continue;
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
            return;
        case FaultKind::kill:
            if (!server.up) return;
            kill(server, "kill -9");
            break;
        case FaultKind::failed_sync:
            server.sync_failing = true;
            server.disk.fail_sync_after(1 + random_.below(10));
            break;
        case FaultKind::dropped_cache:
            if (!server.disk.drop_clean_pages()) return;
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
            stranger_vote();
            break;
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

void World::pause(Server& server) {
    server.paused = true;
    const Duration takes = milliseconds(random_.between(100, 8000));
    // A leader that stands still may be late with everything; but it hears what waited before it expires anybody.
    judge_.sessions().delayed(now_ + takes);
    if (!server.core->serving() || server.core->status().role != core::Role::leading) {
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
    const Duration takes = milliseconds(random_.between(300, 9000));
    judge_.sessions().disturbed(now_ + takes);
    later(takes, [this] {
        blocked_.clear();
        resend_notifications([](int, int) { return true; });
    });
}

// Someone from nowhere connects to an open quorum port, says that it is a member, and what no member could say.
void World::stranger_info() {
    Server* leader = nullptr;
    for (auto& server : servers_) {
        if (server->up && server->port_open && !server->paused) leader = server.get();
    }
    if (leader == nullptr) return;
    const zab::LinkId id = next_connection_++;
    const ServerId sid(random_.between(1, shape_.servers + 1));
    const std::int64_t epochs[] = {0x7ffffff0, 0x7fffffff, -1, random_.between(0, 200'000),
                                   leader->core->status().accepted_epoch.value() + 1};
    const std::int64_t epoch = epochs[random_.below(std::size(epochs))];
    step(*leader, core::LearnerConnected{id});
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
             zab::encode(zab::LearnerInfo{.sid = sid, .protocol_version = 0x10000, .config_version = 0}));
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

void World::stranger_vote() {
    Server& server = any_server();
    if (!server.up || server.paused) return;
    // It says that it is a member, or somebody else.
    const ServerId from(random_.between(1, shape_.servers + 1));
    if (from == server.sid()) return;
    election::Notification notification;
    notification.state = random_.chance(60) ? election::PeerState::looking
                                            : election::PeerState::leading;
    notification.vote.leader = ServerId(random_.between(1, shape_.servers + 1));
    notification.vote.zxid = Zxid(0);
    notification.vote.peer_epoch = Epoch(random_.chance(50) ? -5 : 0);
    notification.vote.round = Round(random_.chance(50) ? 0x7fffffffffffff00 : -7);
    notification.config_text = to_string(config_);
    step(server, core::NotificationReceived{from, election::encode(notification)});
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
    for (auto& client : clients_) client->finish();
}

}  // namespace zk::sim
