// The client with a session of its own life: against Apache's server, through a door that the test shuts, and against
// listeners that misbehave.
#include "client/session.h"

#include <algorithm>
#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apache_server.h"
#include "asio_impl/await.h"
#include "jute/frame.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio_impl::kAwait;
using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;

Bytes handshake_answer(std::int32_t timeout_ms) {
    jute::ConnectResponse response;
    response.timeout_ms = timeout_ms;
    response.session = SessionId(timeout_ms == 0 ? 0 : 0x77);
    response.password = Bytes(16, timeout_ms == 0 ? '\0' : 'p');
    Bytes frame;
    jute::append_frame(frame, jute::encode(response) + Bytes(1, '\0'));
    return frame;
}

/// Takes one session, waits for two requests, and then sends these frames in one.
asio::awaitable<void> answer_two(tcp::acceptor& acceptor, std::vector<Bytes> frames_out) {
    auto [failed, socket] = co_await acceptor.async_accept(kAwait);
    Bytes bytes(4 + 45, '\0');
    auto [cut, size] = co_await asio::async_read(socket, asio::buffer(bytes), kAwait);
    if (failed || cut) co_return;
    Bytes out = handshake_answer(60'000);
    auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(out), kAwait);
    for (int frames = 0; frames < 2 && !lost; ++frames) {
        bytes.assign(4, '\0');
        auto [ended, word] = co_await asio::async_read(socket, asio::buffer(bytes), kAwait);
        if (ended) co_return;
        bytes.assign(static_cast<std::size_t>(load_be<std::int32_t>(bytes.data())), '\0');
        auto [broken, body] = co_await asio::async_read(socket, asio::buffer(bytes), kAwait);
        if (broken) co_return;
    }
    out.clear();
    for (const Bytes& frame : frames_out) jute::append_frame(out, frame);
    auto [gone, told] = co_await asio::async_write(socket, asio::buffer(out), kAwait);
    // Until the other side ends it.
    bytes.assign(1, '\0');
    if (!gone) co_await asio::async_read(socket, asio::buffer(bytes), kAwait);
}

/// Passes bytes on to a server, until it is shut; a moment later it may be open again.
class Door {
  public:
    Door(asio::io_context& loop, std::uint16_t behind)
        : behind_(asio::ip::address_v4::loopback(), behind),
          acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        auto work = [this]() -> asio::awaitable<void> { co_await accept(); };
        asio::co_spawn(loop, std::move(work), asio::detached);
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    /// Ends what is open, and from now on whatever comes, or not any more.
    void shut(bool is_shut) {
        shut_ = is_shut;
        boost::system::error_code ignored;
        for (auto& socket : sockets_) socket->close(ignored);
        sockets_.clear();
    }
    int taken = 0;

  private:
    asio::awaitable<void> accept() {
        for (;;) {
            auto [failed, in] = co_await acceptor_.async_accept(kAwait);
            if (failed) co_return;
            if (shut_) continue;
            ++taken;
            const auto client = std::make_shared<tcp::socket>(std::move(in));
            const auto server = std::make_shared<tcp::socket>(acceptor_.get_executor());
            auto [refused] = co_await server->async_connect(behind_, kAwait);
            if (refused) continue;
            sockets_.push_back(client);
            sockets_.push_back(server);
            pass(client, server);
            pass(server, client);
        }
    }
    void pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
        auto work = [from, to]() -> asio::awaitable<void> {
            std::array<char, 4096> bytes{};
            for (;;) {
                auto [failed, size] = co_await from->async_read_some(asio::buffer(bytes), kAwait);
                if (failed) break;
                auto [lost, sent] =
                    co_await asio::async_write(*to, asio::buffer(bytes, size), kAwait);
                if (lost) break;
            }
            boost::system::error_code ignored;
            to->close(ignored);
        };
        asio::co_spawn(acceptor_.get_executor(), std::move(work), asio::detached);
    }

    tcp::endpoint behind_;
    tcp::acceptor acceptor_;
    std::list<std::shared_ptr<tcp::socket>> sockets_;
    bool shut_ = false;
};

