// Hooks of a recipe around the waves of a roll: when they run, what they are told, and what becomes of
// the run when one fails. The hooks are processes of this machine, the nodes are in memory.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using playbook::HookPoint;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RollHooks : public Runner {
  protected:
    RollHooks() {
        auto playbook = playbook::builtin_playbook("apply");
        settings.playbook = *std::move(playbook);
        settings.yes = true;
        std::string name = testing::TempDir() + "/hooksXXXXXX";
        directory = ::mkdtemp(name.data());
    }
    ~RollHooks() override { std::filesystem::remove_all(directory); }

    void hook(HookPoint point,
              const std::string& script,
              milliseconds limit = milliseconds(20000)) {
        settings.playbook->hooks[point].push_back({{"/bin/sh", "-c", script}, script, limit});
    }
    /// Each hook writes who it is into the file `log`.
    void log_all() {
        for (const auto point : {HookPoint::before_wave,
                                 HookPoint::before_node,
                                 HookPoint::after_node,
                                 HookPoint::after_wave}) {
            hook(point,
                 "echo \"$ZKPROV_HOOK $ZKPROV_WAVE: $ZKPROV_NODE\" >> " + directory + "/log");
        }
    }
    std::vector<std::string> log() const {
        std::vector<std::string> lines;
        std::ifstream file(directory + "/log");
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }
    /// Lines of stderr that tell a step or a hook, in order: "apply" of a node, or the hook's point.
    std::vector<std::string> order() const {
        std::vector<std::string> found;
        std::istringstream lines(err);
        for (std::string line; std::getline(lines, line);) {
            if (line.find(": done, ") != std::string::npos) found.push_back("apply");
            for (const char* point : {"before_wave", "before_node", "after_node", "after_wave"}) {
                if (line.find(std::string(": ") + point + ": :") != std::string::npos) {
                    found.emplace_back(point);
                }
            }
        }
        return found;
    }
    const inventory::Inventory changed = three("server: { config: { syncLimit: 9 } }\n");
    std::string directory;
};

TEST_F(RollHooks, RunAroundEachWaveAndEachOfItsNodes) {
    log_all();
    ASSERT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(log(),
                ElementsAre("before_wave 1: 1 2 3",
                            "before_node 1: 1",
                            "before_node 1: 2",
                            "before_node 1: 3",
                            "after_node 1: 1",
                            "after_node 1: 2",
                            "after_node 1: 3",
                            "after_wave 1: 1 2 3"));
    std::filesystem::remove(directory + "/log");
    ASSERT_EQ(apply(changed), ExitCode::done) << err;
    EXPECT_THAT(log(),
                ElementsAre("before_wave 1: 1",
                            "before_node 1: 1",
                            "after_node 1: 1",
                            "after_wave 1: 1",
                            "before_wave 2: 2",
                            "before_node 2: 2",
                            "after_node 2: 2",
                            "after_wave 2: 2",
                            "before_wave 3: 3",
                            "before_node 3: 3",
                            "after_node 3: 3",
                            "after_wave 3: 3"));
    std::filesystem::remove(directory + "/log");
    ASSERT_EQ(apply(changed), ExitCode::done);  // no wave, no hook
    EXPECT_THAT(log(), IsEmpty());
}

TEST_F(RollHooks, BeforeTheStepsAndAfterTheGate) {
    ASSERT_EQ(apply(), ExitCode::done);
    for (const auto point : {HookPoint::after_wave,
                             HookPoint::after_node,
                             HookPoint::before_node,
                             HookPoint::before_wave}) {
        hook(point, ": nothing");
    }
    inventory.nodes[1].config["maxClientCnxns"] = "77";
    ASSERT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(order(),
                ElementsAre("before_wave", "before_node", "apply", "after_node", "after_wave"));
}

TEST_F(RollHooks, SeveralOfOnePlaceRunInTheirOrderUntilOneFails) {
    for (const char* const script : {"echo one", "echo two; exit 3", "echo three"}) {
        hook(HookPoint::before_wave, script);
    }
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("wave 1: before_wave: one\n"));
    EXPECT_THAT(err, HasSubstr("wave 1: before_wave: two\n"));
    EXPECT_THAT(err, Not(HasSubstr("wave 1: before_wave: three\n")));
}

TEST_F(RollHooks, AreToldWhereTheyAre) {
    ASSERT_EQ(apply(), ExitCode::done);
    hook(HookPoint::before_node,
         "echo $ZKPROV_ENSEMBLE $ZKPROV_NODE $ZKPROV_HOST $ZKPROV_WAVE; cat");
    inventory.nodes[1].config["maxClientCnxns"] = "77";
    ASSERT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): before_node: demo 2 192.168.6.138 1\n"));
}

TEST_F(RollHooks, OneThatFailsBeforeTheFirstChangeTouchesNoServer) {
    hook(HookPoint::before_node, "test $ZKPROV_NODE != 2");
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err,
                HasSubstr("node 2 (192.168.6.138): before_node: the hook ended with status 1\n"));
    EXPECT_THAT(err, HasSubstr("no server was touched"));
    EXPECT_EQ(out, "");
}

