// Containers and TTL nodes that are left over go: not too early, not too fast, and only where txns are made.
#include "core/container_sweep.h"

#include <gtest/gtest.h>

#include "jute/txn.h"
#include "one_server.h"

namespace zk::core {
namespace {

using std::chrono::milliseconds;
using Strings = std::vector<std::string>;
constexpr SweepSettings kStandard{};
constexpr Duration kInterval = kStandard.interval;
constexpr Duration kJustBefore = kInterval - milliseconds(100);

/// A tree in the state that a sweep finds.
class Sweep : public ::testing::Test {
  protected:
    void apply(OpCode type, jute::TxnBody body, WallMs time = WallMs(1000)) {
        tree.apply({{SessionId(1), Xid(1), Zxid(++zxid), time, type}, std::move(body), {}});
    }
    void container(const std::string& path) {
        apply(OpCode::create_container,
              jute::CreateContainerTxn{path, Bytes(), tree::open_acl_list(), -1});
    }
    void ttl_node(const std::string& path, std::int64_t ttl_ms) {
        apply(OpCode::create_ttl,
              jute::CreateTtlTxn{path, Bytes(), tree::open_acl_list(), -1, ttl_ms});
    }
    void child(const std::string& path) {
        apply(OpCode::create, jute::CreateTxn{path, Bytes(), tree::open_acl_list(), false, -1});
    }
    void remove(const std::string& path) { apply(OpCode::remove, jute::DeleteTxn{path}); }
    /// A container that has had a child.
    void used(const std::string& path) {
        container(path);
        child(path + "/x");
        remove(path + "/x");
    }
    Strings due(WallMs wall = WallMs(1000)) { return sweep.due(tree, wall, now); }

