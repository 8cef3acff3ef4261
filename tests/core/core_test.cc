// What one server does with requests, without elections and links in the way.
#include <string>

#include <gtest/gtest.h>

#include "election/notification.h"
#include "one_server.h"

namespace zk::core {
namespace {

/// A multi of that length: it creates nodes for "auth".
Bytes long_multi(std::size_t bytes) {
    Bytes body;
    jute::OutputArchive archive(body);
    for (int i = 0; body.size() < bytes; ++i) {
        archive.write(jute::MultiHeader{
            .type = OpCode::create, .done = false, .error = static_cast<ErrorCode>(-1)});
        archive.write(jute::CreateRequest{"/n" + std::to_string(i),
                                          Bytes(),
                                          {{.perms = perms::kAll, .id = {"auth", ""}}},
                                          CreateMode::persistent});
    }
    archive.write(jute::MultiHeader{
        .type = OpCode::error, .done = true, .error = static_cast<ErrorCode>(-1)});
    return body;
}

// Longer records are damage to whoever reads the log, and end a follower's link again and again.
TEST(Core, RefusesARequestWhoseTxnNoServerCouldRead) {
    OneServer server;
    ASSERT_TRUE(server.core().serving());
    const SessionId session = server.open();
    ASSERT_NE(session, SessionId(0));
    request::ClientRequest request;
    request.session = session;
    request.xid = Xid(1);
    request.op = OpCode::multi;
    request.body = long_multi(1'000'000);
    for (int i = 0; i < 5; ++i) {
        request.auth.push_back({"digest", "user" + std::to_string(i) + ":" + Bytes(28, 'x')});
    }
    request::Reply reply = server.ask(request);
    EXPECT_EQ(reply.xid, Xid(1));
    EXPECT_EQ(reply.error, ErrorCode::marshalling_error);
    EXPECT_LE(server.longest_txn(), static_cast<std::size_t>(storage::kLogPayloadMax));
    EXPECT_EQ(server.core().tree().find("/n0"), nullptr);

    // A fifth of it for one identity is not too long.
    request.auth.resize(1);
    request.xid = Xid(2);
    request.body = long_multi(200'000);
    reply = server.ask(request);
    EXPECT_EQ(reply.xid, Xid(2));
    EXPECT_EQ(reply.error, ErrorCode::ok);
    EXPECT_NE(server.core().tree().find("/n0"), nullptr);
}

// A snapshot written meanwhile must not know a session that may be cut off again.
TEST(Core, ASessionIsPartOfTheStateOnceItsTxnIsApplied) {
    OneServer server;
    server.hold_disk();
    EXPECT_EQ(server.open(), SessionId(0));
    EXPECT_TRUE(server.core().session_timeouts().empty());
    server.release_disk();
    const SessionId session = server.opened();
    EXPECT_NE(session, SessionId(0));
    EXPECT_TRUE(server.core().session_timeouts().contains(session));
}

// Nobody was silent while this process did not run.
TEST(Core, APauseOfTheProcessExpiresNobody) {
    OneServer server;
    const SessionId session = server.open();
    server.wait(std::chrono::milliseconds(1000));
    server.pause(std::chrono::seconds(60));
    EXPECT_TRUE(server.knows(session));
    server.wait(std::chrono::milliseconds(2000));
    EXPECT_TRUE(server.knows(session));
    // The rest, and the tick that a bucket may be late.
    server.wait(std::chrono::milliseconds(4000));
    EXPECT_FALSE(server.knows(session));
}

// The closeSession may be lost with this leader: then the session lives.
TEST(Core, NobodyIsToldOfAnEndBeforeItHasCommitted) {
    OneServer server;
    const SessionId session = server.open();
    server.hold_disk();
    // expired, and its closeSession is on its way to the disk.
    server.wait(std::chrono::milliseconds(7000));
    EXPECT_TRUE(server.knows(session));
    EXPECT_EQ(server.reattach(session), std::nullopt);
    server.release_disk();
    EXPECT_EQ(server.opened(), SessionId(0));
    EXPECT_EQ(server.answers(), 1);
    EXPECT_FALSE(server.knows(session));
    EXPECT_EQ(server.reattach(session), SessionId(0));
}

TEST(Core, ASessionIsGivenBackForItsPasswordOnly) {
    OneServer server;
    const SessionId session = server.open();
    EXPECT_EQ(server.reattach(session, Bytes(16, '\0')), SessionId(0));
    EXPECT_EQ(server.reattach(session, {}), SessionId(0));
    EXPECT_EQ(server.reattach(session), session);
}

TEST(Core, ASyncHasItsPlaceAmongTheWrites) {
    OneServer server;
    request::ClientRequest request;
    request.session = server.open();
    request.xid = Xid(5);
    request.op = OpCode::sync;
    request.body = jute::encode(jute::SyncRequest{"/"});
    const request::Reply reply = server.ask(request);
    EXPECT_EQ(reply.xid, Xid(5));
    EXPECT_EQ(reply.error, ErrorCode::ok);
}

// The log counts it in this server's vote, so the tree must have it too.
TEST(Core, WhenAReignEndsMemoryTakesWhatTheLogHolds) {
    Settings settings = settings_of({1});
    settings.counter_limit = 4;
    OneServer server(settings);
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/committed"));
    server.hold_disk();
    server.ask(session, OpCode::create, create("/proposed"));
    EXPECT_FALSE(server.has("/proposed"));
    server.ask(session, OpCode::create, create("/refused"));  // the counter is used up
    EXPECT_FALSE(server.core().serving());
    EXPECT_TRUE(server.has("/proposed"));
    server.release_disk();
    server.wait(milliseconds(2000));
    EXPECT_TRUE(server.core().serving());
    EXPECT_TRUE(server.has("/committed"));
    EXPECT_TRUE(server.has("/proposed"));
    EXPECT_FALSE(server.has("/refused"));
}

TEST(Core, RequestsThatWaitForRoomAreProposedInTheOrderOfTheirComing) {
    Settings settings = settings_of({1});
    settings.bounds.proposals_max = 1;
    OneServer server(settings);
    const SessionId session = server.open();
    const std::vector<std::string> paths{"/a", "/b", "/c", "/d"};
    server.hold_disk();
    for (const std::string& path : paths) server.ask(session, OpCode::create, create(path));
    EXPECT_EQ(server.core().status().proposals_pending, 1U);
    EXPECT_TRUE(server.replies().empty());
    server.release_disk();
    ASSERT_EQ(server.replies().size(), paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        ASSERT_TRUE(server.has(paths[i]));
        EXPECT_EQ(server.replies()[i].zxid, server.core().tree().find(paths[i])->stat().czxid);
        if (i > 0) {
            EXPECT_GT(server.replies()[i].zxid, server.replies()[i - 1].zxid);
        }
    }
}

// Apache's with reconfigEnabled versions the first configuration, and follows nobody with a lower version then.
TEST(Core, TheVersionOfAConfigurationWithTheSameMembersIsAdopted) {
    OneServer server;
    const auto version = [&] {
        return Bytes(*server.core().tree().find("/zookeeper/config")->data());
    };
    ensemble::EnsembleConfig config;
    config.members[ServerId(1)] = {ServerId(1), "h", 1, 2, ensemble::Role::participant, {}};
    election::Notification notification;
    notification.vote.leader = ServerId(1);
    const auto hear = [&](std::int64_t number) {
        config.version = number;
        notification.config_text = to_string(config);
        server.step(NotificationReceived{ServerId(1), election::encode(notification)});
    };
    EXPECT_NE(version().find("version=0"), Bytes::npos);
    hear(0x7fffffff00000000);  // no epoch is that late
    EXPECT_NE(version().find("version=0"), Bytes::npos);
    hear(0x100000000);
    EXPECT_NE(version().find("version=100000000"), Bytes::npos) << version();
    config.members[ServerId(2)] = {ServerId(2), "h", 3, 4, ensemble::Role::participant, {}};
    hear(0x200000000);  // other members: a reconfiguration
    EXPECT_NE(version().find("version=100000000"), Bytes::npos) << version();
}

}  // namespace
}  // namespace zk::core
