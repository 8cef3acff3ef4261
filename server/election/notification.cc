#include "election/notification.h"

#include <fmt/core.h>

#include "base/check.h"
#include "jute/archive.h"

namespace zk::election {
namespace {

constexpr std::size_t kSizeWithoutEpoch = 28;  // up to 3.3
// 3.4.6 to 3.4.14: the version word is there but says nothing.
constexpr std::size_t kSizeWithoutConfig = 40;
constexpr std::int32_t kFirstVersionWithConfig = 2;

Error corrupt(std::string words) { return {Errc::corrupt, "notification: " + std::move(words)}; }

}  // namespace

Bytes encode(const Notification& notification) {
    ZK_ASSERT(!notification.config_text.empty());
    Bytes body;
    jute::OutputArchive archive(body);
    const Vote& vote = notification.vote;
    archive(notification.state, vote.leader, vote.zxid, vote.round, vote.peer_epoch);
    archive(kNotificationVersion, notification.config_text);
    return body;
}

Result<Notification> decode_notification(ByteView body) {
    if (body.size() < kSizeWithoutEpoch) {
        return corrupt(fmt::format("{} bytes are too short", body.size()));
    }
    jute::InputArchive archive(body, limits::kElectionFrameMax);
    Notification notification;
    Vote& vote = notification.vote;
    archive(notification.state, vote.leader, vote.zxid, vote.round);
    notification.version = 0;
    if (body.size() == kSizeWithoutEpoch) {
        vote.peer_epoch = vote.zxid.epoch();
    } else {
        archive(vote.peer_epoch);
        if (body.size() != kSizeWithoutConfig) archive(notification.version);
    }
    if (notification.version >= kFirstVersionWithConfig) archive(notification.config_text);
    if (!archive.ok()) return corrupt(fmt::format("{} bytes do not make one", body.size()));
    if (notification.state < PeerState::looking || notification.state > PeerState::observing) {
        return corrupt(fmt::format("unknown state {}", static_cast<int>(notification.state)));
    }
    return notification;
}

std::string to_string(const Notification& notification) {
    return fmt::format("{} {}", to_string(notification.state), to_string(notification.vote));
}

}  // namespace zk::election
