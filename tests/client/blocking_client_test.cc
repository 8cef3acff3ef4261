// The client against Apache's own server, and against listeners that misbehave.
#include "client/blocking_client.h"

#include <algorithm>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "apache_server.h"
#include "client/four_letter.h"
#include "jute/frame.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

class ClientWithApache : public testing::Test {
  protected:
    void SetUp() override {
        server_ = ApacheServer::shared();
        if (server_ == nullptr) GTEST_SKIP() << "Java or Apache's server is missing";
        options_.port = server_->port();
    }
    ApacheServer* server_ = nullptr;
    ClientOptions options_;
};

TEST_F(ClientWithApache, WritesReadsAndDeletes) {
    BlockingClient client(options_);
    ASSERT_TRUE(client.connect().has_value());
    EXPECT_NE(client.client().session(), SessionId());

    auto made = client.create("/probe", Bytes("one"), CreateMode::persistent);
    ASSERT_TRUE(made.has_value() && made->ok());
    EXPECT_EQ(made->value, "/probe");
    auto again = client.create("/probe", Bytes("one"), CreateMode::persistent);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->error, ErrorCode::node_exists);

    auto set = client.set_data("/probe", Bytes("two"), 0);
    ASSERT_TRUE(set.has_value() && set->ok());
    EXPECT_EQ(set->value.version, 1);
    auto stale = client.set_data("/probe", Bytes("x"), 0);
    ASSERT_TRUE(stale.has_value());
    EXPECT_EQ(stale->error, ErrorCode::bad_version);

    auto got = client.get_data("/probe");
    ASSERT_TRUE(got.has_value() && got->ok());
    EXPECT_EQ(got->value.data, Bytes("two"));
    EXPECT_EQ(got->value.stat.mzxid, set->zxid);

    auto children = client.get_children("/");
    ASSERT_TRUE(children.has_value() && children->ok());
    EXPECT_NE(std::find(children->value.begin(), children->value.end(), "probe"),
              children->value.end());

    auto removed = client.remove("/probe", 1);
    ASSERT_TRUE(removed.has_value() && removed->ok());
    auto gone = client.exists("/probe");
    ASSERT_TRUE(gone.has_value());
    EXPECT_EQ(gone->error, ErrorCode::no_node);
    EXPECT_TRUE(client.sync("/")->ok());
    EXPECT_TRUE(client.ping()->ok());
    EXPECT_EQ(client.client().last_zxid(), gone->zxid);
    EXPECT_TRUE(client.close().has_value());
    EXPECT_FALSE(client.exists("/").has_value());
}

TEST_F(ClientWithApache, NullDataStaysNull) {
    BlockingClient client(options_);
    ASSERT_TRUE(client.connect().has_value());
    ASSERT_TRUE(client.create("/null", std::nullopt, CreateMode::ephemeral)->ok());
    auto got = client.get_data("/null");
    ASSERT_TRUE(got.has_value() && got->ok());
    EXPECT_EQ(got->value.data, std::nullopt);
    EXPECT_EQ(got->value.stat.ephemeral_owner, client.client().session().value());
}

TEST_F(ClientWithApache, SessionMovesToANewConnectionAndEndsWithClose) {
    ClientOptions second = options_;
    {
        BlockingClient client(options_);
        ASSERT_TRUE(client.connect().has_value());
        ASSERT_TRUE(client.create("/mine", Bytes(), CreateMode::ephemeral)->ok());
        second.session = client.client().session();
        second.password = client.client().password();
        second.last_zxid_seen = client.client().last_zxid();
    }
    BlockingClient client(second);
    ASSERT_TRUE(client.connect().has_value());
    EXPECT_EQ(client.client().session(), second.session);
    EXPECT_TRUE(client.exists("/mine")->ok());
    ASSERT_TRUE(client.close().has_value());

    BlockingClient late(second);
    auto refused = late.connect();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, make_error_code(Errc::refused));

    BlockingClient other(options_);
    ASSERT_TRUE(other.connect().has_value());
    EXPECT_EQ(other.exists("/mine")->error, ErrorCode::no_node);
}

TEST_F(ClientWithApache, PingsKeepTheSessionDuringALongWait) {
    ClientOptions short_session = options_;
    short_session.session_timeout = milliseconds(1000);
    asio::io_context loop;
    Client client(loop.get_executor(), short_session);
    bool alive = false;
    auto job = [&]() -> asio::awaitable<void> {
        auto connected = co_await client.connect();
        EXPECT_TRUE(connected.has_value());
        asio::steady_timer wait(loop, milliseconds(2500));
        co_await wait.async_wait(asio::use_awaitable);
        auto found = co_await client.exists("/");
        alive = found.has_value() && found->ok();
        client.disconnect();
    };
    asio::co_spawn(loop, std::move(job), asio::detached);
    loop.run();
    EXPECT_TRUE(alive);
}

