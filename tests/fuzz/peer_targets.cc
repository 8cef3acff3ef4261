// What members of an ensemble say to each other.
#include <optional>

#include "base/check.h"
#include "election/history.h"
#include "election/initial_message.h"
#include "election/notification.h"
#include "targets.h"
#include "zab/packet.h"

namespace zk::fuzz {
namespace {

void run_packets(ByteView bytes) {
    const auto packets = [&bytes](bool whole, bool& refused) {
        zab::PacketDecoder decoder;
        std::vector<zab::Packet> found;
        const auto feed = [&](ByteView piece) {
            decoder.feed(piece);
            for (;;) {
                auto packet = decoder.next();
                refused = !packet.has_value();
                if (refused) return false;
                if (!*packet) return true;
                found.push_back(**std::move(packet));
                if (found.back().type == zab::PacketType::snap) return false;
            }
        };
        if (whole) {
            (void)feed(bytes);
        } else {
            in_pieces(bytes, feed);
        }
        return found;
    };
    bool refused = false;
    bool refused_in_pieces = false;
    const std::vector<zab::Packet> found = packets(true, refused);
    ZK_ASSERT(found == packets(false, refused_in_pieces) && refused == refused_in_pieces);
    Bytes again;
    for (const zab::Packet& packet : found) {
        (void)to_string(packet);
        (void)zab::decode_learner_info(packet.data);
        zab::encode(packet, again);
    }
    // Not the same bytes: a negative count other than -1 is read as none, too.
    zab::PacketDecoder decoder;
    decoder.feed(again);
    for (const zab::Packet& packet : found) {
        const auto copy = decoder.next();
        ZK_ASSERT(copy.has_value() && *copy && **copy == packet);
    }
}

void run_notification(ByteView bytes) {
    const auto notification = election::decode_notification(bytes);
    if (!notification.has_value()) return;
    (void)election::to_string(*notification);
    if (notification->config_text.empty()) return;  // of a version that we do not write
    auto expected = *notification;
    expected.version = election::kNotificationVersion;
    const auto again = election::decode_notification(election::encode(*notification));
    ZK_ASSERT(again.has_value() && again->vote == expected.vote && again->state == expected.state &&
              again->config_text == expected.config_text);
}

void run_initial_message(ByteView bytes) {
    using Reader = election::InitialMessageReader;
    Reader whole;
    const Reader::State state = bytes.empty() ? Reader::State::wants_more : whole.feed(bytes);
    Reader pieces;
    Reader::State last = Reader::State::wants_more;
    std::size_t fed = 0;
    in_pieces(bytes, [&](ByteView piece) {
        last = pieces.feed(piece);
        fed += piece.size();
        return last == Reader::State::wants_more;
    });
    ZK_ASSERT(state == last);
    if (state != Reader::State::done) return;
    ZK_ASSERT(whole.message().sid == pieces.message().sid);
    ZK_ASSERT(whole.message().addresses == pieces.message().addresses);
    ZK_ASSERT(pieces.rest().size() <= fed);
    (void)election::advertised_address(whole.message());
}

void run_election_history(ByteView bytes) {
    const auto searches = election::parse_searches(bytes);
    if (!searches.has_value()) return;
    for (const election::Search& search : *searches) {
        const std::string text = election::to_text(search);
        // It may have left out more than fits, or passed over a line: it is read, no more.
        ZK_ASSERT(election::parse_searches(text).has_value());
    }
}

std::vector<Bytes> packet_samples() {
    using zab::PacketType;
    return {zab::encode({PacketType::follower_info,
                         Zxid(0),
                         zab::encode(zab::LearnerInfo{ServerId(1), zab::kProtocolVersion, 0}),
                         {}}) +
                zab::encode({PacketType::ack, Zxid(0x100000000), {}, {}}),
            zab::encode({PacketType::request,
                         Zxid(-1),
                         Bytes(30, 'x'),
                         std::vector<jute::AuthId>{{"ip", "10.0.0.1"}, {"digest", "joe:x"}}}) +
                zab::encode({PacketType::ping, Zxid(7), Bytes(), std::vector<jute::AuthId>{}}),
            zab::encode({PacketType::snap, Zxid(0x100000001), {}, {}}) + "a stream"};
}

std::vector<Bytes> notification_samples() {
    election::Notification notification;
    notification.vote.leader = ServerId(3);
    notification.vote.zxid = Zxid(0x100000004);
    notification.config_text = "server.1=a:2888:3888:participant\nversion=0";
    const Bytes newest = election::encode(notification);
    return {newest, newest.substr(0, 28), newest.substr(0, 40)};
}

std::vector<Bytes> initial_samples() {
    const Bytes whole = election::encode_initial_message(ServerId(2), "10.0.0.2:3888");
    return {whole, whole + "frames", Bytes("\0\0\0\0\0\0\0\1", 8)};
}

std::vector<Bytes> history_samples() {
    election::History history;
    history.begin({}, Instant());
    history.cast({}, election::Moment::Reason{}, Instant());
    history.serving(Epoch(1), Instant());
    history.ended("the leader is \"gone\"", Instant());
    return {election::to_text(history)};
}

}  // namespace

std::vector<Target> peer_targets() {
    return {{"packets", "quorum packets of a byte stream", run_packets, packet_samples},
            {"notification", "an election message", run_notification, notification_samples},
            {"initial_message",
             "the first words on an election connection",
             run_initial_message,
             initial_samples},
            {"election_history", "the answer to elec", run_election_history, history_samples}};
}

}  // namespace zk::fuzz
