#include "core/unsynced_txns.h"

#include <gtest/gtest.h>

namespace zk::core {
namespace {

using metrics::Summary;

TEST(UnsyncedTxns, ABatchIsWhatOneSyncHasMadeDurable) {
    UnsyncedTxns txns;
    metrics::Metrics counts;
    txns.durable(Zxid(9), WallMs(0), counts);  // of another role
    EXPECT_EQ(counts.value(Summary::sync_processor_batch_size).count(), 0);
    for (int i = 1; i <= 4; ++i) txns.appended(Zxid(i), std::nullopt);
    txns.durable(Zxid(3), WallMs(0), counts);
    txns.durable(Zxid(3), WallMs(0), counts);
    EXPECT_EQ(counts.value(Summary::sync_processor_batch_size).count(), 1);
    EXPECT_EQ(counts.value(Summary::sync_processor_batch_size).sum(), 3);
    txns.clear();
    txns.durable(Zxid(4), WallMs(0), counts);
    EXPECT_EQ(counts.value(Summary::sync_processor_batch_size).count(), 1);
    EXPECT_EQ(counts.value(Summary::proposal_ack_creation_latency).count(), 0);
}

TEST(UnsyncedTxns, AgesAreByTheClocksOnTheWall) {
    UnsyncedTxns txns;
    metrics::Metrics counts;
    txns.appended(Zxid(1), WallMs(100));
    txns.appended(Zxid(2), std::nullopt);
    txns.appended(Zxid(3), WallMs(108));
    txns.appended(Zxid(4), WallMs(111));  // its leader's clock is fast
    txns.durable(Zxid(4), WallMs(110), counts);
    const metrics::Distribution& ages = counts.value(Summary::proposal_ack_creation_latency);
    EXPECT_EQ(ages.count(), 2);
    EXPECT_EQ(ages.min(), 2);
    EXPECT_EQ(ages.max(), 10);
}

}  // namespace
}  // namespace zk::core
