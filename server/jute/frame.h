// Length-prefixed frames: int length, then that many bytes. Used on the client port and on the election port.
// Pure. The bound is checked on the four length bytes alone, before anything is buffered.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace zk::jute {

/// Collects bytes of a stream and gives out whole frames.
class FrameDecoder {
  public:
    /// Frames of `length_min` to `length_max` bytes (without the length word) are accepted.
    explicit FrameDecoder(std::int32_t length_max, std::int32_t length_min = 0)
        : length_max_(length_max), length_min_(length_min) {}

    void feed(ByteView bytes);
    /// The next whole frame, valid until the next call of any method; nullopt: feed more, or broken().
    std::optional<ByteView> next();
    /// Bytes of the next frame with its length word, whole or not; 0 while its length is not known or out of bounds.
    [[nodiscard]] std::size_t next_size() const;
    /// True once a length word was out of bounds. The stream is then of no further use.
    [[nodiscard]] bool broken() const { return broken_; }
    /// Bytes that are held and not yet given out.
    [[nodiscard]] std::size_t buffered() const { return buffer_.size() - consumed_; }
    /// Gives the buffer's memory back if there is nothing in it.
    void rest() {
        if (buffered() == 0) {
            Bytes().swap(buffer_);
            consumed_ = 0;
        }
    }
    /// Bytes of memory that the buffer has.
    [[nodiscard]] std::size_t capacity() const { return buffer_.capacity(); }

  private:
    Bytes buffer_;
    std::size_t consumed_ = 0;
    std::int32_t length_max_;
    std::int32_t length_min_;
    bool broken_ = false;
};

/// Appends a frame: four length bytes and the payload.
inline void append_frame(Bytes& out, ByteView payload) {
    append_be(out, static_cast<std::int32_t>(payload.size()));
    out.append(payload);
}

}  // namespace zk::jute
