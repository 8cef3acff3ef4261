#include "storage/unpacker.h"

namespace zk::storage {

SnapshotName::Compression compression_at(ByteView begin) {
    if (begin.starts_with("\x1f\x8b")) return SnapshotName::Compression::gz;
    if (begin.starts_with("\x82S")) return SnapshotName::Compression::snappy;
    return SnapshotName::Compression::none;
}

Unpacker::Unpacker(SnapshotName::Compression compression) {
    if (compression == SnapshotName::Compression::gz) gzip_.emplace();
    if (compression == SnapshotName::Compression::snappy) snappy_.emplace();
}

Result<> Unpacker::feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink) {
    if (gzip_) return gzip_->feed(bytes, sink);
    return snappy_ ? snappy_->feed(bytes, sink) : sink(bytes);
}

Result<> Unpacker::finish() const {
    if (gzip_ && !gzip_->done()) return Error(Errc::corrupt, "the gzip stream is cut");
    if (snappy_ && !snappy_->done()) return Error(Errc::corrupt, "the snappy stream is cut");
    return ok();
}

}  // namespace zk::storage
