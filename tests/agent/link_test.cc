#include "agent_api/link.h"

#include <random>

#include <gtest/gtest.h>

#include "agent_api/digest.h"

namespace zk::agent_api {
namespace {

Bytes three_frames() {
    return encode_frame(MessageType::hello, to_json(Hello())) +
           encode_frame(MessageType::blob_chunk, Bytes(1000, '\0')) +
           encode_frame(MessageType::health_request, ByteView());
}

TEST(FrameDecoder, AnySplitGivesTheSameMessages) {
    const Bytes stream = three_frames();
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        FrameDecoder decoder;
        std::vector<MessageType> types;
        for (const ByteView part :
             {ByteView(stream).substr(0, split), ByteView(stream).substr(split)}) {
            decoder.feed(part);
            for (;;) {
                auto message = decoder.next();
                ASSERT_TRUE(message.has_value());
                if (!*message) break;
                types.push_back((*message)->type);
            }
        }
        ASSERT_EQ(
            types,
            (std::vector{MessageType::hello, MessageType::blob_chunk, MessageType::health_request}))
            << split;
        EXPECT_EQ(decoder.pending(), 0u);
    }
}

TEST(FrameDecoder, ByteByByte) {
    const Bytes stream = three_frames();
    FrameDecoder decoder;
    std::size_t count = 0;
    for (const char byte : stream) {
        decoder.feed(ByteView(&byte, 1));
        auto message = decoder.next();
        ASSERT_TRUE(message.has_value());
        if (*message) ++count;
    }
    EXPECT_EQ(count, 3u);
}

TEST(FrameDecoder, WrongLengthsAndTypesEndTheStream) {
    for (const Bytes& broken : {Bytes(4, '\0'),
                                Bytes("\x00\x40\x00\x01", 4),
                                Bytes("\xff\xff\xff\xff"),
                                Bytes("\x00\x00\x00\x01\x00", 5),
                                Bytes("\x00\x00\x00\x01\xf0", 5)}) {
        FrameDecoder decoder;
        decoder.feed(broken);
        EXPECT_FALSE(decoder.next().has_value());
        decoder.feed(encode_frame(MessageType::hello, "{}"));
        EXPECT_FALSE(decoder.next().has_value());
        EXPECT_EQ(decoder.pending(), 0u);
        EXPECT_EQ(decoder.refused(), broken);
    }
}

TEST(FrameDecoder, WhatIsNotAFrameIsKeptInPart) {
    FrameDecoder decoder;
    decoder.feed(encode_frame(MessageType::hello, "{}") + "tick 7\n" + Bytes(100000, '.'));
    ASSERT_TRUE(decoder.next().has_value());
    EXPECT_EQ(decoder.refused(), "");
    EXPECT_FALSE(decoder.next().has_value());
    EXPECT_TRUE(decoder.refused().starts_with("tick 7\n..."));
    EXPECT_EQ(decoder.refused().size(), 4096u);
}

TEST(BrokenJson, IsFoundWhereItBegins) {
    EXPECT_EQ(broken_json_at("{}"), std::nullopt);
    EXPECT_EQ(broken_json_at(to_json(Hello())), std::nullopt);
    EXPECT_EQ(broken_json_at(""), 0u);
    EXPECT_EQ(broken_json_at("[]"), 0u);
    EXPECT_EQ(broken_json_at("tick"), 0u);
    EXPECT_EQ(broken_json_at("{\"a\":1"), 6u);
    EXPECT_EQ(broken_json_at("{\"a\":1}}"), 7u);
    EXPECT_EQ(broken_json_at("{\"a\":\"x\ny\"}"), 7u);
}

TEST(FrameDecoder, RandomBytesNeitherCrashNorGrow) {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        FrameDecoder decoder;
        for (int part = 0; part < 20; ++part) {
            Bytes bytes(random() % 40, '\0');
            for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
            decoder.feed(bytes);
            while (true) {
                auto message = decoder.next();
                if (!message.has_value() || !*message) break;
                const auto& payload = (*message)->payload;
                (void)parse_payload<Apply>(payload);
                (void)parse_payload<NodeFacts>(payload);
            }
            ASSERT_LE(decoder.pending(), 800u);
        }
    }
}

TEST(FrameDecoder, MutatedMessagesAreRefusedOrRead) {
    Apply apply;
    apply.spec.cluster = "c";
    apply.spec.files.push_back({"/a", 0640, "u", "text\n\x01", FileKind::unit});
    const std::string text = to_json(apply);
    std::mt19937 random(11);
    std::size_t read = 0;
    for (int round = 0; round < 5000; ++round) {
        std::string mutant = text;
        mutant[random() % mutant.size()] = static_cast<char>(random());
        if (parse_payload<Apply>(mutant).has_value()) ++read;
    }
    EXPECT_GT(read, 0u);
    EXPECT_LT(read, 5000u);
}

TEST(Link, LargestChunkFitsAFrame) {
    FrameDecoder decoder;
    decoder.feed(encode_frame(MessageType::blob_chunk, Bytes(kBlobChunkBytes, 'x')));
    auto message = decoder.next();
    ASSERT_TRUE(message.has_value() && *message);
    EXPECT_EQ((*message)->payload.size(), kBlobChunkBytes);
}

TEST(Link, PayloadsTravelUnchanged) {
    ApplyDone done;
    done.changed = true;
    done.restarts_server = true;
    done.steps = {{"write-file", "write /a: it differs", true}};
    done.error = AgentError{AgentErrc::disk_full, "no \"room\" for \xc3\xa4"};
    const auto back = parse_payload<ApplyDone>(to_json(done));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(to_json(*back), to_json(done));
    EXPECT_EQ(back->error, done.error);
    EXPECT_EQ(back->steps, done.steps);

    Control control;
    control.action = ControlAction::wipe;
    EXPECT_EQ(parse_payload<Control>(to_json(control))->action, ControlAction::wipe);
    Event event;
    event.state = StepState::failed;
    event.words = "line\nline";
    EXPECT_EQ(to_json(*parse_payload<Event>(to_json(event))), to_json(event));
    BlobBegin blob;
    blob.size = ~0ULL;
    EXPECT_EQ(parse_payload<BlobBegin>(to_json(blob))->size, ~0ULL);
}

TEST(Link, WrongTypesNameTheMember) {
    const auto wrong = parse_payload<Apply>(R"({"spec":{"release":{"size":"big"}}})");
    ASSERT_FALSE(wrong.has_value());
    EXPECT_NE(wrong.error().words.find("spec.release.size"), std::string::npos)
        << wrong.error().words;
    EXPECT_FALSE(parse_payload<Control>(R"({"action":"explode"})").has_value());
    EXPECT_FALSE(parse_payload<Hello>("[]").has_value());
    EXPECT_FALSE(parse_payload<Hello>("").has_value());
    EXPECT_FALSE(parse_payload<NodeSpec>(R"({"client_port":70000})").has_value());
    EXPECT_FALSE(parse_payload<NodeSpec>(R"({"client_port":-1})").has_value());
}

TEST(Link, UnknownMembersAreIgnoredAndMissingOnesKeepDefaults) {
    const auto hello = parse_payload<Hello>(R"({"program":"zkprov 9","mood":{"good":[1,2]}})");
    ASSERT_TRUE(hello.has_value());
    EXPECT_EQ(hello->program, "zkprov 9");
    EXPECT_EQ(hello->link_version, kLinkVersion);
}

TEST(Digest, KnownVectors) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256 pieces;
    for (int i = 0; i < 1000; ++i) pieces.update(Bytes(1000, 'a'));
    EXPECT_EQ(pieces.finish(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace zk::agent_api
