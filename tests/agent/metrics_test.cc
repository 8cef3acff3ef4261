// The page for Prometheus, read by a strict parser of the exposition format; and the alert rules and the dashboard, which
// may name only what the page has.
#include "agent_metrics/metrics.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::agent_metrics {
namespace {

using agent_api::NodeHealth;
using agent_api::NodeVerdict;
using agent_api::Role;
using testing::IsSubsetOf;

struct Sample {
    std::map<std::string, std::string> labels;
    double value = 0;
};
struct Family {
    std::string help;
    std::string type;
    std::vector<Sample> samples;
};

/// Takes what the format's text allows and nothing else; the first thing that does not fit stays in `wrong`.
class Exposition {
  public:
    explicit Exposition(std::string_view text) {
        if (!text.ends_with('\n')) wrong = "the last line has no end";
        while (!text.empty() && wrong.empty()) {
            const std::size_t end = text.find('\n');
            read_line(text.substr(0, end));
            text.remove_prefix(end + 1);
        }
        for (const auto& [name, family] : families) {
            if (wrong.empty() && family.samples.empty()) wrong = name + " has no sample";
        }
    }
    [[nodiscard]] std::set<std::string> names() const {
        std::set<std::string> all;
        for (const auto& [name, family] : families) all.insert(name);
        return all;
    }
    /// The only sample of a family that has these labels, too.
    [[nodiscard]] double value(const std::string& name,
                               const std::map<std::string, std::string>& labels = {}) const {
        const auto family = families.find(name);
        if (family == families.end()) return std::nan("");
        for (const Sample& sample : family->second.samples) {
            bool fits = true;
            for (const auto& [label, content] : labels) {
                const auto at = sample.labels.find(label);
                fits = fits && at != sample.labels.end() && at->second == content;
            }
            if (fits) return sample.value;
        }
        return std::nan("");
    }

    std::map<std::string, Family> families;
    std::string wrong;

  private:
    static bool is_name(std::string_view text) {
        if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
        return text.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
               std::string_view::npos;
    }
    void complain(std::string_view why, std::string_view line) {
        if (wrong.empty()) wrong = std::string(why) + ": " + std::string(line);
    }
    void read_line(std::string_view line) {
        if (line.starts_with("# HELP ")) return read_help(line.substr(7), line);
        if (line.starts_with("# TYPE ")) return read_type(line.substr(7), line);
        read_sample(line);
    }
    void read_help(std::string_view rest, std::string_view line) {
        const std::size_t blank = rest.find(' ');
        const std::string name(rest.substr(0, blank));
        if (!is_name(name) || blank == std::string_view::npos) return complain("HELP", line);
        if (families.contains(name)) return complain("a family twice", line);
        families[name].help = rest.substr(blank + 1);
        current_ = name;
    }
    void read_type(std::string_view rest, std::string_view line) {
        const std::size_t blank = rest.find(' ');
        const std::string name(rest.substr(0, blank));
        if (name != current_ || blank == std::string_view::npos) return complain("TYPE", line);
        Family& family = families[name];
        if (!family.type.empty()) return complain("TYPE twice", line);
        family.type = rest.substr(blank + 1);
        if (family.type != "gauge" && family.type != "counter") complain("kind", line);
        if ((family.type == "counter") != name.ends_with("_total")) complain("_total", line);
    }
    void read_sample(std::string_view line) {
        const std::size_t open = line.find('{');
        if (open == std::string_view::npos || line.substr(0, open) != current_) {
            return complain("not of the family above", line);
        }
        Sample sample;
        std::size_t at = open + 1;
        while (at < line.size() && line[at] != '}') {
            if (!read_label(line, at, sample)) return complain("label", line);
            if (at < line.size() && line[at] == ',') ++at;
        }
        if (line.substr(at, 2) != "} ") return complain("no value", line);
        const std::string number(line.substr(at + 2));
        char* end = nullptr;
        sample.value = std::strtod(number.c_str(), &end);
        if (number.empty() || *end != '\0') return complain("number", line);
        if (!seen_.insert(std::pair(current_, sample.labels)).second) complain("twice", line);
        if (families[current_].type.empty()) complain("before its TYPE", line);
        families[current_].samples.push_back(std::move(sample));
    }
    static bool read_label(std::string_view line, std::size_t& at, Sample& sample) {
        const std::size_t equals = line.find("=\"", at);
        if (equals == std::string_view::npos) return false;
        const std::string name(line.substr(at, equals - at));
        if (!is_name(name) || sample.labels.contains(name)) return false;
        std::string content;
        for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
            if (line[at] != '\\') {
                content += line[at];
                continue;
            }
            if (++at == line.size()) return false;
            if (line[at] != '\\' && line[at] != '"' && line[at] != 'n') return false;
            content += line[at] == 'n' ? '\n' : line[at];
        }
        if (at == line.size()) return false;
        ++at;
        sample.labels[name] = content;
        return true;
    }

