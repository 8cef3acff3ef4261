// The judges at work on hand-made histories: each story is told once as it should be, without a complaint, and once with
// one fault, with the judge's words.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/judge.h"
#include "tree/data_tree.h"

namespace zk::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const jute::AclList kOpen = {{perms::kAll, {"world", "anyone"}}};
const jute::AuthId kAlice{"digest", "alice:x"};
const jute::AclList kOnlyAlice = {{perms::kAll, kAlice}};
constexpr SessionId kA{0xa}, kB{0xb};

Bytes create(const std::string& path,
             CreateMode mode = CreateMode::persistent,
             const jute::AclList& acl = kOpen) {
    return jute::encode(jute::CreateRequest{path, Bytes("v"), acl, mode});
}
Bytes set(const std::string& path, const char* value, std::int32_t version = -1) {
    return jute::encode(jute::SetDataRequest{path, Bytes(value), version});
}
Bytes look(const std::string& path, bool watch = false) {
    return jute::encode(jute::PathWatchRequest{path, watch});
}
Bytes sync() { return jute::encode(jute::SyncRequest{"/"}); }
Bytes remove(const std::string& path) { return jute::encode(jute::DeleteRequest{path, -1}); }
/// Creates "/a" and deletes "/none".
Bytes multi() {
    Bytes body;
    jute::OutputArchive archive(body);
    archive(jute::MultiHeader{OpCode::create, false, ErrorCode::ok});
    archive(jute::CreateRequest{"/a", Bytes("v"), kOpen, CreateMode::persistent});
    archive(jute::MultiHeader{OpCode::remove, false, ErrorCode::ok},
            jute::DeleteRequest{"/none", -1});
    archive(jute::MultiHeader{OpCode::error, true, ErrorCode::ok});
    return body;
}

/// A history and what clients of it see. Every txn takes a millisecond.
class Judges : public ::testing::Test {
  protected:
    Judges()
        : judge_(SessionLimits{}, [this](const std::string& words) { faults_.push_back(words); }) {}

    void pass(std::int64_t ms) { now_ += milliseconds(ms); }

    /// A new session of client `client`; connections have the client's number.
    void open(int client,
              SessionId session,
              std::int32_t timeout_ms = 4000,
              std::vector<jute::AuthId> auth = {}) {
        judge_.connecting(client, number(client), SessionId(), std::move(auth), judge_.committed());
        commit(session, 0, OpCode::create_session, jute::CreateSessionTxn{timeout_ms});
        grant(client, session, timeout_ms);
    }
    void grant(int client, SessionId session, std::int32_t timeout_ms = 4000) {
        judge_.connected(number(client), {0, timeout_ms, session, Bytes(16, 'p')}, now_);
    }
    void reconnect(int client, SessionId session) {
        judge_.closed(number(client));
        judge_.connecting(client, number(client), session, {}, judge_.committed());
        grant(client, session);
    }
    Zxid commit(SessionId session, int xid, OpCode type, jute::TxnBody body) {
        pass(1);
        last_ = Zxid(Epoch(1), last_.counter() + 1);
        const jute::Txn txn{{session, Xid(xid), last_, WallMs(5), type}, std::move(body), {}};
        judge_.on_committed(last_, std::make_shared<const Bytes>(jute::encode_txn(txn)), now_);
        tree_.apply(txn);
        return last_;
    }
    void ask(int client, int xid, OpCode op, Bytes body) {
        judge_.sent(number(client), Xid(xid), op, std::move(body), now_);
    }
    void answer(
        int client, int xid, Zxid zxid, const Bytes& body = {}, ErrorCode error = ErrorCode::ok) {
        judge_.answered(number(client), {Xid(xid), zxid, error}, body, now_);
    }
    /// A create that is asked for, committed and answered as it should be.
    Zxid make(int client,
              SessionId session,
              int xid,
              const std::string& path,
              const jute::AclList& acl = kOpen) {
        ask(client, xid, OpCode::create, create(path, CreateMode::persistent, acl));
        const Zxid at = commit(
            session, xid, OpCode::create, jute::CreateTxn{path, Bytes("v"), acl, false, ++made_});
        answer(client, xid, at, encoded(path));
        return at;
    }
    Zxid change(int client, SessionId session, int xid, const std::string& path, int version) {
        ask(client, xid, OpCode::set_data, set(path, "w"));
        return commit(session, xid, OpCode::set_data, jute::SetDataTxn{path, Bytes("w"), version});
    }
    /// The same, answered as it should be.
    Zxid told_change(int client, SessionId session, int xid, const std::string& path, int version) {
        const Zxid at = change(client, session, xid, path, version);
        answer(client, xid, at, stat(path));
        return at;
    }
    static Bytes encoded(const std::string& path) {
        Bytes body;
        jute::OutputArchive archive(body);
        archive(path);
        return body;
    }
    [[nodiscard]] Bytes stat(const std::string& path) const {
        return jute::encode(tree_.stat_of(*tree_.find(path)));
    }
    [[nodiscard]] Bytes data(const std::string& path) const {
        Bytes body;
        jute::OutputArchive archive(body);
        archive(ByteView(*tree_.find(path)->data()), tree_.stat_of(*tree_.find(path)));
        return body;
    }
    void event(int client, EventType type, const std::string& path, std::optional<Zxid> zxid = {}) {
        judge_.event(number(client), {type, kStateSyncConnected, path}, zxid);
    }
    static std::uint64_t number(int client) { return static_cast<std::uint64_t>(100 + client); }