    tree::DataTree tree;
    std::int64_t zxid = 0;
    Instant now{std::chrono::seconds(1000)};
    ContainerSweep sweep;
};

TEST_F(Sweep, TakesContainersThatHaveHadChildren) {
    container("/never-used");
    used("/used");
    used("/used-again");
    child("/used-again/y");
    child("/plain");
    child("/plain/x");
    remove("/plain/x");
    sweep.begin(now);
    EXPECT_TRUE(due().empty());
    now += kJustBefore;
    EXPECT_TRUE(due().empty());
    now += milliseconds(200);
    EXPECT_EQ(due(), (Strings{"/used"}));
    now += milliseconds(200);
    EXPECT_TRUE(due().empty()) << "it is there still, but this sweep has seen it";
    now += kJustBefore;
    EXPECT_EQ(due(), (Strings{"/used"})) << "it may have failed the first time";
}

TEST_F(Sweep, TakesTtlNodesThatHaveNotBeenSetForLonger) {
    ttl_node("/short", 50);
    ttl_node("/long", 51);
    ttl_node("/set-later", 50);
    ttl_node("/parent", 50);
    child("/parent/x");
    apply(OpCode::set_data, jute::SetDataTxn{"/set-later", Bytes(), 1}, WallMs(1010));
    sweep.begin(now);
    now += kInterval;
    EXPECT_TRUE(due(WallMs(1050)).empty()) << "longer than, not as long as";
    now += kInterval;
    EXPECT_EQ(due(WallMs(1051)), (Strings{"/short"}));
    now += kInterval;
    EXPECT_EQ(due(WallMs(1061)), (Strings{"/long", "/set-later", "/short"}));
    now += kInterval;
    EXPECT_TRUE(due(WallMs(5)).empty()) << "a clock that went back";
    remove("/parent/x");
    now += kInterval;
    EXPECT_EQ(due(WallMs(9999)).size(), 4U);
}

TEST_F(Sweep, TakesNoMoreThanItsShareOfATime) {
    constexpr int kNodes = 300;
    for (int i = 0; i < kNodes; ++i) used("/" + std::to_string(1000 + i));
    sweep.begin(now);
    now += kInterval;
    Strings all;
    int calls = 0;
    while (all.size() < kNodes && calls < 10'000) {
        const Strings some = due();
        EXPECT_LE(some.size(), 17U) << "not even after a gap";
        for (const std::string& path : some) remove(path);
        all.insert(all.end(), some.begin(), some.end());
        now += calls % 10 == 0 ? milliseconds(500) : milliseconds(20);
        ++calls;
    }
    ASSERT_EQ(all.size(), std::size_t{kNodes});
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    // 6 ms each: three or four in 20 ms, sixteen or seventeen after a gap.
    EXPECT_GE(calls, 300 / 17);
    EXPECT_LE(calls, 300 / 3);
}

TEST_F(Sweep, GoesByItsSettings) {
    sweep = ContainerSweep({.interval = milliseconds(500), .removals_per_minute = 600});
    used("/a");
    used("/b");
    sweep.begin(now);
    now += milliseconds(499);
    EXPECT_TRUE(due().empty());
    now += milliseconds(1);
    EXPECT_EQ(due(), (Strings{"/a", "/b"})) << "100 ms each, and as much may be made up for";
    now += milliseconds(50);
    EXPECT_TRUE(due().empty());
    now += milliseconds(100);
    EXPECT_TRUE(due().empty());
    now += milliseconds(350);
    EXPECT_EQ(due(), (Strings{"/a", "/b"}));
}

TEST_F(Sweep, LooksAtAFewNodesOnlyInOneCall) {
    constexpr int kNodes = 3 * ContainerSweep::kLookedAtMax;
    for (int i = 0; i < kNodes; ++i) container("/" + std::to_string(100'000 + i));
    used("/z");
    sweep.begin(now);
    now += kInterval;
    EXPECT_TRUE(due().empty());
    remove("/100999");
    EXPECT_TRUE(due().empty());
    EXPECT_TRUE(due().empty());
    EXPECT_EQ(due(), (Strings{"/z"}));
}

class LeftOverAt : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ALeaderOrAServerAlone, LeftOverAt, ::testing::Bool());

TEST_P(LeftOverAt, IsRemovedInATxnOfItsOwn) {
    Settings settings = settings_of({1});
    settings.standalone = GetParam();
    settings.extended_types = prep::ExtendedTypes::on;
    OneServer leader(settings);
    const SessionId session = leader.open();
    EXPECT_EQ(leader.ask(session, OpCode::create_container, create("/c")).error, ErrorCode::ok);
    EXPECT_EQ(leader.ask(session, OpCode::create_container, create("/empty")).error, ErrorCode::ok);
    leader.ask(session, OpCode::create, create("/c/x"));
    leader.ask(session, OpCode::remove, jute::encode(jute::DeleteRequest{"/c/x"}));
    const Bytes ttl = create("/t", CreateMode::persistent_with_ttl) + jute::encode(std::int64_t{5});
    EXPECT_EQ(leader.ask(session, OpCode::create_ttl, ttl).error, ErrorCode::ok);
    EXPECT_EQ(leader.core().tree().stat_of(*leader.core().tree().find("/t")).ephemeral_owner, 0);
    leader.set_wall(WallMs(100));
    const Zxid before = leader.core().tree().last_zxid();
    const auto keep_alive = [&](Duration time) {
        for (Duration passed{}; passed < time; passed += milliseconds(1000)) {
            leader.step(request::ToCore(request::TouchSession{session}));
            leader.wait(milliseconds(1000));
        }
    };
    keep_alive(milliseconds(58'000));
    EXPECT_TRUE(leader.has("/c"));
    keep_alive(milliseconds(4000));
    EXPECT_FALSE(leader.has("/c"));
    EXPECT_FALSE(leader.has("/t"));
    EXPECT_TRUE(leader.has("/empty"));
    EXPECT_EQ(leader.core().tree().last_zxid(), Zxid(before.value() + 2));
    keep_alive(milliseconds(62'000));
    EXPECT_EQ(leader.core().tree().last_zxid(), Zxid(before.value() + 2)) << "no txn for nothing";
}

// Whoever asks for it as a client, also through a learner, has no right to.
TEST(LeftOver, IsRemovedForNoClient) {
    constexpr int kLearnerSid = 9;
    OneServer leader;
    leader.learner_joins(kLearnerSid);
    const SessionId session = leader.open();
    leader.ask(session, OpCode::create_container, create("/c"));
    leader.ask(session, OpCode::create, create("/c/x"));
    leader.ask(session, OpCode::remove, jute::encode(jute::DeleteRequest{"/c/x"}));
    for (const Bytes& body : {Bytes("/c"), jute::encode(Bytes("/c"))}) {
        EXPECT_EQ(leader.ask(session, OpCode::delete_container, body).error,
                  ErrorCode::unimplemented);
        leader.session_moves_to_learner(kLearnerSid, session);
        leader.learner_forwards(kLearnerSid, session, OpCode::delete_container, body);
        leader.reattach(session);
    }
    EXPECT_TRUE(leader.has("/c"));
}

TEST(LeftOver, TtlNodesAreRefusedWithoutExtendedTypes) {
    OneServer leader;
    const SessionId session = leader.open();
    const Bytes ttl = create("/t", CreateMode::persistent_with_ttl) + jute::encode(std::int64_t{5});
    EXPECT_EQ(leader.ask(session, OpCode::create_ttl, ttl).error, ErrorCode::unimplemented);
    EXPECT_FALSE(leader.has("/t"));
}

}  // namespace
}  // namespace zk::core