    std::string current_;
    std::set<std::pair<std::string, std::map<std::string, std::string>>> seen_;
};

NodeHealth full() {
    NodeHealth health;
    health.cluster = "demo";
    health.sid = ServerId(2);
    health.verdict = NodeVerdict::serving;
    health.members = {"server.1=a", "server.2=b", "server.3=c"};
    agent_api::Finding slow =
        agent_api::make_finding("disk.slow", agent_api::FindingLevel::warning, "slow");
    add_finding(health, slow);
    add_finding(health, slow);  // told once
    slow.subject = "/da\"ta";
    slow.level = agent_api::FindingLevel::note;
    add_finding(health, slow);
    health.full_in_s = 7200;
    health.fsync_ms = 1020;
    health.open_files = 70;
    health.open_files_max = 100;
    health.snapshots = 3;
    health.logs = 5;
    health.snapshot_age_s = 60;
    health.role = Role::leader;
    health.leader = ServerId(2);
    health.epoch = Epoch(3);
    health.zxid = Zxid(Epoch(3), 7);
    health.connections = 5;
    health.outstanding = 0;
    health.znodes = 9;
    health.learners = 2;
    health.synced_followers = 1;
    health.uptime_s = 61;
    health.pid = 77;
    health.restarts = 4;
    health.rss_bytes = 1000;
    health.data_free_bytes = 123456789012;
    health.log_free_bytes = 5;
    health.memory_bytes = 4000;
    health.memory_available_bytes = 3000;
    health.memory_stalled_parts = 1205;
    health.memory_limit_bytes = 2000;
    health.memory_limited_bytes = 900;
    health.clock_offset_ms = -1020;
    health.clock_uncertain_ms = 4;
    health.server_version = "0.1.0";
    health.agent_version = "0.1.0";
    health.agent_rss_bytes = 2000;
    health.changed_at = WallMs(1700000000045);
    health.age_ms = 1007;
    return health;
}

TEST(Metrics, WhatIsKnownIsThere) {
    const Exposition page(render(full()));
    ASSERT_EQ(page.wrong, "");
    for (const auto& [name, family] : page.families) {
        EXPECT_TRUE(name.starts_with("zkprov_node_")) << name;
        EXPECT_TRUE(family.help.ends_with('.')) << name;
        for (const Sample& sample : family.samples) {
            EXPECT_EQ(sample.labels.at("cluster"), "demo");
            EXPECT_EQ(sample.labels.at("sid"), "2");
        }
    }
    EXPECT_EQ(page.value("zkprov_node_verdict", {{"verdict", "serving"}}), 1);
    EXPECT_EQ(page.value("zkprov_node_verdict", {{"verdict", "down"}}), 0);
    EXPECT_EQ(page.families.at("zkprov_node_verdict").samples.size(), 7U);
    EXPECT_EQ(page.value("zkprov_node_role", {{"role", "leader"}}), 1);
    EXPECT_EQ(page.value("zkprov_node_role", {{"role", "follower"}}), 0);
    EXPECT_EQ(page.value("zkprov_node_conflict", {{"kind", "sid"}}), 0);
    EXPECT_EQ(page.families.at("zkprov_node_restarts_total").type, "counter");
    EXPECT_EQ(page.value("zkprov_node_restarts_total"), 4);
    EXPECT_EQ(page.value("zkprov_node_verdict_age_seconds"), 1.007);
    EXPECT_EQ(page.value("zkprov_node_changed_timestamp_seconds"), 1700000000.045);
    EXPECT_EQ(page.value("zkprov_node_zxid"), 3.0 * 4294967296.0 + 7);
    EXPECT_EQ(page.value("zkprov_node_data_free_bytes"), 123456789012.0);
    EXPECT_EQ(page.value("zkprov_node_members"), 3);
    EXPECT_EQ(page.value("zkprov_node_synced_followers"), 1);
    EXPECT_EQ(page.value("zkprov_node_outstanding_requests"), 0);
    EXPECT_EQ(page.value("zkprov_node_reasons"), 2);
    EXPECT_EQ(page.families.at("zkprov_node_finding").samples.size(), 2U);
    EXPECT_EQ(page.value("zkprov_node_finding", {{"id", "disk.slow"}, {"level", "warning"}}), 1);
    EXPECT_EQ(page.value("zkprov_node_finding", {{"subject", "/da\"ta"}, {"level", "note"}}), 1);
    EXPECT_EQ(page.value("zkprov_node_fsync_seconds"), 1.02);
    EXPECT_EQ(page.value("zkprov_node_disk_full_in_seconds"), 7200);
    EXPECT_EQ(page.value("zkprov_node_open_files"), 70);
    EXPECT_EQ(page.value("zkprov_node_open_files_limit"), 100);
    EXPECT_EQ(page.value("zkprov_node_snapshots"), 3);
    EXPECT_EQ(page.value("zkprov_node_logs"), 5);
    EXPECT_EQ(page.value("zkprov_node_snapshot_age_seconds"), 60);
    EXPECT_EQ(page.value("zkprov_node_memory_bytes"), 4000);
    EXPECT_EQ(page.value("zkprov_node_memory_available_bytes"), 3000);
    EXPECT_EQ(page.value("zkprov_node_memory_stalled_ratio"), 0.1205);
    EXPECT_EQ(page.value("zkprov_node_memory_limit_bytes"), 2000);
    EXPECT_EQ(page.value("zkprov_node_memory_limited_bytes"), 900);
    EXPECT_EQ(page.value("zkprov_node_clock_offset_seconds"), -1.02);
    EXPECT_EQ(page.value("zkprov_node_clock_uncertain_seconds"), 0.004);
}