    std::vector<std::string> faults_;
    Judge judge_;
    tree::DataTree tree_;
    Instant now_{std::chrono::seconds(1000)};
    Zxid last_{Epoch(1), 0};
    std::int32_t made_ = 0;  ///< creates under the root
};

#define EXPECT_FAULT(words) EXPECT_THAT(faults_, ElementsAre(HasSubstr(words)))
#define EXPECT_NO_FAULT() ASSERT_THAT(faults_, IsEmpty())

// ---- writes

TEST_F(Judges, AnHonestStoryHasNoFault) {
    open(1, kA);
    open(2, kB);
    make(1, kA, 1, "/a");
    const Zxid at = change(1, kA, 2, "/a", 1);
    answer(1, 2, at, stat("/a"));
    ask(2, 1, OpCode::sync, sync());
    answer(2, 1, at, encoded("/"));
    ask(2, 2, OpCode::get_data, look("/a"));
    answer(2, 2, at, data("/a"));
    EXPECT_EQ(judge_.check(tree_), "");
    EXPECT_NO_FAULT();
}

TEST_F(Judges, AWriteThatIsNotInTheHistory) {
    open(1, kA);
    const Zxid before = make(1, kA, 1, "/a");
    ask(1, 2, OpCode::create, create("/b"));
    answer(1, 2, Zxid(before.value() + 1), encoded("/b"));
    EXPECT_THAT(faults_,
                ElementsAre(HasSubstr("but the history ends at 0x100000002"),
                            HasSubstr("where the history has nothing")));
}

TEST_F(Judges, AWriteThatIsDoneTwice) {
    open(1, kA);
    make(1, kA, 1, "/a");
    const Zxid at = change(1, kA, 2, "/a", 1);
    answer(1, 2, at, stat("/a"));
    EXPECT_NO_FAULT();
    commit(kA, 2, OpCode::set_data, jute::SetDataTxn{"/a", Bytes("w"), 2});
    EXPECT_FAULT("session 0xa, xid 2 is done twice");
}

TEST_F(Judges, AWriteThatNobodyAskedFor) {
    open(1, kA);
    commit(kA, 7, OpCode::create, jute::CreateTxn{"/a", Bytes("v"), kOpen, false, 1});
    EXPECT_FAULT("xid 7, which nobody asked for");
}

TEST_F(Judges, AWriteOfAnOldConnectionBehindOneOfTheNew) {
    open(1, kA);
    make(1, kA, 1, "/a");
    ask(1, 2, OpCode::set_data, set("/a", "old"));
    reconnect(1, kA);
    ask(1, 3, OpCode::set_data, set("/a", "new"));
    commit(kA, 3, OpCode::set_data, jute::SetDataTxn{"/a", Bytes("new"), 1});
    EXPECT_NO_FAULT();
    commit(kA, 2, OpCode::set_data, jute::SetDataTxn{"/a", Bytes("old"), 2});
    EXPECT_FAULT("xid 2 comes behind xid 3, which its session sent later");
}

