// What the resident agent says of a server that is stopped, mute, dies again and again, or whose files were changed: the
// right verdict, with what shows it, and soon.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent_host/posix.h"
#include "agent_serve/supervisor.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::Finding;
using agent_api::FindingLevel;
using agent_api::NodeHealth;
using agent_api::NodeVerdict;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

const Finding* finding_in(const NodeHealth& health, const std::string& id) {
    const auto found = std::find_if(health.findings.begin(),
                                    health.findings.end(),
                                    [&](const Finding& finding) { return finding.id == id; });
    return found == health.findings.end() ? nullptr : &*found;
}

class VerdictOfAgent : public NodeFixture {
  protected:
    void SetUp() override {
        const auto done = apply(spec_);
        ASSERT_FALSE(done.error) << done.error->words;
        ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    }
    /// Health with this finding, or the last one seen.
    NodeHealth await_finding(const std::string& id, seconds patience) {
        const auto deadline = Clock::now() + patience;
        for (;;) {
            auto seen = health();
            if (finding_in(seen, id) != nullptr || Clock::now() > deadline) return seen;
            std::this_thread::sleep_for(milliseconds(50));
        }
    }
    std::string mute_file() const { return spec_.data_dir + "/mute"; }
};

/// For whoever reads the log: how long something takes is nothing that a test may fail by.
void tell_soon(const char* what, Clock::duration took) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    std::fprintf(stderr, "%s: told after %lld ms\n", what, static_cast<long long>(ms));
}

TEST_F(VerdictOfAgent, AStoppedProcessIsStuckAndGoesOn) {
    const auto pid = static_cast<pid_t>(server_pid());
    const auto began = Clock::now();
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    const auto stopped = await_finding("server.frozen", seconds(20));
    const auto took = Clock::now() - began;
    EXPECT_EQ(::kill(pid, SIGCONT), 0);
    ASSERT_NE(finding_in(stopped, "server.frozen"), nullptr);
    tell_soon("a stopped process", took);
    EXPECT_EQ(stopped.verdict, NodeVerdict::stuck);
    EXPECT_EQ(finding_in(stopped, "server.frozen")->level, FindingLevel::critical);
    EXPECT_NE(stopped.reasons.at(0).find("kill -CONT " + std::to_string(pid)), std::string::npos);
    EXPECT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_EQ(server_pid(), pid);  // nobody ended it for that
}

TEST_F(VerdictOfAgent, AServerThatTakesConnectionsAndSaysNothingIsStuck) {
    const auto began = Clock::now();
    std::ofstream(mute_file()) << "x";
    const auto mute = await_finding("server.stuck", seconds(20));
    const auto took = Clock::now() - began;
    ASSERT_EQ(::unlink(mute_file().c_str()), 0);
    ASSERT_NE(finding_in(mute, "server.stuck"), nullptr);
    tell_soon("a mute server", took);
    EXPECT_EQ(mute.verdict, NodeVerdict::stuck);
    EXPECT_NE(mute.reasons.at(0).find("takes connections and does not answer"), std::string::npos);
    EXPECT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_EQ(starts(), 1u);
}

TEST_F(VerdictOfAgent, AServerThatDiesAgainAndAgainIsToldWithItsNextStart) {
    // It ends at once from its next start on.
    std::ofstream(spec_.conf_path, std::ios::app) << "fake.exit=7\n";
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    const auto ill = await_finding("server.restarts", seconds(30));
    const Finding* const restarts = finding_in(ill, "server.restarts");
    ASSERT_NE(restarts, nullptr);
    EXPECT_GE(*restarts->value, 3);
    // Sooner or later the agent waits for long enough to be met waiting.
    bool told = false;
    for (int tries = 0; tries < 200 && !told; ++tries) {
        const auto seen = health();
        const Finding* const down = finding_in(seen, "server.down");
        told = down != nullptr && down->words.find("starts it again in ") != std::string::npos;
        std::this_thread::sleep_for(milliseconds(50));
    }
    EXPECT_TRUE(told);
    // An apply brings the file back, and with it the server.
    const auto done = apply(spec_);
    EXPECT_FALSE(done.error) << done.error->words;
    EXPECT_TRUE(await_verdict(NodeVerdict::serving));
}

TEST_F(VerdictOfAgent, FilesThatWereChangedAreNamed) {
    std::ofstream(spec_.conf_path, std::ios::app) << "tickTime=1\n";
    const auto drifted = await_finding("files.drift", seconds(40));
    const Finding* const drift = finding_in(drifted, "files.drift");
    ASSERT_NE(drift, nullptr);
    EXPECT_EQ(drift->subject, spec_.conf_path);
    EXPECT_NE(drift->words.find("is not as zkprov wrote it"), std::string::npos);
    EXPECT_EQ(drifted.verdict, NodeVerdict::serving);
    EXPECT_LE(drift->since, drifted.wall_ms);
    const auto done = apply(spec_);
    EXPECT_FALSE(done.error);
    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_EQ(finding_in(health(), "files.drift"), nullptr);
}

TEST_F(VerdictOfAgent, AnAgentThatCannotKeepItsHistorySaysSo) {
    const std::string history = state_.path() + "/history.json";
    ASSERT_EQ(::unlink(history.c_str()), 0);
    ASSERT_EQ(::mkdir(history.c_str(), 0700), 0);  // which no file can replace
    // It ends at once from its next start on: what comes back between two looks is nothing to keep.
    std::ofstream(spec_.conf_path, std::ios::app) << "fake.exit=7\n";
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    const auto ill = await_finding("agent.unsaved", seconds(20));
    ASSERT_NE(finding_in(ill, "agent.unsaved"), nullptr);
    ASSERT_EQ(::rmdir(history.c_str()), 0);
    // It tries again with each look.
    bool told = true;
    for (int tries = 0; tries < 200 && told; ++tries) {
        std::this_thread::sleep_for(milliseconds(50));
        told = finding_in(health(), "agent.unsaved") != nullptr;
    }
    EXPECT_FALSE(told);
}

TEST_F(VerdictOfAgent, WhatIsMeasuredIsThere) {
    const auto seen = health();
    EXPECT_EQ(seen.verdict, NodeVerdict::serving);
    EXPECT_TRUE(seen.findings.empty()) << seen.findings.front().words;
    EXPECT_EQ(seen.snapshots, 1u);
    EXPECT_EQ(seen.logs, 0u);
    EXPECT_LT(*seen.snapshot_age_s, 600u);
    EXPECT_GT(*seen.open_files_max, 0u);
    EXPECT_GT(seen.verdict_since, WallMs(0));
    EXPECT_LE(seen.verdict_since, seen.wall_ms);
}

TEST(DeathsInARow, OnlyAMinuteOfLifeEndsARow) {
    EXPECT_EQ(deaths_in_a_row(0, milliseconds(0)), 1u);
    EXPECT_EQ(deaths_in_a_row(4, milliseconds(9999)), 5u);
    EXPECT_EQ(deaths_in_a_row(4, milliseconds(10000)), 4u);
    EXPECT_EQ(deaths_in_a_row(4, milliseconds(59999)), 4u);
    EXPECT_EQ(deaths_in_a_row(4, milliseconds(60000)), 0u);
}

}  // namespace
}  // namespace zk::agent_serve
