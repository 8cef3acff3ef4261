// Frames and what stands between them, on scripted streams: a process that the login shell left in
// the background goes on printing to the same output as the agent.
#include "ssh/process_link.h"

#include <gtest/gtest.h>

#include "scripted_stream.h"

namespace zk::ssh {
namespace {

using agent_api::encode_frame;
using agent_api::MessageType;
using test::byte_by_byte;
using test::now_or_never;
using test::says;
using test::ScriptedStream;

agent_api::Event event_of(std::string step, std::string words) {
    agent_api::Event event;
    event.step = std::move(step);
    event.words = std::move(words);
    return event;
}
Bytes done_frame() {
    agent_api::Done done;
    done.words = "started \"zk-1\" again, 3 \xe2\x82\xac";
    return encode_frame(MessageType::done, agent_api::to_json(done));
}
Bytes event_frame() {
    return encode_frame(MessageType::event,
                        agent_api::to_json(event_of("write-file", "/etc/zoo.cfg\nchanged")));
}

std::unique_ptr<ProcessLink> link_over(std::deque<std::string> pieces,
                                       const std::string& user = "ops") {
    return std::make_unique<ProcessLink>(
        "node 1", std::make_unique<ScriptedStream>(std::move(pieces)), LinkHello(), Bytes(), user);
}

TEST(ProcessLink, DeliversWholeFramesHoweverTheyAreCut) {
    const auto link = link_over(byte_by_byte(event_frame() + done_frame()));
    const auto event = link->receive(now_or_never());
    ASSERT_TRUE(event.has_value()) << event.error().words;
    EXPECT_EQ(event->type, MessageType::event);
    const auto done = link->receive(now_or_never());
    ASSERT_TRUE(done.has_value()) << done.error().words;
    EXPECT_EQ(agent_api::parse_payload<agent_api::Done>(done->payload)->words,
              "started \"zk-1\" again, 3 \xe2\x82\xac");
}

TEST(ProcessLink, NoiseInPlaceOfAFrameIsShownWithItsCause) {
    for (const char* noise : {"tick 7\n",
                              "tick 7",
                              "\ntick 7\n",
                              "\x1b[32mtick 7\x1b[0m\n",
                              "tick 7\ntick 8\n",
                              "zkprov-start\ntick 7\n"}) {
        for (const bool in_bytes : {false, true}) {
            SCOPED_TRACE(std::string(noise) + (in_bytes ? " in bytes" : ""));
            const std::string all = event_frame() + noise + done_frame();
            const auto link = link_over(in_bytes ? byte_by_byte(all) : std::deque{all});
            ASSERT_TRUE(link->receive(now_or_never()).has_value());
            const auto mixed = link->receive(deadline_in(std::chrono::seconds(10)));
            ASSERT_FALSE(mixed.has_value());
            EXPECT_EQ(link_errc(mixed.error()), LinkErrc::protocol);
            EXPECT_TRUE(says(mixed.error(), "node 1: "));
            EXPECT_TRUE(says(mixed.error(), "tick 7"));
            EXPECT_TRUE(says(mixed.error(), "in the background"));
            EXPECT_TRUE(says(mixed.error(), "start-up files of ops"));
            EXPECT_EQ(mixed.error().words.find("started"), std::string::npos);
            EXPECT_EQ(mixed.error().words.find("release"), std::string::npos);
            // And it stays so: what follows is not taken for a frame.
            const auto again = link->receive(now_or_never());
            ASSERT_FALSE(again.has_value());
            EXPECT_EQ(again.error().words, mixed.error().words);
        }
    }
}

// Wherever in the frame, and whatever it looks like: there is a frame too few, never a wrong one.
TEST(ProcessLink, NoiseWithinAFrameIsNeverPartOfAMessage) {
    const Bytes frame = event_frame();
    for (const std::string& noise : {std::string("tick"),
                                     std::string("tick\n"),
                                     std::string("\n"),
                                     std::string(" "),
                                     std::string("}"),
                                     std::string("\"}"),
                                     std::string("\",\"state\":\"done"),
                                     std::string("{}"),
                                     std::string(1, '\0'),
                                     std::string(3, '\0'),
                                     std::string("\0\0\0\1\2", 5),
                                     std::string("\0\0\0\3\2{}", 7),
                                     std::string(300, 'x')}) {
        for (std::size_t at = 0; at < frame.size(); ++at) {
            SCOPED_TRACE(noise + " at " + std::to_string(at));
            Bytes all = frame;
            all.insert(at, noise);
            const auto link = link_over({all, done_frame(), done_frame()});
            auto taken = link->receive(now_or_never());
            // What is a frame by itself, before ours, cannot be told from one.
            if (at == 0 && noise.ends_with("{}") && noise.size() > 2) continue;
            // A brace beside the last one changes nothing.
            if (taken.has_value() && taken->payload == frame.substr(5)) {
                taken = link->receive(now_or_never());
            }
            ASSERT_FALSE(taken.has_value()) << taken->payload;
            // Within the length it may ask for more than ever comes.
            if (at == 0 || at > 3) {
                EXPECT_EQ(link_errc(taken.error()), LinkErrc::protocol) << taken.error().words;
            }
            ASSERT_FALSE(link->receive(now_or_never()).has_value());
        }
    }
}

TEST(ProcessLink, NoiseWithinAFrameIsShownWithWhatIsAround) {
    Bytes all = event_frame();
    all.insert(all.find("zoo.cfg"), "tick 7\n");
    const auto mixed = link_over({all, done_frame()})->receive(now_or_never());
    ASSERT_FALSE(mixed.has_value());
    EXPECT_TRUE(says(mixed.error(), "tick 7"));
    EXPECT_TRUE(says(mixed.error(), "in the background"));
    EXPECT_TRUE(says(mixed.error(), "start-up files of ops"));
}

// Frames of agents that write in pieces.
TEST(ProcessLink, NoiseBehindALengthIsShownToo) {
    for (const std::string& noise : {std::string("tick 7\n"), std::string("\x1b[0mtick 7\n")}) {
        Bytes all = event_frame();
        all.insert(4, noise);
        const auto mixed = link_over({all, done_frame()})->receive(now_or_never());
        ASSERT_FALSE(mixed.has_value());
        EXPECT_EQ(link_errc(mixed.error()), LinkErrc::protocol);
        EXPECT_TRUE(says(mixed.error(), "tick 7"));
        EXPECT_TRUE(says(mixed.error(), "start-up files of ops"));
    }
}

TEST(ProcessLink, LongNoiseIsShownByItsBeginningAndHarmless) {
    const auto mixed =
        link_over({"\x1b[2Jfirst words " + std::string(100 * 1024, '.')})->receive(now_or_never());
    ASSERT_FALSE(mixed.has_value());
    EXPECT_TRUE(says(mixed.error(), "?[2Jfirst words ..."));
    EXPECT_LT(mixed.error().words.size(), 1500U);
}

// No login shell is in between, so nothing of it can be the cause.
TEST(ProcessLink, OverALocalPipeTheAgentItselfIsMeant) {
    const auto mixed = link_over({"tick 7\n"}, "")->receive(now_or_never());
    ASSERT_FALSE(mixed.has_value());
    EXPECT_EQ(link_errc(mixed.error()), LinkErrc::protocol);
    EXPECT_TRUE(says(mixed.error(), "not a frame"));
    EXPECT_TRUE(says(mixed.error(), "tick 7"));
    EXPECT_TRUE(says(mixed.error(), "of one release"));
    EXPECT_EQ(mixed.error().words.find("login shell"), std::string::npos);
}

// An agent of another release has frames, of a kind that we do not know.
TEST(ProcessLink, UnknownMessageIsAQuestionOfReleases) {
    const auto unknown = link_over({std::string("\0\0\0\3\xc8{}", 7)})->receive(now_or_never());
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(link_errc(unknown.error()), LinkErrc::protocol);
    EXPECT_TRUE(says(unknown.error(), "unknown message type 200"));
    EXPECT_TRUE(says(unknown.error(), "of one release"));
}

}  // namespace
}  // namespace zk::ssh