TEST_F(Judges, AMoveOfASessionThatNeverMoved) {
    open(1, kA);
    ask(1, 1, OpCode::create, create("/a"));
    commit(kA, 1, OpCode::error, jute::ErrorTxn{ErrorCode::session_moved});
    EXPECT_FAULT("session 0xa is said to have moved");
}

TEST_F(Judges, AWriteOfASessionThatHasEnded) {
    open(1, kA);
    ask(1, 1, OpCode::close_session, {});
    ask(1, 2, OpCode::create, create("/a"));
    commit(kA, 1, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>()});
    EXPECT_NO_FAULT();
    commit(kA, 2, OpCode::create, jute::CreateTxn{"/a", Bytes("v"), kOpen, false, 1});
    EXPECT_FAULT("comes from a session that has ended");
}

TEST_F(Judges, AnErrorWithoutAReason) {
    open(1, kA);
    make(1, kA, 1, "/a");
    ask(1, 2, OpCode::set_data, set("/a", "w", 0));
    commit(kA, 2, OpCode::error, jute::ErrorTxn{ErrorCode::bad_version});
    EXPECT_FAULT("is BADVERSION, but the state before it makes the request ok");
}

TEST_F(Judges, AConditionThatWasNotKept) {
    open(1, kA);
    make(1, kA, 1, "/a");
    ask(1, 2, OpCode::set_data, set("/a", "w", 5));
    commit(kA, 2, OpCode::set_data, jute::SetDataTxn{"/a", Bytes("w"), 6});
    EXPECT_FAULT("is setData, but the state before it makes the request BADVERSION");
}

TEST_F(Judges, ADeleteOfANodeWithChildren) {
    open(1, kA);
    make(1, kA, 1, "/a");
    made_ = 0;
    make(1, kA, 2, "/a/b");
    EXPECT_NO_FAULT();
    ask(1, 3, OpCode::remove, remove("/a"));
    commit(kA, 3, OpCode::remove, jute::DeleteTxn{"/a"});
    EXPECT_FAULT("makes the request NOTEMPTY");
}

// Times of txns are all the same here: no TTL node grows old.
TEST_F(Judges, ARemovalOfWhatIsNotLeftOver) {
    open(1, kA);
    const auto made = [this](int xid, OpCode op, const std::string& path, jute::TxnBody txn) {
        ask(1,
            xid,
            op,
            create(path, CreateMode::persistent) +
                (op == OpCode::create_ttl ? jute::encode(std::int64_t{7}) : Bytes()));
        const Zxid at = commit(kA, xid, op, std::move(txn));
        answer(1, xid, at, encoded(path) + stat(path));
    };
    made(1, OpCode::create_container, "/c", jute::CreateContainerTxn{"/c", Bytes("v"), kOpen, 1});
    made(2, OpCode::create_ttl, "/t", jute::CreateTtlTxn{"/t", Bytes("v"), kOpen, 2, 7});
    ask(1, 3, OpCode::create, create("/c/x"));
    answer(1,
           3,
           commit(kA, 3, OpCode::create, jute::CreateTxn{"/c/x", Bytes("v"), kOpen, false, 1}),
           encoded("/c/x"));
    const auto removal = [this](const std::string& path, SessionId session = {}) {
        commit(session, 0, OpCode::delete_container, jute::DeleteTxn{path});
        return std::exchange(faults_, {});
    };
    EXPECT_THAT(removal("/t"), ElementsAre(HasSubstr("deletes /t, which is not left over")));
    ask(1, 4, OpCode::remove, remove("/c/x"));
    answer(1, 4, commit(kA, 4, OpCode::remove, jute::DeleteTxn{"/c/x"}));
    EXPECT_THAT(faults_, IsEmpty());
    EXPECT_THAT(removal("/c"), IsEmpty());
    EXPECT_THAT(removal("/c"), ElementsAre(HasSubstr("which is not there")));
    made_ = 2;
    make(1, kA, 5, "/plain");
    EXPECT_THAT(faults_, IsEmpty());
    EXPECT_THAT(removal("/plain", kA),
                ElementsAre(HasSubstr("is not the leader's own"), HasSubstr("is not left over")));
}