/// A server that answers handshakes, each with the next of some answers, and says nothing else.
class Mute {
  public:
    struct Answer {
        std::int32_t timeout_ms = 0;  ///< 0: the session is over
        bool ends = false;            ///< the connection, at once
    };
    Mute(asio::io_context& loop, std::vector<Answer> answers)
        : answers_(std::move(answers)),
          acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        auto work = [this]() -> asio::awaitable<void> { co_await serve(); };
        asio::co_spawn(loop, std::move(work), asio::detached);
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::vector<jute::ConnectRequest> asked;

  private:
    asio::awaitable<void> serve() {
        for (const Answer& answer : answers_) {
            auto [failed, socket] = co_await acceptor_.async_accept(kAwait);
            if (failed) co_return;
            Bytes request(4 + 45, '\0');
            auto [cut, size] = co_await asio::async_read(socket, asio::buffer(request), kAwait);
            if (cut) continue;
            asked.push_back(*jute::decode<jute::ConnectRequest>(request.substr(4)));
            const Bytes frame = handshake_answer(answer.timeout_ms);
            auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(frame), kAwait);
            if (!lost && !answer.ends) open_.push_back(std::move(socket));
        }
    }

    std::vector<Answer> answers_;
    tcp::acceptor acceptor_;
    std::list<tcp::socket> open_;
};

class SessionAlone : public testing::Test {
  protected:
    void TearDown() override {
        session_.reset();
        loop_.restart();
        loop_.run_for(milliseconds(50));
    }
    template <class T>
    T run(asio::awaitable<T> work) {
        std::optional<T> result;
        auto done = [&result](std::exception_ptr, T value) { result.emplace(std::move(value)); };
        asio::co_spawn(loop_, std::move(work), std::move(done));
        loop_.restart();
        while (!result) loop_.run_one();
        return *std::move(result);
    }
    void run(asio::awaitable<void> work) {
        bool over = false;
        auto done = [&over](std::exception_ptr) { over = true; };
        asio::co_spawn(loop_, std::move(work), std::move(done));
        loop_.restart();
        while (!over) loop_.run_one();
    }
    void run_until(const std::function<bool()>& met) {
        loop_.restart();
        // Shorter than a request may take: what waits for one that is never answered has not met it.
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(90);
        while (!met() && std::chrono::steady_clock::now() < end)
            loop_.run_one_for(milliseconds(100));
        ASSERT_TRUE(met());
    }
    Session& open(std::vector<std::uint16_t> ports, const std::string& chroot = "") {
        SessionOptions options;
        for (const auto port : ports) options.where.servers.push_back({"127.0.0.1", port});
        options.where.chroot = chroot;
        options.session_timeout = milliseconds(10000);
        options.pause = milliseconds(20);
        options.in_order = true;
        session_ =
            std::make_unique<Session>(loop_.get_executor(), options, [this](const Event& event) {
                const auto name = event.kind == jute::EventKind::none ? jute::to_string(event.state)
                                                                      : jute::to_string(event.kind);
                events_.push_back(std::string(name) + event.path);
            });
        session_->start();
        return *session_;
    }
    NewNode node(const std::string& path, CreateMode mode = CreateMode::persistent) {
        NewNode made;
        made.path = path;
        made.data = Bytes("data");
        made.acl = open_acl();
        made.mode = mode;
        return made;
    }
    bool made(const std::string& path) {
        const auto answer = run(session_->create(node(path)));
        return answer.has_value() && answer->ok();
    }

    asio::io_context loop_;
    std::unique_ptr<Session> session_;
    std::vector<std::string> events_;
};

class SessionWithApache : public SessionAlone {
  protected:
    void SetUp() override {
        server_ = ApacheServer::shared();
        if (server_ == nullptr) GTEST_SKIP() << "Java or Apache's server is missing";
    }
    ApacheServer* server_ = nullptr;
};

