// Ports on loopback. Every wait has a bound.
#include "net/listener.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/name_lookups.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

class ListenerTest : public testing::Test, public ListenerUser {
  protected:
    std::unique_ptr<Listener> listener(const std::string& host, std::uint16_t port) {
        return std::make_unique<Listener>(
            io_,
            ListenPlace{.host = host, .port = port},
            ListenWords{.event = "test_port", .port = "the test port", .where = "the test's line"},
            StreamTuning{},
            *this,
            Log());
    }
    /// A port that is free a moment after it was asked for.
    std::uint16_t free_port() {
        const tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
        return acceptor.local_endpoint().port();
    }
    bool run_until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(1ms);
        }
        return done();
    }
    bool connects_to(std::uint16_t port) {
        tcp::socket socket(io_);
        boost::system::error_code error;
        socket.connect({asio::ip::address_v4::loopback(), port}, error);
        return !error;
    }
    void on_connection(std::unique_ptr<Stream> stream) override {
        streams_.push_back(std::move(stream));
        if (when_connected_) when_connected_();
    }
    void on_listen_failed(const Error& error) override { failures_.push_back(error.message()); }

    asio::io_context io_;
    std::vector<std::unique_ptr<Stream>> streams_;
    std::vector<std::string> failures_;
    std::function<void()> when_connected_;
};

TEST_F(ListenerTest, AcceptsOneAfterTheOther) {
    const auto open = listener("127.0.0.1", 0);
    const auto port = open->open_now();
    ASSERT_TRUE(port.has_value());
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < 3; ++i) {
        sockets.emplace_back(io_);
        sockets.back().connect({asio::ip::address_v4::loopback(), *port});
    }
    EXPECT_TRUE(run_until([&] { return streams_.size() == 3; }));
    EXPECT_EQ(streams_[0]->remote(), sockets[0].local_endpoint());
}

TEST_F(ListenerTest, SaysWhyAPortCannotBeHadAndTheWayOut) {
    const tcp::acceptor taken(io_, {asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = taken.local_endpoint().port();
    const auto in_use = listener("127.0.0.1", port)->open_now();
    ASSERT_FALSE(in_use.has_value());
    EXPECT_NE(in_use.error().message().find("the test port 127.0.0.1:" + std::to_string(port) +
                                            " cannot be opened: another process listens there"),
              std::string::npos)
        << in_use.error().message();
    EXPECT_NE(in_use.error().message().find("change the test's line"), std::string::npos);

    const auto elsewhere = listener("192.0.2.1", free_port())->open_now();
    ASSERT_FALSE(elsewhere.has_value());
    EXPECT_NE(elsewhere.error().message().find("this host does not have that address"),
              std::string::npos)
        << elsewhere.error().message();

    const auto nobody = listener("no-such-host.invalid", 1)->open_now();
    ASSERT_FALSE(nobody.has_value());
    EXPECT_NE(nobody.error().message().find("neither an address nor a name"), std::string::npos)
        << nobody.error().message();
}

TEST_F(ListenerTest, TriesAgainUntilItIsFree) {
    auto taken = std::make_unique<tcp::acceptor>(
        io_, tcp::endpoint(asio::ip::address_v4::loopback(), free_port()));
    const std::uint16_t port = taken->local_endpoint().port();
    const auto open = listener("127.0.0.1", port);
    open->open({.count = 1000, .pause = 5ms});
    run_until([n = 0]() mutable { return ++n > 20; });
    taken.reset();
    tcp::socket socket(io_);
    EXPECT_TRUE(run_until([&] { return connects_to(port); }));
    EXPECT_TRUE(run_until([&] { return !streams_.empty(); }));
    EXPECT_TRUE(failures_.empty());
}

TEST_F(ListenerTest, GivesUpAfterTheLastTry) {
    const tcp::acceptor taken(io_, {asio::ip::address_v4::loopback(), 0});
    const auto open = listener("127.0.0.1", taken.local_endpoint().port());
    open->open({.count = 3, .pause = 1ms});
    EXPECT_TRUE(run_until([&] { return !failures_.empty(); }));
    EXPECT_FALSE(open->is_open());
}

TEST_F(ListenerTest, ACheckLetsThePortGoAgain) {
    const std::uint16_t port = free_port();
    const auto checked = listener("127.0.0.1", port);
    checked->check({.count = 1});
    EXPECT_FALSE(checked->is_open());
    EXPECT_FALSE(connects_to(port));
    EXPECT_TRUE(failures_.empty());

    const tcp::acceptor taken(io_, {asio::ip::address_v4::loopback(), port});
    checked->check({.count = 2, .pause = 1ms});
    EXPECT_TRUE(run_until([&] { return !failures_.empty(); }));
}

TEST_F(ListenerTest, ANameThatDoesNotResolveYetIsNoFailureOfACheck) {
    NameLookups::of(io_).ask([](const std::string&, boost::system::error_code& error) {
        error = asio::error::host_not_found;
        return NameLookups::Addresses();
    });
    const auto checked = listener("later.example", free_port());
    checked->check({.count = 1});
    EXPECT_TRUE(run_until([&] { return !checked->is_open(); }));
    EXPECT_TRUE(failures_.empty());
}

TEST_F(ListenerTest, MayBeClosedByWhomItCalls) {
    auto open = listener("127.0.0.1", 0);
    const auto port = open->open_now();
    ASSERT_TRUE(port.has_value());
    when_connected_ = [&] { open.reset(); };
    EXPECT_TRUE(connects_to(*port));
    EXPECT_TRUE(run_until([&] { return open == nullptr; }));
    EXPECT_FALSE(connects_to(*port));
}

}  // namespace
}  // namespace zk::net
