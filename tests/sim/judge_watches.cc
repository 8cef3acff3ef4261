#include "sim/judge_watches.h"

#include <algorithm>
#include <utility>

namespace zk::sim {
namespace {
std::string name_of(EventType type) {
    switch (type) {
        case EventType::node_created:
            return "NodeCreated";
        case EventType::node_deleted:
            return "NodeDeleted";
        case EventType::node_data_changed:
            return "NodeDataChanged";
        case EventType::node_children_changed:
            return "NodeChildrenChanged";
        default:
            return "event " + std::to_string(static_cast<int>(type));
    }
}
std::size_t index(WatchJudge::Table table) { return table == WatchJudge::Table::data ? 0 : 1; }
}  // namespace

WatchJudge::WatchJudge(Replay& replay, Complain complain)
    : replay_(replay), complain_(std::move(complain)) {
    replay_.watch({[this](const std::string& path, const ModelChange& change) {
                       changed(Table::data, path, change);
                   },
                   [this](const std::string& path, const ModelChange& change) {
                       changed(Table::child, path, change);
                   }});
}

void WatchJudge::open(std::uint64_t connection, std::string name, std::vector<jute::AuthId> auth) {
    connections_[connection] = {std::move(name), std::move(auth), {}, {}, {}};
}

void WatchJudge::close(std::uint64_t connection) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    for (const std::size_t table : {0U, 1U}) {
        for (const auto& [path, watch] : found->second.watches[table]) {
            if (!watch.due) waiting_[table][path].erase(connection);
        }
    }
    connections_.erase(found);
}

void WatchJudge::changed(Table table, const std::string& path, const ModelChange& change) {
    const auto waiting = waiting_[index(table)].find(path);
    if (waiting == waiting_[index(table)].end()) return;
    const auto connections = std::move(waiting->second);
    waiting_[index(table)].erase(waiting);
    for (const std::uint64_t id : connections) {
        becomes_due(connections_.at(id), table, path, change);
    }
}

// A change that the connection may not read takes the watch and tells nothing.
void WatchJudge::becomes_due(Connection& connection,
                             Table table,
                             const std::string& path,
                             const ModelChange& change) {
    auto& watches = connection.watches[index(table)];
    if (!grants(*change.acl, perms::kRead, connection.auth)) {
        watches.erase(path);
        return;
    }
    watches.at(path).due = change;
    connection.due.insert({change.zxid, table, path});
}

void WatchJudge::answered(std::uint64_t id, Zxid zxid) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.due.empty()) return;
    const auto& [at, table, path] = *found->second.due.begin();
    if (at > zxid) return;
    const Watch& watch = found->second.watches[index(table)].at(path);
    complain_(found->second.name + " is answered at " + to_string(zxid) + " before the event " +
              name_of(watch.due->type) + " of " + path + " at " + to_string(at) +
              ", whose watch was set at " + to_string(watch.set_at));
}

void WatchJudge::set(std::uint64_t id, Table table, const std::string& path, Zxid zxid) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    // Setting it twice is the same as once; had it been due, answered() would have said so.
    if (!connection.watches[index(table)].emplace(path, Watch{zxid, {}}).second) return;
    const ModelChange* change = table == Table::data ? replay_.next_data_change(path, zxid)
                                                     : replay_.next_child_change(path, zxid);
    if (change != nullptr) {
        becomes_due(connection, table, path, *change);
    } else {
        waiting_[index(table)][path].insert(id);
    }
}

void WatchJudge::take(std::uint64_t id,
                      Connection& connection,
                      Table table,
                      const std::string& path) {
    const auto watch = connection.watches[index(table)].find(path);
    if (watch->second.due) {
        connection.due.erase({watch->second.due->zxid, table, path});
    } else {
        waiting_[index(table)][path].erase(id);
    }
    connection.watches[index(table)].erase(watch);
}

void WatchJudge::event(std::uint64_t id,
                       const jute::WatcherEvent& event,
                       std::optional<Zxid> zxid) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    if (connection.catching_up) {
        connection.catching_up->emplace_back(event.type, event.path);
        if (zxid.value_or(Zxid(-1)) != Zxid(-1))
            complain_(connection.name + " is told of what it missed with zxid " + to_string(*zxid));
        return;
    }
    const std::string words =
        connection.name + " is told " + name_of(event.type) + " of " + event.path;
    // A deletion is told once for both tables.
    std::optional<ModelChange> told;
    for (const Table table : {Table::data, Table::child}) {
        const bool wanted =
            event.type == EventType::node_deleted ||
            (event.type == EventType::node_children_changed) == (table == Table::child);
        if (!wanted) continue;
        const auto watch = connection.watches[index(table)].find(event.path);
        if (watch == connection.watches[index(table)].end()) continue;
        const auto& due = watch->second.due;
        if (!due || due->type != event.type) {
            if (told || event.type == EventType::node_deleted) continue;
            return complain_(
                words + ", but behind " + to_string(watch->second.set_at) +
                (due ? " it first had " + name_of(due->type) + " at " + to_string(due->zxid)
                     : " nothing changed there"));
        }
        if (told && told->zxid != due->zxid) continue;
        told = *due;
        take(id, connection, table, event.path);
    }
    if (!told) return complain_(words + " without a watch that this change is due to");
    if (zxid && *zxid != told->zxid) {
        complain_(words + " with zxid " + to_string(*zxid) + ", but the change was at " +
                  to_string(told->zxid));
    }
    if (!connection.due.empty() && std::get<0>(*connection.due.begin()) < told->zxid) {
        const auto& [at, table, path] = *connection.due.begin();
        complain_(words + " at " + to_string(told->zxid) + " before the event of " + path + " at " +
                  to_string(at));
    }
}

void WatchJudge::catching_up(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second.catching_up.emplace();
}

void WatchJudge::caught_up(std::uint64_t id, const jute::SetWatchesRequest& request, Zxid zxid) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || !found->second.catching_up) return;
    auto told = std::move(*found->second.catching_up);
    found->second.catching_up.reset();
    const auto owe = [&](EventType type, const std::string& path) {
        const auto event = std::find(told.begin(), told.end(), std::pair(type, path));
        if (event == told.end()) {
            complain_(found->second.name + " set its watches again behind " +
                      to_string(request.relative_zxid) + ", was answered at " + to_string(zxid) +
                      " and not told " + name_of(type) + " of " + path);
        } else {
            told.erase(event);
        }
    };
    for (const std::string& path : request.data) {
        const ModelNodeRef node = replay_.node(path, zxid);
        if (!node) {
            owe(EventType::node_deleted, path);
        } else if (node->mzxid > request.relative_zxid) {
            owe(EventType::node_data_changed, path);
        } else {
            set(id, Table::data, path, zxid);
        }
    }
    for (const std::string& path : request.exist) {
        if (replay_.node(path, zxid)) {
            owe(EventType::node_created, path);
        } else {
            set(id, Table::data, path, zxid);
        }
    }
    for (const std::string& path : request.child) {
        const ModelNodeRef node = replay_.node(path, zxid);
        if (!node) {
            owe(EventType::node_deleted, path);
        } else if (node->pzxid > request.relative_zxid) {
            owe(EventType::node_children_changed, path);
        } else {
            set(id, Table::child, path, zxid);
        }
    }
    for (const auto& [type, path] : told) {
        complain_(found->second.name + " set its watches again behind " +
                  to_string(request.relative_zxid) + ", was answered at " + to_string(zxid) +
                  " and told " + name_of(type) + " of " + path + ", which it had seen");
    }
}

}  // namespace zk::sim
