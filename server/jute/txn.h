// Transaction records: what the log stores and what a PROPOSAL carries, byte for byte the same.
// Pure. A serialized txn is TxnHeader, body (by type), then optionally TxnDigest.
// Source: ZooKeeper's jute module txn, SerializeUtils.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "jute/archive.h"
#include "jute/codes.h"
#include "jute/protocol.h"

namespace zk::jute {

struct TxnHeader {
    SessionId session;  ///< 0 for txns the server makes for itself
    Xid cxid;
    Zxid zxid;
    WallMs time;  ///< the leader's wall clock; becomes ctime and mtime
    OpCode type{};
    static void fields(auto& archive, auto& self) {
        archive(self.session, self.cxid, self.zxid, self.time, self.type);
    }
};

/// create and create2. `path` is final (the sequence number is in it).
struct CreateTxn {
    std::string path;
    Buffer data;
    AclList acl;
    bool ephemeral = false;
    /// Creates under the parent so far, this one included; -1 (old logs): count up.
    std::int32_t parent_cversion = -1;
    static void fields(auto& archive, auto& self) {
        archive(self.path, self.data, self.acl, self.ephemeral);
        if constexpr (std::remove_reference_t<decltype(archive)>::kReading) {
            if (archive.ok() && archive.at_end()) {  // CreateTxnV0, logs of 3.3 and older
                self.parent_cversion = -1;
                return;
            }
        }
        archive(self.parent_cversion);
    }
};

struct CreateContainerTxn {
    std::string path;
    Buffer data;
    AclList acl;
    std::int32_t parent_cversion = -1;
    static void fields(auto& archive, auto& self) {
        archive(self.path, self.data, self.acl, self.parent_cversion);
    }
};

struct CreateTtlTxn {
    std::string path;
    Buffer data;
    AclList acl;
    std::int32_t parent_cversion = -1;
    std::int64_t ttl_ms = 0;
    static void fields(auto& archive, auto& self) {
        archive(self.path, self.data, self.acl, self.parent_cversion, self.ttl_ms);
    }
};

/// delete and deleteContainer.
struct DeleteTxn {
    std::string path;
    static void fields(auto& archive, auto& self) { archive(self.path); }
};

/// setData and reconfig. `version` is the resulting one.
struct SetDataTxn {
    std::string path;
    Buffer data;
    std::int32_t version = 0;
    static void fields(auto& archive, auto& self) { archive(self.path, self.data, self.version); }
};

/// `version` is the resulting aversion.
struct SetAclTxn {
    std::string path;
    AclList acl;
    std::int32_t version = 0;
    static void fields(auto& archive, auto& self) { archive(self.path, self.acl, self.version); }
};

struct CheckVersionTxn {
    std::string path;
    std::int32_t version = 0;
    static void fields(auto& archive, auto& self) { archive(self.path, self.version); }
};

/// Ephemerals that the close deletes. Leaders before 3.6 send no body: then `paths` is nullopt and the reader deletes
/// what it knows the session to own.
struct CloseSessionTxn {
    std::optional<std::vector<std::string>> paths;
    static void fields(auto& archive, auto& self) {
        if constexpr (std::remove_reference_t<decltype(archive)>::kReading) {
            self.paths.reset();
            // Behind the header there may be a digest alone: decode_txn_body() knows it, ZooKeeper's own reader does
            // not (docs/PROTOCOL.md 4.2, the trap).
            if (archive.at_end()) return;
            self.paths = archive.template get<std::vector<std::string>>();
        } else if (self.paths) {
            archive(*self.paths);
        }
    }
};

struct ErrorTxn {
    ErrorCode error = ErrorCode::ok;
    static void fields(auto& archive, auto& self) { archive(self.error); }
};

/// One operation of a multi: a body without header.
struct SubTxn {
    OpCode type{};
    Bytes body;
    static void fields(auto& archive, auto& self) { archive(self.type, self.body); }
};

/// If any part has type error, the whole multi has no effect.
struct MultiTxn {
    std::vector<SubTxn> parts;
    static void fields(auto& archive, auto& self) { archive(self.parts); }
};

/// Digest of the whole tree after the txn (version 2; docs/PROTOCOL.md 4.2).
struct TxnDigest {
    std::int32_t version = 2;
    std::uint64_t tree_digest = 0;
    static void fields(auto& archive, auto& self) { archive(self.version, self.tree_digest); }
};

using TxnBody = std::variant<ErrorTxn,
                             CreateTxn,
                             CreateContainerTxn,
                             CreateTtlTxn,
                             DeleteTxn,
                             SetDataTxn,
                             SetAclTxn,
                             CheckVersionTxn,
                             MultiTxn,
                             CreateSessionTxn,
                             CloseSessionTxn>;

/// A decoded txn. `TxnHeader::type` tells create from create2 and so on; the body's alternative follows from it.
struct Txn {
    TxnHeader header;
    TxnBody body;
    std::optional<TxnDigest> digest;
};

/// Reads the body of a txn of `type`. Errc::unsupported for a type that no server can apply.
Result<TxnBody> decode_txn_body(OpCode type, InputArchive& archive);
/// Reads header, body and digest. Errc::corrupt for bytes that are no txn, Errc::unsupported for unknown types.
Result<Txn> decode_txn(ByteView bytes);
/// Only the header: enough to know zxid, session and type.
Result<TxnHeader> decode_txn_header(ByteView bytes);
/// Writes header, body and digest. `body_bytes`: about as many as the body will have; a guess that is far off costs time, no
/// memory.
Bytes encode_txn(const Txn& txn, std::size_t body_bytes = 0);

}  // namespace zk::jute
