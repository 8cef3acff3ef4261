#include <gtest/gtest.h>

#include "prep/quota_check.h"
#include "requests.h"

namespace zk::prep {
namespace {

using namespace zk::prep::testing;

std::vector<std::string>* lines_of(std::vector<std::string>& lines, Log& log) {
    log = Log([&lines](LogLevel, std::string_view line) { lines.emplace_back(line); },
              LogLevel::warn);
    return &lines;
}

/// /p with these limits; nothing is outstanding.
struct Limited {
    explicit Limited(const char* limits, bool enforced = true)
        : check([this] {
              Log log;
              lines_of(lines, log);
              return log;
          }()),
          bench(Policy{.quotas = enforced ? &check : nullptr}) {
        make("/p", "");
        make("/zookeeper/quota/p", "");
        make("/zookeeper/quota/p/zookeeper_limits", limits);
        make("/zookeeper/quota/p/zookeeper_stats", "count=0,bytes=0");
    }
    ErrorCode make(const std::string& path, const char* data) {
        return applied(OpCode::create,
                       create(path, CreateMode::persistent, tree::open_acl_list(), Bytes(data)));
    }
    ErrorCode set(const std::string& path, jute::Buffer data, std::int32_t version = -1) {
        return applied(OpCode::set_data, jute::SetDataRequest{path, std::move(data), version});
    }
    template <class Record>
    ErrorCode applied(OpCode op, const Record& record) {
        const ErrorCode error = bench.error(op, record);
        bench.apply();
        return error;
    }
    std::vector<std::string> lines;
    QuotaCheck check;
    Bench bench;
};

// Requests and answers as seen of Apache's 3.8.0.
TEST(QuotaCheck, HardLimitsRefuse) {
    Limited p("count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=3");
    EXPECT_EQ(p.make("/p/a", "123456"), ErrorCode::quota_exceeded);
    EXPECT_EQ(p.make("/p/a", "12345"), ErrorCode::ok);
    EXPECT_EQ(p.set("/p/a", "123456"), ErrorCode::quota_exceeded);
    EXPECT_EQ(p.set("/p/a", "1234567", 7), ErrorCode::quota_exceeded) << "before the version";
    EXPECT_EQ(p.set("/p/a", "12346", 7), ErrorCode::bad_version);
    EXPECT_EQ(p.make("/p/b", ""), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/c", ""), ErrorCode::quota_exceeded);
    EXPECT_EQ(p.make("/p/a/x/y", ""), ErrorCode::no_node);
    EXPECT_EQ(p.make("/p/a", ""), ErrorCode::node_exists);
    EXPECT_EQ(p.make("/elsewhere", "1234567"), ErrorCode::ok);
    EXPECT_EQ(p.applied(OpCode::create, create("/p/e", CreateMode::ephemeral)),
              ErrorCode::quota_exceeded);
    EXPECT_EQ(p.applied(OpCode::remove, jute::DeleteRequest{"/p/b", -1}), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/c", ""), ErrorCode::ok);
    EXPECT_EQ(p.check.refused().at("p"), 5);
}

TEST(QuotaCheck, WhatIsUnderWayDoesNotCountButItsDataDo) {
    Limited p("count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=3");
    EXPECT_EQ(p.make("/p/a", "12345"), ErrorCode::ok);
    const auto multi = [&p](const char* first, const char* second) {
        const jute::Txn txn = p.bench.ask_raw(
            OpCode::multi,
            MultiBody()
                .add(OpCode::set_data, jute::SetDataRequest{"/p/a", Bytes(first), -1})
                .add(OpCode::set_data, jute::SetDataRequest{"/p/a", Bytes(second), -1})
                .end());
        p.bench.apply();
        const auto& parts = std::get<jute::MultiTxn>(txn.body).parts;
        return parts[1].type == OpCode::error ? jute::decode<jute::ErrorTxn>(parts[1].body)->error
                                              : ErrorCode::ok;
    };
    EXPECT_EQ(multi("", "1"), ErrorCode::quota_exceeded) << "5 of what is applied, and 1 more";
    EXPECT_EQ(multi("1", "1"), ErrorCode::ok);
    // Each alone has room; what is applied later goes beyond it.
    EXPECT_EQ(p.bench.error(OpCode::create, create("/p/b")), ErrorCode::ok);
    EXPECT_EQ(p.bench.error(OpCode::create, create("/p/c")), ErrorCode::ok);
    p.bench.apply();
    EXPECT_EQ(p.make("/p/d", ""), ErrorCode::quota_exceeded);
}

TEST(QuotaCheck, SoftLimitsAreToldOnly) {
    Limited p("count=1,bytes=2");
    EXPECT_EQ(p.make("/p/a", ""), ErrorCode::ok);
    ASSERT_EQ(p.lines.size(), 1U);
    EXPECT_EQ(p.lines[0],
              "quota.exceeded path=/p what=nodes would_be=2 limit=1 hard=false before=0");
    EXPECT_EQ(p.set("/p/a", "123"), ErrorCode::ok);
    EXPECT_EQ(p.lines.size(), 1U) << "not again so soon";
    p.bench.zxid += QuotaCheck::kTellAgain_ms;
    EXPECT_EQ(p.set("/p/a", "1234"), ErrorCode::ok);
    ASSERT_EQ(p.lines.size(), 2U);
    EXPECT_EQ(p.lines[1],
              "quota.exceeded path=/p what=bytes would_be=4 limit=2 hard=false before=1");
    EXPECT_TRUE(p.check.refused().empty());
}

TEST(QuotaCheck, AHardLimitCountsInsteadOfTheSoftOne) {
    Limited p("count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=3");
    EXPECT_EQ(p.make("/p/a", ""), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/b", ""), ErrorCode::ok);
    EXPECT_TRUE(p.lines.empty());
    EXPECT_EQ(p.make("/p/c", ""), ErrorCode::quota_exceeded);
}

TEST(QuotaCheck, LimitsThatNobodyCanRead) {
    Limited p("zzz");
    EXPECT_EQ(p.make("/p/a", ""), ErrorCode::marshalling_error);
    EXPECT_EQ(p.set("/zookeeper/quota/p/zookeeper_limits", std::nullopt), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/b", ""), ErrorCode::marshalling_error);
    EXPECT_EQ(p.set("/zookeeper/quota/p/zookeeper_limits", ""), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/c", ""), ErrorCode::ok);
}

TEST(QuotaCheck, WithoutItNothingIsRefusedOrTold) {
    Limited p("count=-1,bytes=-1=;byteHardLimit=0;countHardLimit=0", false);
    EXPECT_EQ(p.make("/p/a", "1"), ErrorCode::ok);
    EXPECT_TRUE(p.lines.empty());
    EXPECT_EQ(p.bench.tree.find("/zookeeper/quota/p/zookeeper_stats")->data(), "count=2,bytes=1");
}

// Each ends Apache's servers: the first when it is applied, the second when it is deleted, the third when the next node is
// counted.
TEST(QuotaCheck, WhatEndsApachesServersIsRefused) {
    Limited p("count=1,bytes=1", false);
    EXPECT_EQ(p.make("/zookeeper/quota/zookeeper_limits", ""), ErrorCode::bad_arguments);
    EXPECT_EQ(p.make("/zookeeper/zookeeper_limits", ""), ErrorCode::bad_arguments);
    for (const jute::Buffer& text :
         {jute::Buffer("zzz"), jute::Buffer(",count=5"), jute::Buffer()}) {
        EXPECT_EQ(p.set("/zookeeper/quota/p/zookeeper_stats", text), ErrorCode::bad_arguments);
    }
    EXPECT_EQ(p.set("/zookeeper/quota/p/zookeeper_stats", "zzz", 7), ErrorCode::bad_version);
    EXPECT_EQ(p.set("/zookeeper/quota/p/zookeeper_stats", "count=7"), ErrorCode::ok);
    EXPECT_EQ(p.make("/p/zookeeper_stats", ""), ErrorCode::ok);
    EXPECT_EQ(p.set("/p/zookeeper_stats", "zzz"), ErrorCode::ok);
    p.bench.tree.apply(jute::Txn{
        {SessionId(7), Xid(1), Zxid(p.bench.zxid + 1), WallMs(1), OpCode::create},
        jute::CreateTxn{"/zookeeper/zookeeper_limits", Bytes(), tree::open_acl_list(), false, -1},
        {}});
    ++p.bench.zxid;
    EXPECT_EQ(p.applied(OpCode::remove, jute::DeleteRequest{"/zookeeper/zookeeper_limits", -1}),
              ErrorCode::bad_arguments);
}

}  // namespace
}  // namespace zk::prep
