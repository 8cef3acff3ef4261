// zkprov logs against nodes in memory.
#include <atomic>

#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;
using agent_api::LogLine;
using agent_api::LogOf;
using agent_api::NodeLog;
using testing::HasSubstr;
using testing::Not;

/// Words of an agent have the name of a fake link, "node 2", in front.
class LogsTest : public Runner {
  protected:
    LogsTest() {
        settings.interrupted = &interrupted_;
        write("2026-11-30T09:15:00.123 info one");
        write("two");
        write("three");
    }
    void write(const std::string& text, std::optional<std::int64_t> at_us = {}) {
        nodes[2].log.push_back({at_us, text});
    }
    ExitCode run(LogsRequest request, bool json = false) {
        request.node = ServerId(2);
        request.interval = milliseconds(1);
        Console console = make_console(json);
        return run_logs(inventory, settings, console, request);
    }
    ExitCode follow(std::int64_t lines = 1) {
        LogsRequest request;
        request.lines = lines;
        request.follow = true;
        return run(request);
    }
    /// Ctrl-C with the answer to this question, from 1.
    void interrupt_at(std::size_t question) {
        nodes[2].after_log = [this, question](FakeNode& node, NodeLog&) {
            if (node.log_requests.size() >= question) interrupted_ = true;
        };
    }

    std::atomic<bool> interrupted_{false};
};

TEST_F(LogsTest, TheLastLinesOfOneNode) {
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_EQ(out, "2026-11-30T09:15:00.123 info one\ntwo\nthree\n");
    EXPECT_EQ(err, "");
    EXPECT_EQ(nodes[1].links + nodes[3].links, 0);
    ASSERT_EQ(nodes[2].log_requests.size(), 1u);
    EXPECT_EQ(nodes[2].log_requests[0], (agent_api::LogRequest{LogOf::server, 100, ""}));
    LogsRequest two;
    two.lines = 2;
    two.of = LogOf::agent;
    EXPECT_EQ(run(two), ExitCode::done);
    EXPECT_EQ(out, "two\nthree\n");
    EXPECT_EQ(nodes[2].log_requests[1].of, LogOf::agent);
}

TEST_F(LogsTest, SeveralPiecesAreOneEnd) {
    nodes[2].log_piece = 2;
    for (int i = 0; i < 5; ++i) write(std::to_string(i));
    LogsRequest request;
    request.lines = 6;
    // Meanwhile it goes on.
    nodes[2].after_log = [this](FakeNode& node, NodeLog&) {
        if (node.log_requests.size() == 2) write("late");
    };
    EXPECT_EQ(run(request), ExitCode::done);
    EXPECT_EQ(out, "0\n1\n2\n3\n4\nlate\n");
}

TEST_F(LogsTest, AnAgentThatDoesNotGetOnIsNotAskedForEver) {
    nodes[2].after_log = [](FakeNode&, NodeLog& said) {
        said.more = true;
        said.cursor = "0";
    };
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_EQ(nodes[2].log_requests.size(), 2u);
}

TEST_F(LogsTest, ATimeIsPutInFrontOfALineThatHasNone) {
    nodes[2].log = {{1764493200123456, "INFO [main:QuorumPeer] started"},
                    {1764493200123456, "2025-11-30 09:00:00,123 - INFO"},
                    {1764493200123456, "2025-11-30T09:00:00.123 info ready"},
                    {1764493200123456, "2025-11-30T09:00:0"}};
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_EQ(out,
              "2025-11-30 09:00:00 UTC  INFO [main:QuorumPeer] started\n"
              "2025-11-30 09:00:00,123 - INFO\n"
              "2025-11-30T09:00:00.123 info ready\n"
              "2025-11-30 09:00:00 UTC  2025-11-30T09:00:0\n");
}

TEST_F(LogsTest, NoLineSteersTheTerminal) {
    nodes[2].log = {{std::nullopt, "\x1b]0;title\x07 a\nb \xc2\x9b 1"}};
    EXPECT_EQ(run({}), ExitCode::done);
    EXPECT_EQ(out, "?]0;title? a / b ?? 1\n");
}

TEST_F(LogsTest, EachLineIsAnObjectOfItsOwn) {
    nodes[2].log = {{1764493200123456, "say \"x\"\x1b"}, {std::nullopt, "two"}};
    EXPECT_EQ(run({}, true), ExitCode::done);
    EXPECT_EQ(
        out,
        R"({"schema":"zkprov.logs/1","node":2,"of":"server","at_ms":1764493200123,"text":"say \"x\"?"})"
        "\n"
        R"({"schema":"zkprov.logs/1","node":2,"of":"server","at_ms":null,"text":"two"})"
        "\n");
}

TEST_F(LogsTest, FollowingGoesOnUntilCtrlC) {
    nodes[2].after_log = [this](FakeNode& node, NodeLog&) {
        if (node.log_requests.size() == 2) write("four");
        if (node.log_requests.size() == 5) interrupted_ = true;
    };
    EXPECT_EQ(follow(), ExitCode::done);
    EXPECT_EQ(out, "three\nfour\n");
    EXPECT_EQ(err, "");
    EXPECT_EQ(nodes[2].links, 1);
    EXPECT_EQ(nodes[2].log_requests[1].cursor, "3");
}

