// Snapshot files: names, choice, loading with every checksum verified, writing aside.
// Pure, over Disk. Source: ZooKeeper FileSnap, SnapStream.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/snapshot.h"
#include "tree/data_tree.h"

namespace zk::storage {

class GzipWriter;
class SnappyWriter;

/// A snapshot file by its name.
struct SnapshotName {
    enum class Compression { none, gz, snappy };
    Zxid zxid;
    Compression compression{};
    std::string name;
};
/// "snapshot.100000000", with ".gz" or ".snappy" behind it.
std::string snapshot_name(Zxid zxid,
                          SnapshotName::Compression compression = SnapshotName::Compression::none);
/// The snapshot files of `dir`, newest first. Names that only resemble one (snapshot.11.tmp, which
/// ZooKeeper would load) are left out and added to `strays`.
Result<std::vector<SnapshotName>> list_snapshots(Disk& disk,
                                                 const std::string& dir,
                                                 std::vector<std::string>* strays = nullptr);

struct LoadedSnapshot {
    Zxid zxid;  ///< from the name
    std::unique_ptr<tree::DataTree> tree;
    SessionTable sessions;
    std::optional<SnapshotDigest> digest;
};
/// Reads and verifies one file. Errc::corrupt for damaged ones, with the place: in compressed ones that among the plain
/// bytes.
Result<LoadedSnapshot> load_snapshot(Disk& disk, const std::string& dir, const SnapshotName& file);
/// Reads and verifies one file without keeping its tree; its digest section, if any.
Result<std::optional<SnapshotDigest>> verify_snapshot(Disk& disk,
                                                      const std::string& dir,
                                                      const SnapshotName& file);

/// periodic: a further snapshot of this server's own history. install: the leader's, which waits under a staged name
/// until InstallSnapshot puts it in place of everything else.
enum class SnapshotRole { periodic, install };

/// Writes snapshot.<zxid> under a temporary name that no server takes for a snapshot; finish()
/// makes it durable and then gives it its name, or leaves it staged. Destroyed unfinished, it leaves only a temporary
/// file, which the next recovery removes.
class SnapshotFile {
  public:
    /// zookeeper.snapshot.compression.method is for periodic ones; one that was installed is plain until the next.
    /// REQUIRES: none for SnapshotRole::install.
    SnapshotFile(Disk& disk,
                 std::string dir,
                 SnapshotRole role = SnapshotRole::periodic,
                 SnapshotName::Compression compression = SnapshotName::Compression::none);
    ~SnapshotFile();
    SnapshotFile(SnapshotFile&&) noexcept;
    Result<> begin(Zxid zxid);
    Result<> write(ByteView chunk);
    /// See SnapshotSerializer::end_zxid() for what must be durable before.
    Result<> finish();
    /// Removes the temporary file of an unfinished one, also after a failed finish().
    Result<> abandon();

  private:
    [[nodiscard]] std::string temp_path() const;

    Disk& disk_;
    std::string dir_;
    SnapshotRole role_;
    SnapshotName::Compression compression_;
    Zxid zxid_;
    std::unique_ptr<DiskFile> file_;
    std::unique_ptr<GzipWriter> gzip_;  // one of the two, or none
    std::unique_ptr<SnappyWriter> snappy_;
    Bytes packed_;  // reused
};
}  // namespace zk::storage
