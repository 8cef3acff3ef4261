// The plain bytes of a snapshot that may be compressed and comes in pieces.
// Pure. Source: ZooKeeper SnapStream.
#pragma once

#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/gzip.h"
#include "storage/snappy_stream.h"
#include "storage/snapshot_file.h"

namespace zk::storage {

/// What bytes at the beginning of a stream say of it, for one that has no name. `begin`: two bytes at least, if it has them.
SnapshotName::Compression compression_at(ByteView begin);

class Unpacker {
  public:
    explicit Unpacker(SnapshotName::Compression compression);

    /// Hands on the plain bytes in pieces. Errc::corrupt for what is not compressed so.
    Result<> feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink);
    /// Errc::corrupt: the stream is cut.
    [[nodiscard]] Result<> finish() const;

  private:
    std::optional<GzipReader> gzip_;  // one of the two, or none
    std::optional<SnappyReader> snappy_;
};

}  // namespace zk::storage
