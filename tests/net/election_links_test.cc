// Election links over loopback: several servers in one process, and raw sockets that misbehave.
// Every wait has a bound.
#include "net/election_links.h"

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

std::uint16_t free_port() {
    asio::io_context io;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    return acceptor.local_endpoint().port();
}

class ElectionLinksTest : public testing::Test {
  protected:
    struct Server final : CorePort, ServerPort {
        void post(core::Event event) override {
            auto& told = std::get<core::NotificationReceived>(event);
            heard.emplace_back(told.from, std::move(told.body));
            origins.push_back(told.origin);
        }
        void peer_port_failed(const Error& error) override { failures.push_back(error.message()); }
        void cannot_go_on(const std::string& why) override { ADD_FAILURE() << why; }

        std::vector<std::pair<ServerId, Bytes>> heard;
        std::vector<election::Origin> origins;
        std::vector<std::string> failures;
        std::unique_ptr<ElectionLinks> links;
    };

    ElectionLinksTest() {
        for (const int sid : {1, 2, 3, 9}) ports_[sid] = free_port();
    }

    ensemble::EnsembleConfig config() const {
        ensemble::EnsembleConfig config;
        for (const int sid : {1, 2, 3}) {
            config.members[ServerId(sid)] = {
                ServerId(sid), host_, 1, ports_.at(sid), ensemble::Role::participant, {}};
        }
        return config;
    }

    Server& start(int sid, std::function<void(ElectionLinkSettings&)> change = {}) {
        auto server = std::make_unique<Server>();
        ElectionLinkSettings settings{.my_id = ServerId(sid),
                                      .members = std::make_shared<ensemble::Membership>(config())};
        settings.handshake_timeout = 300ms;
        settings.connect_timeout = 1s;
        if (change) change(settings);
        server->links = std::make_unique<ElectionLinks>(io_, settings, *server, *server, Log());
        server->links->start();
        servers_[sid] = std::move(server);
        return *servers_[sid];
    }

    /// Runs the loop until `done` or the bound.
    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds bound = 60s) {
        const auto end = std::chrono::steady_clock::now() + bound;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(5ms);
        }
        return done();
    }
    void run_for(std::chrono::milliseconds duration) {
        run_until([] { return false; }, duration);
    }

    static bool heard(const Server& server, int from, const Bytes& body) {
        for (const auto& [sid, text] : server.heard) {
            if (sid == ServerId(from) && text == body) return true;
        }
        return false;
    }

    tcp::socket connect_to(int sid) {
        tcp::socket socket(io_);
        boost::system::error_code error;
        for (int i = 0; i < 100; ++i) {
            const tcp::endpoint endpoint(asio::ip::make_address("127.0.0.1"), ports_[sid]);
            socket.connect(endpoint, error);
            if (!error) break;
            socket.close();
            run_for(10ms);
        }
        EXPECT_FALSE(error) << error.message();
        return socket;
    }
    static Bytes hello(std::int64_t sid, const std::string& address) {
        Bytes message;
        append_be(message, std::int64_t{-65536});
        append_be(message, sid);
        append_be(message, static_cast<std::int32_t>(address.size()));
        return message + address;
    }
    /// True once the other side has closed `socket`; what came before is added to `received`.
    bool closed_by_peer(tcp::socket& socket, Bytes* received = nullptr) {
        socket.non_blocking(true);
        return run_until(
            [&] {
                char buffer[512];
                boost::system::error_code error;
                const std::size_t count = socket.read_some(asio::buffer(buffer), error);
                if (received != nullptr) received->append(buffer, count);
                return error && error != asio::error::would_block;
            },
            2s);
    }
    bool receives(tcp::socket& socket, const Bytes& expected) {
        Bytes received;
        socket.non_blocking(true);
        return run_until(
            [&] {
                char buffer[512];
                boost::system::error_code error;
                const std::size_t count = socket.read_some(asio::buffer(buffer), error);
                received.append(buffer, count);
                return received == expected;
            },
            2s);
    }

    std::string host_ = "127.0.0.1";  ///< of all members
    std::map<int, std::uint16_t> ports_;
    asio::io_context io_;
    std::map<int, std::unique_ptr<Server>> servers_;
};

Bytes frame(const Bytes& body) {
    Bytes bytes;
    append_be(bytes, static_cast<std::int32_t>(body.size()));
    return bytes + body;
}

