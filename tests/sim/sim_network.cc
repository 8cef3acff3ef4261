// Links of a World: delays, order, partitions, breaks. See world.h.
#include <algorithm>
#include <utility>

#include "sim/world.h"
#include "sim/world_parts.h"

namespace zk::sim {

namespace {
constexpr std::size_t kStreamChunkBytes = 600;
}

bool World::blocked(const Server& from, const Server& to) const {
    return blocked_.contains({from.index, to.index});
}

void World::send_notification(Server& from, ServerId to, Bytes body) {
    Server& target = *servers_[static_cast<std::size_t>(to.value() - 1)];
    last_notification_[{from.index, target.index}] = body;
    if (blocked(from, target) || !target.up) return;
    const std::uint64_t life = target.life;
    const ServerId sender = from.sid();
    later(std::chrono::microseconds(random_.between(200, 15000)),
          [this, &target, life, sender, body = std::move(body)] {
              if (target.up && target.life == life) {
                  step(target, core::NotificationReceived{sender, body, election::Origin::own});
              }
          });
}

// A link that comes up again carries the last message first.
void World::resend_notifications(const std::function<bool(int from, int to)>& which) {
    const auto messages = last_notification_;
    for (const auto& [pair, body] : messages) {
        Server& from = *servers_[static_cast<std::size_t>(pair.first)];
        if (!which(pair.first, pair.second) || !from.up || pair.first == pair.second) continue;
        send_notification(from, ServerId(pair.second + 1), body);
    }
}

void World::dial(Server& learner, core::Attempt attempt, ServerId leader_sid) {
    Server& leader = *servers_[static_cast<std::size_t>(leader_sid.value() - 1)];
    const std::uint64_t learner_life = learner.life;
    later(std::chrono::microseconds(random_.between(300, 8000)), [=, this, &learner, &leader] {
        if (!learner.up || learner.life != learner_life) return;
        if (!leader.up || !leader.port_open || blocked(learner, leader) ||
            blocked(leader, learner)) {
            step(learner, core::LeaderDialFailed{attempt, "refused"});
            return;
        }
        auto link = std::make_shared<Link>();
        link->id = next_connection_++;
        link->leader = leader.index;
        link->learner = learner.index;
        link->leader_life = leader.life;
        link->learner_life = learner.life;
        link->attempt = attempt;
        links_.push_back(link);
        step(leader, core::LearnerConnected{link->id, {learner.sid()}});
        if (link->open && learner.up && learner.life == learner_life) {
            step(learner, core::LeaderConnected{attempt});
        }
    });
}

namespace {
template <class Sink>
void each_packet(const Bytes& bytes, Sink sink) {
    zab::PacketDecoder decoder;
    decoder.feed(bytes);
    auto packet = decoder.next();
    if (packet.has_value() && packet->has_value()) sink(std::move(**packet));
}
}  // namespace

std::shared_ptr<World::Link> World::learner_link(const Server& leader, zab::LinkId id) const {
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
        return link->id == id && link->leader == leader.index;
    });
    return found == links_.end() ? nullptr : *found;
}

void World::send_to_learner(Server& leader, zab::LinkId id, Bytes bytes) {
    const auto link = learner_link(leader, id);
    if (link == nullptr) return;
    if (link->stream != nullptr) {
        link->behind_stream.push_back(std::move(bytes));
    } else {
        put_to_learner(link, std::move(bytes), false);
    }
}

void World::send_snapshot(Server& leader, zab::LinkId id) {
    const auto link = learner_link(leader, id);
    if (link == nullptr) return;
    link->stream = std::make_unique<storage::SnapshotSerializer>(
        leader.core->tree(), leader.core->session_timeouts(), storage::Form::wire);
    link->streamed.clear();
    pump_stream(link);
}

