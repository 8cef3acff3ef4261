// Read slots with real threads: run by TSan, too.
#include "net/tree_lock.h"

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace zk::net {
namespace {

using std::chrono::milliseconds;

TEST(TreeLock, NobodyReadsWhatTheCoreIsChanging) {
    constexpr std::uint32_t kLoops = 3;
    constexpr int kChanges = 2000;
    TreeLock lock(kLoops);
    std::array<int, 2> tree{};  // equal, whenever somebody reads
    std::atomic<bool> ended = false;
    std::atomic<int> torn = 0;
    std::vector<std::thread> loops;
    for (std::uint32_t loop = 0; loop < kLoops; ++loop) {
        loops.emplace_back([&, loop] {
            for (int seen = 0; !ended;) {
                const Reading reading(lock.slot(loop));
                if (tree[0] != tree[1] || tree[0] < seen) ++torn;
                seen = tree[0];
            }
        });
    }
    for (int i = 0; i < kChanges; ++i) {
        const Writing writing(lock);
        ++tree[0];
        std::this_thread::yield();
        ++tree[1];
    }
    ended = true;
    for (std::thread& loop : loops) loop.join();
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(tree[0], kChanges);
    EXPECT_FALSE(lock.is_held());
}

// Loop 0 is in the middle of a call, and the core waits for it. Whoever comes now waits for the core.
TEST(TreeLock, ALoopStepsBackForTheCore) {
    TreeLock lock(2);
    std::atomic<int> turns = 0;
    std::atomic<bool> entered = false;
    lock.slot(0).enter();
    std::thread core([&] {
        const Writing writing(lock);
        ++turns;
    });
    while (!lock.core_comes()) std::this_thread::yield();
    int seen = 0;
    std::thread loop([&] {
        const Reading reading(lock.slot(1));
        seen = turns;
        entered = true;
    });
    for (int i = 0; i < 50 && !entered; ++i) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_FALSE(entered);
    EXPECT_EQ(turns, 0);
    lock.slot(0).leave();
    core.join();
    loop.join();
    EXPECT_EQ(seen, 1);
}

TEST(TreeLock, LoopsDoNotWaitForEachOther) {
    TreeLock lock(2);
    const Reading first(lock.slot(0));
    std::thread other([&] { const Reading second(lock.slot(1)); });
    other.join();
    EXPECT_FALSE(lock.core_comes());
}

}  // namespace
}  // namespace zk::net
