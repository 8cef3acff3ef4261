#include "zkdata/source.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "storage/epoch_files.h"
#include "storage/file_name.h"
#include "storage/snapshot_format.h"
#include "storage/txn_log.h"

namespace zk::zkdata {
namespace {

using Kind = Source::Kind;
using Compression = storage::SnapshotName::Compression;

std::pair<std::string, std::string> split_path(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return {".", path};
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

/// dataDir of either spelling.
std::string without_version(const std::string& path) {
    const auto [parent, name] = split_path(path);
    return name == "version-2" ? parent : path;
}

Result<Source> as_directory(storage::Disk& disk,
                            const std::string& path,
                            const std::string& log_dir,
                            std::int32_t payload_max) {
    Source source{.kind = Kind::directory,
                  .path = path,
                  .dir = {},
                  .name = {},
                  .paths = {},
                  .snapshot = {},
                  .payload_max = payload_max};
    source.paths.data_dir = without_version(path);
    source.paths.log_dir =
        log_dir.empty() ? source.paths.data_dir : without_version(without_slashes(log_dir));
    for (const std::string& dir : {source.paths.snapshots(), source.paths.logs()}) {
        ZK_TRY(const bool there, disk.exists(dir));
        if (there) continue;
        return Error(Errc::not_found,
                     dir +
                         " does not exist: name a server's dataDir, and with --log-dir its "
                         "dataLogDir");
    }
    return source;
}

storage::SnapshotName snapshot_called(const std::string& name, Compression compression) {
    constexpr std::string_view kPrefix = "snapshot.";
    storage::SnapshotName file{Zxid(), compression, name};
    if (!name.starts_with(kPrefix)) return file;
    std::string_view digits = std::string_view(name).substr(kPrefix.size());
    digits = digits.substr(0, digits.find('.'));
    if (const auto zxid = storage::parse_hex_name(digits)) file.zxid = *zxid;
    return file;
}

std::optional<Kind> kind_by_name(const std::string& name) {
    if (name.starts_with("log.")) return Kind::log;
    if (name.starts_with("snapshot.")) return Kind::snapshot;
    if (name == "myid") return Kind::myid;
    for (const char* epoch : {storage::kAcceptedEpochName, storage::kCurrentEpochName}) {
        if (name == epoch || name == std::string(epoch) + ".tmp") return Kind::epoch;
    }
    return std::nullopt;
}

Compression compression_of(const std::string& name, ByteView head) {
    if (head.starts_with("\x1f\x8b")) return Compression::gz;
    if (head.starts_with("\x82SNAPPY")) return Compression::snappy;
    if (head.size() >= 4) return Compression::none;
    return name.ends_with(".gz")       ? Compression::gz
           : name.ends_with(".snappy") ? Compression::snappy
                                       : Compression::none;
}

}  // namespace

Result<Source> look_at(storage::Disk& disk,
                       const std::string& given,
                       const std::string& log_dir,
                       std::int32_t payload_max) {
    const std::string path = without_slashes(given);
    ZK_TRY(const bool there, disk.exists(path));
    if (!there) return Error(Errc::not_found, path + " does not exist");
    if (disk.list(path).has_value()) return as_directory(disk, path, log_dir, payload_max);
    Source source{.kind = {},
                  .path = path,
                  .dir = {},
                  .name = {},
                  .paths = {},
                  .snapshot = {},
                  .payload_max = payload_max};
    std::tie(source.dir, source.name) = split_path(path);
    ZK_TRY(const Bytes head, disk.read(path, 0, 8));
    const Compression compression = compression_of(source.name, head);
    const std::int32_t magic = head.size() >= 4 ? load_be<std::int32_t>(head.data()) : 0;
    auto kind = kind_by_name(source.name);
    if (magic == storage::kLogMagic) kind = Kind::log;
    if (magic == storage::kSnapshotMagic || compression != Compression::none) kind = Kind::snapshot;
    if (!kind) {
        return Error(Errc::invalid,
                     path +
                         " is neither log nor snapshot (it begins with neither ZKLG nor ZKSN), "
                         "nor is it called like an epoch file or myid");
    }
    source.kind = *kind;
    source.snapshot = snapshot_called(source.name, compression);
    return source;
}

Result<Tree> load(storage::Disk& disk,
                  const Source& source,
                  std::optional<Zxid> at,
                  const Log& log) {
    // Snapshots hold nodes that are newer than their names say; a walk leaves out what is newer than the tree.
    constexpr Zxid kAll(std::numeric_limits<std::int64_t>::max());
    if (source.kind == Kind::snapshot) {
        if (at) {
            return Error(Errc::invalid,
                         source.path +
                             " is one snapshot: --at is for directories, which have the "
                             "log behind it");
        }
        ZK_TRY(storage::LoadedSnapshot loaded,
               storage::load_snapshot(disk, source.dir, source.snapshot));
        Tree tree{std::move(loaded.tree),
                  std::move(loaded.sessions),
                  loaded.zxid,
                  loaded.digest,
                  loaded.digest ? std::max(loaded.zxid, loaded.digest->zxid) : loaded.zxid};
        tree.tree->set_last_zxid(kAll);
        return tree;
    }
    if (source.kind != Kind::directory) {
        return Error(Errc::invalid, source.path + " holds no tree: name a snapshot or a directory");
    }
    const storage::RecoveryOptions options{.payload_max = source.payload_max};
    ZK_TRY(storage::RecoveredState state,
           storage::restore(disk, source.paths, at.value_or(kAll), options, log));
    if (at && state.last_zxid != *at) {
        return Error(Errc::not_found,
                     source.path + " has no transaction " + to_string(*at) +
                         "; the nearest before it is " + to_string(state.last_zxid));
    }
    Tree tree{std::move(state.tree),
              std::move(state.sessions),
              state.last_zxid,
              std::nullopt,
              state.last_zxid};
    tree.tree->set_last_zxid(kAll);
    return tree;
}

}  // namespace zk::zkdata
