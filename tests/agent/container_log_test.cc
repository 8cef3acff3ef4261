#include "agent_host/container_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/agent_errc.h"
#include "agent_host/node_log.h"
#include "fake_engine.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::LogOf;
using agent_api::LogRequest;
using agent_api::NodeLog;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kAt = 1764494100'000000000;

class ContainerLogTest : public testing::Test {
  protected:
    ContainerLogTest() {
        spec_.engine = fake_.socket();
        spec_.name = "demo-2";
        spec_.labels = {{"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}};
        make("demo");
    }
    void make(const std::string& cluster) {
        engine::FakeContainer container;
        container.id = "c1";
        container.body = R"({"Labels":{"zkprov.cluster":")" + cluster +
                         R"(","zkprov.sid":"2"},"HostConfig":{}})";
        container.status = "running";
        fake_.containers["demo-2"] = container;
    }
    void write(std::int64_t at_ns, const std::string& text, char stream = 1) {
        fake_.containers["demo-2"].logged.push_back({kAt + at_ns, text, stream});
    }
    Result<NodeLog> ask(std::int64_t lines = 100) {
        LogRequest request;
        request.lines = lines;
        request.cursor = cursor_;
        auto log = read_container_log(spec_, request);
        if (log.has_value()) cursor_ = log->cursor;
        return log;
    }
    std::vector<std::string> texts(std::int64_t lines = 100) {
        const auto log = ask(lines);
        EXPECT_TRUE(log.has_value());
        std::vector<std::string> texts;
        if (!log.has_value()) return texts;
        for (const auto& line : log->lines) texts.push_back(line.text);
        return texts;
    }

    engine::FakeEngine fake_;
    agent_api::ContainerSpec spec_;
    std::string cursor_;
};