TEST_F(Judges, AWriteThatTheAclForbids) {
    open(1, kA);
    open(2, kB, 4000, {kAlice});
    make(1, kA, 1, "/a", kOnlyAlice);
    told_change(2, kB, 1, "/a", 1);
    EXPECT_NO_FAULT();
    change(1, kA, 2, "/a", 2);
    EXPECT_FAULT("makes the request NOAUTH");
}

TEST_F(Judges, ASequenceNumberThatComesTwice) {
    open(1, kA);
    ask(1, 1, OpCode::create, create("/s-", CreateMode::persistent_sequential));
    commit(kA, 1, OpCode::create, jute::CreateTxn{"/s-0000000000", Bytes("v"), kOpen, false, 1});
    EXPECT_NO_FAULT();
    ask(1, 2, OpCode::create, create("/s-", CreateMode::persistent_sequential));
    commit(kA, 2, OpCode::create, jute::CreateTxn{"/s-0000000000", Bytes("v"), kOpen, false, 2});
    EXPECT_FAULT(
        "is create /s-0000000000, but the state before it makes the request ok /s-0000000001");
}

TEST_F(Judges, ASequenceNumberThatTheClientIsToldWrongly) {
    open(1, kA);
    ask(1, 1, OpCode::create, create("/s-", CreateMode::persistent_sequential));
    const Zxid at = commit(
        kA, 1, OpCode::create, jute::CreateTxn{"/s-0000000000", Bytes("v"), kOpen, false, 1});
    answer(1, 1, at, encoded("/s-0000000001"));
    EXPECT_FAULT("is answered ok /s-0000000001, expected ok /s-0000000000");
}

TEST_F(Judges, AMultiOfWhichHalfIsDone) {
    open(1, kA);
    ask(1, 1, OpCode::multi, multi());
    const Bytes half = jute::encode(jute::CreateTxn{"/a", Bytes("v"), kOpen, false, 1});
    commit(kA, 1, OpCode::multi, jute::MultiTxn{{{OpCode::create, half}}});
    EXPECT_FAULT("is multi, but the state before it makes the request ok error OK error NONODE");
}

TEST_F(Judges, AnAnswerWithAnotherStat) {
    open(1, kA);
    make(1, kA, 1, "/a");
    const Bytes before = stat("/a");
    const Zxid at = change(1, kA, 2, "/a", 1);
    answer(1, 2, at, before);
    EXPECT_FAULT("version 0 cversion 0 aversion 0 owner 0x0 length 1 children 0, expected ok");
}

TEST_F(Judges, AHistoryThatForgetsItsEnd) {
    const auto txn = [](Zxid zxid) {
        return std::make_shared<const Bytes>(
            jute::encode_txn({{kA, Xid(0), zxid, WallMs(5), OpCode::create_session},
                              jute::CreateSessionTxn{4000},
                              {}}));
    };
    judge_.on_established(Epoch(1), Zxid(), now_);
    const Zxid first(Epoch(1), 1), second(Epoch(2), 1);
    judge_.on_logged(first, txn(first));
    judge_.on_applied(first, now_);
    EXPECT_NO_FAULT();
    judge_.on_established(Epoch(2), Zxid(Epoch(1), 0), now_);
    judge_.on_logged(second, txn(second));
    judge_.on_applied(second, now_);
    EXPECT_FAULT(
        "0x200000001 is committed right behind 0x100000000, but 0x100000001 had been committed");
}

// ---- reads

TEST_F(Judges, AReadOfWhatIsOver) {
    open(1, kA);
    make(1, kA, 1, "/a");
    const Bytes before = data("/a");
    const Zxid at = change(1, kA, 2, "/a", 1);
    answer(1, 2, at, stat("/a"));
    ask(1, 3, OpCode::get_data, look("/a"));
    answer(1, 3, at, before);
    EXPECT_FAULT("client 1: getData /a (session 0xa, xid 3) at 0x100000003 is answered ok \"v\"");
}

