// Which turn of a server runs next, and what follows from it. The turns themselves are the product's. See world.h.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/world.h"
#include "sim/world_parts.h"

namespace zk::sim {
namespace {
/// How often what could be done at once waits for a while: then more comes together, as when threads are busy.
constexpr int kLatePercent = 25;
constexpr std::int64_t kLateMax_us = 1500;
}  // namespace

// ---- the core

void World::step(Server& server, core::Event event) {
    if (!server.up) return;
    server.turn->post(std::move(event));
    if (std::exchange(server.turn_due, true)) return;
    Duration late{};
    if (random_.chance(kLatePercent))
        late = std::chrono::microseconds(random_.between(1, kLateMax_us));
    later_at(server, late, [this, &server] { run_core(server); });
}

void World::run_core(Server& server) {
    server.turn_due = false;
    if (!server.turn->has_work()) return;
    for (std::uint32_t loop = 0; loop < server.loops.size(); ++loop) {
        if (!server.loops[loop]->has_mail()) server.turn->heard(loop);
    }
    while (server.turn->run(wall(server), now_, server.effects) == core::Turn::Ended::at_a_read) {
        publish(server);
        const std::uint32_t reader = server.turn->reader();
        server.loops[reader]->hear(now_);
        server.turn->heard(reader);
    }
    carry_out(server);
}

void World::tick(Server& server) {
    const std::uint64_t life = server.life;
    server.turn->post(core::Tick{wall(server)});
    run_core(server);
    for (std::size_t i = 0; i < server.loops.size() && server.up && server.life == life; ++i) {
        server.loops[i]->tick(now_);
        finish_loop(server, *server.loops[i]);
        if (!server.loops[i]->frontend().nobody_forgotten())
            fail("a client loop keeps what it has to write");
    }
    if (!server.up || server.life != life) return;
    for (const auto& [connection, link] : client_links_) {
        if (link->server == server.index && link->open && !link->read)
            judge_.unread(connection, now_);
    }
    later(core::Core::kTickPeriod, [this, &server, life] {
        if (!server.up || server.life != life) return;
        if (server.paused) {
            server.tick_waits = true;
        } else {
            tick(server);
        }
    });
}

// After each step of the core: what it logs is known before what it applies.
void World::look(Server& server, const core::Effects& effects) {
    for (; server.noted < effects.disk.size(); ++server.noted) {
        const auto* append = std::get_if<storage::AppendTxn>(&effects.disk[server.noted]);
        if (append == nullptr) continue;
        checks_.logs(server.index, append->zxid, append->payload);
        if (shape_.standalone) judge_.continues(server.last_noted, append->zxid);
        server.last_noted = append->zxid;
        judge_.on_logged(append->zxid, append->payload);
    }
    if (server.core->serving()) {
        server.empty_disk = false;
        judge_.on_applied(server.core->committed().max(), now_);
    }
    if (const auto epoch = checks_.look(server.index, *server.core)) {
        judge_.on_established(*epoch, server.core->committed().max(), now_);
    }
}

void World::carry_out(Server& server) {
    const std::uint64_t life = server.life;
    const auto ended = [&] { return !server.up || server.life != life; };
    core::Effects effects = std::exchange(server.effects, {});
    server.noted = 0;
    for (core::LinkEffect& effect : effects.links) {
        carry_out(server, effect);
        if (ended()) return;
    }
    for (storage::DiskCommand& command : effects.disk) queue_disk(server, std::move(command));
    std::swap(server.effects.frontends, effects.frontends);
    server.effects.tree = effects.tree;
    publish(server);
    for (core::SnapshotEffect& effect : effects.snapshot) {
        carry_out(server, effect);
        if (ended()) return;
    }
    effects.retired.clear();
    if (effects.fatal) return fatal(server, *effects.fatal);
    for (auto& loop : server.loops) {
        if (!loop->has_mail()) continue;
        if (random_.chance(kLatePercent)) {
            later_at(server,
                     std::chrono::microseconds(random_.between(1, kLateMax_us)),
                     [this, &server, &loop = *loop] {
                         loop.hear(now_);
                         finish_loop(server, loop);
                     });
        } else {
            loop->hear(now_);
            finish_loop(server, *loop);
        }
    }
}

void World::carry_out(Server& server, core::LinkEffect& effect) {
    struct Handler {
        World& world;
        Server& server;
        void operator()(core::SendNotification& e) {
            world.send_notification(server, e.to, std::move(e.body));
        }
        void operator()(core::OpenLearnerPort&) { server.port_open = true; }
        void operator()(core::CloseLearnerPort&) {
            server.port_open = false;
            for (const auto& link : std::vector(world.links_)) {
                if (link->leader == server.index) world.break_link(link, false, true);
            }
        }
        void operator()(core::SendToLearner& e) {
            if (!world.watch_synchronisation(server, e)) return;
            world.send_to_learner(server,
                                  e.link,
                                  zab::encode(e.packet),
                                  e.packet.type == zab::PacketType::up_to_date);
        }
        void operator()(core::SendProposal& e) {
            world.send_to_learner(
                server, e.link, zab::encode({zab::PacketType::proposal, e.zxid, *e.bytes, {}}));
        }
        void operator()(core::AwaitRoom& e) { world.await_room(server, e.link); }
        void operator()(core::StreamSnapshot& e) {
            world.send_snapshot(server, e.link, std::move(e.tree));
        }
        void operator()(core::CloseLearner& e) {
            for (const auto& link : std::vector(world.links_)) {
                if (link->id == e.link) world.break_link(link, false, true);
            }
        }
        void operator()(core::DialLeader& e) { world.dial(server, e.attempt, e.leader); }
        void operator()(core::SendToLeader& e) {
            world.send_to_leader(server, zab::encode(e.packet));
        }
        void operator()(core::CloseLeader&) {
            for (const auto& link : std::vector(world.links_)) {
                if (link->learner == server.index) world.break_link(link, true, false);
            }
        }
        void operator()(core::ReadLeader& e) { world.read_leader(server, e.on); }
    };
    std::visit(Handler{*this, server}, effect);
}

// ---- the client loops

frontend::Turn& World::loop_of(Server& server, std::uint64_t connection) {
    return *server.loops[connection % server.loops.size()];
}

// Into every mailbox, whether it is heard now or later.
void World::publish(Server& server) {
    core::Effects& effects = server.effects;
    std::vector<frontend::Turn*> loops;
    for (auto& loop : server.loops) loops.push_back(loop.get());
    frontend::publish(loops, effects.tree, effects.frontends);
    effects.frontends.clear();
    effects.tree = nullptr;
}

// What follows from a turn of a client loop.
void World::finish_loop(Server& server, frontend::Turn& loop) {
    for (request::ToCore& message : std::exchange(loop.requests(), {}))
        step(server, core::Event(std::move(message)));
    for (int round = 0; const auto connection = loop.next_socket(); ++round) {
        if (round > 100'000) return fail("a client loop writes without end");
        flush_client(server, *connection);
    }
    if (!loop.requests().empty()) return finish_loop(server, loop);
    if (loop.has_more()) {
        loop.resume(now_);
        return finish_loop(server, loop);
    }
}

}  // namespace zk::sim
