// Numbers of the wire with their names: operations, errors, events, create modes, permissions.
// Pure. Source: ZooKeeper ZooDefs, KeeperException.Code, Watcher.Event, CreateMode.
#pragma once

#include <cstdint>
#include <string_view>

namespace zk {

enum class OpCode : std::int32_t {
    notification = 0,
    create = 1,
    remove = 2,  ///< "delete"
    exists = 3,
    get_data = 4,
    set_data = 5,
    get_acl = 6,
    set_acl = 7,
    get_children = 8,
    sync = 9,
    ping = 11,
    get_children2 = 12,
    check = 13,
    multi = 14,
    create2 = 15,
    reconfig = 16,
    check_watches = 17,
    remove_watches = 18,
    create_container = 19,
    delete_container = 20,
    create_ttl = 21,
    multi_read = 22,
    auth = 100,
    set_watches = 101,
    sasl = 102,
    get_ephemerals = 103,
    get_all_children_number = 104,
    set_watches2 = 105,
    add_watch = 106,
    who_am_i = 107,
    create_session = -10,
    close_session = -11,
    error = -1,
};

/// "create", "getData", ... as ZooKeeper spells them; "unknown" for other numbers.
std::string_view to_string(OpCode op);
/// True for operations that become a txn (create, delete, setData, setACL, multi, create2, ..., sessions).
bool is_write(OpCode op);

enum class ErrorCode : std::int32_t {
    ok = 0,
    runtime_inconsistency = -2,
    marshalling_error = -5,
    unimplemented = -6,
    bad_arguments = -8,
    unknown_session = -12,
    new_config_no_quorum = -13,
    reconfig_in_progress = -14,
    no_node = -101,
    no_auth = -102,
    bad_version = -103,
    no_children_for_ephemerals = -108,
    node_exists = -110,
    not_empty = -111,
    session_expired = -112,
    invalid_acl = -114,
    auth_failed = -115,
    session_moved = -118,
    not_read_only = -119,
    ephemeral_on_local_session = -120,
    no_watcher = -121,
    reconfig_disabled = -123,
    session_closed_require_auth = -124,  ///< SESSIONCLOSEDREQUIRESASLAUTH, of any scheme since 3.7
    quota_exceeded = -125,
    throttled_op = -127,
};

/// "NONODE" and so on, as ZooKeeper spells them.
std::string_view to_string(ErrorCode error);

enum class EventType : std::int32_t {
    none = -1,
    node_created = 1,
    node_deleted = 2,
    node_data_changed = 3,
    node_children_changed = 4,
};

/// The only state a server ever sends in a WatcherEvent.
inline constexpr std::int32_t kStateSyncConnected = 3;

/// What addWatch asks for.
enum class AddWatchMode : std::int32_t { persistent = 0, persistent_recursive = 1 };

/// Which watches checkWatches and removeWatches mean; the last two since 3.9.
enum class WatcherType : std::int32_t {
    children = 1,
    data = 2,
    any = 3,
    persistent = 4,
    persistent_recursive = 5,
};

/// flags of create requests.
enum class CreateMode : std::int32_t {
    persistent = 0,
    ephemeral = 1,
    persistent_sequential = 2,
    ephemeral_sequential = 3,
    container = 4,
    persistent_with_ttl = 5,
    persistent_sequential_with_ttl = 6,
};
inline bool is_ephemeral(CreateMode mode) {
    return mode == CreateMode::ephemeral || mode == CreateMode::ephemeral_sequential;
}
inline bool is_sequential(CreateMode mode) {
    return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential ||
           mode == CreateMode::persistent_sequential_with_ttl;
}

inline bool has_ttl(CreateMode mode) {
    return mode == CreateMode::persistent_with_ttl ||
           mode == CreateMode::persistent_sequential_with_ttl;
}

namespace perms {
inline constexpr std::int32_t kRead = 1;
inline constexpr std::int32_t kWrite = 2;
inline constexpr std::int32_t kCreate = 4;
inline constexpr std::int32_t kDelete = 8;
inline constexpr std::int32_t kAdmin = 16;
inline constexpr std::int32_t kAll = 31;
}  // namespace perms

/// xids with a meaning of their own.
namespace xids {
inline constexpr std::int32_t kNotification = -1;
inline constexpr std::int32_t kPing = -2;
inline constexpr std::int32_t kAuth = -4;
inline constexpr std::int32_t kSetWatches = -8;
}  // namespace xids

}  // namespace zk
