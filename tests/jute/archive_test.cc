#include "jute/archive.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "jute/frame.h"
#include "jute/txn.h"

namespace zk::jute {
namespace {

Bytes from_hex(std::string_view hex) {
    Bytes out;
    int high = -1;
    for (const char c : hex) {
        if (c == ' ') continue;
        const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
        if (high < 0) {
            high = digit;
        } else {
            out.push_back(static_cast<char>(high * 16 + digit));
            high = -1;
        }
    }
    return out;
}

// The first record of a log written by Apache ZooKeeper 3.8.0 (docs/STORAGE.md 2.1).
TEST(Txn, DecodesApachesCreateSession) {
    const Bytes payload = from_hex(
        "0100001b1e2f0000 00000000 0000000100000001 000001a2020ac25b fffffff6 00004e20 00000002 "
        "0000000051c6d660");
    const auto txn = decode_txn(payload);
    ASSERT_TRUE(txn.has_value());
    EXPECT_EQ(txn->header.session, SessionId(0x0100001b1e2f0000));
    EXPECT_EQ(txn->header.zxid, Zxid(Epoch(1), 1));
    EXPECT_EQ(txn->header.type, OpCode::create_session);
    EXPECT_EQ(std::get<CreateSessionTxn>(txn->body).timeout_ms, 20000);
    ASSERT_TRUE(txn->digest.has_value());
    EXPECT_EQ(txn->digest->tree_digest, 0x51c6d660u);
    EXPECT_EQ(encode_txn(*txn), payload);
}

// As Apache's 3.8.0 writes it with closeSessionTxn.enabled=false; and the usual form with no and with one path.
TEST(Txn, ADigestBehindACloseSessionIsNoList) {
    Txn txn{{SessionId(7), Xid(1), Zxid(3), WallMs(4), OpCode::close_session},
            CloseSessionTxn{},
            TxnDigest{2, 0x0000000500000001}};
    const auto old = decode_txn(encode_txn(txn));
    ASSERT_TRUE(old.has_value());
    EXPECT_FALSE(std::get<CloseSessionTxn>(old->body).paths);
    EXPECT_EQ(old->digest->tree_digest, 0x0000000500000001U);
    for (const std::vector<std::string>& paths :
         {std::vector<std::string>{}, std::vector<std::string>{"/abc"}}) {
        std::get<CloseSessionTxn>(txn.body).paths = paths;
        for (const bool digest : {true, false}) {
            txn.digest.reset();
            if (digest) txn.digest = TxnDigest{2, 5};
            const auto usual = decode_txn(encode_txn(txn));
            ASSERT_TRUE(usual.has_value());
            EXPECT_EQ(std::get<CloseSessionTxn>(usual->body).paths, paths);
            EXPECT_EQ(usual->digest.has_value(), txn.digest.has_value());
        }
    }
}

TEST(Txn, OldCreateHasNoParentCversion) {
    CreateTxn create{.path = "/a", .data = "x", .acl = {}, .ephemeral = true, .parent_cversion = 7};
    Bytes bytes = encode(create);
    EXPECT_EQ(decode<CreateTxn>(bytes)->parent_cversion, 7);
    bytes.resize(bytes.size() - 4);
    EXPECT_EQ(decode<CreateTxn>(bytes)->parent_cversion, -1);
}

TEST(InputArchive, NullAndEmptyBufferDiffer) {
    EXPECT_EQ(decode<SetDataRequest>(encode(SetDataRequest{"/a", std::nullopt, 1}))->data,
              std::nullopt);
    EXPECT_EQ(decode<SetDataRequest>(encode(SetDataRequest{"/a", Bytes(), 1}))->data, Bytes());
}

TEST(InputArchive, FailsOnEveryCutAndNeverReadsBeyond) {
    const Bytes whole = encode(SetDataRequest{"/path", Bytes("data"), 3});
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decode<SetDataRequest>(ByteView(whole).substr(0, length)).has_value())
            << length;
    }
    EXPECT_TRUE(decode<SetDataRequest>(whole + "more").has_value());
}

TEST(InputArchive, RefusesUnreasonableLengthsAndCounts) {
    EXPECT_FALSE(decode<PathRequest>(from_hex("7fffffff")).has_value());
    EXPECT_FALSE(decode<PathRequest>(from_hex("ffffffff")).has_value()) << "a null path";
    EXPECT_FALSE(decode<SetAclRequest>(from_hex("000000012f 7fffffff")).has_value());
    EXPECT_TRUE(decode<SetAclRequest>(from_hex("000000012f fffffffd 00000000"))->acl.empty());
}

TEST(FrameDecoder, GivesWholeFramesFromAnySplit) {
    Bytes stream;
    append_frame(stream, "one");
    append_frame(stream, "");
    append_frame(stream, "three");
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        FrameDecoder decoder(10);
        std::vector<Bytes> frames;
        decoder.feed(ByteView(stream).substr(0, split));
        while (const auto frame = decoder.next()) frames.emplace_back(*frame);
        decoder.feed(ByteView(stream).substr(split));
        while (const auto frame = decoder.next()) frames.emplace_back(*frame);
        EXPECT_EQ(frames, (std::vector<Bytes>{"one", "", "three"}));
    }
}

TEST(FrameDecoder, RefusesOnTheLengthWordAlone) {
    FrameDecoder decoder(10);
    decoder.feed(from_hex("0000000b"));
    EXPECT_FALSE(decoder.next().has_value());
    EXPECT_TRUE(decoder.broken());
}

// Those in the log's window are counted by their size.
TEST(Txn, TakesNoMoreMemoryThanItHasBytes) {
    Txn txn;
    txn.header.type = OpCode::error;
    txn.body = ErrorTxn{ErrorCode::no_node};
    EXPECT_LT(encode_txn(txn, 900'000).capacity(), 200U)
        << "of a large request has become a short error";
    txn.header.type = OpCode::set_data;
    txn.body = SetDataTxn{"/a", Bytes(10'000, 'x'), 1};
    EXPECT_LT(encode_txn(txn, 10'050).capacity(), 10'200U);
    EXPECT_LE(encode_txn(txn, 0).capacity(), 2 * encode_txn(txn, 0).size());
}

TEST(Log, FormatsIds) {
    std::string line;
    const Log log(
        [&line](LogLevel, std::string_view text) { line = text; }, LogLevel::info, "sid=2 ");
    log.info("x zxid={} sid={}", Zxid(Epoch(1), 2), ServerId(3));
    EXPECT_EQ(line, "sid=2 x zxid=0x100000002 sid=3");
    line.clear();
    log.debug("dropped");
    EXPECT_EQ(line, "");
}

TEST(Frames, ADecoderThatRestsKeepsNoMemoryAndNoByteLess) {
    FrameDecoder decoder(1 << 20);
    Bytes frame;
    append_frame(frame, Bytes(100'000, 'x'));
    decoder.feed(frame);
    decoder.rest();
    ASSERT_TRUE(decoder.next());
    EXPECT_FALSE(decoder.next());
    EXPECT_GE(decoder.capacity(), 100'000U);
    decoder.rest();
    EXPECT_LT(decoder.capacity(), 100U);
    decoder.feed(ByteView(frame).substr(0, 70'000));
    decoder.rest();
    EXPECT_FALSE(decoder.next());
    decoder.feed(ByteView(frame).substr(70'000));
    EXPECT_EQ(decoder.next(), Bytes(100'000, 'x'));
}

}  // namespace
}  // namespace zk::jute