TEST_F(ElectionLinksTest, AllHearAll) {
    for (const int sid : {1, 2, 3}) start(sid);
    for (const int from : {1, 2, 3}) {
        for (const int to : {1, 2, 3}) {
            if (from != to) servers_[from]->links->notify(ServerId(to), "hi " + std::to_string(to));
        }
    }
    for (const int to : {1, 2, 3}) {
        for (const int from : {1, 2, 3}) {
            if (from == to) continue;
            EXPECT_TRUE(run_until([&] {
                return heard(*servers_[to], from, "hi " + std::to_string(to));
            })) << from
                << " to " << to;
        }
    }
}

TEST_F(ElectionLinksTest, SmallerSidIsCalledBack) {
    start(1);
    start(2);
    servers_[1]->links->notify(ServerId(2), "call me back");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[2], 1, "call me back"); }));
    servers_[2]->links->notify(ServerId(1), "here I am");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "here I am"); }));
}

TEST_F(ElectionLinksTest, NewestMessageWinsWhilePeerIsDown) {
    start(2);
    for (int i = 0; i < 20; ++i) {
        servers_[2]->links->notify(ServerId(1), "old " + std::to_string(i));
        run_for(5ms);
    }
    start(1);
    servers_[2]->links->notify(ServerId(1), "newest");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "newest"); }));
    EXPECT_EQ(servers_[1]->heard.size(), 1U);
}

TEST_F(ElectionLinksTest, LastMessageIsSaidAgainAfterAReconnect) {
    start(1);
    start(2);
    servers_[2]->links->notify(ServerId(1), "my vote");
    ASSERT_TRUE(run_until([&] { return heard(*servers_[1], 2, "my vote"); }));
    servers_.erase(1);
    run_for(50ms);
    start(1);
    servers_[1]->links->notify(ServerId(2), "I am new");  // 2 calls back
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "my vote"); }));
    EXPECT_TRUE(run_until([&] { return heard(*servers_[2], 1, "I am new"); }));
}

TEST_F(ElectionLinksTest, SilentConnectionsBlockNobody) {
    start(1, [](ElectionLinkSettings& settings) { settings.handshake_timeout = 1h; });
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 5; ++i) silent.push_back(connect_to(1));
    start(2);
    servers_[2]->links->notify(ServerId(1), "prompt");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "prompt"); }));
}

TEST_F(ElectionLinksTest, SilentConnectionsEnd) {
    start(1);
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 5; ++i) silent.push_back(connect_to(1));
    for (tcp::socket& socket : silent) EXPECT_TRUE(closed_by_peer(socket));
}

TEST_F(ElectionLinksTest, ManySilentConnectionsAreBounded) {
    start(1);
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 200; ++i) {
        silent.push_back(connect_to(1));
        if (i % 20 == 0) run_for(5ms);
    }
    for (tcp::socket& socket : silent) EXPECT_TRUE(closed_by_peer(socket));
    start(2);
    servers_[2]->links->notify(ServerId(1), "still there");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "still there"); }));
}

TEST_F(ElectionLinksTest, ASilentCrowdKeepsNobodyOut) {
    start(1, [](ElectionLinkSettings& settings) { settings.handshake_timeout = 60s; });
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 200; ++i) {
        silent.push_back(connect_to(1));
        if (i % 20 == 0) run_for(5ms);
    }
    run_for(50ms);
    start(2);
    servers_[2]->links->notify(ServerId(1), "it is me");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "it is me"); }));
    EXPECT_TRUE(closed_by_peer(silent.front())) << "the oldest one goes";
}

TEST_F(ElectionLinksTest, AcceptsThreeFourAndV1GreetingsInPieces) {
    start(1, [](ElectionLinkSettings& settings) { settings.handshake_timeout = 10s; });
    tcp::socket old = connect_to(1);
    Bytes sid;
    append_be(sid, std::int64_t{2});
    asio::write(old, asio::buffer(sid + frame("from 3.4")));
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "from 3.4"); }));

    tcp::socket pieces = connect_to(1);
    for (const char c : hello(3, "127.0.0.1:9") + frame("in pieces")) {
        asio::write(pieces, asio::buffer(&c, 1));
        run_for(1ms);
    }
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 3, "in pieces"); }));
}