TEST_F(SessionAlone, AnExpiredSessionIsOver) {
    Mute server(loop_, {{10'000, true}, {0, false}});
    Session& session = open({server.port()});
    run_until([&] { return session.state() == SessionState::closed; });
    ASSERT_EQ(server.asked.size(), 2U);
    EXPECT_EQ(server.asked[1].session, SessionId(0x77));
    EXPECT_EQ(server.asked[1].password, Bytes(16, 'p'));
    EXPECT_THAT(events_, ElementsAre("SyncConnected", "Disconnected", "Expired"));
    const auto late = run(session.exists("/"));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, make_error_code(Errc::refused));
}

class OrderOfAnswers : public SessionAlone {
  protected:
    /// Sends two requests at once and answers them so; whether the first one was answered.
    bool answered(std::vector<Bytes> answers, bool second_is_auth) {
        tcp::acceptor acceptor(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        auto serve = [&acceptor, answers]() -> asio::awaitable<void> {
            co_await answer_two(acceptor, answers);
        };
        asio::co_spawn(loop_, std::move(serve), asio::detached);
        Session& session = open({acceptor.local_endpoint().port()});
        EXPECT_TRUE(run(session.ready()).has_value());
        std::optional<bool> first;
        asio::co_spawn(loop_,
                       session.exists("/first", Watch::yes),
                       [&first](std::exception_ptr, Result<Reply<jute::Stat>> answer) {
                           first = answer.has_value() && answer->error == ErrorCode::no_node;
                       });
        const bool second = second_is_auth ? run(session.add_auth("digest", "u:p")).has_value()
                                           : run(session.sync("/")).has_value();
        run_until([&] { return first.has_value(); });
        session_.reset();
        return *first && second;
    }
    static Bytes reply(std::int32_t xid, ErrorCode error = ErrorCode::ok) {
        jute::ReplyHeader header;
        header.xid = Xid(xid);
        header.error = error;
        return jute::encode(header);
    }
    static Bytes created(const std::string& path) {
        jute::WatcherEvent event;
        event.type = EventType::node_created;
        event.path = path;
        return reply(xids::kNotification) + jute::encode(event);
    }
};

TEST_F(OrderOfAnswers, AnAnswerToAuthMayComeFirst) {
    EXPECT_TRUE(answered({reply(1, ErrorCode::no_node), reply(xids::kAuth)}, true));
    EXPECT_TRUE(answered({reply(xids::kAuth), reply(1, ErrorCode::no_node)}, true));
}

TEST_F(OrderOfAnswers, OthersMayNot) {
    EXPECT_TRUE(answered({reply(1, ErrorCode::no_node), reply(2)}, false));
    EXPECT_FALSE(answered({reply(2), reply(1, ErrorCode::no_node)}, false));
}

TEST_F(OrderOfAnswers, AnEventMayComeRightBehindTheReadThatSetItsWatch) {
    EXPECT_TRUE(answered({reply(1, ErrorCode::no_node), created("/first"), reply(2)}, false));
    EXPECT_THAT(events_, Contains("NodeCreated/first"));
}

TEST_F(SessionAlone, LeavesAServerThatDoesNotAnswerPings) {
    Mute silent(loop_, {{300, false}});
    Mute next(loop_, {{60'000, false}});
    Session& session = open({silent.port(), next.port()});
    run_until([&] {
        return session.server().port == next.port() && session.state() == SessionState::connected;
    });
    EXPECT_EQ(next.asked.at(0).session, SessionId(0x77));
    EXPECT_THAT(events_, ElementsAre("SyncConnected", "Disconnected", "SyncConnected"));
}

TEST_F(SessionWithApache, PathsAreBelowTheChroot) {
    open({server_->port()});
    ASSERT_TRUE(made("/root-of-it"));
    Session& session = open({server_->port()}, "/root-of-it");
    const auto made_one = run(session.create(node("/s-", CreateMode::ephemeral_sequential)));
    ASSERT_TRUE(made_one.has_value() && made_one->ok());
    EXPECT_EQ(made_one->value, "/s-0000000000");
    EXPECT_THAT(run(session.get_children("/"))->value.children, ElementsAre("s-0000000000"));
    EXPECT_THAT(run(session.get_ephemerals("/"))->value, ElementsAre("/s-0000000000"));
    EXPECT_EQ(run(session.get_all_children_number("/"))->value, 1);
    ASSERT_TRUE(run(session.get_data("/s-0000000000", Watch::yes))->ok());
    ASSERT_TRUE(run(session.set_data("/s-0000000000", Bytes("x"), 0))->ok());
    EXPECT_THAT(events_,
                ElementsAre("SyncConnected", "SyncConnected", "NodeDataChanged/s-0000000000"));
}

TEST_F(SessionWithApache, AclsAndIdentities) {
    Session& session = open({server_->port()});
    ASSERT_TRUE(made("/acl"));
    ASSERT_TRUE(run(session.add_auth("digest", "u:p"))->ok());
    const auto who = run(session.who_am_i());
    ASSERT_TRUE(who.has_value() && who->ok());
    EXPECT_TRUE(std::any_of(who->value.begin(), who->value.end(), [](const auto& one) {
        return one.scheme == "digest" && one.user == "u";
    }));
    jute::Acl mine;
    mine.perms = perms::kAll;
    mine.id.scheme = "auth";
    ASSERT_TRUE(run(session.set_acl("/acl", {mine}, 0))->ok());
    const auto acl = run(session.get_acl("/acl"));
    ASSERT_TRUE(acl.has_value() && acl->ok());
    ASSERT_EQ(acl->value.acl.size(), 1U);
    EXPECT_EQ(acl->value.acl[0].id.scheme, "digest");
    EXPECT_EQ(acl->value.stat.aversion, 1);
    EXPECT_EQ(run(session.set_acl("/acl", {mine}, 0))->error, ErrorCode::bad_version);

    // Another session is nobody.
    open({server_->port()});
    EXPECT_EQ(run(session_->get_data("/acl"))->error, ErrorCode::no_auth);
    // Somebody whom the server does not take ends the session.
    const auto bad = run(session_->add_auth("bogus", "x"));
    ASSERT_TRUE(bad.has_value());
    EXPECT_EQ(bad->error, ErrorCode::auth_failed);
    EXPECT_EQ(session_->state(), SessionState::auth_failed);
    EXPECT_FALSE(run(session_->get_data("/acl")).has_value());
}

TEST_F(SessionWithApache, RemovesAllOrNothing) {
    Session& session = open({server_->port()});
    ASSERT_TRUE(made("/m") && made("/m/a") && made("/m/b"));
    const auto failed = run(session.remove_all({"/m/a", "/m", "/m/b"}));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->error, ErrorCode::not_empty);
    EXPECT_EQ(failed->value, 1U);
    EXPECT_TRUE(run(session.exists("/m/a"))->ok());
    EXPECT_TRUE(run(session.remove_all({"/m/a", "/m/b", "/m"}))->ok());
    EXPECT_EQ(run(session.exists("/m"))->error, ErrorCode::no_node);
}

TEST_F(SessionWithApache, WatchesAreToldAndRemoved) {
    Session& session = open({server_->port()});
    EXPECT_EQ(run(session.exists("/w", Watch::yes))->error, ErrorCode::no_node);
    ASSERT_TRUE(made("/w"));
    ASSERT_TRUE(run(session.add_watch("/w", AddWatchMode::persistent_recursive))->ok());
    ASSERT_TRUE(made("/w/x"));
    ASSERT_TRUE(run(session.get_children("/w", Watch::yes))->ok());
    EXPECT_EQ(run(session.remove_watches("/w", WatcherType::data, false))->error,
              ErrorCode::no_watcher);
    EXPECT_TRUE(run(session.remove_watches("/w", WatcherType::any, false))->ok());
    ASSERT_TRUE(made("/w/y"));
    EXPECT_THAT(events_,
                ElementsAre("SyncConnected",
                            "NodeCreated/w",
                            "NodeCreated/w/x",
                            "ChildWatchRemoved/w",
                            "PersistentWatchRemoved/w"));
}

TEST_F(SessionWithApache, GoesOnWithItsSessionWatchesAndIdentities) {
    Door first(loop_, server_->port());
    Door second(loop_, server_->port());
    Session& session = open({first.port(), second.port()});
    ASSERT_TRUE(run(session.add_auth("digest", "u:p"))->ok());
    const auto kept = run(session.create(node("/kept", CreateMode::ephemeral)));
    ASSERT_TRUE(kept.has_value() && kept->ok());
    ASSERT_TRUE(made("/seen"));
    ASSERT_TRUE(run(session.get_data("/seen", Watch::yes))->ok());
    ASSERT_TRUE(run(session.add_watch("/lasting", AddWatchMode::persistent))->ok());
    const SessionId id = session.id();
    EXPECT_EQ(session.server().port, first.port());

    first.shut(true);
    run_until([&] { return session.state() == SessionState::connecting; });
    run_until([&] { return session.state() == SessionState::connected; });
    EXPECT_EQ(session.server().port, second.port());
    EXPECT_EQ(session.id(), id);
    EXPECT_EQ(run(session.exists("/kept"))->value.ephemeral_owner, id.value());
    EXPECT_EQ(run(session.who_am_i())->value.size(), 2U);
    ASSERT_TRUE(run(session.set_data("/seen", Bytes("new"), -1))->ok());
    ASSERT_TRUE(made("/lasting"));
    EXPECT_THAT(events_,
                ElementsAre("SyncConnected",
                            "Disconnected",
                            "SyncConnected",
                            "NodeDataChanged/seen",
                            "NodeCreated/lasting"));
}

TEST_F(SessionWithApache, WhatHappenedMeanwhileIsToldAfterwards) {
    Door door(loop_, server_->port());
    Session& session = open({door.port()});
    ASSERT_TRUE(made("/meanwhile"));
    ASSERT_TRUE(run(session.get_data("/meanwhile", Watch::yes))->ok());
    door.shut(true);
    run_until([&] { return session.state() == SessionState::connecting; });
    // All servers were tried in vain: that is an answer.
    const auto lost = run(session.exists("/meanwhile"));
    ASSERT_FALSE(lost.has_value());
    EXPECT_EQ(lost.error().code, make_error_code(Errc::closed));

    SessionOptions other;
    other.where.servers.push_back({"127.0.0.1", server_->port()});
    Session writer(loop_.get_executor(), other, {});
    writer.start();
    ASSERT_TRUE(run(writer.set_data("/meanwhile", Bytes("new"), -1))->ok());
    door.shut(false);
    run_until([&] { return session.state() == SessionState::connected; });
    EXPECT_THAT(
        events_,
        ElementsAre("SyncConnected", "Disconnected", "NodeDataChanged/meanwhile", "SyncConnected"));
}

TEST_F(SessionAlone, WaitsForAServerNoLongerThanAsked) {
    Session& session = open({free_port(), free_port()});
    const auto at_once = run(session.exists("/"));
    ASSERT_FALSE(at_once.has_value());
    EXPECT_EQ(at_once.error().code, make_error_code(Errc::closed));
    const auto later = run(session.ready_within(milliseconds(100)));
    ASSERT_FALSE(later.has_value());
    EXPECT_EQ(later.error().code, make_error_code(Errc::timeout));
    run(session.close());
    EXPECT_EQ(session.state(), SessionState::closed);
    EXPECT_FALSE(run(session.ready()).has_value());
    EXPECT_THAT(events_, ElementsAre("Closed"));
}

}  // namespace
}  // namespace zk::client
