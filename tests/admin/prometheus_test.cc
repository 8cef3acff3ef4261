#include "admin/prometheus.h"

#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/mntr.h"

namespace zk::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Prometheus : public ::testing::Test {
  protected:
    Prometheus() {
        facts.status.serving = true;
        facts.status.role = core::Role::standalone;
        facts.status.znode_count = 912;
        facts.traffic.latency = {.count = 9, .total_ms = 526, .min_ms = 0, .max_ms = 230};
        facts.counts.add(metrics::Counter::commit_count, 3);
        for (const std::int64_t ms : {1, 2, 30})
            facts.counts.observe(metrics::Summary::readlatency, ms);
        facts.counts.set(metrics::Summary::fsynctime, metrics::Distribution::summed(4, 50, 0, 30));
        facts.process.open_files = 12;
        facts.process.cpu_seconds = 1.25;
    }
    std::string page() const { return prometheus_page(facts, config); }

    Facts facts;
    ensemble::ServerConfig config;
};

TEST_F(Prometheus, NamesAreBareAndValuesDoubles) {
    EXPECT_THAT(page(),
                HasSubstr("# HELP znode_count znode_count\n# TYPE znode_count gauge\n"
                          "znode_count 912.0\n"));
    EXPECT_THAT(page(), HasSubstr("\navg_latency 58.4444\n"));
    EXPECT_THAT(page(), HasSubstr("\nlast_client_response_size -1.0\n"));
    EXPECT_THAT(page(), Not(HasSubstr("\nzk_")));
    EXPECT_THAT(page(), Not(HasSubstr("server_state"))) << "text is no metric";
}

TEST_F(Prometheus, CountersHaveBothOfApachesNames) {
    EXPECT_THAT(page(), HasSubstr("# TYPE commit_count counter\ncommit_count 3.0\n"));
    EXPECT_THAT(page(), HasSubstr("# TYPE commit_count_total counter\ncommit_count_total 3.0\n"));
}

TEST_F(Prometheus, SummariesHaveQuantilesByTheirKind) {
    EXPECT_THAT(
        page(),
        HasSubstr("# TYPE readlatency summary\nreadlatency{quantile=\"0.5\",} 2.0\n"
                  "readlatency{quantile=\"0.9\",} 30.0\nreadlatency{quantile=\"0.95\",} 30.0\n"
                  "readlatency{quantile=\"0.99\",} 30.0\nreadlatency_count 3.0\n"
                  "readlatency_sum 33.0\n"));
    EXPECT_THAT(page(),
                HasSubstr("# TYPE fsynctime summary\nfsynctime{quantile=\"0.5\",} NaN\n"
                          "fsynctime_count 4.0\nfsynctime_sum 50.0\n"));
}

TEST_F(Prometheus, QuotasHaveALabelForEachName) {
    EXPECT_THAT(page(), Not(HasSubstr("per_namespace")));
    facts.quotas["app"] = {.count_limit = 10, .bytes_limit = -1, .count = 3, .bytes = 200};
    facts.quotas["a\"b c\\"] = {.count_limit = 1, .bytes_limit = 2, .count = 3, .bytes = 4};
    facts.quota_refusals["app"] = 7;
    EXPECT_THAT(page(),
                HasSubstr("# TYPE quota_bytes_limit_per_namespace gauge\n"
                          "quota_bytes_limit_per_namespace{key=\"a\\\"b c\\\\\",} 2.0\n"
                          "quota_bytes_limit_per_namespace{key=\"app\",} -1.0\n"));
    EXPECT_THAT(page(), HasSubstr("\nquota_count_usage_per_namespace{key=\"app\",} 3.0\n"));
    EXPECT_THAT(page(),
                HasSubstr("# TYPE quota_exceeded_error_per_namespace counter\n"
                          "quota_exceeded_error_per_namespace{key=\"app\",} 7.0\n"));
}

TEST_F(Prometheus, SetsOfSummariesHaveALabelForEachKey) {
    EXPECT_THAT(page(), Not(HasSubstr("\nack_latency")));
    for (const std::int64_t ms : {1, 2, 30})
        facts.counts.observe(metrics::SummarySet::ack_latency, "2", ms);
    facts.counts.observe(metrics::SummarySet::read_per_namespace, "a\"b", 100);
    facts.counts.observe(metrics::SummarySet::read_per_namespace, "app", 7);
    EXPECT_THAT(page(),
                HasSubstr("# TYPE ack_latency summary\n"
                          "ack_latency{key=\"2\",quantile=\"0.5\",} 2.0\n"
                          "ack_latency{key=\"2\",quantile=\"0.9\",} 30.0\n"
                          "ack_latency{key=\"2\",quantile=\"0.95\",} 30.0\n"
                          "ack_latency{key=\"2\",quantile=\"0.99\",} 30.0\n"
                          "ack_latency_count{key=\"2\",} 3.0\n"
                          "ack_latency_sum{key=\"2\",} 33.0\n"));
    EXPECT_THAT(page(),
                HasSubstr("# TYPE read_per_namespace summary\n"
                          "read_per_namespace{key=\"a\\\"b\",quantile=\"0.5\",} 100.0\n"
                          "read_per_namespace_count{key=\"a\\\"b\",} 1.0\n"
                          "read_per_namespace_sum{key=\"a\\\"b\",} 100.0\n"
                          "read_per_namespace{key=\"app\",quantile=\"0.5\",} 7.0\n"))
        << "a namespace is told no more than its median";
}

TEST_F(Prometheus, ProcessIsToldUnlessSwitchedOff) {
    EXPECT_THAT(page(), HasSubstr("\nprocess_open_fds 12\n"));
    EXPECT_THAT(page(), HasSubstr("\nprocess_cpu_seconds_total 1.25\n"));
    EXPECT_THAT(page(), Not(HasSubstr("\nprocess_max_fds"))) << "not known";
    config.metrics_of_process = false;
    EXPECT_THAT(page(), Not(HasSubstr("\nprocess_")));
}

TEST_F(Prometheus, EveryLineIsOfTheFormatAndNoFamilyComesTwice) {
    facts.status.role = core::Role::leading;
    facts.status.leader = ServerId(1);
    std::istringstream lines(page());
    std::set<std::string> families;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE ")) {
            const std::string name = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(families.insert(name).second) << name;
        } else if (!line.starts_with("# HELP ")) {
            EXPECT_THAT(line,
                        ::testing::MatchesRegex(
                            "[a-z_0-9]+(\\{quantile=\"0.[0-9]+\",\\})? (-?[0-9.]+|NaN)"));
        }
    }
    for (const char* name : {"quorum_size",
                             "learners",
                             "synced_followers",
                             "pending_syncs",
                             "leader_uptime",
                             "last_proposal_size",
                             "election_time",
                             "fsynctime",
                             "open_file_descriptor_count",
                             "connection_drop_probability",
                             "outstanding_tls_handshake",
                             "stale_sessions_expired"}) {
        EXPECT_TRUE(families.contains(name) ||
                    (config.replicated() == false && std::string(name) == "quorum_size"))
            << name;
    }
}

TEST_F(Prometheus, AnswersWhileNothingIsServed) {
    facts.status.serving = false;
    facts.status.role = core::Role::looking;
    EXPECT_THAT(page(), HasSubstr("\ncommit_count 3.0\n"));
}

}  // namespace
}  // namespace zk::admin
