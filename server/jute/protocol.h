// Records between clients and servers: handshake, headers, requests, responses.
// Pure. Byte tables are in docs/WIRE.md. Source: ZooKeeper zookeeper.jute, ConnectRequest, MultiOperationRecord.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "jute/archive.h"
#include "jute/codes.h"

namespace zk::jute {

/// One identity: scheme and id, as in an ACL entry or as proven by a connection. A null id (kazoo's empty string) reads
/// as empty.
struct AuthId {
    std::string scheme;
    std::string id;
    static void fields(auto& archive, auto& self) {
        archive(self.scheme);
        if constexpr (std::remove_reference_t<decltype(archive)>::kReading) {
            self.id = archive.template get<NullableString>().value_or("");
        } else {
            archive(self.id);
        }
    }
    friend auto operator<=>(const AuthId&, const AuthId&) = default;
};

struct Acl {
    std::int32_t perms = 0;
    AuthId id;
    static void fields(auto& archive, auto& self) { archive(self.perms, self.id); }
    friend auto operator<=>(const Acl&, const Acl&) = default;
};
using AclList = std::vector<Acl>;

/// 68 bytes that clients see of a znode. cversion is the visible one (2 * creates - children).
struct Stat {
    Zxid czxid, mzxid;
    WallMs ctime, mtime;
    std::int32_t version = 0, cversion = 0, aversion = 0;
    std::int64_t ephemeral_owner = 0;
    std::int32_t data_length = 0, children_count = 0;
    Zxid pzxid;
    static void fields(auto& archive, auto& self) {
        archive(self.czxid,
                self.mzxid,
                self.ctime,
                self.mtime,
                self.version,
                self.cversion,
                self.aversion,
                self.ephemeral_owner,
                self.data_length,
                self.children_count,
                self.pzxid);
    }
    friend bool operator==(const Stat&, const Stat&) = default;
};

struct RequestHeader {
    Xid xid;
    OpCode op{};
    static void fields(auto& archive, auto& self) { archive(self.xid, self.op); }
};

struct ReplyHeader {
    Xid xid;
    Zxid zxid;
    ErrorCode error = ErrorCode::ok;
    static void fields(auto& archive, auto& self) { archive(self.xid, self.zxid, self.error); }
};

/// The read-only byte is optional on the wire and echoed only when the request had it: handled by the reader.
struct ConnectRequest {
    std::int32_t protocol_version = 0;
    Zxid last_zxid_seen;
    std::int32_t timeout_ms = 0;
    SessionId session;
    Buffer password;
    static void fields(auto& archive, auto& self) {
        archive(self.protocol_version,
                self.last_zxid_seen,
                self.timeout_ms,
                self.session,
                self.password);
    }
};

struct ConnectResponse {
    std::int32_t protocol_version = 0;
    std::int32_t timeout_ms = 0;
    SessionId session;
    Buffer password;
    static void fields(auto& archive, auto& self) {
        archive(self.protocol_version, self.timeout_ms, self.session, self.password);
    }
};

/// create and create2 (and createContainer).
struct CreateRequest {
    std::string path;
    Buffer data;
    AclList acl;
    CreateMode flags{};
    static void fields(auto& archive, auto& self) {
        archive(self.path, self.data, self.acl, self.flags);
    }
};

struct DeleteRequest {
    std::string path;
    std::int32_t version = -1;
    static void fields(auto& archive, auto& self) { archive(self.path, self.version); }
};

/// exists, getData, getChildren, getChildren2.
struct PathWatchRequest {
    std::string path;
    bool watch = false;
    static void fields(auto& archive, auto& self) { archive(self.path, self.watch); }
};

/// getACL and whatever else is just a path.
struct PathRequest {
    std::string path;
    static void fields(auto& archive, auto& self) { archive(self.path); }
};

/// sync: the path is echoed, a null one as null.
struct SyncRequest {
    NullableString path;
    static void fields(auto& archive, auto& self) { archive(self.path); }
};

struct SetDataRequest {
    std::string path;
    Buffer data;
    std::int32_t version = -1;
    static void fields(auto& archive, auto& self) { archive(self.path, self.data, self.version); }
};

struct SetAclRequest {
    std::string path;
    AclList acl;
    std::int32_t version = -1;
    static void fields(auto& archive, auto& self) { archive(self.path, self.acl, self.version); }
};

/// check, inside multi only.
struct CheckVersionRequest {
    std::string path;
    std::int32_t version = -1;
    static void fields(auto& archive, auto& self) { archive(self.path, self.version); }
};

struct MultiHeader {
    OpCode type{};
    bool done = false;
    ErrorCode error = ErrorCode::ok;
    static void fields(auto& archive, auto& self) { archive(self.type, self.done, self.error); }
};

struct AuthRequest {
    std::int32_t type = 0;
    NullableString scheme;
    Buffer auth;
    static void fields(auto& archive, auto& self) { archive(self.type, self.scheme, self.auth); }
};

struct SetWatchesRequest {
    Zxid relative_zxid;
    std::vector<std::string> data, exist, child;
    static void fields(auto& archive, auto& self) {
        archive(self.relative_zxid, self.data, self.exist, self.child);
    }
};

/// setWatches2: the same, and what addWatch has set.
struct SetWatches2Request {
    SetWatchesRequest one_shot;
    std::vector<std::string> persistent, recursive;
    static void fields(auto& archive, auto& self) {
        archive(self.one_shot, self.persistent, self.recursive);
    }
};

struct AddWatchRequest {
    std::string path;
    AddWatchMode mode{};
    static void fields(auto& archive, auto& self) { archive(self.path, self.mode); }
};

/// checkWatches and removeWatches.
struct WatchesRequest {
    std::string path;
    WatcherType type{};
    static void fields(auto& archive, auto& self) { archive(self.path, self.type); }
};

/// One identity of a connection as whoAmI tells it: no secret is in it.
struct ClientInfo {
    std::string scheme;
    std::string user;
    static void fields(auto& archive, auto& self) { archive(self.scheme, self.user); }
};

struct WatcherEvent {
    EventType type{};
    std::int32_t state = kStateSyncConnected;
    std::string path;
    static void fields(auto& archive, auto& self) { archive(self.type, self.state, self.path); }
};

/// Body of a createSession REQUEST and txn.
struct CreateSessionTxn {
    std::int32_t timeout_ms = 0;
    static void fields(auto& archive, auto& self) { archive(self.timeout_ms); }
};

}  // namespace zk::jute
