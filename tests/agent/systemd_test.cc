#include "agent_host/systemd.h"

#include <gtest/gtest.h>

namespace zk::agent_host {
namespace {

TEST(UnitStates, BlocksInAnyOrderOfProperties) {
    const auto units = parse_unit_states(
        "MainPID=231\nNRestarts=2\nExecMainStatus=0\nId=zookeeper.service\nLoadState=loaded\n"
        "ActiveState=active\nSubState=running\nUnitFileState=enabled\n"
        "\n"
        "ActiveState=inactive\nLoadState=not-found\nId=none.service\nUnitFileState=\n");
    ASSERT_EQ(units.size(), 2u);
    EXPECT_EQ(units[0].name, "zookeeper.service");
    EXPECT_EQ(units[0].active, "active");
    EXPECT_EQ(units[0].sub, "running");
    EXPECT_TRUE(units[0].enabled);
    EXPECT_EQ(units[0].main_pid, 231);
    EXPECT_EQ(units[0].restarts, 2u);
    EXPECT_EQ(units[1].active, "missing");
    EXPECT_FALSE(units[1].enabled);
}

TEST(UnitStates, JobAndWhatIsEnabledOnlyUntilTheNextBoot) {
    const auto units = parse_unit_states(
        "Id=a.service\nActiveState=failed\nUnitFileState=enabled-runtime\nJob=4711\n\n"
        "Id=b.service\nActiveState=failed\nUnitFileState=enabled\n");
    ASSERT_EQ(units.size(), 2u);
    EXPECT_TRUE(units[0].job);
    EXPECT_FALSE(units[0].enabled);
    EXPECT_FALSE(units[1].job);
    EXPECT_TRUE(units[1].enabled);
}

TEST(UnitStates, HowTheMainProcessEnded) {
    const auto units = parse_unit_states(
        "Id=a.service\nActiveState=activating\nSubState=auto-restart\nMainPID=0\nExecMainPID=231\n"
        "ExecMainCode=2\nExecMainStatus=9\nResult=oom-kill\n");
    ASSERT_EQ(units.size(), 1u);
    EXPECT_EQ(units[0].main_pid, 0);
    EXPECT_EQ(units[0].last_pid, 231);
    EXPECT_EQ(units[0].exit_code, 2);
    EXPECT_EQ(units[0].exit_status, 9);
    EXPECT_EQ(units[0].result, "oom-kill");
}

TEST(UnitStates, NothingGivesNothing) { EXPECT_TRUE(parse_unit_states("\n\n").empty()); }

}  // namespace
}  // namespace zk::agent_host
