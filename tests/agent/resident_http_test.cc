// The resident agent and its listener: follows the specification, without a restart of anything.
#include <chrono>
#include <csignal>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_http/http_get.h"
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
    static Result<agent_http::Page> get(std::uint16_t port, const std::string& target) {
        boost::asio::io_context loop;
        auto page = boost::asio::co_spawn(
            loop,
            agent_http::async_get(
                loop.get_executor(), "127.0.0.1", port, target, milliseconds(5000), 1UL << 20),
            boost::asio::use_future);
        loop.run();
        return page.get();
    }
    /// Status 0 when there is no answer.
    static agent_http::Page page_of(std::uint16_t port, const std::string& target) {
        auto page = get(port, target);
        return page.has_value() ? *std::move(page) : agent_http::Page();
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

}  // namespace
}  // namespace zk::agent_serve
