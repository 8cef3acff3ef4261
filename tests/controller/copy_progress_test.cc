// What shows that a server takes in the leader's data, and what does not.
#include "phases/copy_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::phases {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20;

struct Scene {
    Scene() {
        verdict.leader = ServerId(1);
        for (const std::int64_t id : {1, 2}) {
            status::NodeVerdict node;
            node.status.id = ServerId(id);
            node.status.health.emplace();
            node.status.health->pid = 100 + id;
            node.in_sync = id == 1;
            verdict.nodes.push_back(node);
        }
        verdict.nodes[0].status.health->rss_bytes = 1000 * kMiB;
        at(0, 10);
    }
    agent_api::NodeHealth& joiner() { return *verdict.nodes[1].status.health; }
    void look(int second) {
        now = CopyProgress::Time(seconds(second));
        progress.look(verdict, {ServerId(2)}, now);
    }
    void at(int second, std::uint64_t mib) {
        joiner().rss_bytes = mib * kMiB;
        look(second);
    }
    bool goes_on() { return progress.goes_on(now); }
    std::string words() { return progress.words(now); }

    status::EnsembleVerdict verdict;
    CopyProgress progress;
    CopyProgress::Time now;
};

TEST(CopyProgress, GrowthIsProgressAndItsRateAnEstimate) {
    Scene scene;
    EXPECT_FALSE(scene.goes_on()) << "one look shows nothing";
    EXPECT_EQ(scene.words(), "");
    scene.at(10, 109);
    EXPECT_TRUE(scene.goes_on());
    EXPECT_EQ(scene.words(),
              "node 2 takes in the leader's data: [##..................] 10 % of about 990 MiB, "
              "about 1m 30s left");
    scene.at(39, 109);
    EXPECT_TRUE(scene.goes_on());
    scene.at(40, 109);
    EXPECT_FALSE(scene.goes_on()) << "half a minute without any";
    scene.at(41, 2000);
    EXPECT_THAT(scene.words(), HasSubstr("[####################] 100 % of about 990 MiB"));
}

TEST(CopyProgress, ADiskThatFillsIsProgress) {
    Scene scene;
    scene.joiner().data_free_bytes = 500 * kMiB;
    scene.joiner().log_free_bytes = 900 * kMiB;
    scene.joiner().pid = 7;
    scene.look(1);
    scene.joiner().data_free_bytes = 490 * kMiB;
    scene.look(2);
    EXPECT_TRUE(scene.goes_on());
    scene.joiner().data_free_bytes = 600 * kMiB;  // something else was removed
    scene.look(40);
    EXPECT_FALSE(scene.goes_on());
}

TEST(CopyProgress, AServerThatIsStartedAgainAndAgainMakesNone) {
    Scene scene;
    for (int second = 1; second < 20; ++second) {
        scene.joiner().pid = 200 + second;
        scene.at(second, static_cast<std::uint64_t>(10 * second));
        EXPECT_FALSE(scene.goes_on()) << second;
    }
}

TEST(CopyProgress, OnlyServersThatAreWaitedForAndHaveALeaderCount) {
    Scene scene;
    scene.at(1, 50);
    EXPECT_TRUE(scene.goes_on());
    scene.verdict.nodes[1].in_sync = true;
    scene.at(2, 90);
    EXPECT_FALSE(scene.goes_on());
    scene.verdict.nodes[1].in_sync = false;
    scene.at(3, 100);
    scene.at(4, 200);
    EXPECT_TRUE(scene.goes_on());
    scene.verdict.leader.reset();
    scene.at(5, 300);
    EXPECT_FALSE(scene.goes_on());
    scene.verdict.leader = ServerId(1);
    scene.at(6, 400);
    scene.at(7, 500);
    EXPECT_TRUE(scene.goes_on());
    scene.joiner().pid = 0;
    scene.at(8, 600);
    EXPECT_FALSE(scene.goes_on());
}

TEST(CopyProgress, WithoutAMeasureOfTheLeaderItOnlySaysThat) {
    Scene scene;
    scene.progress = CopyProgress();
    scene.verdict.nodes[0].status.health->rss_bytes = 0;
    scene.at(1, 10);
    scene.at(2, 20);
    EXPECT_EQ(scene.words(), "node 2 takes in the leader's data");
}

}  // namespace
}  // namespace zk::phases