TEST_F(ClientWithApache, ManyRequestsInFlightAreAnsweredInOrder) {
    asio::io_context loop;
    Client client(loop.get_executor(), options_);
    std::vector<std::string> names;
    int waiting = 0;
    auto one = [&]() -> asio::awaitable<void> {
        auto made = co_await client.create("/seq-", Bytes("x"), CreateMode::ephemeral_sequential);
        if (made.has_value() && made->ok()) names.push_back(made->value);
        if (--waiting == 0) client.disconnect();
    };
    auto job = [&]() -> asio::awaitable<void> {
        auto connected = co_await client.connect();
        EXPECT_TRUE(connected.has_value());
        for (waiting = 0; waiting < 200; ++waiting) asio::co_spawn(loop, one, asio::detached);
    };
    asio::co_spawn(loop, std::move(job), asio::detached);
    loop.run();
    ASSERT_EQ(names.size(), 200u);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST_F(ClientWithApache, FourLetterWordsAreParsed) {
    auto srvr = four_letter("127.0.0.1", server_->port(), "srvr", milliseconds(5000));
    ASSERT_TRUE(srvr.has_value());
    EXPECT_EQ(parse_srvr(*srvr)["Mode"], "standalone");
    auto mntr = four_letter("127.0.0.1", server_->port(), "mntr", milliseconds(5000));
    ASSERT_TRUE(mntr.has_value());
    auto values = parse_mntr(*mntr);
    EXPECT_EQ(values["server_state"], "standalone");
    EXPECT_TRUE(values.contains("znode_count"));
}

TEST(Client, NobodyListensIsSaidAtOnce) {
    ClientOptions options;
    options.port = free_port();
    BlockingClient client(options);
    auto connected = client.connect();
    ASSERT_FALSE(connected.has_value());
    EXPECT_EQ(connected.error().code, boost::system::errc::connection_refused);
}

TEST(Client, SilentServerIsATimeout) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    ClientOptions options;
    options.port = acceptor.local_endpoint().port();
    options.connect_timeout = milliseconds(50);
    BlockingClient client(options);
    auto connected = client.connect();
    ASSERT_FALSE(connected.has_value());
    EXPECT_EQ(connected.error().code, make_error_code(Errc::timeout));
}

/// Accepts one client, answers its handshake with `response`, then sends `after` and waits for the
/// end.
void serve_once(tcp::acceptor& acceptor, const Bytes& response, const Bytes& after) {
    tcp::socket socket = acceptor.accept();
    Bytes request(4 + 45, '\0');
    asio::read(socket, asio::buffer(request));
    Bytes frame;
    jute::append_frame(frame, response);
    frame += after;
    asio::write(socket, asio::buffer(frame));
    boost::system::error_code ignored;
    asio::read(socket, asio::buffer(request), ignored);
}

Bytes good_response() {
    jute::ConnectResponse response;
    response.timeout_ms = 10000;
    response.session = SessionId(7);
    response.password = Bytes(16, 'p');
    return jute::encode(response);
}

TEST(Client, AnswerThatComesNeverIsATimeoutOfTheRequest) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::thread server([&] { serve_once(acceptor, good_response(), Bytes()); });
    {
        ClientOptions options;
        options.port = acceptor.local_endpoint().port();
        options.request_timeout = milliseconds(50);
        BlockingClient client(options);
        ASSERT_TRUE(client.connect().has_value());
        EXPECT_EQ(client.client().session(), SessionId(7));
        auto answer = client.exists("/");
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, make_error_code(Errc::timeout));
    }
    server.join();
}

TEST(Client, ImpossibleFrameEndsTheConnection) {
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::thread server([&] { serve_once(acceptor, good_response(), Bytes("\xff\xff\xff\xff")); });
    {
        ClientOptions options;
        options.port = acceptor.local_endpoint().port();
        BlockingClient client(options);
        ASSERT_TRUE(client.connect().has_value());
        auto answer = client.exists("/");
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, make_error_code(Errc::closed));
    }
    server.join();
}

TEST(Client, UnaskedReplyEndsTheConnection) {
    jute::ReplyHeader header;
    header.xid = Xid(12345);
    Bytes unasked;
    jute::append_frame(unasked, jute::encode(header));
    asio::io_context loop;
    tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::thread server([&] { serve_once(acceptor, good_response(), unasked); });
    {
        ClientOptions options;
        options.port = acceptor.local_endpoint().port();
        BlockingClient client(options);
        ASSERT_TRUE(client.connect().has_value());
        EXPECT_FALSE(client.exists("/").has_value());
        EXPECT_FALSE(client.client().connected());
    }
    server.join();
}

}  // namespace
}  // namespace zk::client
