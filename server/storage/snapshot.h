// Snapshots: the whole tree as a byte stream, to a file (snapshot.<hex zxid>) or over a link
// (SNAP). Pure. A serializer is fed chunk by chunk while the tree goes on changing ("fuzzy");
// replaying the txns above zxid() onto what a parser builds gives the tree. Byte table:
// docs/WIRE.md. Source: ZooKeeper FileSnap, SerializeUtils, DataTree.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "tree/data_tree.h"

namespace zk::storage {

/// Timeout in ms of each global session.
using SessionTable = std::map<SessionId, std::int32_t>;

/// file: header, sessions, ACLs, nodes, "/", checksum, digest section, zxid section.
/// wire: sessions, ACLs, nodes, "/", "BenWasHere".
enum class Form { file, wire };
/// Whether a file says which tree it will be, and at which zxid. no: of a tree that came as a stream and may be ahead of
/// its zxid in parts; a digest of it would be one of no tree that ever was. ZooKeeper reads such files, too: its older
/// versions, and ones with digests disabled, write no section.
enum class DigestSection { yes, no };

/// State of the tree when a walk had ended; replay must pass `zxid` before the tree is consistent.
struct SnapshotDigest {
    Zxid zxid;
    std::uint64_t digest = 0;
};

/// Writes a snapshot in chunks. Between two calls the tree may change; during a call it must not.
/// REQUIRES: the tree outlives the serializer.
class SnapshotSerializer {
  public:
    SnapshotSerializer(const tree::DataTree& tree,
                       SessionTable sessions,
                       Form form,
                       DigestSection section = DigestSection::yes);
    ~SnapshotSerializer();
    SnapshotSerializer(SnapshotSerializer&&) noexcept;

    /// Appends about `bytes_max` bytes to `out` (a single large node may exceed it). False when
    /// that was the last chunk.
    bool next_chunk(Bytes& out, std::size_t bytes_max);
    /// True when the tree was loaded anew meanwhile: the snapshot is worthless, next_chunk() is
    /// false from now on.
    [[nodiscard]] bool aborted() const;
    /// Last txn that is certainly contained: the snapshot's name, or the zxid of the SNAP packet.
    [[nodiscard]] Zxid zxid() const;
    /// After the last chunk: the last txn that may be contained. Above zxid(), only replay makes the file whole: it may be
    /// given its name only when the log is durable up to here. Equal to it, it is the committed state, and needs no log.
    [[nodiscard]] Zxid end_zxid() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Builds a fresh tree from bytes that come in any pieces. Trusts nothing: wrong bytes are
/// Errc::corrupt.
class SnapshotParser {
  public:
    /// verify: everything is checked, nothing is kept.
    enum class Purpose { load, verify };
    explicit SnapshotParser(Form form, Purpose purpose = Purpose::load);
    ~SnapshotParser();
    SnapshotParser(SnapshotParser&&) noexcept;

    /// Takes bytes. How many belonged to the snapshot; fewer than given only in the wire form, when
    /// done(): the rest is the next packet's.
    Result<std::size_t> feed(ByteView bytes);
    /// wire form: "BenWasHere" was read. file form: finish() succeeded.
    [[nodiscard]] bool done() const;
    /// Where the item begins that comes next, or that was refused: bytes from the start of what was fed.
    [[nodiscard]] std::uint64_t offset() const;
    /// file form: the file has ended here. Errc::corrupt when it was cut.
    Result<> finish();

    /// REQUIRES: done(), Purpose::load; once. The tree's last zxid is 0 and set by the caller from
    /// the name or the SNAP packet.
    std::unique_ptr<tree::DataTree> take_tree();
    SessionTable take_sessions();
    /// file form: the digest section, when there is one of a known version.
    [[nodiscard]] std::optional<SnapshotDigest> digest() const;
    /// file form: the last txn that the tree may hold parts of, where the file says so: since 3.6 with digests, since 3.9
    /// always.
    [[nodiscard]] std::optional<Zxid> end_zxid() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zk::storage
