// Reading and writing QuorumPackets.
// Pure. Source: ZooKeeper QuorumPacket, LearnerHandler.getLearnerInfo; docs/PROTOCOL.md 3.1.
#include "zab/packet.h"

#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace zk::zab {
namespace {

constexpr std::size_t kHeaderBytes = 4 + 8 + 4;  // type, zxid, length of data
// Whatever jute.maxbuffer is here: a proposal that is refused keeps the learner out of the ensemble for good.
constexpr std::int32_t kBufferMax = limits::kJuteRecordMost;

Error corrupt(const std::string& what) { return {Errc::corrupt, "quorum packet: " + what}; }

}  // namespace

std::string_view to_string(PacketType type) {
    switch (type) {
        case PacketType::request:
            return "REQUEST";
        case PacketType::proposal:
            return "PROPOSAL";
        case PacketType::ack:
            return "ACK";
        case PacketType::commit:
            return "COMMIT";
        case PacketType::ping:
            return "PING";
        case PacketType::revalidate:
            return "REVALIDATE";
        case PacketType::sync:
            return "SYNC";
        case PacketType::inform:
            return "INFORM";
        case PacketType::commit_and_activate:
            return "COMMITANDACTIVATE";
        case PacketType::new_leader:
            return "NEWLEADER";
        case PacketType::follower_info:
            return "FOLLOWERINFO";
        case PacketType::up_to_date:
            return "UPTODATE";
        case PacketType::diff:
            return "DIFF";
        case PacketType::trunc:
            return "TRUNC";
        case PacketType::snap:
            return "SNAP";
        case PacketType::observer_info:
            return "OBSERVERINFO";
        case PacketType::leader_info:
            return "LEADERINFO";
        case PacketType::ack_epoch:
            return "ACKEPOCH";
        case PacketType::inform_and_activate:
            return "INFORMANDACTIVATE";
    }
    return "UNKNOWN";
}

std::string to_string(const Packet& packet) {
    std::string text(to_string(packet.type));
    if (text == "UNKNOWN") text += '(' + std::to_string(static_cast<int>(packet.type)) + ')';
    text += " zxid=";
    text += packet.zxid == Zxid(-1) ? "-1" : to_string(packet.zxid);
    if (packet.data) text += " data=" + std::to_string(packet.data->size());
    if (packet.auth) text += " auth=" + std::to_string(packet.auth->size());
    return text;
}

void encode(const Packet& packet, Bytes& out) {
    jute::OutputArchive archive(out);
    archive(packet.type, packet.zxid, packet.data);
    if (packet.auth) {
        archive(*packet.auth);
    } else {
        archive(std::int32_t{-1});
    }
}

Bytes encode(const Packet& packet) {
    Bytes out;
    encode(packet, out);
    return out;
}

Bytes proposal_header(Zxid zxid, std::size_t txn_bytes) {
    Bytes out;
    jute::OutputArchive archive(out);
    archive(PacketType::proposal, zxid, static_cast<std::int32_t>(txn_bytes));
    return out;
}

Bytes proposal_trailer() {
    Bytes out;
    append_be(out, std::int32_t{-1});  // no auth
    return out;
}

Bytes encode(const LearnerInfo& info) {
    Bytes out;
    jute::OutputArchive archive(out);
    archive(info.sid, info.protocol_version, info.config_version);
    return out;
}

std::optional<LearnerInfo> decode_learner_info(const jute::Buffer& data) {
    if (!data || data->size() < 8) return std::nullopt;
    LearnerInfo info;
    jute::InputArchive archive(*data);
    archive(info.sid);
    if (data->size() >= 12) archive(info.protocol_version);
    if (data->size() >= 20) archive(info.config_version);
    ZK_ASSERT(archive.ok());
    return info;
}

Result<std::optional<Packet>> PacketDecoder::next() {
    if (failed_) return corrupt("the stream had an error before");
    while (true) {
        Result<bool> advanced = advance();
        if (!advanced.has_value()) {
            failed_ = true;
            return std::move(advanced).error();
        }
        if (complete_) break;
        if (!*advanced) return std::optional<Packet>{};
    }
    complete_ = false;
    stage_ = packet_.type == PacketType::snap ? Stage::stopped : Stage::header;
    // Dropping what was read only now and then keeps many small packets of one piece linear.
    if (position_ == buffer_.size() || position_ >= (std::size_t{64} << 10)) {
        buffer_.erase(0, position_);
        position_ = 0;
    }
    return std::optional<Packet>(std::exchange(packet_, Packet{}));
}

Bytes PacketDecoder::take_rest() {
    Bytes rest(unread());
    buffer_.clear();
    position_ = 0;
    stage_ = Stage::header;
    packet_ = Packet{};
    return rest;
}

Result<bool> PacketDecoder::advance() {
    switch (stage_) {
        case Stage::header:
            return read_header();
        case Stage::auth_count:
            return read_auth_count();
        case Stage::auth:
            return read_auth();
        case Stage::stopped:
            return false;
    }
    return false;
}

Result<bool> PacketDecoder::read_header() {
    if (unread().size() < kHeaderBytes) return false;
    const auto length = load_be<std::int32_t>(unread().data() + kHeaderBytes - 4);
    if (length < -1 || length > kBufferMax) {
        return corrupt("data of " + std::to_string(length) + " bytes");
    }
    const std::size_t data_bytes = length < 0 ? 0 : static_cast<std::size_t>(length);
    if (unread().size() < kHeaderBytes + data_bytes) return false;
    jute::InputArchive archive(unread());
    archive(packet_.type, packet_.zxid, packet_.data);
    ZK_ASSERT(archive.ok());
    position_ += archive.position();
    stage_ = Stage::auth_count;
    return true;
}

Result<bool> PacketDecoder::read_auth_count() {
    if (unread().size() < 4) return false;
    const auto count = load_be<std::int32_t>(unread().data());
    position_ += 4;
    packet_.auth.reset();
    if (count < 0) {  // null
        complete_ = true;
        return true;
    }
    packet_.auth.emplace();
    auth_left_ = count;
    auth_bytes_ = 0;
    complete_ = count == 0;
    stage_ = Stage::auth;
    return true;
}

Result<bool> PacketDecoder::read_auth() {
    // Scheme and id, each with a length that must be looked at before the archive may copy.
    std::size_t need = 0;
    for (int part = 0; part < 2; ++part) {
        if (unread().size() < need + 4) return false;
        const auto length = load_be<std::int32_t>(unread().data() + need);
        const bool null_id = part == 1 && length == -1;
        if (!null_id && (length < 0 || length > kBufferMax)) {
            return corrupt("identity of " + std::to_string(length) + " bytes");
        }
        need += 4 + (null_id ? 0 : static_cast<std::size_t>(length));
        if (auth_bytes_ + need > kAuthBytesMax) return corrupt("too many identities");
    }
    if (unread().size() < need) return false;
    jute::InputArchive archive(unread().substr(0, need));
    packet_.auth->push_back(archive.get<jute::AuthId>());
    ZK_ASSERT(archive.ok() && archive.at_end());
    position_ += need;
    auth_bytes_ += need;
    --auth_left_;
    complete_ = auth_left_ == 0;
    return true;
}

}  // namespace zk::zab
