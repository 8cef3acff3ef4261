// What clients need beyond protocol.h: requests that our servers read in another way or not at all, and the events that a
// client's library makes itself. Pure. Source: ZooKeeper zookeeper.jute, Watcher.Event.
#pragma once

#include <cstdint>
#include <string_view>

#include "jute/protocol.h"

namespace zk::jute {

/// What a watcher is told. A server sends 1 to 4 only; the others are made by the client.
enum class EventKind : std::int32_t {
    none = -1,
    node_created = 1,
    node_deleted = 2,
    node_data_changed = 3,
    node_children_changed = 4,
    data_watch_removed = 5,
    child_watch_removed = 6,
    persistent_watch_removed = 7,
};

/// How a client and its ensemble are to each other, as events tell it.
enum class KeeperState : std::int32_t {
    disconnected = 0,
    sync_connected = 3,
    auth_failed = 4,
    connected_read_only = 5,
    closed = 7,
    expired = -112,
};

/// "NodeDataChanged" and so on, as ZooKeeper spells them.
constexpr std::string_view to_string(EventKind kind) {
    switch (kind) {
        case EventKind::none:
            return "None";
        case EventKind::node_created:
            return "NodeCreated";
        case EventKind::node_deleted:
            return "NodeDeleted";
        case EventKind::node_data_changed:
            return "NodeDataChanged";
        case EventKind::node_children_changed:
            return "NodeChildrenChanged";
        case EventKind::data_watch_removed:
            return "DataWatchRemoved";
        case EventKind::child_watch_removed:
            return "ChildWatchRemoved";
        case EventKind::persistent_watch_removed:
            return "PersistentWatchRemoved";
    }
    return "Unknown";
}
/// "SyncConnected" and so on, as ZooKeeper spells them.
constexpr std::string_view to_string(KeeperState state) {
    switch (state) {
        case KeeperState::disconnected:
            return "Disconnected";
        case KeeperState::sync_connected:
            return "SyncConnected";
        case KeeperState::auth_failed:
            return "AuthFailed";
        case KeeperState::connected_read_only:
            return "ConnectedReadOnly";
        case KeeperState::closed:
            return "Closed";
        case KeeperState::expired:
            return "Expired";
    }
    return "Unknown";
}

/// createTTL. `ttl_ms` is above 0.
struct CreateTtlRequest {
    CreateRequest create;
    std::int64_t ttl_ms = 0;
    static void fields(auto& archive, auto& self) { archive(self.create, self.ttl_ms); }
};

/// reconfig: either joining and leaving, or all members. `version` -1 is any.
struct ReconfigRequest {
    NullableString joining, leaving, members;
    std::int64_t version = -1;
    static void fields(auto& archive, auto& self) {
        archive(self.joining, self.leaving, self.members, self.version);
    }
};

}  // namespace zk::jute
