// The admin server on real ports of the loopback address, before a server that is only pretended.
#include "admin_server/admin_server.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/http_get.h"

namespace zk::admin_server {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

http::Page get(std::uint16_t port, const std::string& target) {
    boost::asio::io_context io;
    auto page = boost::asio::co_spawn(
        io,
        http::async_get(io.get_executor(), "127.0.0.1", port, target, seconds(60), 1 << 20),
        boost::asio::use_future);
    io.run();
    auto got = page.get();
    EXPECT_TRUE(got.has_value()) << (got.has_value() ? "" : got.error().message());
    return got.has_value() ? *std::move(got) : http::Page();
}

Settings settings() {
    Settings wanted;
    wanted.config.data_dir = "/nowhere";
    wanted.config.admin_enabled = true;
    wanted.config.admin_address = wanted.config.metrics_host = "127.0.0.1";
    wanted.config.admin_port = wanted.config.metrics_port = 0;
    wanted.configuration = "snapCount=5\nsome.password=hidden\ndataDir=/nowhere\n";
    wanted.version = "V";
    return wanted;
}

admin::Facts serving() {
    admin::Facts facts;
    facts.status.serving = true;
    facts.status.role = core::Role::standalone;
    facts.version = "V";
    return facts;
}

TEST(AdminServer, CommandsAreAnsweredFromFacts) {
    std::vector<admin::AdminQuestion> asked;
    AdminServer server(
        settings(),
        [&](const admin::AdminQuestion& question, const admin::Errand&, const Take& take) {
            asked.push_back(question);
            take(serving());
        },
        Log());
    server.start();
    ASSERT_NE(server.command_port(), 0);
    EXPECT_EQ(server.metrics_port(), 0) << "not switched on";
    const http::Page ruok = get(server.command_port(), "/commands/ruok");
    EXPECT_EQ(ruok.status, 200U);
    EXPECT_EQ(ruok.body, "{\n  \"command\" : \"ruok\",\n  \"error\" : null\n}");
    EXPECT_THAT(get(server.command_port(), "/commands").body, HasSubstr("/commands/zabstate\""));
    EXPECT_EQ(get(server.command_port(), "/").status, 404U);
    EXPECT_EQ(get(server.command_port(), "/commands/stmk?traceMask=7").status, 200U);
    server.stop();
    ASSERT_EQ(asked.size(), 2U) << "a page and a mistake are no questions";
    EXPECT_EQ(asked[1].deed, admin::Deed::set_trace_mask);
    EXPECT_EQ(asked[1].trace_mask, 7);
}

TEST(AdminServer, SecretsOfTheFileStayThere) {
    AdminServer server(
        settings(),
        [](const admin::AdminQuestion&, const admin::Errand&, const Take& take) {
            take(serving());
        },
        Log());
    server.start();
    const std::string properties = get(server.command_port(), "/commands/sysp").body;
    EXPECT_THAT(properties, HasSubstr("\"zookeeper.snapCount\" : \"5\""));
    EXPECT_THAT(properties, HasSubstr("\"zookeeper.some.password\" : \"***\""));
    EXPECT_THAT(properties, Not(HasSubstr("dataDir"))) << "its parser uses that itself";
    const std::string file = get(server.command_port(), "/commands/icfg").body;
    EXPECT_THAT(file, HasSubstr("snapCount=5\\nsome.password=***\\ndataDir=/nowhere\\n"));
}

TEST(AdminServer, MetricsHaveTheirOwnPort) {
    Settings wanted = settings();
    wanted.config.admin_enabled = false;
    wanted.config.metrics_provider = ensemble::kPrometheusMetricsProvider;
    AdminServer server(
        wanted,
        [](const admin::AdminQuestion&, const admin::Errand&, const Take& take) {
            take(serving());
        },
        Log());
    server.start();
    EXPECT_EQ(server.command_port(), 0);
    EXPECT_THAT(get(server.metrics_port(), "/metrics").body, HasSubstr("\nznode_count 0.0\n"));
    EXPECT_EQ(get(server.metrics_port(), "/commands/ruok").status, 404U);
}

TEST(AdminServer, NothingListensThatIsNotSwitchedOn) {
    Settings wanted = settings();
    wanted.config.admin_enabled = false;
    AdminServer server(
        wanted, [](const admin::AdminQuestion&, const admin::Errand&, const Take&) {}, Log());
    server.start();
    EXPECT_EQ(server.command_port(), 0);
    EXPECT_EQ(server.metrics_port(), 0);
    server.stop();
}

/// A server that answers when it is told to, on its own thread.
class Slow {
  public:
    Ask ask() {
        return [this](const admin::AdminQuestion&, const admin::Errand&, Take take) {
            const std::lock_guard lock(mutex_);
            takes_.push_back(std::move(take));
            more_.notify_all();
        };
    }
    void wait_for(std::size_t questions) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(more_.wait_for(lock, seconds(60), [&] { return takes_.size() >= questions; }));
    }
    void answer_all() {
        std::vector<Take> takes;
        {
            const std::lock_guard lock(mutex_);
            takes.swap(takes_);
        }
        for (const Take& take : takes) take(serving());
    }

  private:
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<Take> takes_;
};

TEST(AdminServer, AnswersComeLaterAndNoMoreQuestionsThanMayBe) {
    Slow slow;
    AdminServer server(settings(), slow.ask(), Log());
    server.start();
    const std::uint16_t port = server.command_port();
    std::vector<std::future<http::Page>> pages;
    for (std::size_t i = 0; i < AdminServer::kQuestionsMax; ++i)
        pages.push_back(
            std::async(std::launch::async, [port] { return get(port, "/commands/ruok"); }));
    slow.wait_for(AdminServer::kQuestionsMax);
    EXPECT_EQ(get(port, "/commands/ruok").status, 503U);
    EXPECT_EQ(get(port, "/commands").status, 200U) << "what needs no question is answered";
    slow.answer_all();
    for (auto& page : pages) EXPECT_EQ(page.get().status, 200U);
}

TEST(AdminServer, AnAnswerThatComesTooLateDoesNoHarm) {
    Slow slow;
    {
        AdminServer server(settings(), slow.ask(), Log());
        server.start();
        const std::uint16_t port = server.command_port();
        boost::asio::io_context io;
        auto page = boost::asio::co_spawn(
            io,
            http::async_get(
                io.get_executor(), "127.0.0.1", port, "/commands/ruok", seconds(60), 1 << 20),
            boost::asio::use_future);
        std::thread client([&io] { io.run(); });
        slow.wait_for(1);
        server.stop();
        client.join();
        EXPECT_FALSE(page.get().has_value()) << "the connection was closed";
    }
    slow.answer_all();
}

TEST(AdminServer, APortThatIsTakenIsTriedAgain) {
    AdminServer first(
        settings(),
        [](const admin::AdminQuestion&, const admin::Errand&, const Take& take) {
            take(serving());
        },
        Log());
    first.start();
    Settings wanted = settings();
    wanted.config.admin_port = first.command_port();
    wanted.retry = std::chrono::milliseconds(20);
    AdminServer second(
        wanted,
        [](const admin::AdminQuestion&, const admin::Errand&, const Take& take) {
            take(serving());
        },
        Log());
    second.start();
    EXPECT_EQ(second.command_port(), 0);
    first.stop();
    for (int i = 0; i < 3000 && second.command_port() == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(second.command_port(), wanted.config.admin_port);
}

}  // namespace
}  // namespace zk::admin_server
