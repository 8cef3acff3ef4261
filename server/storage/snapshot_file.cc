#include "storage/snapshot_file.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/file_name.h"
#include "storage/gzip.h"
#include "storage/install.h"
#include "storage/snappy_stream.h"
#include "storage/unpacker.h"

namespace zk::storage {
namespace {
constexpr std::string_view kSnapshotPrefix = "snapshot.";
constexpr std::size_t kSnapshotReadBytes = std::size_t{1} << 20;

std::string_view suffix_of(SnapshotName::Compression compression) {
    using Compression = SnapshotName::Compression;
    if (compression == Compression::gz) return ".gz";
    return compression == Compression::snappy ? ".snappy" : "";
}

Result<> feed_file(Disk& disk,
                   const std::string& path,
                   SnapshotName::Compression compression,
                   SnapshotParser& parser) {
    const auto sink = [&parser](ByteView part) -> Result<> {
        ZK_CHECK(parser.feed(part));
        return ok();
    };
    Unpacker unpacker(compression);
    for (std::uint64_t offset = 0;;) {
        ZK_TRY(const Bytes bytes, disk.read(path, offset, kSnapshotReadBytes));
        if (bytes.empty()) break;
        offset += bytes.size();
        ZK_CHECK(unpacker.feed(bytes, sink));
    }
    ZK_CHECK(unpacker.finish());
    return parser.finish();
}

Result<> read_snapshot(Disk& disk,
                       const std::string& dir,
                       const SnapshotName& file,
                       SnapshotParser& parser) {
    const std::string path = dir + "/" + file.name;
    auto result = feed_file(disk, path, file.compression, parser);
    if (result.has_value()) return ok();
    if (result.error().code != Errc::corrupt) return result.error();
    const bool plain = file.compression == SnapshotName::Compression::none;
    return result.error().with_context(path + " at offset " + std::to_string(parser.offset()) +
                                       (plain ? "" : " of its plain bytes"));
}
}  // namespace

std::string snapshot_name(Zxid zxid, SnapshotName::Compression compression) {
    return std::string(kSnapshotPrefix) + hex_name(zxid) + std::string(suffix_of(compression));
}

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
        for (const Compression one : {Compression::gz, Compression::snappy}) {
            if (!hex.ends_with(suffix_of(one))) continue;
            file.compression = one;
            hex.remove_suffix(suffix_of(one).size());
            break;
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

SnapshotFile::SnapshotFile(Disk& disk,
                           std::string dir,
                           SnapshotRole role,
                           SnapshotName::Compression compression)
    : disk_(disk), dir_(std::move(dir)), role_(role), compression_(compression) {
    ZK_ASSERT(role == SnapshotRole::periodic || compression == SnapshotName::Compression::none);
    if (compression == SnapshotName::Compression::gz) gzip_ = std::make_unique<GzipWriter>();
    if (compression == SnapshotName::Compression::snappy)
        snappy_ = std::make_unique<SnappyWriter>();
}
SnapshotFile::~SnapshotFile() = default;
SnapshotFile::SnapshotFile(SnapshotFile&&) noexcept = default;

Result<> SnapshotFile::begin(Zxid zxid) {
    ZK_ASSERT(file_ == nullptr);
    zxid_ = zxid;
    ZK_TRY(file_, disk_.create(temp_path()));
    return ok();
}

Result<> SnapshotFile::write(ByteView chunk) {
    ZK_ASSERT(file_ != nullptr);
    if (compression_ == SnapshotName::Compression::none) return file_->write(chunk);
    packed_.clear();
    if (gzip_) gzip_->feed(chunk, packed_);
    if (snappy_) snappy_->feed(chunk, packed_);
    return packed_.empty() ? ok() : file_->write(packed_);
}

Result<> SnapshotFile::finish() {
    ZK_ASSERT(file_ != nullptr);
    packed_.clear();
    if (gzip_) gzip_->finish(packed_);
    if (snappy_) snappy_->finish(packed_);
    if (!packed_.empty()) ZK_CHECK(file_->write(packed_));
    ZK_CHECK(file_->sync());
    ZK_CHECK(file_->close());
    if (role_ == SnapshotRole::periodic) {
        ZK_CHECK(disk_.rename(temp_path(), dir_ + "/" + snapshot_name(zxid_, compression_)));
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