TEST_F(Judges, AClientThatGoesBackInTime) {
    open(1, kA);
    const Zxid first = make(1, kA, 1, "/a");
    const Bytes before = data("/a");
    told_change(1, kA, 2, "/a", 1);
    reconnect(1, kA);
    ask(1, 3, OpCode::get_data, look("/a"));
    answer(1, 3, first, before);
    EXPECT_FAULT("is answered at 0x100000002, but 0x100000003 had been seen");
}

TEST_F(Judges, ASyncThatDoesNotKnowWhatOthersWereTold) {
    open(1, kA);
    open(2, kB);
    const Zxid first = make(1, kA, 1, "/a");
    ask(2, 1, OpCode::sync, sync());
    told_change(1, kA, 2, "/a", 1);
    answer(2, 1, first, encoded("/"));  // the change was not known to anybody when this was sent
    EXPECT_NO_FAULT();
    ask(2, 2, OpCode::sync, sync());
    answer(2, 2, first, encoded("/"));
    EXPECT_FAULT(
        "sync / (session 0xb, xid 2) is answered at 0x100000003, but 0x100000004 had been told");
}

TEST_F(Judges, AListWithoutAChildAndWithAnother) {
    open(1, kA);
    const Zxid at = make(1, kA, 1, "/a");
    const auto list = [this](std::vector<std::string> names) {
        Bytes body;
        jute::OutputArchive archive(body);
        archive(names, tree_.stat_of(*tree_.find("/")));
        return body;
    };
    ask(1, 2, OpCode::get_children2, look("/"));
    answer(1, 2, at, list({"zookeeper", "a"}));
    EXPECT_NO_FAULT();
    ask(1, 3, OpCode::get_children2, look("/"));
    answer(1, 3, at, list({"zookeeper"}));
    EXPECT_FAULT("has 1 children, expected 2");
    faults_.clear();
    ask(1, 4, OpCode::get_children2, look("/"));
    answer(1, 4, at, list({"zookeeper", "b"}));
    EXPECT_FAULT("has a child b that is not there");
}

TEST_F(Judges, AReadThatTheAclForbids) {
    open(1, kA);
    const Zxid at = make(1, kA, 1, "/a", kOnlyAlice);
    ask(1, 2, OpCode::get_data, look("/a"));
    answer(1, 2, at, {}, ErrorCode::no_auth);
    EXPECT_NO_FAULT();
    ask(1, 3, OpCode::get_data, look("/a"));
    answer(1, 3, at, data("/a"));
    EXPECT_FAULT("expected NOAUTH");
}

TEST_F(Judges, AnAnswerOutOfTurn) {
    open(1, kA);
    ask(1, 1, OpCode::sync, sync());
    ask(1, 2, OpCode::sync, sync());
    answer(1, 2, last_, encoded("/"));
    EXPECT_FAULT("is answered xid 2 out of turn");
}

TEST_F(Judges, ATreeThatIsNotTheHistory) {
    open(1, kA);
    make(1, kA, 1, "/a");
    EXPECT_EQ(judge_.check(tree_), "");
    tree::DataTree other;
    other.apply({{kA, Xid(1), last_, WallMs(5), OpCode::create},
                 jute::CreateTxn{"/a", Bytes("x"), kOpen, false, 1},
                 {}});
    EXPECT_EQ(judge_.check(other), "has other data in /a at 0x100000002");
    tree::DataTree empty;
    empty.set_last_zxid(last_);
    EXPECT_THAT(judge_.check(empty), HasSubstr("has / at 0x100000002 as ok"));
}

// ---- sessions

class Ephemerals : public Judges {
  protected:
    void SetUp() override {
        open(1, kA);
        ask(1, 1, OpCode::create, create("/e", CreateMode::ephemeral));
        commit(kA, 1, OpCode::create, jute::CreateTxn{"/e", Bytes("v"), kOpen, true, 1});
        ask(1, 2, OpCode::close_session, {});
    }
};

TEST_F(Ephemerals, GoWithTheirSession) {
    commit(kA, 2, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>{"/e"}});
    EXPECT_EQ(judge_.check(tree_), "");
    EXPECT_NO_FAULT();
}

TEST_F(Ephemerals, StayInTheTxn) {
    commit(kA, 2, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>()});
    EXPECT_FAULT("leaves the session's ephemeral /e");
}

