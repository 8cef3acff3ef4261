#include "metrics/metrics.h"

#include <set>

#include <gtest/gtest.h>

#include "metrics/size_statistics.h"

namespace zk::metrics {
namespace {

TEST(Distribution, TellsWhatAverageMinimumAndMaximumNeed) {
    Distribution values;
    EXPECT_EQ(values.count(), 0);
    EXPECT_EQ(values.min(), 0);
    for (const std::int64_t value : {7, 3, 20}) values.add(value);
    EXPECT_EQ(values.count(), 3);
    EXPECT_EQ(values.sum(), 30);
    EXPECT_EQ(values.min(), 3);
    EXPECT_EQ(values.max(), 20);
    values.add(-5);
    EXPECT_EQ(values.min(), 0) << "a clock that was set back";
    EXPECT_EQ(values.sum(), 30);
}

TEST(Distribution, QuantilesOfSmallValuesAreExact) {
    Distribution values;
    EXPECT_FALSE(values.has_quantiles());
    EXPECT_EQ(values.quantile(0.5), 0);
    for (std::int64_t value = 1; value <= 20; ++value) values.add(value);
    EXPECT_EQ(values.quantile(0.5), 10);
    EXPECT_EQ(values.quantile(0.95), 19);
    EXPECT_EQ(values.quantile(0.99), 20);
    EXPECT_EQ(values.quantile(0), 1);
    EXPECT_EQ(values.quantile(1), 20);
}

TEST(Distribution, QuantilesOfLargeValuesAreNeverTooLowAndAtMostASixteenthTooHigh) {
    for (const std::int64_t value : {31LL,
                                     32LL,
                                     33LL,
                                     63LL,
                                     64LL,
                                     100LL,
                                     1023LL,
                                     1024LL,
                                     123456LL,
                                     (1LL << 40) - 1,
                                     1LL << 40,
                                     (1LL << 60) + 12345}) {
        Distribution values;
        values.add(value);
        values.add(1LL << 61);  // so that the largest is another one
        const std::int64_t median = values.quantile(0.5);
        EXPECT_GE(median, value);
        EXPECT_LE(median - value, value / 16) << value;
    }
}

TEST(Distribution, BucketsGrowWithValues) {
    Distribution values;
    std::int64_t last = -1;
    for (std::int64_t value = 1; value > 0 && value < (1LL << 60); value += value / 7 + 1) {
        Distribution one;
        one.add(value);
        one.add(1LL << 61);
        EXPECT_GE(one.quantile(0.5), last) << value;
        last = one.quantile(0.5);
    }
}

TEST(Distribution, MergedIsAsIfAllHadCameToOne) {
    Distribution one, other, all;
    for (std::int64_t value = 0; value < 1000; value += 7) {
        (value % 2 == 0 ? one : other).add(value);
        all.add(value);
    }
    one.merge(other);
    one.merge(Distribution());
    EXPECT_EQ(one.count(), all.count());
    EXPECT_EQ(one.sum(), all.sum());
    EXPECT_EQ(one.min(), all.min());
    EXPECT_EQ(one.max(), all.max());
    for (const double part : {0.1, 0.5, 0.95, 0.999})
        EXPECT_EQ(one.quantile(part), all.quantile(part));
}

TEST(Metrics, NamesAreApachesAndDiffer) {
    std::set<std::string_view> names;
    for (int i = 0; i < static_cast<int>(Counter::count); ++i)
        EXPECT_TRUE(names.insert(name_of(static_cast<Counter>(i))).second);
    for (int i = 0; i < static_cast<int>(Summary::count); ++i)
        EXPECT_TRUE(names.insert(name_of(static_cast<Summary>(i))).second);
    for (int i = 0; i < static_cast<int>(SummarySet::count); ++i)
        EXPECT_TRUE(names.insert(name_of(static_cast<SummarySet>(i))).second);
    EXPECT_EQ(name_of(Counter::restore_error_count), "restore_error_count");
    EXPECT_EQ(name_of(Counter::snapshot_rate_limited_count), "snapshot_rate_limited_count");
    EXPECT_EQ(name_of(Summary::restore_time), "restore_time");
    EXPECT_EQ(name_of(Summary::session_queues_drained), "session_queues_drained");
    EXPECT_EQ(name_of(SummarySet::read_per_namespace), "read_per_namespace");
    EXPECT_EQ(name_of(SummarySet::learner_handler_qp_time_ms), "learner_handler_qp_time_ms");
    EXPECT_FALSE(is_advanced(SummarySet::write_per_namespace));
    EXPECT_TRUE(is_advanced(SummarySet::ack_latency));
    EXPECT_EQ(name_of(Counter::watch_bytes), "watch_bytes");
    EXPECT_EQ(name_of(Counter::commit_count), "commit_count");
    EXPECT_EQ(name_of(Summary::fsynctime), "fsynctime");
    EXPECT_EQ(name_of(Summary::write_final_proc_time_ms), "write_final_proc_time_ms");
    EXPECT_FALSE(is_advanced(Summary::write_commit_proc_req_queued));
    EXPECT_TRUE(is_advanced(Summary::close_session_prep_time));
    EXPECT_TRUE(is_advanced(Summary::readlatency));
}

TEST(Metrics, MergeAddsCountersAndDistributions) {
    Metrics one, other;
    one.add(Counter::commit_count, 2);
    other.add(Counter::commit_count);
    other.add(Counter::snap_count);
    one.observe(Summary::readlatency, 1);
    other.observe(Summary::readlatency, 3);
    other.set(Summary::fsynctime, Distribution::summed(4, 50, 0, 30));
    one.merge(other);
    EXPECT_EQ(one.value(Counter::commit_count), 3);
    EXPECT_EQ(one.value(Counter::snap_count), 1);
    EXPECT_EQ(one.value(Summary::readlatency).sum(), 4);
    EXPECT_EQ(one.value(Summary::fsynctime).max(), 30);
    EXPECT_FALSE(one.value(Summary::fsynctime).has_quantiles());
}

TEST(Metrics, SetsHaveADistributionForEachKey) {
    Metrics one, other;
    one.observe(SummarySet::ack_latency, "1", 5);
    other.observe(SummarySet::ack_latency, "1", 7);
    other.observe(SummarySet::ack_latency, "2", 9);
    other.observe(SummarySet::read_per_namespace, "1", 1);
    one.merge(other);
    const auto& latencies = one.value(SummarySet::ack_latency).by_key();
    ASSERT_EQ(latencies.size(), 2U);
    EXPECT_EQ(latencies.at("1").sum(), 12);
    EXPECT_EQ(latencies.at("2").count(), 1);
    EXPECT_EQ(one.value(SummarySet::read_per_namespace).by_key().size(), 1U);
    EXPECT_TRUE(one.value(SummarySet::write_per_namespace).by_key().empty());
}

TEST(DistributionSet, ClientsCannotFillTheMemoryWithKeys) {
    DistributionSet set;
    for (std::size_t i = 0; i < DistributionSet::kKeysMax + 100; ++i) set.add(std::to_string(i), 1);
    EXPECT_EQ(set.by_key().size(), DistributionSet::kKeysMax);
    set.add("7", 3);
    EXPECT_EQ(set.by_key().at("7").sum(), 4) << "who is there is counted on";
    DistributionSet other;
    other.add("another", 1);
    other.add(std::string(DistributionSet::kKeyBytesMax + 1, 'k'), 1);
    EXPECT_EQ(other.by_key().size(), 1U) << "a long one is not kept";
    set.merge(other);
    EXPECT_EQ(set.by_key().size(), DistributionSet::kKeysMax);
    set.merge("empty", Distribution());
    EXPECT_FALSE(set.by_key().contains("empty"));
}

TEST(SizeStatistics, BeginsBelowNothing) {
    SizeStatistics sizes;
    sizes.merge(SizeStatistics());
    EXPECT_EQ(sizes.last, -1);
    sizes.add(0);
    EXPECT_EQ(sizes.min, 0);
    sizes.add(95);
    sizes.add(36);
    EXPECT_EQ(sizes.last, 36);
    EXPECT_EQ(sizes.min, 0);
    EXPECT_EQ(sizes.max, 95);
    SizeStatistics all;
    all.merge(sizes);
    EXPECT_EQ(all.last, 36);
    EXPECT_EQ(all.min, 0);
    EXPECT_EQ(all.max, 95);
}

}  // namespace
}  // namespace zk::metrics