TEST(Metrics, WhatIsNotKnownIsAbsentAndNotZero) {
    NodeHealth health;
    health.cluster = "demo";
    const Exposition page(render(health));
    ASSERT_EQ(page.wrong, "");
    EXPECT_EQ(page.names(),
              (std::set<std::string>{"zkprov_node_info",
                                     "zkprov_node_verdict_age_seconds",
                                     "zkprov_node_agent_resident_bytes",
                                     "zkprov_node_restarts_total",
                                     "zkprov_node_verdict",
                                     "zkprov_node_role",
                                     "zkprov_node_conflict",
                                     "zkprov_node_reasons"}));
}

TEST(Metrics, WhatIsOldIsNotTold) {
    NodeHealth health = full();
    health.age_ms = agent_api::kFreshMsMax;
    EXPECT_TRUE(Exposition(render(health)).names().contains("zkprov_node_verdict"));
    ++health.age_ms;
    const Exposition page(render(health));
    ASSERT_EQ(page.wrong, "");
    EXPECT_EQ(page.value("zkprov_node_verdict_age_seconds"), 10.001);
    EXPECT_EQ(page.names(),
              (std::set<std::string>{"zkprov_node_info",
                                     "zkprov_node_verdict_age_seconds",
                                     "zkprov_node_agent_resident_bytes",
                                     "zkprov_node_restarts_total"}));
}

TEST(Metrics, AConflictNamesItsKind) {
    NodeHealth health = full();
    health.conflict = agent_api::IdentityConflict{agent_api::ConflictKind::data, "elsewhere"};
    const Exposition page(render(health));
    EXPECT_EQ(page.value("zkprov_node_conflict", {{"kind", "data"}}), 1);
    EXPECT_EQ(page.value("zkprov_node_conflict", {{"kind", "sid"}}), 0);
}

TEST(Metrics, LabelsHoldWhateverAServerSays) {
    NodeHealth health = full();
    const std::string odd = "a\"b\\c\nd\\n{x=\"y\"} 1 \xc3\xa4,";
    health.server_version = odd;
    const Exposition page(render(health));
    ASSERT_EQ(page.wrong, "");
    EXPECT_EQ(page.value("zkprov_node_info", {{"server_version", odd}}), 1);
}

TEST(Metrics, TheParserOfThisTestIsStrict) {
    for (const char* const text : {"x 1",
                                   "# HELP x y\n# TYPE x gauge\n",
                                   "# HELP x y\n# TYPE x gauge\nx{} 1\nx{} 2\n",
                                   "# HELP x y\n# TYPE x gauge\nx{a=\"\\t\"} 1\n",
                                   "# HELP x y\n# TYPE x gauge\nx{a=\"1\"} 1 z\n",
                                   "# HELP x y\n# TYPE x counter\nx{} 1\n",
                                   "# HELP x y\nx{} 1\n",
                                   "# HELP x y\n# TYPE x gauge\nz{} 1\n",
                                   "# HELP x y\n# TYPE x gauge\nx{a=\"1} 1\n"}) {
        EXPECT_NE(Exposition(text).wrong, "") << text;
    }
    EXPECT_EQ(Exposition("# HELP x y\n# TYPE x gauge\nx{a=\"1\"} 1\n").wrong, "");
}

/// Each word of a file that begins as our metrics do.
std::set<std::string> metrics_named_in(const std::string& path) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    const std::string text = content.str();
    std::set<std::string> names;
    for (std::size_t at = text.find("zkprov_"); at != std::string::npos;
         at = text.find("zkprov_", at + 1)) {
        const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
        names.insert(text.substr(at, end - at));
    }
    return names;
}

TEST(Packaging, AlertRulesAndDashboardNameOnlyMetricsThatExist) {
    const std::set<std::string> rendered = Exposition(render(full())).names();
    for (const char* const file : {"/prometheus/alerts.yaml", "/grafana/zkprov.json"}) {
        std::set<std::string> named = metrics_named_in(std::string(ZK_PACKAGING_DIR) + file);
        named.erase("zkprov_");  // "every zkprov_ metric", in a comment
        EXPECT_GE(named.size(), 7U) << file;
        EXPECT_THAT(named, IsSubsetOf(rendered)) << file;
    }
}

}  // namespace
}  // namespace zk::agent_metrics