TEST_F(Ephemerals, StayInATree) {
    const Bytes before = data("/e");
    const Zxid at =
        commit(kA, 2, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>{"/e"}});
    open(2, kB);
    ask(2, 1, OpCode::get_data, look("/e"));
    answer(2, 1, at, before);
    EXPECT_FAULT("expected NONODE");
}

TEST_F(Ephemerals, OfAnotherSessionGo) {
    ask(1, 3, OpCode::create, create("/p"));
    commit(kA, 3, OpCode::create, jute::CreateTxn{"/p", Bytes("v"), kOpen, false, 2});
    EXPECT_NO_FAULT();
    commit(
        kA, 2, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>{"/e", "/p"}});
    EXPECT_FAULT("deletes /p, which the session does not own");
}

class Sessions : public Judges {
  protected:
    /// A client that writes twice a second and is answered at once.
    void live(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            judge_.arrived(number(1), now_);
            const int xid = next_xid_++;
            ask(1, xid, OpCode::sync, sync());
            pass(500);
            answer(1, xid, last_, encoded("/"));
        }
    }
    void expire(SessionId session) {
        commit(
            session, 0, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>()});
    }
    int next_xid_ = 1;
};

TEST_F(Sessions, EndWhenNothingWasHeard) {
    open(1, kA);
    live(10);
    pass(4000);
    expire(kA);
    EXPECT_NO_FAULT();
}

TEST_F(Sessions, EndThoughTheLeaderHeardThem) {
    open(1, kA);
    live(10);
    pass(1500);
    expire(kA);
    EXPECT_FAULT(
        "session 0xa expires, but its timeout is 4000 ms and the leader heard what it sent");
}

TEST_F(Sessions, EndThoughAllTheySentHasArrived) {
    open(1, kA);
    for (int i = 0; i < 14; ++i) {  // pings only, a leader that stood still
        pass(500);
        judge_.arrived(number(1), now_);
    }
    expire(kA);
    EXPECT_FAULT("and all it sent has arrived for");
}

TEST_F(Sessions, EndBecauseLinksFailed) {
    open(1, kA);
    for (int i = 0; i < 14; ++i) {
        pass(500);
        judge_.arrived(number(1), now_);
        if (i == 5) judge_.sessions().disturbed(now_);
    }
    expire(kA);
    EXPECT_NO_FAULT();
}

TEST_F(Sessions, AreSaidToBeOverAndAreNot) {
    open(1, kA);
    live(10);
    judge_.closed(number(1));
    judge_.connecting(1, number(1), kA, {}, judge_.committed());
    judge_.connected(number(1), {0, 0, SessionId(), Bytes(16, '\0')}, now_);
    EXPECT_FAULT("session 0xa is said to be over, but");
}

TEST_F(Sessions, AreGrantedAfterTheirEnd) {
    open(1, kA);
    pass(6000);
    expire(kA);
    reconnect(1, kA);
    EXPECT_FAULT("is granted session 0xa, which had ended before it asked");
}

TEST_F(Sessions, AreGrantedBeforeTheirTxn) {
    judge_.connecting(1, number(1), SessionId(), {}, judge_.committed());
    grant(1, kA);
    EXPECT_FAULT("session 0xa is granted before its txn is committed");
}

TEST_F(Sessions, OutliveTheirLimit) {
    open(1, kA);
    pass(7000);  // timeout, a bucket, half a tick, a commit
    judge_.sessions().committed(now_);
    EXPECT_NO_FAULT();
    pass(1000);
    judge_.sessions().committed(now_);
    EXPECT_FAULT("session 0xa outlives its timeout of 4000 ms");
}

TEST_F(Sessions, AreGivenTimeByANewLeader) {
    open(1, kA);
    pass(7000);
    judge_.sessions().leader_established(now_);
    pass(1000);
    judge_.sessions().committed(now_);
    EXPECT_NO_FAULT();
}

/// What a multi() becomes that a leader refuses because of its session.
jute::MultiTxn expired_multi() {
    return {{{OpCode::error, jute::encode(jute::ErrorTxn{ErrorCode::session_expired})},
             {OpCode::error, jute::encode(jute::ErrorTxn{ErrorCode::runtime_inconsistency})}}};
}

