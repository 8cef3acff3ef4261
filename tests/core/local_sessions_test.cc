// Sessions that one server alone knows, and a server that lets clients read while it finds no leader.
#include <gtest/gtest.h>

#include "base/check.h"
#include "peers.h"

namespace zk::core {
namespace {

constexpr int kOther = 9;  ///< no voter

Settings with(LocalSessionMode mode) {
    Settings settings = settings_of({1});
    settings.local_sessions = mode;
    return settings;
}

Bytes multi_with(CreateMode mode) {
    Bytes body;
    jute::OutputArchive archive(body);
    archive(jute::MultiHeader{.type = OpCode::create, .done = false, .error = ErrorCode(-1)});
    body += create("/in_multi", mode);
    archive(jute::MultiHeader{.type = OpCode::error, .done = true, .error = ErrorCode(-1)});
    return body;
}

SessionId session_of(int sid) { return SessionId(static_cast<std::int64_t>(sid) << 56 | 77); }

TEST(LocalSessions, NeedNoTxn) {
    OneServer server(with(LocalSessionMode::on));
    const Zxid before = server.core().tree().last_zxid();
    const SessionId session = server.open();
    ASSERT_NE(session, SessionId(0));
    EXPECT_EQ(server.core().tree().last_zxid(), before);
    EXPECT_FALSE(server.knows(session)) << "no part of a snapshot";
    EXPECT_EQ(server.core().status().local_session_count, 1U);
    EXPECT_EQ(server.core().status().session_count, 0U);

    EXPECT_EQ(server.ask(session, OpCode::create, create("/a")).error, ErrorCode::ok);
    EXPECT_TRUE(server.has("/a"));
    const Zxid written = server.core().tree().last_zxid();
    EXPECT_EQ(written, before.next());
    const request::Reply closed = server.ask(session, OpCode::close_session);
    EXPECT_EQ(closed.op, OpCode::close_session);
    EXPECT_EQ(closed.zxid, Zxid(0)) << "of no txn";
    EXPECT_EQ(server.core().tree().last_zxid(), written);
    EXPECT_EQ(server.core().status().local_session_count, 0U);
    EXPECT_EQ(server.reattach(session), SessionId(0));
}

TEST(LocalSessions, CloseBehindAllThatWasAsked) {
    OneServer server(with(LocalSessionMode::on));
    const SessionId session = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    server.ask(session, OpCode::create, create("/b"));
    server.ask(session, OpCode::close_session);
    EXPECT_TRUE(server.replies().empty());
    server.release_disk();
    ASSERT_EQ(server.replies().size(), 3U);
    EXPECT_EQ(server.replies()[1].op, OpCode::create);
    EXPECT_EQ(server.replies()[2].op, OpCode::close_session);
    EXPECT_EQ(server.core().status().outstanding, 0U);
}

TEST(LocalSessions, ExpireWhereTheyAre) {
    OneServer server(with(LocalSessionMode::on));
    const SessionId session = server.open();
    server.wait(milliseconds(3000));
    server.step(request::ToCore(request::TouchSession{session}));
    server.wait(milliseconds(3000));
    EXPECT_FALSE(server.told_gone(session));
    const Zxid before = server.core().tree().last_zxid();
    server.wait(milliseconds(4000));
    EXPECT_TRUE(server.told_gone(session));
    EXPECT_EQ(server.core().tree().last_zxid(), before);
    EXPECT_EQ(server.reattach(session), SessionId(0));
}

TEST(LocalSessions, ComeBackToTheirServerOnly) {
    OneServer server(with(LocalSessionMode::on));
    const SessionId session = server.open();
    EXPECT_EQ(server.reattach(session), session);
    EXPECT_EQ(server.reattach(session, Bytes(16, 'x')), SessionId(0));
    EXPECT_EQ(server.reattach(session_of(2)), SessionId(0));
}

TEST(LocalSessions, OwnNothing) {
    OneServer server(with(LocalSessionMode::on));
    const SessionId session = server.open();
    const Zxid before = server.core().tree().last_zxid();
    const Bytes ephemeral = create("/mine", CreateMode::ephemeral);
    for (const OpCode op : {OpCode::create, OpCode::create2}) {
        EXPECT_EQ(server.ask(session, op, ephemeral).error, ErrorCode::ephemeral_on_local_session);
    }
    EXPECT_FALSE(server.has("/mine"));
    EXPECT_EQ(server.core().tree().last_zxid().counter(), before.counter() + 2)
        << "as for any mistake";
    const request::Reply multi =
        server.ask(session, OpCode::multi, multi_with(CreateMode::ephemeral));
    EXPECT_EQ(multi.error, ErrorCode::ok);
    EXPECT_FALSE(server.has("/in_multi"));
    EXPECT_EQ(server.ask(session, OpCode::multi, multi_with(CreateMode::persistent)).error,
              ErrorCode::ok);
    EXPECT_TRUE(server.has("/in_multi"));
    EXPECT_EQ(server.core().status().local_session_count, 1U);
}

TEST(LocalSessions, BecomeKnownToAllWithTheirFirstEphemeral) {
    for (const bool multi : {false, true}) {
        OneServer server(with(LocalSessionMode::upgradable));
        const SessionId session = server.open();
        server.ask(session, OpCode::create, create("/plain"));
        EXPECT_FALSE(server.knows(session));
        const Zxid before = server.core().tree().last_zxid();
        const request::Reply made =
            multi ? server.ask(session, OpCode::multi, multi_with(CreateMode::ephemeral))
                  : server.ask(session,
                               OpCode::create,
                               create("/in_multi", CreateMode::ephemeral_sequential));
        EXPECT_EQ(made.error, ErrorCode::ok);
        EXPECT_EQ(made.zxid.counter(), before.counter() + 2) << "the session first";
        EXPECT_TRUE(server.knows(session));
        EXPECT_EQ(server.core().status().local_session_count, 0U);
        EXPECT_EQ(server.core().status().ephemeral_count, 1U);
        EXPECT_EQ(server.reattach(session), session);
        server.ask(session, OpCode::close_session);
        EXPECT_EQ(server.core().status().ephemeral_count, 0U);
        EXPECT_FALSE(server.knows(session));
    }
}

// A leader cannot tell a local session of another server from one that nobody has.
TEST(LocalSessions, OfOtherServersWriteHere) {
    OneServer leader(with(LocalSessionMode::on));
    leader.learner_joins(kOther);
    leader.learner_forwards(kOther, session_of(9), OpCode::create, create("/theirs"));
    EXPECT_TRUE(leader.has("/theirs"));
    leader.learner_forwards(
        kOther, session_of(9), OpCode::create, create("/owned", CreateMode::ephemeral));
    EXPECT_FALSE(leader.has("/owned"));
    leader.learner_forwards(kOther, session_of(1), OpCode::create, create("/ended_here"));
    EXPECT_FALSE(leader.has("/ended_here"));

    OneServer strict;
    strict.learner_joins(kOther);
    strict.learner_forwards(kOther, session_of(9), OpCode::create, create("/theirs"));
    EXPECT_FALSE(strict.has("/theirs"));
}

class LocalSessionsOfAFollower : public ::testing::Test {
  protected:
    static Settings settings(LocalSessionMode mode) {
        Settings settings = settings_of({1, 2, 3});
        settings.local_sessions = mode;
        return settings;
    }
    static void follow(OneServer& server) {
        server.wait(milliseconds(400));
        begins_to_follow(server, 2, Epoch(1));
        server.from_leader({zab::PacketType::diff, Zxid(0), {}, {}});
        is_up_to_date(server, Epoch(1));
    }
    static std::vector<OpCode> forwarded(const OneServer& server) {
        std::vector<OpCode> ops;
        for (const zab::Packet& packet : server.to_leaders()) {
            if (packet.type != zab::PacketType::request) continue;
            jute::InputArchive archive(*packet.data);
            archive.get<SessionId>();
            archive.get<Xid>();
            ops.push_back(archive.get<OpCode>());
        }
        return ops;
    }
};

TEST_F(LocalSessionsOfAFollower, AreNoMatterOfTheLeader) {
    OneServer server(settings(LocalSessionMode::on));
    follow(server);
    const SessionId session = server.open();
    ASSERT_NE(session, SessionId(0));
    EXPECT_EQ(server.reattach(session), session);
    EXPECT_EQ(server.ask(session, OpCode::close_session).op, OpCode::close_session);
    EXPECT_TRUE(forwarded(server).empty());
}

// The leader has its own word for what a local session may not do.
TEST_F(LocalSessionsOfAFollower, AreToldWhyTheyOwnNothing) {
    OneServer server(settings(LocalSessionMode::on));
    follow(server);
    const SessionId session = server.open();
    request::ClientRequest request =
        server.request_of(session, OpCode::create, create("/mine", CreateMode::ephemeral));
    const Xid xid = request.xid;
    server.ask(std::move(request));
    EXPECT_EQ(forwarded(server), std::vector{OpCode::create});
    jute::Txn refused;
    refused.header = {session, xid, Zxid(Epoch(1), 1), WallMs(1), OpCode::error};
    refused.body = jute::ErrorTxn{ErrorCode::session_expired};
    txn_commits(server, refused);
    ASSERT_EQ(server.replies().size(), 1U);
    EXPECT_EQ(server.replies()[0].error, ErrorCode::ephemeral_on_local_session);
}

TEST_F(LocalSessionsOfAFollower, AreMadeKnownBeforeTheirFirstEphemeral) {
    OneServer server(settings(LocalSessionMode::upgradable));
    follow(server);
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/mine", CreateMode::ephemeral));
    server.ask(session, OpCode::close_session);
    EXPECT_EQ(forwarded(server),
              (std::vector{OpCode::create_session, OpCode::create, OpCode::close_session}));
    EXPECT_EQ(server.answers(), 1) << "its client knows it already";
    txn_commits(server, session_txn(OpCode::create_session, Zxid(Epoch(1), 1), session));
    EXPECT_TRUE(server.knows(session));
    EXPECT_EQ(server.answers(), 1);
}

// Another server has just made it known, and its client came here faster than the txn.
TEST_F(LocalSessionsOfAFollower, ComeHereBeforeTheTxnThatMadeThemKnown) {
    OneServer server(settings(LocalSessionMode::upgradable));
    follow(server);
    const SessionId session = session_of(3);
    EXPECT_FALSE(server.reattach(session)) << "the leader is asked";
    Bytes answer;
    jute::OutputArchive archive(answer);
    archive(session, true);
    server.from_leader({zab::PacketType::revalidate, Zxid(-1), answer, {}});
    EXPECT_EQ(server.opened(), session);
    EXPECT_FALSE(server.knows(session));
    jute::Txn opened = session_txn(OpCode::create_session, Zxid(Epoch(1), 1), session);
    opened.body = jute::CreateSessionTxn{OneServer::kTimeoutMs + 1000};
    txn_commits(server, opened);
    EXPECT_EQ(server.core().session_timeouts().at(session), OneServer::kTimeoutMs)
        << "as its client was told last";

    // And the connection of this server that it was at before is over.
    const std::size_t asked = server.to_leaders().size();
    request::ClientRequest late = server.request_of(session, OpCode::create, create("/late"));
    late.origin = {.loop = 1, .connection = 5};
    server.ask(std::move(late));
    EXPECT_EQ(server.to_leaders().size(), asked);
    server.ask(session, OpCode::create, create("/now"));
    EXPECT_GT(server.to_leaders().size(), asked);
}

class ReadOnly : public LocalSessionsOfAFollower {
  protected:
    static Settings read_only(LocalSessionMode mode = LocalSessionMode::off) {
        Settings own = settings(mode);
        own.read_only_mode = true;
        return own;
    }
};

TEST_F(ReadOnly, BeginsWhenASearchLasts) {
    OneServer server(read_only());
    server.wait(milliseconds(1980));
    EXPECT_FALSE(server.core().status().read_only);
    EXPECT_TRUE(server.servings().empty());
    server.wait(milliseconds(40));
    EXPECT_TRUE(server.core().status().read_only);
    ASSERT_EQ(server.servings().size(), 1U);
    EXPECT_TRUE(server.servings()[0].read_only);
    EXPECT_FALSE(server.core().serving());

    OneServer other(settings(LocalSessionMode::upgradable));
    other.wait(milliseconds(10'000));
    EXPECT_FALSE(other.core().status().read_only);
}

TEST_F(ReadOnly, GivesSessionsOfItsOwn) {
    OneServer server(read_only());
    server.wait(milliseconds(2100));
    const SessionId session = server.open();
    ASSERT_NE(session, SessionId(0));
    EXPECT_EQ(server.reattach(session), session);
    EXPECT_EQ(server.ask(session, OpCode::close_session).op, OpCode::close_session);
    const SessionId second = server.open();
    server.wait(milliseconds(7000));
    EXPECT_TRUE(server.told_gone(second));
}

// Nobody here knows whether a session lives that was opened elsewhere. One of this server's log may have ended since.
TEST_F(ReadOnly, SaysNothingOfSessionsOfTheEnsemble) {
    OneServer server(read_only());
    server.wait(milliseconds(2100));
    EXPECT_EQ(server.reattach(session_of(2)), SessionId(0));
    EXPECT_TRUE(server.told_unknown());
    EXPECT_EQ(server.reattach(session_of(2), Bytes(16, 'x')), SessionId(0));
    EXPECT_FALSE(server.told_unknown()) << "a wrong password is wrong everywhere";
}

TEST_F(ReadOnly, EndsWithTheSearch) {
    for (const LocalSessionMode mode : {LocalSessionMode::off, LocalSessionMode::on}) {
        OneServer server(read_only(mode));
        server.wait(milliseconds(2100));
        const SessionId session = server.open();
        follow(server);
        EXPECT_FALSE(server.core().status().read_only);
        ASSERT_EQ(server.servings().size(), 3U);
        EXPECT_FALSE(server.servings()[1].serving);
        EXPECT_TRUE(server.servings()[2].serving);
        EXPECT_FALSE(server.servings()[2].read_only);
        const auto answer = server.reattach(session);
        if (mode == LocalSessionMode::on) {
            EXPECT_EQ(answer, session);
        } else {
            EXPECT_FALSE(answer) << "that is for the leader to say";
        }
    }
}

// A request of before the search, late: its connection has closed.
TEST_F(ReadOnly, ChangesNothing) {
    OneServer server(read_only());
    server.wait(milliseconds(2100));
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/late"));
    server.ask(session_of(2), OpCode::close_session);
    server.wait(milliseconds(100));
    EXPECT_TRUE(server.replies().empty());
    EXPECT_FALSE(server.has("/late"));
}

}  // namespace
}  // namespace zk::core