TEST_F(ElectionLinksTest, RefusesBadGreetings) {
    start(2);
    Bytes unknown_version;
    append_be(unknown_version, std::int64_t{-65534});
    for (const Bytes& greeting : {unknown_version + Bytes(40, 'x'),
                                  hello(3, ""),
                                  hello(3, std::string(limits::kElectionAddressMax + 1, 'a')),
                                  hello(-7, "127.0.0.1:9"),
                                  hello(2, "127.0.0.1:9"),
                                  hello(0x7fffffffffffffff, "127.0.0.1:9")}) {
        tcp::socket socket = connect_to(2);
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(greeting), ignored);
        EXPECT_TRUE(closed_by_peer(socket));
    }
}

TEST_F(ElectionLinksTest, BadFramesEndTheConnection) {
    start(1);
    for (const std::int32_t length : {0, -1, limits::kElectionFrameMax + 1}) {
        tcp::socket socket = connect_to(1);
        Bytes bad;
        append_be(bad, length);
        asio::write(socket, asio::buffer(hello(2, "127.0.0.1:9") + frame("good") + bad));
        EXPECT_TRUE(closed_by_peer(socket)) << length;
    }
    EXPECT_EQ(servers_[1]->heard.size(), 3U);
    tcp::socket largest = connect_to(1);
    const Bytes body(limits::kElectionFrameMax, 'x');
    largest.non_blocking(false);
    std::size_t sent = 0;
    const Bytes all = hello(2, "127.0.0.1:9") + frame(body);
    largest.non_blocking(true);
    EXPECT_TRUE(run_until([&] {
        boost::system::error_code error;
        if (sent < all.size()) sent += largest.write_some(asio::buffer(all) + sent, error);
        return heard(*servers_[1], 2, body);
    }));
}

TEST_F(ElectionLinksTest, NewConnectionOfALargerSidReplacesTheOlder) {
    start(1);
    tcp::socket first = connect_to(1);
    asio::write(first, asio::buffer(hello(2, "127.0.0.1:9") + frame("first")));
    ASSERT_TRUE(run_until([&] { return heard(*servers_[1], 2, "first"); }));
    servers_[1]->links->notify(ServerId(2), "vote");
    ASSERT_TRUE(receives(first, frame("vote")));
    tcp::socket second = connect_to(1);
    asio::write(second, asio::buffer(hello(2, "127.0.0.1:9")));
    EXPECT_TRUE(receives(second, frame("vote")));
    EXPECT_TRUE(closed_by_peer(first));
}

TEST_F(ElectionLinksTest, GreetsInOneWriteWithItsOwnAddress) {
    tcp::acceptor acceptor(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), ports_[1]));
    start(2);
    servers_[2]->links->notify(ServerId(1), "body");
    std::optional<tcp::socket> accepted;
    acceptor.async_accept([&](boost::system::error_code error, tcp::socket socket) {
        if (!error) accepted = std::move(socket);
    });
    ASSERT_TRUE(run_until([&] { return accepted.has_value(); }));
    EXPECT_TRUE(
        receives(*accepted, hello(2, "127.0.0.1:" + std::to_string(ports_[2])) + frame("body")));
}

TEST_F(ElectionLinksTest, StrangersAreHeardAndCalledBackAtTheirAddress) {
    start(3);
    tcp::acceptor acceptor(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), ports_[9]));
    // A larger stranger keeps its connection.
    tcp::socket larger = connect_to(3);
    asio::write(larger, asio::buffer(hello(9, "0.0.0.0:1") + frame("who leads?")));
    ASSERT_TRUE(run_until([&] { return heard(*servers_[3], 9, "who leads?"); }));
    servers_[3]->links->notify(ServerId(9), "nobody");
    EXPECT_TRUE(receives(larger, frame("nobody")));
    // A smaller one (0 is no member) is dialled where it says it listens.
    tcp::socket smaller = connect_to(3);
    asio::write(smaller, asio::buffer(hello(0, "127.0.0.1:" + std::to_string(ports_[9]))));
    std::optional<tcp::socket> accepted;
    acceptor.async_accept([&](boost::system::error_code error, tcp::socket socket) {
        if (!error) accepted = std::move(socket);
    });
    EXPECT_TRUE(run_until([&] { return accepted.has_value(); }));
    EXPECT_TRUE(closed_by_peer(smaller));
}

