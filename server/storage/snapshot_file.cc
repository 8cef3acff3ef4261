#include "storage/snapshot_file.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/file_name.h"
#include "storage/gzip.h"
#include "storage/install.h"

namespace zk::storage {
namespace {
constexpr std::string_view kSnapshotPrefix = "snapshot.";
constexpr std::size_t kSnapshotReadBytes = std::size_t{1} << 20;

Result<> feed_file(Disk& disk,
                   const std::string& path,
                   SnapshotName::Compression compression,
                   SnapshotParser& parser) {
    const auto sink = [&parser](ByteView part) -> Result<> {
        ZK_CHECK(parser.feed(part));
        return ok();
    };
    std::optional<GzipReader> gzip;
    if (compression == SnapshotName::Compression::gz) gzip.emplace();
    for (std::uint64_t offset = 0;;) {
        ZK_TRY(const Bytes bytes, disk.read(path, offset, kSnapshotReadBytes));
        if (bytes.empty()) break;
        offset += bytes.size();
        ZK_CHECK(gzip ? gzip->feed(bytes, sink) : sink(bytes));
    }
    if (gzip && !gzip->done()) return Error(Errc::corrupt, "the gzip stream is cut");
    return parser.finish();
}

Result<> read_snapshot(Disk& disk,
                       const std::string& dir,
                       const SnapshotName& file,
                       SnapshotParser& parser) {
    const std::string path = dir + "/" + file.name;
    if (file.compression == SnapshotName::Compression::snappy) {
        return Error(Errc::unsupported,
                     path +
                         ": snappy snapshots cannot be read; start ZooKeeper once more with "
                         "zookeeper.snapshot.compression.method=gz or without it and let it write "
                         "a new one");
    }
    auto result = feed_file(disk, path, file.compression, parser);
    if (!result.has_value()) return result.error().with_context(path);
    return ok();
}
}  // namespace

std::string snapshot_name(Zxid zxid) { return std::string(kSnapshotPrefix) + hex_name(zxid); }

Result<std::vector<SnapshotName>> list_snapshots(Disk& disk,
                                                 const std::string& dir,
                                                 std::vector<std::string>* strays) {
    using Compression = SnapshotName::Compression;
    ZK_TRY(const std::vector<std::string> names, disk.list(dir));
    std::vector<SnapshotName> files;
    for (const std::string& name : names) {
        if (!name.starts_with(kSnapshotPrefix)) continue;
        std::string_view hex = std::string_view(name).substr(kSnapshotPrefix.size());
        SnapshotName file{Zxid(), Compression::none, name};
        if (hex.ends_with(".gz")) {
            file.compression = Compression::gz;
            hex.remove_suffix(3);
        } else if (hex.ends_with(".snappy")) {
            file.compression = Compression::snappy;
            hex.remove_suffix(7);
        }
        if (const auto zxid = parse_hex_name(hex)) {
            file.zxid = *zxid;
            files.push_back(std::move(file));
        } else if (strays != nullptr) {
            strays->push_back(dir + "/" + name);
        }
    }
    std::stable_sort(
        files.begin(), files.end(), [](const auto& a, const auto& b) { return a.zxid > b.zxid; });
    return files;
}

Result<LoadedSnapshot> load_snapshot(Disk& disk, const std::string& dir, const SnapshotName& file) {
    SnapshotParser parser(Form::file);
    ZK_CHECK(read_snapshot(disk, dir, file, parser));
    LoadedSnapshot loaded{file.zxid, parser.take_tree(), parser.take_sessions(), parser.digest()};
    loaded.tree->set_last_zxid(file.zxid);
    return loaded;
}

Result<std::optional<SnapshotDigest>> verify_snapshot(Disk& disk,
                                                      const std::string& dir,
                                                      const SnapshotName& file) {
    SnapshotParser parser(Form::file, SnapshotParser::Purpose::verify);
    ZK_CHECK(read_snapshot(disk, dir, file, parser));
    return parser.digest();
}

SnapshotFile::SnapshotFile(Disk& disk, std::string dir, SnapshotRole role)
    : disk_(disk), dir_(std::move(dir)), role_(role) {}

Result<> SnapshotFile::begin(Zxid zxid) {
    ZK_ASSERT(file_ == nullptr);
    zxid_ = zxid;
    ZK_TRY(file_, disk_.create(temp_path()));
    return ok();
}

Result<> SnapshotFile::write(ByteView chunk) {
    ZK_ASSERT(file_ != nullptr);
    return file_->write(chunk);
}

Result<> SnapshotFile::finish() {
    ZK_ASSERT(file_ != nullptr);
    ZK_CHECK(file_->sync());
    ZK_CHECK(file_->close());
    if (role_ == SnapshotRole::periodic) {
        ZK_CHECK(disk_.rename(temp_path(), dir_ + "/" + snapshot_name(zxid_)));
    }
    file_.reset();  // until here there is a temporary file for abandon() to remove
    return disk_.sync_dir(dir_);
}

Result<> SnapshotFile::abandon() {
    if (file_ == nullptr) return ok();
    const std::unique_ptr<DiskFile> file = std::move(file_);
    (void)file->close().has_value();  // nobody needs its content, but a full disk needs its space
    return disk_.remove(temp_path());
}

std::string SnapshotFile::temp_path() const {
    return dir_ + "/" +
           (role_ == SnapshotRole::install ? staged_name(zxid_)
                                           : std::string(kTempPrefix) + snapshot_name(zxid_));
}

}  // namespace zk::storage
