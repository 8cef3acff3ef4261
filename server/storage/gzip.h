// Inflates a gzip stream that comes in pieces.
// Pure; the only place of this room that knows zlib's inflate.
#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::storage {

class GzipReader {
  public:
    GzipReader();
    ~GzipReader();
    GzipReader(const GzipReader&) = delete;
    GzipReader& operator=(const GzipReader&) = delete;

    /// Inflates `bytes` and hands on the plain bytes in pieces. Errc::corrupt for what is no gzip
    /// stream.
    Result<> feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink);
    /// The stream has ended with a right checksum.
    [[nodiscard]] bool done() const;

  private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
};

}  // namespace zk::storage
