// Snapshots: the whole tree as a byte stream, to a file (snapshot.<hex zxid>) or over a link (SNAP).
// Pure. A serializer is fed chunk by chunk while the tree goes on changing ("fuzzy"); replaying the txns above zxid() onto
// what a parser builds gives the tree. Byte table: docs/WIRE.md. Source: ZooKeeper FileSnap, SerializeUtils, DataTree.
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
#include "storage/disk.h"
#include "tree/data_tree.h"

namespace zk::storage {

/// Timeout in ms of each global session.
using SessionTable = std::map<SessionId, std::int32_t>;

/// file: header, sessions, ACLs, nodes, "/", checksum, digest section. wire: sessions, ACLs, nodes, "/", "BenWasHere".
enum class Form { file, wire };

/// State of the tree when a walk had ended; replay must pass `zxid` before the tree is consistent.
struct SnapshotDigest {
    Zxid zxid;
    std::uint64_t digest = 0;
};

/// Writes a snapshot in chunks. Between two calls the tree may change; during a call it must not.
/// REQUIRES: the tree outlives the serializer.
class SnapshotSerializer {
  public:
    SnapshotSerializer(const tree::DataTree& tree, SessionTable sessions, Form form);
    ~SnapshotSerializer();
    SnapshotSerializer(SnapshotSerializer&&) noexcept;

    /// Appends about `bytes_max` bytes to `out` (a single large node may exceed it). False when that was the last chunk.
    bool next_chunk(Bytes& out, std::size_t bytes_max);
    /// True when the tree was loaded anew meanwhile: the snapshot is worthless, next_chunk() is false from now on.
    [[nodiscard]] bool aborted() const;
    /// Last txn that is certainly contained: the snapshot's name, or the zxid of the SNAP packet.
    [[nodiscard]] Zxid zxid() const;
    /// After the last chunk: the last txn that may be contained. The file may be given its name only when the log is
    /// durable up to here, or a crash could leave a snapshot ahead of its log.
    [[nodiscard]] Zxid end_zxid() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Builds a fresh tree from bytes that come in any pieces. Trusts nothing: wrong bytes are Errc::corrupt.
class SnapshotParser {
  public:
    explicit SnapshotParser(Form form);
    ~SnapshotParser();
    SnapshotParser(SnapshotParser&&) noexcept;

    /// Takes bytes. How many belonged to the snapshot; fewer than given only in the wire form, when done(): the rest is
    /// the next packet's.
    Result<std::size_t> feed(ByteView bytes);
    /// wire form: "BenWasHere" was read. file form: finish() succeeded.
    [[nodiscard]] bool done() const;
    /// file form: the file has ended here. Errc::corrupt when it was cut.
    Result<> finish();

    /// REQUIRES: done(); once. The tree's last zxid is 0 and set by the caller from the name or the SNAP packet.
    std::unique_ptr<tree::DataTree> take_tree();
    SessionTable take_sessions();
    /// file form: the digest section, when there is one of a known version.
    [[nodiscard]] std::optional<SnapshotDigest> digest() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A snapshot file by its name.
struct SnapshotName {
    enum class Compression { none, gz, snappy };
    Zxid zxid;
    Compression compression{};
    std::string name;
};
/// "snapshot.100000000".
std::string snapshot_name(Zxid zxid);
/// The snapshot files of `dir`, newest first. Names that only resemble one (snapshot.11.tmp) are an error: ZooKeeper
/// would load them.
Result<std::vector<SnapshotName>> list_snapshots(Disk& disk, const std::string& dir);

struct LoadedSnapshot {
    Zxid zxid;  ///< from the name
    std::unique_ptr<tree::DataTree> tree;
    SessionTable sessions;
    std::optional<SnapshotDigest> digest;
};
/// Reads and verifies one file, plain or gz. Errc::corrupt for damaged ones, Errc::unsupported for snappy.
Result<LoadedSnapshot> load_snapshot(Disk& disk, const std::string& dir, const SnapshotName& file);
/// Reads and verifies one file without keeping its tree.
Result<> verify_snapshot(Disk& disk, const std::string& dir, const SnapshotName& file);

/// Writes snapshot.<zxid> under a temporary name that no server takes for a snapshot; finish() makes it durable and then
/// gives it its name. Destroyed unfinished, it leaves only a temporary file, which the next recovery removes.
class SnapshotFile {
  public:
    SnapshotFile(Disk& disk, std::string dir);
    Result<> begin(Zxid zxid);
    Result<> write(ByteView chunk);
    /// See SnapshotSerializer::end_zxid() for what must be durable before.
    Result<> finish();
    /// Removes the temporary file of an unfinished one.
    Result<> abandon();

  private:
    Disk& disk_;
    std::string dir_;
    Zxid zxid_;
    std::unique_ptr<DiskFile> file_;
};
/// Temporary names are "tmp.snapshot.<hex>" and "tmp.log.<hex>".
inline constexpr const char* kTempPrefix = "tmp.";

}  // namespace zk::storage
