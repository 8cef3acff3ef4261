// QuorumPackets: bytes as seen on the wire of ZooKeeper 3.8.0, and a decoder that any stream may be thrown at.
#include "zab/packet.h"

#include <random>

#include <gtest/gtest.h>

namespace zk::zab {
namespace {

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    std::string digits;
    for (const char c : text) {
        if (c == ' ') continue;
        digits += c;
        if (digits.size() < 2) continue;
        bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
        digits.clear();
    }
    return bytes;
}

TEST(Packet, SmallestIsTwentyBytesWithNullDataAndAuth) {
    const Packet up_to_date{PacketType::up_to_date, Zxid(-1), {}, {}};
    EXPECT_EQ(encode(up_to_date), from_hex("0000000c ffffffffffffffff ffffffff ffffffff"));
    const Packet ping{PacketType::ping, Zxid(0x100000002), Bytes(), {}};
    EXPECT_EQ(encode(ping), from_hex("00000005 0000000100000002 00000000 ffffffff"));
}

TEST(Packet, RequestCarriesAuth) {
    const Packet request{
        PacketType::request, Zxid(-1), Bytes("ab"), std::vector<jute::AuthId>{{"ip", "::1"}}};
    EXPECT_EQ(encode(request),
              from_hex("00000001 ffffffffffffffff 00000002 6162 00000001 00000002 6970 00000003 "
                       "3a3a31"));
    EXPECT_EQ(to_string(request), "REQUEST zxid=-1 data=2 auth=1");
}

TEST(Packet, LearnerInfoIsReadByLength) {
    const Bytes whole = encode(LearnerInfo{ServerId(3), kProtocolVersion, 0x100000000});
    EXPECT_EQ(whole, from_hex("0000000000000003 00010000 0000000100000000"));
    EXPECT_EQ(decode_learner_info(whole)->config_version, 0x100000000);
    EXPECT_EQ(decode_learner_info(whole.substr(0, 12))->protocol_version, kProtocolVersion);
    EXPECT_EQ(decode_learner_info(whole.substr(0, 12))->config_version, 0);
    EXPECT_EQ(decode_learner_info(whole.substr(0, 8))->sid, ServerId(3));
    EXPECT_FALSE(decode_learner_info(whole.substr(0, 7)).has_value());
    EXPECT_FALSE(decode_learner_info(std::nullopt).has_value());
}

std::vector<Packet> some_packets() {
    return {{PacketType::follower_info, Zxid(0), encode(LearnerInfo{ServerId(1), 0x10000, 0}), {}},
            {PacketType::ack, Zxid(0x100000000), {}, {}},
            {PacketType::request,
             Zxid(-1),
             Bytes(300, 'x'),
             std::vector<jute::AuthId>{{"ip", "10.0.0.1"}, {"digest", "joe:secret"}, {"", ""}}},
            {PacketType::ping, Zxid(7), Bytes(), std::vector<jute::AuthId>{}},
            {static_cast<PacketType>(77), Zxid(7), Bytes(1, '\0'), {}},
            {PacketType::proposal, Zxid(0x100000001), Bytes(70'000, 'y'), {}}};
}

std::vector<Packet> decode_all(PacketDecoder& decoder) {
    std::vector<Packet> packets;
    while (true) {
        auto packet = decoder.next();
        EXPECT_TRUE(packet.has_value());
        if (!packet.has_value() || !packet->has_value()) return packets;
        packets.push_back(std::move(**packet));
    }
}

TEST(PacketDecoder, AnyTwoPieces) {
    std::vector<Packet> packets = some_packets();
    packets.pop_back();  // the long one would make this quadratic
    Bytes stream;
    for (const Packet& packet : packets) encode(packet, stream);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        PacketDecoder decoder;
        decoder.feed(ByteView(stream).substr(0, cut));
        std::vector<Packet> decoded = decode_all(decoder);
        decoder.feed(ByteView(stream).substr(cut));
        for (Packet& packet : decode_all(decoder)) decoded.push_back(std::move(packet));
        ASSERT_EQ(decoded, packets) << cut;
    }
}

TEST(PacketDecoder, AnyPieces) {
    Bytes stream;
    for (const Packet& packet : some_packets()) encode(packet, stream);
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
        PacketDecoder decoder;
        std::vector<Packet> decoded;
        const std::size_t piece_max = round == 0 ? 1 : 1 + random() % 9000;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t piece = 1 + random() % piece_max;
            decoder.feed(ByteView(stream).substr(at, piece));
            at += piece;
            for (Packet& packet : decode_all(decoder)) decoded.push_back(std::move(packet));
        }
        ASSERT_EQ(decoded, some_packets());
    }
}

TEST(PacketDecoder, LeavesTheSnapshotBehindSnapToTheCaller) {
    const Packet snap{PacketType::snap, Zxid(0x100000001), {}, {}};
    const Packet next{PacketType::new_leader, Zxid(0x200000000), Bytes("text"), {}};
    PacketDecoder decoder;
    decoder.feed(encode(snap) + "snapshot");
    EXPECT_EQ(**decoder.next(), snap);
    EXPECT_FALSE((*decoder.next()).has_value());
    decoder.feed("stream");
    EXPECT_FALSE((*decoder.next()).has_value());
    EXPECT_EQ(decoder.take_rest(), "snapshotstream");
    decoder.feed(encode(next));
    EXPECT_EQ(**decoder.next(), next);
}

TEST(PacketDecoder, UnreasonableLengthsAreErrors) {
    const auto fails = [](std::string_view hex) {
        PacketDecoder decoder;
        decoder.feed(from_hex(hex));
        return !decoder.next().has_value() && !decoder.next().has_value();
    };
    EXPECT_TRUE(fails("00000002 0000000000000001 fffffffe"));                    // data -2
    EXPECT_TRUE(fails("00000002 0000000000000001 7fffffff"));                    // data 2 GiB
    EXPECT_TRUE(fails("00000002 0000000000000001 ffffffff 00000001 ffffffff"));  // null scheme
    EXPECT_TRUE(fails("00000002 0000000000000001 ffffffff 00000001 7fffffff"));
    EXPECT_TRUE(fails("00000002 0000000000000001 ffffffff 00000001 00000000 fffffffe"));
    EXPECT_FALSE(fails("00000002 0000000000000001 ffffffff 7fffffff 00000000 00000000"));
}

TEST(PacketDecoder, IdentitiesAreBounded) {
    Bytes stream = from_hex("00000001 ffffffffffffffff ffffffff 7fffffff");
    PacketDecoder decoder;
    decoder.feed(stream);
    const Bytes identity = from_hex("00000000 000fffff") + Bytes(0xfffff, 'z');
    bool failed = false;
    for (int i = 0; i < 10 && !failed; ++i) {
        decoder.feed(identity);
        failed = !decoder.next().has_value();
    }
    EXPECT_TRUE(failed);
}

TEST(PacketDecoder, RandomBytesNeverHarm) {
    std::mt19937 random(2);
    for (int round = 0; round < 3000; ++round) {
        Bytes stream = encode(some_packets()[random() % 5]) + encode(some_packets()[random() % 5]);
        for (unsigned i = 0; i < 1 + random() % 6; ++i) {
            stream[random() % stream.size()] = static_cast<char>(random());
        }
        PacketDecoder decoder;
        while (!stream.empty()) {
            const std::size_t piece = 1 + random() % stream.size();
            decoder.feed(ByteView(stream).substr(0, piece));
            stream.erase(0, piece);
            for (int i = 0; i < 4; ++i) {
                auto packet = decoder.next();
                if (!packet.has_value() || !packet->has_value()) break;
                (void)to_string(**packet);
                (void)decode_learner_info((**packet).data);
            }
        }
    }
}

// A proposal that is refused keeps a learner out of the ensemble: the leader's jute.maxbuffer may be the larger one.
TEST(Packet, DataOfTheLargestJuteMaxbufferIsTaken) {
    const auto head = [](std::int32_t length) {
        Bytes bytes = proposal_header(Zxid(1), 0);
        store_be(bytes.data() + bytes.size() - 4, length);
        return bytes;
    };
    PacketDecoder decoder;
    decoder.feed(head(limits::kJuteRecordMost));
    EXPECT_FALSE(decoder.next()->has_value()) << "waits for the rest";
    PacketDecoder other;
    other.feed(head(limits::kJuteRecordMost + 1));
    EXPECT_FALSE(other.next().has_value());

    const Packet large{PacketType::proposal, Zxid(1), Bytes(std::size_t{5} << 20, 'd'), {}};
    PacketDecoder reader;
    reader.feed(encode(large));
    EXPECT_EQ(**reader.next(), large);
}

}  // namespace
}  // namespace zk::zab
