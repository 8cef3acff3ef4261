#include "jute/frame.h"

namespace zk::jute {
namespace {
/// A buffer that grew for one long frame is not kept for ever. (Assigning an empty string would keep it.)
constexpr std::size_t kKeptBytesMax = std::size_t{128} << 10;
}  // namespace

void FrameDecoder::feed(ByteView bytes) {
    if (broken_) return;
    if (consumed_ == buffer_.size()) {
        if (buffer_.capacity() > kKeptBytesMax) Bytes().swap(buffer_);
        buffer_.clear();
        consumed_ = 0;
    } else if (consumed_ > 65536 && consumed_ * 2 > buffer_.size()) {
        buffer_.erase(0, consumed_);
        consumed_ = 0;
    }
    buffer_.append(bytes);
}

std::size_t FrameDecoder::next_size() const {
    if (broken_ || buffered() < 4) return 0;
    const auto length = load_be<std::int32_t>(buffer_.data() + consumed_);
    if (length < length_min_ || length > length_max_) return 0;
    return 4 + static_cast<std::size_t>(length);
}

std::optional<ByteView> FrameDecoder::next() {
    if (broken_ || buffered() < 4) return std::nullopt;
    const auto length = load_be<std::int32_t>(buffer_.data() + consumed_);
    if (length < length_min_ || length > length_max_) {
        broken_ = true;
        return std::nullopt;
    }
    const auto size = static_cast<std::size_t>(length);
    if (buffered() < 4 + size) return std::nullopt;
    const ByteView frame = ByteView(buffer_).substr(consumed_ + 4, size);
    consumed_ += 4 + size;
    return frame;
}

}  // namespace zk::jute
