// Records and numbers that only clients say or need beyond protocol.h: persistent watches, identities,
// reconfig, what is counted below a node, and the events that a client's library makes itself.
// Pure. Source: ZooKeeper zookeeper.jute, Watcher.Event, Watcher.WatcherType, AddWatchMode.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jute/protocol.h"

namespace zk::jute {

/// What addWatch sets.
enum class WatchMode : std::int32_t { persistent = 0, persistent_recursive = 1 };

/// Which watches of a path removeWatches takes away; the last two since 3.9.
enum class WatchKind : std::int32_t {
    children = 1,
    data = 2,
    any = 3,
    persistent = 4,
    persistent_recursive = 5,
};

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

/// addWatch.
struct WatchModeRequest {
    std::string path;
    WatchMode mode{};
    static void fields(auto& archive, auto& self) { archive(self.path, self.mode); }
};

/// removeWatches.
struct WatchKindRequest {
    std::string path;
    WatchKind kind{};
    static void fields(auto& archive, auto& self) { archive(self.path, self.kind); }
};

/// setWatches2: what setWatches says, and the watches of addWatch.
struct AllWatchesRequest {
    SetWatchesRequest one_shot;
    std::vector<std::string> persistent, recursive;
    static void fields(auto& archive, auto& self) {
        archive(self.one_shot, self.persistent, self.recursive);
    }
};

/// One identity of a connection as whoAmI tells it.
struct ShownIdentity {
    std::string scheme;
    std::string user;
    static void fields(auto& archive, auto& self) { archive(self.scheme, self.user); }
};

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