TEST_F(RollHooks, OneThatFailsInTheMiddleStopsTheRoll) {
    ASSERT_EQ(apply(), ExitCode::done);
    hook(HookPoint::after_node, "test $ZKPROV_NODE != 1");
    EXPECT_EQ(apply(changed), ExitCode::partly);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1"));
    EXPECT_THAT(err,
                HasSubstr("node 1 (192.168.6.137): after_node: the hook ended with status 1\n"));
    EXPECT_THAT(err, HasSubstr("run the command again, it goes on"));
}

TEST_F(RollHooks, OneThatHangsIsEnded) {
    hook(HookPoint::before_wave, "echo started; sleep 600", milliseconds(50));
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("wave 1: before_wave: the hook did not end in time (limit_s: 1)"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

/// Whether the process still runs; one that nobody has collected yet does not.
bool runs(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t behind_name = line.rfind(") ");
    return behind_name != std::string::npos && line[behind_name + 2] != 'Z';
}

// The second one does not even hear SIGTERM.
TEST_F(RollHooks, WhatItStartedIsEndedWithIt) {
    for (const char* const trap : {"", "trap '' TERM; "}) {
        std::atomic<bool> interrupted{false};
        settings.interrupted = &interrupted;
        settings.playbook->hooks.clear();
        hook(HookPoint::before_wave,
             std::string(trap) + "sleep 600 & echo $! > " + directory + "/pid; echo started; wait");
        Console console([](const std::string&) {},
                        [&](const std::string& text) {
                            err += text;
                            if (text.ends_with("before_wave: started\n")) interrupted = true;
                        },
                        nullptr,
                        false,
                        status::Colours::no);
        EXPECT_EQ(run_apply(inventory, settings, console), ExitCode::interrupted) << err;
        settings.interrupted = nullptr;
        std::string pid;
        std::ifstream(directory + "/pid") >> pid;
        ASSERT_NE(pid, "") << err;
        for (int looks = 0; looks < 5000 && runs(pid); ++looks) {
            std::this_thread::sleep_for(milliseconds(2));
        }
        EXPECT_FALSE(runs(pid)) << pid;
    }
}

TEST_F(RollHooks, OneThatIsKilledOrCannotBeStartedFails) {
    hook(HookPoint::before_wave, "kill -9 $$");
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("the hook was ended by signal 9"));
    settings.playbook->hooks[HookPoint::before_wave] = {
        {{directory + "/no-such"}, "no-such", milliseconds(20000)}};
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("the hook cannot be started: No such file"));
}

TEST_F(RollHooks, CtrlCEndsOne) {
    std::atomic<bool> interrupted{false};
    settings.interrupted = &interrupted;
    hook(HookPoint::before_wave, "echo started; sleep 600");
    Console console([](const std::string&) {},
                    [&](const std::string& text) {
                        err += text;
                        if (text.find("before_wave: started\n") != std::string::npos)
                            interrupted = true;
                    },
                    nullptr,
                    false,
                    status::Colours::no);
    EXPECT_EQ(run_apply(inventory, settings, console), ExitCode::interrupted);
    EXPECT_THAT(err, HasSubstr("interrupted; nothing was changed\n"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

// The hook waits until the lock was beaten for some more times: it is, while the hook runs.
TEST_F(RollHooks, TheRunLockIsKeptWhileOneRuns) {
    hook(HookPoint::before_wave, "while ! test -e " + directory + "/go; do sleep 0.01; done");
    std::jthread watcher([this](const std::stop_token& stop) {
        const auto beats = [this] {
            const std::lock_guard lock(nodes.mutex());
            return nodes[2].checks > 0 ? nodes[2].beats : 0;
        };
        int first = 0;
        while (!stop.stop_requested()) {
            if (first == 0) first = beats();
            if (first > 0 && beats() > first + 5) break;
            std::this_thread::sleep_for(milliseconds(1));
        }
        std::ofstream(directory + "/go") << "go";
    });
    EXPECT_EQ(apply(), ExitCode::done) << err;
}

// What the proof of the lock rests on is asked after the hook, and not before.
TEST_F(RollHooks, ALockThatIsLostDuringOneEndsTheRun) {
    ASSERT_EQ(apply(), ExitCode::done);
    hook(HookPoint::before_node, "echo now");
    Console console([](const std::string&) {},
                    [&](const std::string& text) {
                        err += text;
                        if (text.find("before_node: now\n") == std::string::npos) return;
                        const std::lock_guard lock(nodes.mutex());
                        nodes[3].lock_lost = "its lock was taken away";
                    },
                    nullptr,
                    false,
                    status::Colours::no);
    nodes.story.clear();
    EXPECT_EQ(run_apply(changed, settings, console), ExitCode::busy) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(RollHooks, APlanRunsNone) {
    log_all();
    Console console = make_console(false);
    EXPECT_EQ(run_plan(inventory, settings, console, ChangesCode::no), ExitCode::done);
    EXPECT_THAT(log(), IsEmpty());
    EXPECT_THAT(err, HasSubstr("hook before_wave: echo"));
}

}  // namespace
}  // namespace zk::phases
