// Our own lines among what login shells print beside them, on scripted streams.
#include "ssh/host_talk.h"

#include <gtest/gtest.h>

#include "scripted_stream.h"
#include "ssh/bootstrap.h"

namespace zk::ssh {
namespace {

using test::byte_by_byte;
using test::now_or_never;
using test::says;
using test::ScriptedStream;

const std::string kHello = "zkprov-hello 1 x86_64 0 none\n";
const std::string kFrame("\0\0\0\3\7hi", 7);

// The script as it is sent, as a shell or a session recorder may print it.
std::string our_script() {
    HostTarget host;
    host.user = "ops";
    host.sudo = true;
    return bootstrap_command(host, "/var/lib/zkprov");
}
std::string one_command_a_line(std::string script) {
    for (std::size_t at = 0; (at = script.find("; ", at)) != std::string::npos;) {
        script.replace(at, 2, "\n");
    }
    return script + '\n';
}

// What may stand before a line of ours.
std::vector<std::string> noises() {
    return {
        "",
        "Welcome\n",
        "Welcome",
        "no end: ",
        "\x1b[1;32m",
        "\x1b]0;root@node1: ~\x07\x1b[?2004h",
        "bye\x1b[0m",
        "\r",
        "50%\r100%\r",
        std::string("\0\0\0\x05\x02{}", 7),
        "\xff\xfe\x80",
        "zkprov-",
        "zkprov-zkprov-",
        "zkprov-hello",
        "zkprov-hello 1 x86_64 0 no",
        "zkprov-hello 1 x86_64 0 none;",
        "zkprov-start;",
        "zkprov is here: zkprov-agent 1.2\n",
        "zk",
        "zkprov-" + std::string(1000, 'z'),
        "zkprov-shell of ours",
        our_script(),
        our_script() + '\n',
        "+ " + our_script() + "\n+ ",
        std::string(100 * 1024, '.'),
        std::string(100 * 1024, '\n'),
    };
}

TEST(HostTalk, FindsALineBehindAnyNoise) {
    for (const std::string& noise : noises()) {
        SCOPED_TRACE(noise.substr(0, 60));
        ScriptedStream stream({noise + kHello + kFrame});
        Bytes inbox;
        HostTalk talk("host", stream, inbox);
        const auto line = talk.next_line(now_or_never());
        ASSERT_TRUE(line.has_value()) << line.error().words;
        EXPECT_EQ(*line, "hello 1 x86_64 0 none");
        EXPECT_EQ(inbox, kFrame);
        EXPECT_FALSE(noise.size() > 10 && talk.words().printed.size() < 10);
    }
}

TEST(HostTalk, FindsALineHoweverTheReadsCutIt) {
    for (const std::string& noise : noises()) {
        SCOPED_TRACE(noise.substr(0, 60));
        const std::string all = noise + kHello + kFrame;
        const std::size_t first = all.size() - std::min<std::size_t>(all.size(), 100);
        for (std::size_t cut = first; cut <= all.size(); ++cut) {
            ScriptedStream stream({all.substr(0, cut), all.substr(cut)});
            Bytes inbox;
            HostTalk talk("host", stream, inbox);
            const auto line = talk.next_line(now_or_never());
            ASSERT_TRUE(line.has_value()) << cut << ": " << line.error().words;
            ASSERT_EQ(*line, "hello 1 x86_64 0 none") << cut;
            while (stream.read(inbox, now_or_never()).has_value()) {
            }
            ASSERT_EQ(inbox, kFrame) << cut;
        }
    }
}

TEST(HostTalk, FindsLinesThatComeByteByByteWithNoiseBetween) {
    const std::string all = "tick" + kHello +
                            "tick zkprov-\nzkprov-readytick\n\x1b[32mzkprov-ready\n" +
                            "tick 2\ntick 3zkprov-pushed\ntickzkprov-start\n";
    ScriptedStream stream(byte_by_byte(all));
    Bytes inbox;
    HostTalk talk("host", stream, inbox);
    for (const char* expected : {"hello 1 x86_64 0 none", "ready", "pushed", "start"}) {
        const auto line = talk.next_line(now_or_never());
        ASSERT_TRUE(line.has_value()) << line.error().words;
        EXPECT_EQ(*line, expected);
    }
    EXPECT_EQ(inbox, "");
    // Our own lines are none of the host's words.
    EXPECT_EQ(talk.words().printed,
              "ticktick zkprov-\nzkprov-readytick\n\x1b[32mtick 2\ntick 3tick");
}

TEST(HostTalk, TerminalsEndLinesWithTwoCharacters) {
    ScriptedStream stream({"Welcome\r\nzkprov-shell\r\nzkprov-hello 1 x86_64 0 none\r\n"});
    Bytes inbox;
    HostTalk talk("host", stream, inbox);
    EXPECT_EQ(*talk.next_line(now_or_never()), "shell");
    EXPECT_EQ(*talk.next_line(now_or_never()), "hello 1 x86_64 0 none");
}

TEST(HostTalk, TakesNothingForOursThatIsNot) {
    const std::string hash(64, 'a');
    for (const std::string& noise : {
             std::string("zkprov-hello\n"),
             std::string("zkprov-hello 1\n"),
             std::string("zkprov-hello 1 x86_64 0\n"),
             std::string("zkprov-hello 2 x86_64 0 none\n"),
             std::string("zkprov-hello 1 x86_64 root none\n"),
             std::string("zkprov-hello 1 x86_64 -1 none\n"),
             std::string("zkprov-hello 1 x86_64 99999999999 none\n"),
             std::string("zkprov-hello 1 x86_64 0 nothing\n"),
             std::string("zkprov-hello 1 x86_64 0 none x\n"),
             std::string("zkprov-hello 1 x86_64 0 none'\n"),
             std::string("zkprov-hello 1 x86;64 0 none\n"),
             "zkprov-hello 1 x86_64 0 " + hash.substr(1) + "\n",
             "zkprov-hello 1 x86_64 0 " + hash + "a\n",
             "zkprov-hello 1 x86_64 0 " + hash.substr(1) + "A\n",
             std::string("zkprov-hello 1 $(uname -m) $(id -u) ${h:-none}\n"),
             std::string("zkprov-hello 1 x86_tick\n64 0 none\n"),
             std::string("ZKPROV-HELLO 1 x86_64 0 none\n"),
             std::string("zkprov-hello 1 x86_64 0 none\x1b[0m\n"),
             std::string("zkprov-hello 1 x86_64 0 none"),
             std::string("zkprov-hello 1 x86_64 0 none\rmore\n"),
             std::string("zkprov-hello\t1 x86_64 0 none\n"),
             std::string("zkprov- hello 1 x86_64 0 none\n"),
             std::string("zkprov-hello 1 x86_64 0 none\0\n", 30),
             std::string("zkprov-start now\n"),
             std::string("zkprov-startzkprov-\n"),
             std::string("zkprov-fail $*\n"),
             "zkprov-hello 1 " + std::string(300, 'x') + " 0 none\n",
         }) {
        SCOPED_TRACE(noise);
        ScriptedStream stream({noise});
        Bytes inbox;
        HostTalk talk("host", stream, inbox);
        const auto line = talk.next_line(now_or_never());
        ASSERT_FALSE(line.has_value()) << *line;
        EXPECT_EQ(link_errc(line.error()), LinkErrc::timeout);
        EXPECT_EQ(talk.words().printed, noise);
    }
}

TEST(HostTalk, HearsAMebibyteOfNoiseAndNoMore) {
    const std::string line(1023, '#');
    for (const std::size_t kibibytes : {std::size_t{1024}, std::size_t{1100}}) {
        ScriptedStream stream;
        for (std::size_t i = 0; i < kibibytes; ++i) stream.say(line + '\n');
        stream.say(kHello);
        Bytes inbox;
        HostTalk talk("host", stream, inbox);
        const auto found = talk.next_line(now_or_never());
        EXPECT_LE(talk.words().printed.size(), 64U * 1024);
        if (kibibytes == 1024) {
            ASSERT_TRUE(found.has_value()) << found.error().words;
            continue;
        }
        ASSERT_FALSE(found.has_value());
        EXPECT_EQ(link_errc(found.error()), LinkErrc::protocol);
        EXPECT_TRUE(says(found.error(), "prints too much"));
        EXPECT_TRUE(says(found.error(), "start-up files"));
        EXPECT_TRUE(says(found.error(), "; it said: ...###"));
    }
}

// The whole dialogue, as far as it needs no program on the other side.
class ScriptedBootstrap : public testing::Test {
  protected:
    ScriptedBootstrap() {
        host_.name = "node 1";
        host_.user = "ops";
        agent_.content = "\177ELF of ours";
        agent_.sha256 = std::string(64, 'a');
    }
    Result<LinkHello> run(std::chrono::milliseconds wait = std::chrono::milliseconds(0)) {
        options_.push_timeout = wait;
        return bootstrap(stream_, host_, options_, agent_, inbox_, deadline_in(wait));
    }
    std::string hello() const { return "zkprov-hello 1 x86_64 1000 " + agent_.sha256 + "\n"; }

