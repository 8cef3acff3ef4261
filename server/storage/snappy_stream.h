// Snapshots compressed by snappy, in the framing of xerial's snappy-java, which Apache's server uses: a head of 16 bytes,
// then chunks of a length and one raw snappy block. Pure; the only place that knows libsnappy.
// Source: SnapStream, org.xerial.snappy.SnappyOutputStream; the head was seen on 3.8.0.
#pragma once

#include <cstddef>
#include <functional>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::storage {

class SnappyReader {
  public:
    /// A chunk of more bytes, plain or compressed, is damage; snappy-java makes chunks of 32 KiB.
    static constexpr std::size_t kChunkMax = std::size_t{64} << 20;

    /// Hands on the plain bytes of each chunk that is whole. Errc::corrupt for what is no such stream.
    Result<> feed(ByteView bytes, const std::function<Result<>(ByteView)>& sink);
    /// The bytes so far end with a chunk. The stream has no end mark of its own.
    [[nodiscard]] bool done() const { return head_read_ && waiting_.empty(); }

  private:
    Result<bool> step(ByteView& rest, const std::function<Result<>(ByteView)>& sink);

    Bytes waiting_;  // of a chunk that is not whole
    Bytes plain_;    // reused
    bool head_read_ = false;
};

class SnappyWriter {
  public:
    /// Appends to `out` what of the stream is ready behind these plain bytes.
    void feed(ByteView bytes, Bytes& out);
    /// Appends the rest. Once.
    void finish(Bytes& out);

  private:
    void write_chunk(ByteView plain, Bytes& out);

    Bytes waiting_;
    bool head_written_ = false;
};

}  // namespace zk::storage