// Only a stream under way takes room: a World's packets leave at once.
void World::await_room(Server& leader, zab::LinkId id) {
    const auto link = learner_link(leader, id);
    if (link == nullptr) return;
    if (link->stream != nullptr) {
        link->room_awaited = true;
        return;
    }
    later(std::chrono::microseconds(random_.between(50, 2000)), [this, link, &leader] {
        if (!link->open || !leader.up || leader.life != link->leader_life) return;
        step(leader, core::LearnerRoom{link->id});
    });
}

void World::pump_stream(const std::shared_ptr<Link>& link) {
    if (!options_.stream_snapshots) {
        while (link->stream->next_chunk(link->streamed, kStreamChunkBytes)) {
        }
        return end_stream(link);
    }
    later(std::chrono::microseconds(random_.between(100, 4000)), [this, link] {
        if (!link->open || link->stream == nullptr) return;
        if (link->stream->next_chunk(link->streamed, kStreamChunkBytes)) return pump_stream(link);
        end_stream(link);
    });
}

void World::end_stream(const std::shared_ptr<Link>& link) {
    link->stream_end = link->stream->end_zxid();
    link->stream.reset();
    put_to_learner(link, std::move(link->streamed), true);
    for (Bytes& bytes : std::exchange(link->behind_stream, {})) {
        put_to_learner(link, std::move(bytes), false);
    }
    if (std::exchange(link->room_awaited, false)) {
        await_room(*servers_[static_cast<std::size_t>(link->leader)], link->id);
    }
}

void World::put_to_learner(const std::shared_ptr<Link>& link, Bytes bytes, bool snapshot) {
    if (blocked(*servers_[static_cast<std::size_t>(link->leader)],
                *servers_[static_cast<std::size_t>(link->learner)])) {
        link->stalled_to_learner = true;
    }
    if (link->stalled_to_learner) return;
    link->last_to_learner = std::max(link->last_to_learner,
                                     now_ + std::chrono::microseconds(random_.between(100, 5000)));
    later(link->last_to_learner - now_, [this, link, bytes = std::move(bytes), snapshot] {
        if (link->open) deliver_to_learner(link, bytes, snapshot);
    });
}

void World::deliver_to_learner(const std::shared_ptr<Link>& link,
                               const Bytes& bytes,
                               bool snapshot) {
    Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
    if (!learner.up || learner.life != link->learner_life) return;
    if (!snapshot) {
        each_packet(bytes, [&](zab::Packet packet) {
            step(learner, core::LeaderPacket{link->attempt, std::move(packet)});
        });
        return;
    }
    storage::SnapshotParser parser(storage::Form::wire);
    const auto taken = parser.feed(bytes);
    if (!taken.has_value() || !parser.done() || *taken != bytes.size()) {
        return fail("a snapshot stream cannot be parsed");
    }
    core::LeaderSnapshot event;
    event.attempt = link->attempt;
    event.tree = parser.take_tree();
    event.sessions = parser.take_sessions();
    learner.fuzzy_until = std::max(learner.fuzzy_until, link->stream_end);
    step(learner, std::move(event));
}

void World::send_to_leader(Server& learner, Bytes bytes) {
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
        return link->learner == learner.index && link->open;
    });
    if (found == links_.end()) return;
    const std::shared_ptr<Link> link = *found;
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    if (blocked(learner, leader)) link->stalled_to_leader = true;
    if (link->stalled_to_leader) return;
    link->last_to_leader = std::max(link->last_to_leader,
                                    now_ + std::chrono::microseconds(random_.between(100, 5000)));
    later(link->last_to_leader - now_, [this, link, &leader, bytes = std::move(bytes)] {
        if (!link->open || !leader.up || leader.life != link->leader_life) return;
        each_packet(bytes, [&](zab::Packet packet) {
            step(leader, core::LearnerPacket{link->id, std::move(packet)});
        });
    });
}