    HostTarget host_;
    LinkOptions options_;
    AgentBinary agent_;
    ScriptedStream stream_;
    Bytes inbox_;
};

TEST_F(ScriptedBootstrap, PrintedScriptStartsNothing) {
    const std::string printed = our_script() + '\n' + one_command_a_line(our_script());
    stream_.say(printed + hello() + printed.substr(0, 700) + "tickzkprov-start\n" + kFrame);
    const auto started = run();
    ASSERT_TRUE(started.has_value()) << started.error().words;
    EXPECT_EQ(started->uid, 1000U);
    EXPECT_EQ(stream_.heard(), "run\n");
    EXPECT_EQ(inbox_, kFrame);
}

TEST_F(ScriptedBootstrap, AgentIsSentOnceThoughItsLineIsPrintedTwice) {
    stream_.say("zkprov-hello 1 x86_64 0 none\n+ echo zkprov-ready\nzkprov-ready\n");
    stream_.say("zkprov-pushed\nzkprov-start\n" + kFrame);
    const auto started = run();
    ASSERT_TRUE(started.has_value()) << started.error().words;
    EXPECT_EQ(stream_.heard(), "push 12 " + agent_.sha256 + "\n" + agent_.content);
    EXPECT_EQ(inbox_, kFrame);
}

TEST_F(ScriptedBootstrap, WhatCameInsteadOfAHelloIsShown) {
    stream_.say("Gate\nzkprov-hello 1 x86_64 ops none\n");
    stream_.complain("closed\n");
    stream_.end_with(3);
    const auto refused = run();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::shell_refused);
    EXPECT_TRUE(says(refused.error(), "it said: Gate / zkprov-hello 1 x86_64 ops none / closed"));
    EXPECT_TRUE(says(refused.error(), "start-up files"));
}

TEST_F(ScriptedBootstrap, SilenceBeforeTheHelloAsksForShellsAndQuestions) {
    for (const char* noise : {"", "Press Enter to go on"}) {
        SCOPED_TRACE(noise);
        inbox_.clear();
        stream_.say(noise);
        const auto late = run();
        ASSERT_FALSE(late.has_value());
        EXPECT_EQ(link_errc(late.error()), LinkErrc::timeout);
        EXPECT_TRUE(says(late.error(), "start another shell"));
        EXPECT_TRUE(says(late.error(), "wait for input"));
        EXPECT_TRUE(says(late.error(), "start-up files"));
        EXPECT_EQ(says(late.error(), "it said: "), *noise != '\0') << late.error().words;
        EXPECT_TRUE(says(late.error(), noise));
    }
}

// Something in the background of the login shell may take from the script's input.
TEST_F(ScriptedBootstrap, SilenceAfterTheHelloShowsWhatWasSaid) {
    struct {
        std::string says;
        const char* during;
    } const hosts[] = {
        {hello() + "tick 1\n", "start of the agent"},
        {"zkprov-hello 1 x86_64 0 none\ntick 1\n", "push"},
        {"zkprov-hello 1 x86_64 0 none\nzkprov-ready\ntick 1\n", "push"},
        {"zkprov-hello 1 x86_64 0 none\nzkprov-ready\nzkprov-pushed\ntick 1\n",
         "start of the agent"},
    };
    for (const auto& host : hosts) {
        SCOPED_TRACE(host.says);
        inbox_.clear();
        stream_.say(host.says);
        const auto late = run();
        ASSERT_FALSE(late.has_value());
        EXPECT_EQ(link_errc(late.error()), LinkErrc::timeout);
        EXPECT_TRUE(says(late.error(), host.during));
        EXPECT_TRUE(says(late.error(), "it said: tick 1"));
        EXPECT_TRUE(says(late.error(), "in the background"));
    }
}

// A terminal would change the bytes of frames, and wait for the end of a line.
TEST_F(ScriptedBootstrap, TerminalIsToldAsTheCause) {
    stream_.say("Recorded session\r\nzkprov-hello 1 x86_64 0 none\r\n");
    const auto refused = run();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::protocol);
    EXPECT_TRUE(says(refused.error(), "terminal"));
    EXPECT_TRUE(says(refused.error(), "it said: Recorded session"));
    EXPECT_EQ(stream_.heard(), "");
}

}  // namespace
}  // namespace zk::ssh
