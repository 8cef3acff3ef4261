#include "client/four_letter.h"

#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "apache_server.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

TEST(FourLetter, NobodyListens) {
    auto answer = four_letter("127.0.0.1", free_port(), "ruok", milliseconds(1000));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, boost::system::errc::connection_refused);
}

TEST(FourLetter, SilenceEndsAtTheDeadline) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    auto answer =
        four_letter("127.0.0.1", acceptor.local_endpoint().port(), "ruok", milliseconds(50));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, make_error_code(Errc::timeout));
}

TEST(FourLetter, AnswerInPiecesIsJoined) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::thread server([&] {
        tcp::socket socket = acceptor.accept();
        asio::write(socket, asio::buffer("Mode: lea", 9));
        std::this_thread::sleep_for(milliseconds(20));
        asio::write(socket, asio::buffer("der\n", 4));
        boost::system::error_code ignored;
        socket.shutdown(tcp::socket::shutdown_send, ignored);
    });
    auto answer =
        four_letter("127.0.0.1", acceptor.local_endpoint().port(), "srvr", milliseconds(5000));
    server.join();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(parse_srvr(*answer)["Mode"], "leader");
}

TEST(FourLetter, LinesWithoutSeparatorAreLeftOut) {
    EXPECT_TRUE(parse_srvr("This ZooKeeper instance is not currently serving requests\n").empty());
    const auto conf =
        parse_conf("serverId=3\nmembership: \nserver.1=h:1:2:participant;x=y\nversion=0");
    EXPECT_EQ(conf.size(), 3U);
    EXPECT_EQ(conf.at("server.1"), "h:1:2:participant;x=y");
    const auto values = parse_mntr("zk_version\t3.8.0-x, built on y\nnonsense\nzk_uptime\t12");
    EXPECT_EQ(values.size(), 2u);
    EXPECT_EQ(values.at("version"), "3.8.0-x, built on y");
    EXPECT_EQ(values.at("uptime"), "12");
}

}  // namespace
}  // namespace zk::client