TEST_F(LogsTest, FollowingFromHereOn) {
    nodes[2].after_log = [this](FakeNode& node, NodeLog&) {
        if (node.log_requests.size() == 1) write("four");
        if (node.log_requests.size() == 3) interrupted_ = true;
    };
    EXPECT_EQ(follow(0), ExitCode::done);
    EXPECT_EQ(out, "four\n");
}

TEST_F(LogsTest, TheEndOfTheTimeIsNoFailureOfFollowing) {
    settings.deadline = deadline_in(milliseconds(150));
    EXPECT_EQ(follow(), ExitCode::done);
    EXPECT_EQ(out, "three\n");
    EXPECT_EQ(err, "");
    EXPECT_GT(nodes[2].log_requests.size(), 2u);
}

/// The link gives up a moment before the time is over.
TEST_F(LogsTest, NorIsItWhereAPollMetIt) {
    settings.deadline = deadline_in(milliseconds(300));
    nodes[2].after_log = [](FakeNode& node, NodeLog&) { node.log_hangs = true; };
    EXPECT_EQ(follow(), ExitCode::done);
    EXPECT_EQ(out, "three\n");
    EXPECT_EQ(err, "");
    EXPECT_EQ(nodes[2].log_requests.size(), 2u);
}

TEST_F(LogsTest, ButAFirstLookThatMeetsItIs) {
    settings.deadline = deadline_in(milliseconds(100));
    nodes[2].log_hangs = true;
    EXPECT_EQ(follow(), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("no answer in time"));
}

TEST_F(LogsTest, ALinkThatEndsEndsFollowing) {
    nodes[2].after_log = [](FakeNode& node, NodeLog&) { node.log_unanswered = true; };
    EXPECT_EQ(follow(), ExitCode::unreachable);
    EXPECT_EQ(out, "three\n");
    EXPECT_THAT(err, HasSubstr("the link ended"));
}

TEST_F(LogsTest, WhatComesBackIsWaitedForAndSaidOnce) {
    nodes[2].after_log = [](FakeNode& node, NodeLog&) {
        node.log_error =
            agent_api::AgentError{AgentErrc::not_found, "there is no container demo-2"};
    };
    settings.deadline = deadline_in(milliseconds(150));
    EXPECT_EQ(follow(), ExitCode::done);
    EXPECT_GT(nodes[2].log_requests.size(), 3u);
    const std::string words =
        "node 2 (192.168.6.138): node 2: there is no container demo-2; asking again\n";
    EXPECT_EQ(err, words);
}

TEST_F(LogsTest, ARightThatIsTakenAwayEndsIt) {
    nodes[2].after_log = [](FakeNode& node, NodeLog&) {
        node.log_error = agent_api::AgentError{AgentErrc::no_right, "no right to read the journal"};
    };
    EXPECT_EQ(follow(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("no right to read the journal"));
}

TEST_F(LogsTest, LostLinesAreTold) {
    nodes[2].after_log = [this](FakeNode& node, NodeLog& said) {
        said.lost = node.log_requests.size() == 2;
        if (node.log_requests.size() == 3) interrupted_ = true;
    };
    EXPECT_EQ(follow(), ExitCode::done);
    EXPECT_THAT(err, HasSubstr("some lines are missing here: /logs/zkserver.log was replaced"));
}

TEST_F(LogsTest, CtrlCBeforeTheEndIsShown) {
    nodes[2].log_piece = 1;
    interrupt_at(1);
    EXPECT_EQ(run({}), ExitCode::interrupted);
}

TEST_F(LogsTest, WhatAnAgentSaysIsOneMessage) {
    nodes[2].log_error = agent_api::AgentError{
        AgentErrc::not_found, "there is no log /l: what writes it was never started"};
    EXPECT_EQ(run({}), ExitCode::preflight);
    EXPECT_EQ(
        err,
        "node 2 (192.168.6.138): node 2: there is no log /l: what writes it was never started\n");
    EXPECT_EQ(run({}, true), ExitCode::preflight);
    EXPECT_THAT(out, HasSubstr("\"exit_code\":6"));
    nodes[2].open_error = link_error(LinkErrc::unreachable, "node 2 (192.168.6.138): no route");
    EXPECT_EQ(run({}), ExitCode::unreachable);
    EXPECT_EQ(err, "node 2 (192.168.6.138): no route\n");
}

TEST_F(LogsTest, TheLogOfAnotherNodeIsNotShown) {
    nodes[2].after_log = [](FakeNode&, NodeLog& said) { said.cluster = "other"; };
    EXPECT_EQ(run({}), ExitCode::preflight);
    EXPECT_EQ(out, "");
    EXPECT_THAT(err, HasSubstr("other"));
}

}  // namespace
}  // namespace zk::phases
