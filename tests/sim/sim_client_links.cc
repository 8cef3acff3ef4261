// Links between clients and servers of a World. See world.h.
#include <algorithm>
#include <utility>

#include "sim/world.h"
#include "sim/world_parts.h"

namespace zk::sim {

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
        later_at(server, Duration{}, [this, link, &server] {
            loop_of(server, link->connection).opened(link->connection, {"10.0.1.1", 1000}, now_);
        });
        client.on_connected(link->connection);
    });
}

Zxid World::applied_behind(std::uint64_t connection) const {
    const auto found = client_links_.find(connection);
    if (found == client_links_.end()) return {};
    const auto& server = servers_[static_cast<std::size_t>(found->second->server)];
    return server->core ? server->core->tree().last_zxid() : Zxid();
}

void World::client_sends(SimClient&, std::uint64_t connection, Bytes bytes, bool whole) {
    const auto found = client_links_.find(connection);
    if (found == client_links_.end()) return;
    const auto link = found->second;
    Server& server = *servers_[static_cast<std::size_t>(link->server)];
    if (!server.up || server.life != link->life) return;
    link->last_to_server =
        std::max(link->last_to_server, now_ + std::chrono::microseconds(random_.between(50, 2000)));
    const Duration takes = link->last_to_server - now_;
    later(takes, [this, link, connection, whole] {
        if (link->open && whole) judge_.arrived(connection, now_);
    });
    later_at(server, takes, [this, link, &server, bytes = std::move(bytes)]() mutable {
        if (!link->open) return;
        link->unread.push_back(std::move(bytes));
        feed_client_bytes(server, link);
    });
}

// What the server does not want to read yet stays in its socket.
void World::feed_client_bytes(Server& server, const std::shared_ptr<ClientLink>& link) {
    while (link->open && link->read && !link->unread.empty() && server.up &&
           server.life == link->life) {
        const Bytes bytes = std::move(link->unread.front());
        link->unread.pop_front();
        frontend::Turn& loop = loop_of(server, link->connection);
        loop.received(link->connection, bytes, now_);
        finish_loop(server, loop);
    }
}

void World::client_closes(SimClient&, std::uint64_t connection) {
    const auto found = client_links_.find(connection);
    if (found == client_links_.end()) return;
    const auto link = found->second;
    client_links_.erase(found);
    if (!link->open) return;
    link->open = false;
    Server& server = *servers_[static_cast<std::size_t>(link->server)];
    if (!server.up || server.life != link->life) return;
    later_at(server, milliseconds(1), [this, link, &server] {
        close_at_server(server, link->connection);
    });
}

void World::close_client_links(Server& server) {
    const auto all = client_links_;
    for (const auto& [connection, link] : all) {
        if (link->server != server.index || !link->open) continue;
        link->open = false;
        client_links_.erase(connection);
        if (server.up && server.life == link->life) {
            later_at(server, milliseconds(1), [this, link, &server] {
                close_at_server(server, link->connection);
            });
        }
        later(milliseconds(1),
              [link, connection = connection] { link->client->on_closed(connection); });
    }
}

void World::close_at_server(Server& server, std::uint64_t connection) {
    frontend::Turn& loop = loop_of(server, connection);
    loop.closed(connection, now_);
    finish_loop(server, loop);
}

void World::flush_client(Server& server, std::uint64_t connection) {
    const auto found = client_links_.find(connection);
    const auto link = found == client_links_.end() ? nullptr : found->second;
    frontend::Turn& loop = loop_of(server, connection);
    Bytes bytes;
    const frontend::Orders orders = loop.take(connection, bytes);
    const bool empty = bytes.empty();
    const Instant reads_at = link ? link->client->stuck_until() : now_;
    if (link && !empty) {
        link->last_to_client =
            std::max({link->last_to_client,
                      reads_at,
                      now_ + std::chrono::microseconds(random_.between(50, 2000))});
        later(link->last_to_client - now_, [link, connection, bytes = std::move(bytes)] {
            if (link->open) link->client->on_bytes(connection, bytes);
        });
    }
    if (link && !empty && reads_at > now_) {
        later_at(server, reads_at - now_, [this, link, connection, &server, &loop] {
            if (!link->open) return;
            loop.written(connection, now_);
            finish_loop(server, loop);
        });
    } else if (!empty) {
        loop.written(connection, now_);
    }
    if (!link) return;
    if (orders.read && !link->read) {
        later_at(server, std::chrono::microseconds(50), [this, link, &server] {
            feed_client_bytes(server, link);
        });
    }
    link->read = orders.read;
    if (orders.close == frontend::Close::no) return;
    later(milliseconds(6), [this, link, connection, &server] {
        if (!link->open) return;
        link->open = false;
        client_links_.erase(connection);
        if (server.up && server.life == link->life) {
            later_at(server, Duration{}, [this, connection, &server] {
                close_at_server(server, connection);
            });
        }
        link->client->on_closed(connection);
    });
}

}  // namespace zk::sim