TEST_F(Sessions, HaveAMultiRefusedBehindTheirEnd) {
    open(1, kA);
    live(10);
    ask(1, 11, OpCode::close_session, {});
    ask(1, 12, OpCode::multi, multi());
    commit(kA, 11, OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>()});
    commit(kA, 12, OpCode::multi, expired_multi());
    EXPECT_EQ(judge_.check(tree_), "");
    EXPECT_NO_FAULT();
}

TEST_F(Sessions, HaveAMultiRefusedAndAreNotEnding) {
    open(1, kA);
    live(10);
    ask(1, 11, OpCode::multi, multi());
    commit(kA, 11, OpCode::multi, expired_multi());
    EXPECT_FAULT(
        "session 0xa is said to be over, but its timeout is 4000 ms and the leader heard what it "
        "sent");
}

TEST_F(Sessions, AreAnsweredTheirCloseTooEarly) {
    open(1, kA);
    ask(1, 1, OpCode::close_session, {});
    answer(1, 1, last_);
    EXPECT_FAULT("is answered before its txn is committed");
}

// ---- watches

class Watches : public Judges {
  protected:
    void SetUp() override {
        open(1, kA);
        open(2, kB);
        at_ = make(2, kB, 1, "/a");
    }
    void watch(OpCode op = OpCode::get_data, const std::string& path = "/a") {
        ask(1, ++xid_, op, look(path, true));
        if (op == OpCode::get_data) return answer(1, xid_, at_, data(path));
        if (tree_.find(path) == nullptr) return answer(1, xid_, at_, {}, ErrorCode::no_node);
        if (op == OpCode::exists) return answer(1, xid_, at_, stat(path));
        Bytes body;
        jute::OutputArchive archive(body);
        archive(tree_.find(path)->child_names());
        answer(1, xid_, at_, body);
    }
    void ping(Zxid zxid) {
        ask(1, xids::kPing, OpCode::ping, {});
        answer(1, xids::kPing, zxid);
    }
    void change_a() { at_ = told_change(2, kB, ++other_xid_, "/a", ++version_); }
    void remove_a() {
        ask(2, ++other_xid_, OpCode::remove, remove("/a"));
        at_ = commit(kB, other_xid_, OpCode::remove, jute::DeleteTxn{"/a"});
        answer(2, other_xid_, at_);
    }
    void set_again(Zxid seen,
                   std::vector<std::string> data,
                   std::vector<std::string> exist,
                   std::vector<std::string> child) {
        reconnect(1, kA);
        ask(1,
            xids::kSetWatches,
            OpCode::set_watches,
            jute::encode(jute::SetWatchesRequest{
                seen, std::move(data), std::move(exist), std::move(child)}));
    }
    Zxid at_;
    int xid_ = 10, other_xid_ = 10, version_ = 0;
};

TEST_F(Watches, FireOnceBeforeNewerAnswers) {
    watch();
    change_a();
    event(1, EventType::node_data_changed, "/a");
    ping(at_);
    change_a();
    ping(at_);
    EXPECT_NO_FAULT();
}

TEST_F(Watches, FireWithTheZxidOfAnotherTxn) {
    watch();
    change_a();
    event(1, EventType::node_data_changed, "/a", at_);
    EXPECT_NO_FAULT();
    watch();
    change_a();
    event(1, EventType::node_data_changed, "/a", Zxid(at_.value() - 1));
    EXPECT_FAULT("with zxid 0x100000004, but the change was at 0x100000005");
}

TEST_F(Watches, AreSetAgainAndTellOfWhatWasMissedWithAZxid) {
    watch();
    const Zxid seen = at_;
    change_a();
    set_again(seen, {"/a"}, {}, {});
    event(1, EventType::node_data_changed, "/a", Zxid(-1));
    EXPECT_NO_FAULT();
    event(1, EventType::node_data_changed, "/a", at_);
    EXPECT_FAULT("is told of what it missed with zxid 0x100000004");
}

