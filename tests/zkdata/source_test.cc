#include "zkdata/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"
#include "zkdata/compare.h"
#include "zkdata/dump.h"
#include "zkdata/repair.h"
#include "zkdata/summary.h"

namespace zk::zkdata {
namespace {
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int32_t kLarge = 8 << 20;

/// log.1 with a small record and the first 3 MiB of one of 5 MiB, as a crash leaves it where jute.maxbuffer is 4 MiB.
void torn_in_a_large_record(sim::SimDisk& disk) {
    ZK_VALUE(storage::recover(disk, kPaths, {}));
    storage::LogWriter writer(disk, kDir, storage::plain_log());
    for (std::int64_t i = 1; i <= 2; ++i) {
        const std::size_t bytes = i == 2 ? std::size_t{5} << 20 : 100;
        ZK_OK(writer.append(Zxid(i),
                            *storage::shared(storage::create_txn(
                                Zxid(i), "/n" + std::to_string(i), Bytes(bytes, 'x')))));
    }
    ZK_OK(writer.sync());
    disk.put(kDir + "/log.1", log_content(disk).substr(0, std::size_t{3} << 20));
}

/// What each command makes of a directory, and of the log in it.
struct Told {
    explicit Told(sim::SimDisk& disk, std::int32_t payload_max) {
        for (const std::string& path : {std::string("/zk"), kDir + "/log.1"}) {
            const Source source = ZK_VALUE(look_at(disk, path, {}, payload_max));
            Findings findings;
            ZK_OK(check(disk, source, findings));
            errors += text_of(findings, Severity::error);
            warnings += text_of(findings, Severity::warning);
            for (const auto& done : {dump(disk, source, {}, [](std::string_view) {}),
                                     summary(disk, source, {}, [](std::string_view) {})}) {
                if (!done.has_value()) unread += done.error().words + "\n";
            }
        }
        const Source source = ZK_VALUE(look_at(disk, "/zk", {}, payload_max));
        same = compare(disk, source, source, {}, [](std::string_view) {});
        plan = plan_repair(disk, source);
    }
    std::string errors, warnings, unread;
    Result<std::size_t> same = std::size_t{1};
    Result<RepairPlan> plan = RepairPlan();
};

TEST(Source, TheTornEndOfALargeRecordIsJudgedByTheLimit) {
    sim::SimDisk disk;
    torn_in_a_large_record(disk);
    const Told told(disk, kLarge);
    EXPECT_THAT(told.errors + told.unread, IsEmpty());
    EXPECT_THAT(told.warnings, HasSubstr("goes on behind it"));
    EXPECT_EQ(ZK_VALUE(told.same), 0U);
    const RepairPlan& plan = ZK_VALUE(told.plan);
    EXPECT_EQ(plan.step, RepairPlan::Step::cut);
    const Told by_default(disk, storage::kLogPayloadMax);
    EXPECT_THAT(by_default.errors, HasSubstr("unreasonable record length"));
    EXPECT_THAT(by_default.unread, HasSubstr("unreasonable record length"));
    EXPECT_FALSE(by_default.same.has_value());
    EXPECT_FALSE(by_default.plan.has_value());
    ZK_OK(carry_out(disk, plan));
    EXPECT_THAT(Told(disk, storage::kLogPayloadMax).errors, IsEmpty());
}

}  // namespace
}  // namespace zk::zkdata
