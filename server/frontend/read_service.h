// Read requests: request bytes and the tree in, response bytes out, with permissions checked.
// Pure. Nothing here knows connections: what shall be watched is returned, and the caller enters it
// while the tree is still the one that was read. Source: ZooKeeper FinalRequestProcessor.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "metrics/metrics.h"
#include "tree/acl.h"
#include "tree/data_tree.h"

namespace zk::frontend {

/// The outcome of one read.
struct ReadResult {
    enum class Watch { none, data, child };
    ErrorCode error = ErrorCode::ok;
    /// To be set at `path`; exists asks for one although the node is missing.
    Watch watch = Watch::none;
    std::string_view path;  ///< part of the request's body
};

/// True for the operations that read() knows: exists, getData, getChildren, getChildren2, getACL, multiRead,
/// getEphemerals, getAllChildrenNumber.
bool is_read(OpCode op);

/// About how many bytes the answer to this request would have now. Source of the sizes: the records of jute/protocol.h.
std::size_t answer_bytes(const tree::DataTree& tree, OpCode op, ByteView body);

/// Who asks, and what this server wants proven.
struct Asker {
    const std::vector<jute::AuthId>& auth;
    SessionId session{};
    tree::AccessRules access{};
    std::size_t* effort =
        nullptr;  ///< counts the entries that are looked at, and what takes as long
    metrics::Metrics* counts = nullptr;  ///< of what is read, by namespace
    std::size_t multi_read_bytes_max = limits::kMultiReadBytesMax;  ///< of its answer
    /// One of the `needed` permission bits.
    [[nodiscard]] bool may(const jute::AclList& list, std::int32_t needed) const {
        if (effort != nullptr) *effort += list.size();
        return tree::check_acl(list, needed, auth, access);
    }
    /// `bytes`: of data, or of names of children. As Apache's server reckons it.
    void has_read(std::string_view path, std::size_t bytes) const;
};

/// Runs a read. The response record is appended to `out` when there is no error; nothing is appended otherwise. A body that
/// is no request of this kind is ErrorCode::marshalling_error.
ReadResult read(
    const tree::DataTree& tree, OpCode op, ByteView body, const Asker& asker, Bytes& out);

/// whoAmI: appends each identity with what its scheme shows of it, which is never a secret.
void write_identities(const std::vector<jute::AuthId>& auth, Bytes& out);

}  // namespace zk::frontend
