// zkprov ui against nodes in memory: whose page a browser on this machine gets.
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include "http/http_get.h"
#include "runner_fixture.h"

namespace zk::phases {
namespace {

using testing::HasSubstr;
using testing::Not;

class Ui : public Runner {
  protected:
    ~Ui() override { stop(); }
    /// The port that was printed.
    std::uint16_t start(UiRequest request) {
        interrupted_ = false;
        settings.interrupted = &interrupted_;
        std::promise<std::string> told;
        auto url = told.get_future();
        thread_ = std::thread([this, request, told = std::move(told)]() mutable {
            Console console([&](const std::string& text) { told.set_value(text); },
                            [this](const std::string& text) { said_ += text; },
                            nullptr,
                            false,
                            status::Colours::no);
            code_ = run_ui(inventory, settings, console, request);
        });
        const std::string text = url.get();
        EXPECT_TRUE(text.starts_with("http://127.0.0.1:")) << text;
        EXPECT_TRUE(text.ends_with("/\n")) << text;
        return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
    }
    void stop() {
        interrupted_ = true;
        if (thread_.joinable()) thread_.join();
    }
    static http::Page get(std::uint16_t port, const std::string& target) {
        boost::asio::io_context loop;
        auto page = boost::asio::co_spawn(
            loop,
            http::async_get(
                loop.get_executor(), "127.0.0.1", port, target, milliseconds(20000), 1UL << 20),
            boost::asio::use_future);
        loop.run();
        auto got = page.get();
        EXPECT_TRUE(got.has_value()) << target;
        return got.has_value() ? *std::move(got) : http::Page();
    }

    std::atomic<bool> interrupted_{false};
    std::thread thread_;
    std::string said_;
    ExitCode code_ = ExitCode::unknown;
};

TEST_F(Ui, ShowsTheFirstNodeThatAnswersWithTheFilesOfThisProgram) {
    nodes[1].open_error = link_error(LinkErrc::unreachable, "node 1: no route");
    const auto port = start({});
    EXPECT_EQ(get(port, "/v1/ensemble?x=1").body, "{\"node\":2,\"target\":\"/v1/ensemble?x=1\"}");
    EXPECT_THAT(get(port, "/").body, HasSubstr("<!doctype html>"));
    EXPECT_THAT(get(port, "/page.js").body, HasSubstr("/v1/ensemble"));
    const auto evil = get(port, "/evil");
    EXPECT_EQ(evil.status, 404U);
    EXPECT_EQ(evil.body, "<b>");
    stop();
    EXPECT_EQ(code_, ExitCode::done);
    EXPECT_THAT(said_, HasSubstr("the page of node 2 (192.168.6.138)"));
}

TEST_F(Ui, TheWantedNodeOnly) {
    const auto port = start({ServerId(3), 0});
    EXPECT_THAT(get(port, "/v1/status").body, HasSubstr("{\"node\":3,"));
    stop();
    EXPECT_EQ(code_, ExitCode::done);
}

TEST_F(Ui, ANodeThatHangsKeepsNobodyWaiting) {
    std::promise<void> gate;
    nodes[1].opens_after = gate.get_future().share();
    const auto port = start({});
    EXPECT_EQ(get(port, "/v1/status").body, "{\"node\":2,\"target\":\"/v1/status\"}");
    gate.set_value();
    stop();
    EXPECT_THAT(said_, HasSubstr("the page of node 2 (192.168.6.138)"));
}

TEST_F(Ui, NobodyAnswers) {
    for (std::int64_t id = 1; id <= 3; ++id) {
        nodes[id].open_error = link_error(LinkErrc::unreachable, "no route");
    }
    Console console = make_console(false);
    EXPECT_EQ(run_ui(inventory, settings, console, {}), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("node 3 (192.168.6.139): no route"));
    EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace zk::phases