TEST_F(Watches, NeverFire) {
    watch();
    change_a();
    ping(at_);
    EXPECT_FAULT(
        "client 1, session 0xa, is answered at 0x100000004 before the event NodeDataChanged of /a "
        "at "
        "0x100000004, whose watch was set at 0x100000003");
}

TEST_F(Watches, FireTwice) {
    watch();
    change_a();
    event(1, EventType::node_data_changed, "/a");
    change_a();
    event(1, EventType::node_data_changed, "/a");
    EXPECT_FAULT("is told NodeDataChanged of /a without a watch");
}

TEST_F(Watches, FireBehindTheData) {
    watch();
    change_a();
    ask(1, ++xid_, OpCode::get_data, look("/a"));
    answer(1, xid_, at_, data("/a"));
    event(1, EventType::node_data_changed, "/a");
    EXPECT_FAULT("before the event NodeDataChanged of /a");
}

TEST_F(Watches, FireForWhatWasSeen) {
    change_a();
    watch();
    event(1, EventType::node_data_changed, "/a");
    EXPECT_FAULT("but behind 0x100000004 nothing changed there");
}

TEST_F(Watches, FireWithAnotherType) {
    watch();
    change_a();
    remove_a();
    event(1, EventType::node_deleted, "/a");
    EXPECT_FAULT("is told NodeDeleted of /a without a watch that this change is due to");
}

TEST_F(Watches, FireOutOfOrder) {
    watch();
    watch(OpCode::exists, "/b");
    change_a();
    at_ = make(2, kB, ++other_xid_, "/b");
    event(1, EventType::node_created, "/b");
    EXPECT_FAULT("is told NodeCreated of /b at 0x100000005 before the event of /a at 0x100000004");
}

TEST_F(Watches, OfDataAndChildrenAreToldOfADeletionOnce) {
    watch();
    watch(OpCode::get_children);
    remove_a();
    event(1, EventType::node_deleted, "/a");
    ping(at_);
    EXPECT_NO_FAULT();
    event(1, EventType::node_deleted, "/a");
    EXPECT_FAULT("without a watch");
}

TEST_F(Watches, OfChildrenNeverFire) {
    watch(OpCode::get_children, "/");
    remove_a();
    ping(at_);
    EXPECT_FAULT("before the event NodeChildrenChanged of /");
}

TEST_F(Watches, AreSilentAboutWhatMayNotBeRead) {
    watch(OpCode::exists, "/b");
    at_ = make(2, kB, ++other_xid_, "/b", kOnlyAlice);
    ping(at_);
    EXPECT_NO_FAULT();
    event(1, EventType::node_created, "/b");
    EXPECT_FAULT("is told NodeCreated of /b without a watch");
}

TEST_F(Watches, SetAgainTellWhatHappenedMeanwhile) {
    const Zxid seen = at_;
    change_a();
    set_again(seen, {"/a"}, {"/b"}, {"/"});
    event(1, EventType::node_data_changed, "/a");
    answer(1, xids::kSetWatches, at_);
    EXPECT_NO_FAULT();
    at_ = make(2, kB, ++other_xid_, "/b");
    event(1, EventType::node_created, "/b");
    event(1, EventType::node_children_changed, "/");
    ping(at_);
    EXPECT_NO_FAULT();
}

TEST_F(Watches, SetAgainForgetWhatHappenedMeanwhile) {
    const Zxid seen = at_;
    change_a();
    set_again(seen, {"/a"}, {}, {});
    answer(1, xids::kSetWatches, at_);
    EXPECT_FAULT(
        "set its watches again behind 0x100000003, was answered at 0x100000004 and not told "
        "NodeDataChanged "
        "of /a");
}

TEST_F(Watches, SetAgainTellWhatWasSeen) {
    set_again(at_, {"/a"}, {}, {});
    event(1, EventType::node_data_changed, "/a");
    answer(1, xids::kSetWatches, at_);
    EXPECT_FAULT("and told NodeDataChanged of /a, which it had seen");
}

TEST_F(Watches, SetAgainAreForgotten) {
    set_again(at_, {"/a"}, {}, {});
    answer(1, xids::kSetWatches, at_);
    change_a();
    ping(at_);
    EXPECT_FAULT("before the event NodeDataChanged of /a");
}

}  // namespace
}  // namespace zk::sim