TEST_F(ContainerLogTest, TheLastLinesAndThenWhatComes) {
    write(1000, "one\n");
    write(2000, "two\n", 2);
    write(3000, "three\x1b\n");
    const auto log = ask(2);
    ASSERT_TRUE(log.has_value());
    EXPECT_EQ(log->source, "the container demo-2");
    EXPECT_THAT(log->lines,
                ElementsAre(agent_api::LogLine{(kAt + 2000) / 1000, "two"},
                            agent_api::LogLine{(kAt + 3000) / 1000, "three?"}));
    EXPECT_THAT(texts(), IsEmpty());
    write(4000, "four\n");
    EXPECT_THAT(texts(), ElementsAre("four"));
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(ContainerLogTest, LinesOfOneTimeAreNeitherLostNorRepeated) {
    write(5, "one\n");
    write(5, "two\n");
    EXPECT_THAT(texts(1), ElementsAre("two"));
    EXPECT_THAT(texts(), IsEmpty());
    cursor_.clear();
    EXPECT_THAT(texts(), ElementsAre("one", "two"));
    write(5, "three\n");
    write(5, "four\n");
    EXPECT_THAT(texts(), ElementsAre("three", "four"));
    write(5, "five\n");
    write(6, "six\n");
    EXPECT_THAT(texts(), ElementsAre("five", "six"));
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(ContainerLogTest, TimesOutOfOrderLoseNothing) {
    write(9, "one\n");
    write(7, "two\n", 2);
    write(9, "three\n");
    EXPECT_THAT(texts(), ElementsAre("one", "two", "three"));
    EXPECT_THAT(texts(), IsEmpty());
    write(9, "four\n");
    EXPECT_THAT(texts(), ElementsAre("four"));
}

TEST_F(ContainerLogTest, ALineInPiecesComesWhole) {
    write(1, "begin ");
    EXPECT_THAT(texts(), IsEmpty());
    write(2, "end\n");
    EXPECT_THAT(texts(), ElementsAre("begin end"));
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(ContainerLogTest, NoLinesButWhereItEnds) {
    write(1, "one\n");
    EXPECT_THAT(texts(0), IsEmpty());
    write(2, "two\n");
    EXPECT_THAT(texts(), ElementsAre("two"));
}

TEST_F(ContainerLogTest, MuchBetweenTwoQuestionsComesInPieces) {
    write(1, "first\n");
    EXPECT_THAT(texts(), ElementsAre("first"));
    for (int i = 0; i < 3000; ++i)
        write(10 + i / 2, std::to_string(i) + std::string(500, '.') + "\n");
    int next = 0;
    for (bool more = true; more;) {
        const auto log = ask(10000);
        ASSERT_TRUE(log.has_value());
        for (const auto& line : log->lines) {
            EXPECT_TRUE(line.text.starts_with(std::to_string(next++) + ".")) << line.text;
        }
        more = log->more;
    }
    EXPECT_EQ(next, 3000);
}

TEST_F(ContainerLogTest, TheContainerThatTakesItsPlaceIsFollowed) {
    write(1, "old\n");
    EXPECT_THAT(texts(), ElementsAre("old"));
    make("demo");
    EXPECT_THAT(texts(), IsEmpty());
    write(9, "new\n");
    EXPECT_THAT(texts(), ElementsAre("new"));
}

TEST_F(ContainerLogTest, WhyThereIsNothingIsSaid) {
    const auto words = [this](AgentErrc code) {
        const auto log = ask();
        EXPECT_FALSE(log.has_value());
        if (log.has_value()) return std::string();
        EXPECT_EQ(agent_api::agent_errc(log.error()), code);
        return log.error().words;
    };
    fake_.containers["demo-2"].status = "created";
    EXPECT_THAT(words(AgentErrc::not_found), HasSubstr("was never started; zkprov start"));
    make("other");
    EXPECT_THAT(words(AgentErrc::identity_conflict), HasSubstr("server 2 of other"));
    fake_.containers.clear();
    EXPECT_THAT(words(AgentErrc::not_found), HasSubstr("zkprov apply makes it"));
    spec_.engine += "x";
    EXPECT_THAT(words(AgentErrc::not_found), HasSubstr("there is no Docker engine"));
    cursor_ = "f:1:2:3";
    spec_.engine.pop_back();
    make("demo");
    for (const char* cursor : {"f:1:2:3", "d:", "d:1", "d:-1:0", "d:1:-1", "d:1:2:3"}) {
        cursor_ = cursor;
        EXPECT_FALSE(ask().has_value()) << cursor;
    }
}

TEST(LogHome, IsWhereWhoKeepsTheServerRunningPutsIt) {
    const StateDir state("/state");
    agent_api::NodeSpec spec;
    spec.log_dir = "/logs";
    EXPECT_EQ(log_home(spec, state, LogOf::server),
              (LogHome{LogHome::Kind::unit, "zookeeper.service"}));
    EXPECT_EQ(log_home(spec, state, LogOf::agent),
              (LogHome{LogHome::Kind::unit, "zkprov-agent.service"}));
    spec.manager = agent_api::Manager::supervised;
    EXPECT_EQ(log_home(spec, state, LogOf::server),
              (LogHome{LogHome::Kind::file, "/logs/zkserver.log"}));
    EXPECT_EQ(log_home(spec, state, LogOf::agent),
              (LogHome{LogHome::Kind::file, "/state/agent.log"}));
    spec.manager = agent_api::Manager::docker;
    spec.container.emplace().name = "demo-2";
    EXPECT_EQ(log_home(spec, state, LogOf::server), (LogHome{LogHome::Kind::container, "demo-2"}));
    EXPECT_EQ(log_home(spec, state, LogOf::agent).kind, LogHome::Kind::file);
    spec.agent_path = "/opt/zkprov-agent";
    EXPECT_EQ(log_home(spec, state, LogOf::agent).kind, LogHome::Kind::unit);
}

}  // namespace
}  // namespace zk::agent_host
