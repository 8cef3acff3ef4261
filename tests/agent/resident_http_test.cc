// The resident agent and its listener: follows the specification, without a restart of anything.
#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/formation_word.h"
#include "agent_api/node_health.h"
#include "http/http_get.h"
#include "http/http_listener.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::NodeVerdict;
using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;

class ResidentHttp : public NodeFixture {
  protected:
    void SetUp() override {
        const auto done = apply(spec_);
        ASSERT_FALSE(done.error) << done.error->words;
        ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    }
    static Result<http::Page> get(std::uint16_t port, const std::string& target) {
        boost::asio::io_context loop;
        auto page = boost::asio::co_spawn(
            loop,
            http::async_get(
                loop.get_executor(), "127.0.0.1", port, target, milliseconds(5000), 1UL << 20),
            boost::asio::use_future);
        loop.run();
        return page.get();
    }
    /// Status 0 when there is no answer.
    static http::Page page_of(std::uint16_t port, const std::string& target) {
        auto page = get(port, target);
        return page.has_value() ? *std::move(page) : http::Page();
    }
    template <class Condition>
    static bool await_that(Condition&& condition) {
        for (int tries = 0; tries < 400; ++tries) {
            if (condition()) return true;
            std::this_thread::sleep_for(milliseconds(25));
        }
        return false;
    }
    /// Applies where the agent answers, and nothing else.
    void move_to(std::uint16_t port) {
        spec_.http_address = port == 0 ? "" : "127.0.0.1";
        spec_.http_port = port;
        const auto done = apply(spec_);
        ASSERT_FALSE(done.error) << done.error->words;
        ASSERT_EQ(done.steps.size(), 1u) << text_of(done);
        EXPECT_EQ(done.steps[0].step, "record-applied");
    }
};

TEST_F(ResidentHttp, ListensWhereTheSpecificationSays) {
    const std::int64_t server = server_pid();
    const std::int64_t agent = agent_pid();
    const std::uint16_t first = free_port();
    EXPECT_FALSE(get(first, "/healthz").has_value());
    move_to(first);
    ASSERT_TRUE(await_that([&] { return get(first, "/healthz").has_value(); }));
    EXPECT_EQ(page_of(first, "/readyz").status, 200U);
    EXPECT_THAT(page_of(first, "/v1/status").body, HasSubstr("\"fresh\":true"));
    EXPECT_THAT(page_of(first, "/metrics").body, HasSubstr("verdict=\"serving\"} 1\n"));
    const std::uint16_t second = free_port();
    move_to(second);
    ASSERT_TRUE(await_that([&] { return get(second, "/healthz").has_value(); }));
    EXPECT_FALSE(get(first, "/healthz").has_value());
    move_to(0);
    EXPECT_TRUE(await_that([&] { return !get(second, "/healthz").has_value(); }));
    EXPECT_EQ(server_pid(), server);
    EXPECT_EQ(agent_pid(), agent);
    EXPECT_EQ(starts(), 1u);
}

