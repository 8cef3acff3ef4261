// Inflates and makes a gzip stream that comes in pieces.
// Pure; the only place of this room that knows zlib.
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

class GzipWriter {
  public:
    GzipWriter();
    ~GzipWriter();
    GzipWriter(const GzipWriter&) = delete;
    GzipWriter& operator=(const GzipWriter&) = delete;

    /// Appends to `out` what of the stream is ready behind these plain bytes; may be nothing.
    void feed(ByteView bytes, Bytes& out);
    /// Appends the rest, with the checksum. Once.
    void finish(Bytes& out);

  private:
    struct Stream;
    void run(ByteView bytes, int flush, Bytes& out);
    std::unique_ptr<Stream> stream_;
};

}  // namespace zk::storage