// The members' own address is 127.0.0.1; what comes from 127.0.0.5 to 127.0.0.1 claims only.
TEST_F(ElectionLinksTest, AnImpostorIsHeardButDoesNotReplaceTheMember) {
    start(1, [](ElectionLinkSettings& settings) { settings.listen_on_all_addresses = true; });
    const auto from_elsewhere = [&] {
        tcp::socket socket(io_);
        socket.open(tcp::v4());
        socket.bind({asio::ip::make_address("127.0.0.5"), 0});
        run_for(30ms);
        socket.connect({asio::ip::make_address("127.0.0.1"), ports_[1]});
        return socket;
    };
    tcp::socket alone = from_elsewhere();
    asio::write(alone, asio::buffer(hello(2, "127.0.0.1:9") + frame("nobody else is there")));
    ASSERT_TRUE(run_until([&] { return heard(*servers_[1], 2, "nobody else is there"); }));
    EXPECT_EQ(servers_[1]->origins.back(), election::Origin::foreign);
    tcp::socket member = connect_to(1);
    asio::write(member, asio::buffer(hello(2, "127.0.0.1:9") + frame("the member")));
    ASSERT_TRUE(run_until([&] { return heard(*servers_[1], 2, "the member"); }));
    EXPECT_EQ(servers_[1]->origins.back(), election::Origin::own);
    EXPECT_TRUE(closed_by_peer(alone));
    tcp::socket impostor = from_elsewhere();
    asio::write(impostor, asio::buffer(hello(2, "127.0.0.1:9") + frame("it is me")));
    EXPECT_TRUE(closed_by_peer(impostor));
    asio::write(member, asio::buffer(frame("still here")));
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "still here"); }));
    EXPECT_FALSE(heard(*servers_[1], 2, "it is me"));
}

TEST_F(ElectionLinksTest, AServerThatComesUpIsReachedWithoutANewMessage) {
    start(2);
    servers_[2]->links->notify(ServerId(1), "said once");
    run_for(600ms);
    start(1);
    EXPECT_TRUE(run_until([&] { return heard(*servers_[1], 2, "said once"); }, 5s));
}

TEST_F(ElectionLinksTest, ACrowdOfStrangersMakesRoomForTheNext) {
    start(1);
    std::vector<tcp::socket> strangers;
    for (int sid = 100; sid < 140; ++sid) {
        strangers.push_back(connect_to(1));
        asio::write(strangers.back(), asio::buffer(hello(sid, "127.0.0.1:9") + frame("hello")));
        ASSERT_TRUE(run_until([&] { return heard(*servers_[1], sid, "hello"); })) << sid;
    }
    EXPECT_TRUE(closed_by_peer(strangers.front()));
}

TEST_F(ElectionLinksTest, TellsWhenThePortIsTaken) {
    tcp::acceptor taken(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), ports_[1]));
    start(1, [](ElectionLinkSettings& settings) { settings.bind_retries = 1; });
    ASSERT_TRUE(run_until([&] { return !servers_[1]->failures.empty(); }));
    EXPECT_NE(servers_[1]->failures[0].find("election port 127.0.0.1:"), std::string::npos);
}

TEST_F(ElectionLinksTest, WaitsForAPortThatIsFreedLater) {
    auto taken = std::make_unique<tcp::acceptor>(
        io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), ports_[1]));
    start(1);
    run_for(50ms);
    taken.reset();
    start(2);
    EXPECT_TRUE(run_until([&] {
        servers_[2]->links->notify(ServerId(1), "at last");
        return heard(*servers_[1], 2, "at last");
    }));
    EXPECT_TRUE(servers_[1]->failures.empty());
}

TEST_F(ElectionLinksTest, ResolvesNamesAndListensOnAllAddresses) {
    host_ = "localhost";
    const auto by_name = [](ElectionLinkSettings& settings) {
        settings.listen_on_all_addresses = true;
    };
    start(1, by_name);
    start(2, by_name);
    servers_[1]->links->notify(ServerId(2), "by name");
    EXPECT_TRUE(run_until([&] { return heard(*servers_[2], 1, "by name"); }));
}

TEST_F(ElectionLinksTest, CloseEndsEverythingInTheMiddle) {
    for (const int sid : {1, 2, 3}) start(sid);
    for (const int to : {1, 2}) servers_[3]->links->notify(ServerId(to), "x");
    tcp::socket silent = connect_to(3);
    run_for(20ms);
    servers_[3]->links->close();
    EXPECT_TRUE(closed_by_peer(silent));
    servers_[3]->links->notify(ServerId(1), "after close");
    run_for(20ms);
    servers_.clear();
    io_.restart();
    // Nothing is left that would keep the loop alive.
    EXPECT_TRUE(run_until([&] {
        io_.restart();
        return io_.poll() == 0;
    }));
}

}  // namespace
}  // namespace zk::net