TEST_F(ResidentHttp, TakenPortIsAReasonAndIsTriedAgain) {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::acceptor other(loop, {boost::asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = other.local_endpoint().port();
    move_to(port);
    ASSERT_TRUE(await_that([&] { return !health().reasons.empty(); }));
    EXPECT_THAT(health().reasons, Contains(HasSubstr("listen for HTTP at 127.0.0.1 port")));
    EXPECT_EQ(health().verdict, NodeVerdict::serving);
    other.close();
    ASSERT_TRUE(await_that([&] { return health().reasons.empty(); }));
    EXPECT_EQ(page_of(port, "/readyz").status, 200U);
}

TEST_F(ResidentHttp, SilentServerIsNotReadyAndItsAgentIsWell) {
    const std::uint16_t port = free_port();
    move_to(port);
    ASSERT_TRUE(await_that([&] { return page_of(port, "/readyz").status == 200; }));
    const auto server = static_cast<pid_t>(server_pid());
    ASSERT_EQ(::kill(server, SIGSTOP), 0);
    EXPECT_TRUE(await_that([&] { return page_of(port, "/readyz").status == 503; }));
    EXPECT_TRUE(page_of(port, "/readyz").body.starts_with("stuck\nthe process is stopped"));
    EXPECT_EQ(page_of(port, "/healthz").status, 200U);
    ASSERT_EQ(::kill(server, SIGCONT), 0);
    EXPECT_TRUE(await_that([&] { return page_of(port, "/readyz").status == 200; }));
}

TEST_F(ResidentHttp, SaysItsWordToNodesThatComeWithoutAController) {
    const std::uint16_t port = free_port();
    spec_.members_digest = "0123456789ab";
    move_to(port);
    const auto said = [&]() -> std::optional<agent_api::FormationWord> {
        const auto page = page_of(port, "/v1/formation");
        if (page.status != 200) return std::nullopt;
        const auto word = agent_api::parse_formation_word(page.body);
        EXPECT_TRUE(word.has_value()) << page.body;
        return word.has_value() ? std::optional(*word) : std::nullopt;
    };
    ASSERT_TRUE(await_that([&] { return said().has_value(); }));
    const auto word = *said();
    EXPECT_EQ(word.cluster, spec_.cluster);
    EXPECT_EQ(word.sid, spec_.sid);
    EXPECT_EQ(word.members_hash, "0123456789ab");
    EXPECT_EQ(word.generation, spec_.generation);
    EXPECT_TRUE(word.serving);
    // A node of a controller gets its nonce once.
    EXPECT_EQ(said()->nonce, word.nonce);
    EXPECT_EQ((*state_.load_formation())->nonce, word.nonce);
    // A record that cannot be read is not "none".
    const auto damaged =
        agent_host::replace_file(state_.file("formation.json"), "{", agent_host::FileOptions());
    ASSERT_TRUE(damaged.has_value());
    const auto page = page_of(port, "/v1/formation");
    EXPECT_EQ(page.status, 503U);
    EXPECT_THAT(page.body, HasSubstr("install this host anew"));
}

TEST_F(ResidentHttp, AnApplyEndsJoining) { EXPECT_TRUE(state_.join_ended()); }

TEST_F(ResidentHttp, PagesComeOverALinkWithoutAListener) {
    AgentSession session(state_.path());
    const auto ask = [&](const std::string& target) {
        return session.ask(agent_api::MessageType::page_request,
                           agent_api::to_json(agent_api::PageRequest{target}));
    };
    const auto shown = ask("/v1/ensemble");
    ASSERT_EQ(shown.type, agent_api::MessageType::page);
    const auto page = agent_api::parse_payload<agent_api::Page>(shown.payload);
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(page->status, 200);
    EXPECT_EQ(page->content_type, "application/json");
    EXPECT_THAT(page->body, HasSubstr("\"schema\":\"zkprov-ensemble/1\""));
    const auto none = agent_api::parse_payload<agent_api::Page>(ask("/none").payload);
    ASSERT_TRUE(none.has_value());
    EXPECT_EQ(none->status, 404);
    EXPECT_EQ(ask("/v1/events").type, agent_api::MessageType::error) << "a stream has no end";
    EXPECT_EQ(session.ask(agent_api::MessageType::page_request, "7").type,
              agent_api::MessageType::error);
    EXPECT_EQ(session.end(), 0);
}

/// Another node's agent, on a thread of its own.
class FakePeer {
  public:
    explicit FakePeer(std::string said) : said_(std::move(said)) {
        http::Settings settings;
        settings.address = "127.0.0.1";
        auto answer = [this](const http::Request& request) {
            asked_ += request.target == "/v1/status" ? 1 : 100;
            http::Response response;
            response.content_type = "application/json";
            response.body = said_;
            return response;
        };
        listener_.emplace(loop_.get_executor(), settings, std::move(answer), Log());
        EXPECT_TRUE(listener_->start().has_value());
        port_ = listener_->port();
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~FakePeer() {
        loop_.stop();
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int asked() const { return asked_; }

  private:
    boost::asio::io_context loop_{1};
    std::string said_;
    std::atomic<int> asked_{0};
    std::optional<http::HttpListener> listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

std::string leader_page(const std::string& cluster, std::int64_t sid) {
    agent_api::NodeHealth health;
    health.cluster = cluster;
    health.sid = ServerId(sid);
    health.verdict = NodeVerdict::serving;
    health.role = agent_api::Role::leader;
    health.leader = ServerId(sid);
    health.epoch = Epoch(7);
    health.synced_followers = 2;
    health.reasons = {"<script>alert(1)</script>"};
    return "{\"schema\":\"zkprov-node/1\",\"fresh\":true,\"age_ms\":0,\"node\":" + to_json(health) +
           "}\n";
}

TEST_F(ResidentHttp, ShowsAllNodesAndAsksThemOnlyWhenSomebodyLooks) {
    FakePeer leader(leader_page(spec_.cluster, 2));
    FakePeer stranger("<html>welcome</html>");
    const std::uint16_t port = free_port();
    spec_.members.resize(4);
    for (std::size_t i = 0; i < 4; ++i) {
        agent_api::MemberSpec& member = spec_.members[i];
        member.sid = ServerId(static_cast<std::int64_t>(i) + 1);
        member.host = i == 1 ? "localhost" : "127.0.0.1";
        member.client_port = free_port();
        member.http_address = member.host;
    }
    spec_.members[0].http_port = port;
    spec_.members[1].http_port = leader.port();
    spec_.members[2].http_port = stranger.port();
    // Its agent is nowhere to be reached; a server answers.
    spec_.members[3].client_port = spec_.client_port;
    move_to(port);
    ASSERT_TRUE(await_that([&] { return page_of(port, "/healthz").status == 200; }));
    EXPECT_THAT(page_of(port, "/").body, HasSubstr("<script type=\"module\" src=\"/page.js\">"));
    EXPECT_THAT(page_of(port, "/page.js").body, HasSubstr("/v1/ensemble"));
    EXPECT_EQ(page_of(port, "/index.html").status, 404U);
    EXPECT_LE(leader.asked(), 1) << "nobody has looked yet: once at most, for its clock";

    std::string shown;
    ASSERT_TRUE(await_that([&] {
        shown = page_of(port, "/v1/ensemble").body;
        return shown.find("\"leader\":2,\"epoch\":7") != std::string::npos &&
               shown.find("is not understood") != std::string::npos &&
               shown.find("\"source\":\"4lw\"") != std::string::npos;
    })) << shown;
    EXPECT_THAT(shown, HasSubstr("\"schema\":\"zkprov-ensemble/1\",\"asked\":1,"));
    EXPECT_THAT(shown, HasSubstr("alert(1)"));
    EXPECT_THAT(shown, HasSubstr("\"verdict\":\"degraded\""));
    EXPECT_GT(leader.asked(), 0);
    EXPECT_LT(leader.asked(), 100) << "asked for something else";
}

}  // namespace
}  // namespace zk::agent_serve