void World::break_link(std::shared_ptr<Link> link, bool tell_leader, bool tell_learner) {
    if (!link->open) return;
    link->open = false;
    judge_.sessions().disturbed(now_);
    link->stream.reset();
    std::erase(links_, link);
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
    // The news of a close does not cross a partition either.
    if (tell_leader && !blocked(learner, leader)) {
        later(std::chrono::microseconds(random_.between(100, 5000)), [this, link, &leader] {
            if (leader.up && leader.life == link->leader_life) {
                step(leader, core::LearnerClosed{link->id});
            }
        });
    }
    if (tell_learner && !blocked(leader, learner)) {
        later(std::chrono::microseconds(random_.between(100, 5000)), [this, link, &learner] {
            if (learner.up && learner.life == link->learner_life) {
                step(learner, core::LeaderClosed{link->attempt, "closed"});
            }
        });
    }
}

// ---- clients

void World::connect(SimClient& client) {
    auto link = std::make_shared<ClientLink>();
    link->connection = next_connection_++;
    link->client = &client;
    link->server = static_cast<int>(random_.below(servers_.size()));
    later(std::chrono::microseconds(random_.between(100, 3000)), [this, link, &client] {
        Server& server = *servers_[static_cast<std::size_t>(link->server)];
        if (!server.up) return client.on_closed(link->connection);
        link->life = server.life;
        client_links_[link->connection] = link;
        server.frontend->on_open(link->connection, {"10.0.1.1", 1000}, now_);
        client.on_connected(link->connection);
    });
}

void World::client_sends(SimClient&, std::uint64_t connection, Bytes bytes) {
    const auto found = client_links_.find(connection);
    if (found == client_links_.end()) return;
    const auto link = found->second;
    link->last_to_server =
        std::max(link->last_to_server, now_ + std::chrono::microseconds(random_.between(50, 2000)));
    later(link->last_to_server - now_, [this, link, bytes = std::move(bytes)] {
        Server& server = *servers_[static_cast<std::size_t>(link->server)];
        if (!link->open || !server.up || server.life != link->life) return;
        judge_.arrived(link->connection, now_);
        server.frontend->on_bytes(link->connection, bytes, now_, server.out);
        run_frontend_output(server);
    });
}

void World::client_closes(SimClient&, std::uint64_t connection) {
    const auto found = client_links_.find(connection);
    if (found == client_links_.end()) return;
    const auto link = found->second;
    client_links_.erase(found);
    if (!link->open) return;
    link->open = false;
    later(milliseconds(1), [this, link] {
        Server& server = *servers_[static_cast<std::size_t>(link->server)];
        if (!server.up || server.life != link->life) return;
        server.frontend->on_closed(link->connection, server.out);
        run_frontend_output(server);
    });
}

void World::close_client_links(Server& server) {
    const auto all = client_links_;
    for (const auto& [connection, link] : all) {
        if (link->server != server.index || !link->open) continue;
        link->open = false;
        client_links_.erase(connection);
        if (server.up && server.life == link->life) {
            later(milliseconds(1), [this, link, &server] {
                if (!server.up || server.life != link->life) return;
                server.frontend->on_closed(link->connection, server.out);
                run_frontend_output(server);
            });
        }
        later(milliseconds(1),
              [link, connection = connection] { link->client->on_closed(connection); });
    }
}

void World::flush_client(Server& server, std::uint64_t connection) {
    Bytes bytes;
    const frontend::Orders orders = server.frontend->take(connection, bytes);
    const auto found = client_links_.find(connection);
    const auto link = found == client_links_.end() ? nullptr : found->second;
    if (link && !bytes.empty()) {
        link->last_to_client = std::max(
            link->last_to_client, now_ + std::chrono::microseconds(random_.between(50, 2000)));
        later(link->last_to_client - now_, [link, connection, bytes] {
            if (link->open) link->client->on_bytes(connection, bytes);
        });
    }
    if (!bytes.empty()) server.frontend->on_written(connection, now_, server.out);
    if (orders.close == frontend::Close::no || !link) return;
    later(milliseconds(6), [this, link, connection, &server] {
        if (!link->open) return;
        link->open = false;
        client_links_.erase(connection);
        if (server.up && server.life == link->life) {
            server.frontend->on_closed(connection, server.out);
            run_frontend_output(server);
        }
        link->client->on_closed(connection);
    });
}

}  // namespace zk::sim
