// An apply that is cut short at any point: the next one ends it, repeats nothing, leaves nothing
// behind.
#include <csignal>
#include <filesystem>
#include <unistd.h>
#include <variant>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "agent_host/host_facts.h"
#include "agent_host/node_executor.h"
#include "identity/identity.h"
#include "node_fixture.h"
#include "node_plan/node_plan.h"

namespace zk::agent_serve {
namespace {

constexpr int kCrashed = 77;
constexpr int kEnded = 0;

class Crash : public NodeFixture {
  protected:
    /// Applies in a process of its own that ends at the `point`-th point. Returns its exit status.
    int apply_until(const agent_api::NodeSpec& spec, int point) {
        const pid_t pid = ::fork();
        if (pid != 0) {
            int status = 0;
            ::waitpid(pid, &status, 0);
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        std::signal(SIGPIPE, SIG_IGN);
        const auto lock = state_.lock();
        auto facts = agent_host::gather_facts(agent_api::facts_for(spec), state_);
        if (!lock.has_value() || !facts.has_value()) ::_exit(2);
        // The program of this test is not the agent: the resident one stays.
        facts->agent_sha256 = facts->resident_agent_sha256;
        auto decision = node_plan::make_plan(spec, *facts, identity::needs_marker(spec, *facts));
        if (!std::holds_alternative<node_plan::NodePlan>(decision)) ::_exit(3);
        auto quiet = [](const agent_api::Event&) {};
        agent_host::NodeExecutor executor(spec, *facts, state_, quiet);
        int seen = 0;
        executor.at_point = [&](const std::string& words) {
            // The agent that would be started is this program, which is a test and no agent.
            if (words.starts_with("commit start-agent")) ::_exit(kEnded);
            if (words.starts_with("commit restart-agent")) ::_exit(5);
            if (seen++ == point) ::_exit(kCrashed);
        };
        const auto done = executor.run(std::get<node_plan::NodePlan>(decision));
        ::_exit(done.error ? 4 : kEnded);
    }
};

TEST_F(Crash, AtEveryPointOfAChange) {
    ASSERT_FALSE(apply(spec_).error);
    agent_api::NodeSpec wanted = spec_;
    int point = 0;
    for (;; ++point) {
        ASSERT_LT(point, 100);
        wanted.files[0].content += "# change " + std::to_string(point) + "\n";
        wanted.release.version = "0.1." + std::to_string(point + 1);
        const std::size_t before = starts();
        const int status = apply_until(wanted, point);
        if (status == kEnded) break;
        ASSERT_EQ(status, kCrashed) << point;

        const auto done = apply(wanted);
        ASSERT_FALSE(done.error) << point << " " << done.error->words;
        EXPECT_EQ(*agent_host::read_file(wanted.conf_path), wanted.files[0].content) << point;
        EXPECT_EQ(std::filesystem::read_symlink(wanted.install_dir + "/current"),
                  "releases/" + wanted.release.version);
        EXPECT_EQ(starts(), before + 1) << point << " " << text_of(done);
        EXPECT_TRUE(leftovers().empty()) << point << " " << leftovers().front();
        const auto again = apply(wanted);
        EXPECT_TRUE(again.steps.empty()) << point << " " << text_of(again);
        EXPECT_EQ(starts(), before + 1) << point;
    }
    // stage, commit and committed for: install, write, switch, restart, record
    EXPECT_GE(point, 15);
}

TEST_F(Crash, AtEveryPointOfForming) {
    for (int point = 0;; ++point) {
        ASSERT_LT(point, 100);
        {
            AgentSession session(state_.path());
            send_release(session, spec_);
        }
        const int status = apply_until(spec_, point);
        if (status == kEnded) break;
        ASSERT_EQ(status, kCrashed) << point;
        if (agent_host::exists(state_.file("identity.json")) &&
            agent_host::exists(spec_.log_dir + "/initialize")) {
            // Cut after the marker: it is neither written twice nor lost.
            const auto done = apply(spec_, true);
            ASSERT_FALSE(done.error) << point << done.error->words;
            for (const auto& step : done.steps) EXPECT_NE(step.step, "write-marker") << point;
        }
    }
    const auto done = apply(spec_);
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_TRUE(await_verdict(agent_api::NodeVerdict::serving));
    EXPECT_EQ(starts(), 1u);
    EXPECT_TRUE(leftovers().empty());
    EXPECT_TRUE(apply(spec_).steps.empty());
}

}  // namespace
}  // namespace zk::agent_serve
