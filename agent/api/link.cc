#include "agent_api/link.h"

namespace zk::agent_api {
namespace {

constexpr std::size_t kRefusedBytesMax = 4096;

bool known(std::uint8_t type) {
    return type >= static_cast<std::uint8_t>(MessageType::hello) &&
           type <= static_cast<std::uint8_t>(MessageType::removal);
}

}  // namespace

Bytes encode_frame(MessageType type, ByteView payload) {
    Bytes frame;
    frame.reserve(5 + payload.size());
    append_be<std::uint32_t>(frame, static_cast<std::uint32_t>(payload.size() + 1));
    frame.push_back(static_cast<char>(type));
    frame.append(payload);
    return frame;
}

Result<Message> parse_body(ByteView body) {
    if (body.empty()) return Error(Errc::corrupt, "link: an empty frame");
    const auto type = static_cast<std::uint8_t>(body.front());
    if (!known(type)) {
        return Error(Errc::corrupt, "link: unknown message type " + std::to_string(type));
    }
    Message message;
    message.type = static_cast<MessageType>(type);
    message.payload.assign(body.substr(1));
    return message;
}

void FrameDecoder::feed(ByteView bytes) {
    if (failed_) return;
    if (position_ > 0 && position_ == buffer_.size()) {
        buffer_.clear();
        position_ = 0;
    } else if (position_ > kBlobChunkBytes) {
        buffer_.erase(0, position_);
        position_ = 0;
    }
    buffer_.append(bytes);
}

Result<std::optional<Message>> FrameDecoder::next() {
    const auto fail = [this](std::string words) {
        failed_ = true;
        refused_ = buffer_.substr(position_, kRefusedBytesMax);
        buffer_.clear();
        position_ = 0;
        return Error(Errc::corrupt, std::move(words));
    };
    if (failed_) return Error(Errc::corrupt, "link: the stream is broken");
    if (pending() < 4) return std::optional<Message>();
    const auto length = load_be<std::uint32_t>(buffer_.data() + position_);
    if (length == 0 || length > kFrameBytesMax) {
        return fail("link: a frame of " + std::to_string(length) + " bytes");
    }
    if (pending() - 4 < length) return std::optional<Message>();
    auto message = parse_body(ByteView(buffer_).substr(position_ + 4, length));
    if (!message.has_value()) return fail(message.error().words);
    position_ += 4 + length;
    return std::optional<Message>(*std::move(message));
}

}  // namespace zk::agent_api
