// Initial messages of the election port. See initial_message.h.
#include "election/initial_message.h"

#include <cstdint>

#include "base/limits.h"

namespace zk::election {
namespace {

/// First words of a message; a server of 3.4 sends its sid there.
constexpr std::int64_t kVersion1 = -65536;
constexpr std::int64_t kVersion2 = -65535;

constexpr std::size_t kWord = 8;
/// Version, sid, length of the text.
constexpr std::size_t kHead = 20;

}  // namespace

Bytes encode_initial_message(ServerId my_id, const std::string& address) {
    Bytes message;
    append_be(message, kVersion1);
    append_be(message, my_id.value());
    append_be(message, static_cast<std::int32_t>(address.size()));
    return message + address;
}

InitialMessageReader::State InitialMessageReader::feed(ByteView bytes) {
    bytes_.append(bytes);
    return read();
}

InitialMessageReader::State InitialMessageReader::read() {
    if (bytes_.size() < kWord) return State::wants_more;
    const auto first = load_be<std::int64_t>(bytes_.data());
    if (first >= 0) {
        message_.sid = ServerId(first);
        taken_ = kWord;
        return State::done;
    }
    if (first != kVersion1 && first != kVersion2) return State::broken;
    if (bytes_.size() < kHead) return State::wants_more;
    message_.sid = ServerId(load_be<std::int64_t>(bytes_.data() + kWord));
    const auto length = load_be<std::int32_t>(bytes_.data() + 2 * kWord);
    if (message_.sid.value() < 0 || length <= 0 || length > limits::kElectionAddressMax) {
        return State::broken;
    }
    taken_ = kHead + static_cast<std::size_t>(length);
    if (bytes_.size() < taken_) return State::wants_more;
    message_.addresses = bytes_.substr(kHead, static_cast<std::size_t>(length));
    return State::done;
}

std::optional<ensemble::HostPort> advertised_address(const InitialMessage& message) {
    std::string_view text = message.addresses;
    text = text.substr(0, text.find('|'));
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    unsigned port = 0;
    for (const char c : text.substr(colon + 1)) {
        if (c < '0' || c > '9' || port > 65535) return std::nullopt;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    // 0.0.0.0 and all spellings of [::].
    const bool wildcard = host.find_first_not_of("0.:") == std::string_view::npos;
    if (host.empty() || wildcard || port == 0 || port > 65535) return std::nullopt;
    return ensemble::HostPort{std::string(host), static_cast<std::uint16_t>(port)};
}

}  // namespace zk::election
