#include "disk/log_thread.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../storage/forwarding_disk.h"
#include "disk/posix_disk.h"
#include "jute/txn.h"
#include "sim_disk/sim_disk.h"
#include "temp_dir.h"
#include "told.h"

namespace zk::disk {
namespace {
using storage::DiskEvent;

storage::DiskCommand append(std::int64_t zxid) {
    jute::Txn txn;
    txn.header = {SessionId(1), Xid(1), Zxid(zxid), WallMs(1), OpCode::create};
    txn.body = jute::CreateTxn{"/n" + std::to_string(zxid), "x", {}, false, -1};
    return storage::AppendTxn{Zxid(zxid), std::make_shared<const Bytes>(jute::encode_txn(txn))};
}

LogThreadOptions options() {
    LogThreadOptions result;
    result.executor.log.preallocate_bytes = 0;
    return result;
}

/// Collects events of the log thread.
class Events {
  public:
    Events() {
        port.on_log = [this](std::vector<DiskEvent> events) {
            const std::lock_guard lock(mutex_);
            ++batches_;
            for (DiskEvent& event : events) events_.push_back(std::move(event));
            changed_.notify_all();
        };
    }
    Told port;

    template <class Event>
    bool wait_for() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(60), [this] {
            return std::any_of(events_.begin(), events_.end(), [](const DiskEvent& event) {
                return std::holds_alternative<Event>(event);
            });
        });
    }
    std::vector<DiskEvent> take() {
        const std::lock_guard lock(mutex_);
        return std::move(events_);
    }
    int batches() {
        const std::lock_guard lock(mutex_);
        return batches_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<DiskEvent> events_;
    int batches_ = 0;
};

TEST(LogThread, StopDrainsAndEverythingIsDurable) {
    const TempDir dir;
    const storage::Paths paths{dir.path(), dir.path()};
    PosixDisk disk;
    value_of(storage::recover(disk, paths, {}));
    Events events;
    {
        LogThread thread(disk, paths, options(), events.port);
        for (std::int64_t i = 1; i <= 500; ++i) thread.post(append(i));
        thread.post(storage::SaveCurrentEpoch{Epoch(3)});
        thread.stop();
        thread.post(append(501));  // dropped
    }
    const auto list = events.take();
    ASSERT_FALSE(list.empty());
    EXPECT_TRUE(std::holds_alternative<storage::CurrentEpochSaved>(list.back()));
    Zxid last;
    for (const DiskEvent& event : list) {
        if (const auto* durable = std::get_if<storage::LogDurable>(&event)) {
            EXPECT_GT(durable->up_to, last);
            last = durable->up_to;
        }
    }
    EXPECT_EQ(last, Zxid(500));
    EXPECT_EQ(value_of(storage::restore(disk, paths, Zxid(1000), {})).last_zxid, Zxid(500));
}

TEST(LogThread, PostsOfManyThreadsShareSyncs) {
    sim::SimDisk disk;
    const storage::Paths paths{"/zk", "/zk"};
    value_of(storage::recover(disk, paths, {}));
    Events events;
    std::mutex order;
    std::int64_t next = 1;
    {
        LogThreadOptions few = options();
        few.batch_max = 10;
        LogThread thread(disk, paths, few, events.port);
        std::vector<std::thread> posters;
        for (int t = 0; t < 4; ++t) {
            posters.emplace_back([&] {
                for (int i = 0; i < 250; ++i) {
                    const std::lock_guard lock(order);
                    thread.post(append(next++));
                }
            });
        }
        for (std::thread& poster : posters) poster.join();
    }
    EXPECT_GE(events.batches(), 100);  // at most ten commands each
    EXPECT_EQ(value_of(storage::restore(disk, paths, Zxid(5000), {})).last_zxid, Zxid(1000));
}

TEST(LogThread, FullQueueHoldsThePosterBack) {
    sim::SimDisk disk;
    const storage::Paths paths{"/zk", "/zk"};
    value_of(storage::recover(disk, paths, {}));
    std::mutex gate;
    gate.lock();
    std::atomic<int> posted = 0;
    LogThreadOptions small = options();
    small.queued_bytes_max = 100;
    Told port;
    port.on_log = [&gate](const std::vector<DiskEvent>&) { const std::lock_guard wait(gate); };
    LogThread thread(disk, paths, small, port);
    std::thread poster([&] {
        for (std::int64_t i = 1; i <= 50; ++i) {
            thread.post(append(i));
            ++posted;
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_LT(posted.load(), 50);
    gate.unlock();
    poster.join();
    thread.stop();
    EXPECT_EQ(thread.queued_bytes(), 0U);
    EXPECT_EQ(value_of(storage::restore(disk, paths, Zxid(5000), {})).last_zxid, Zxid(50));
}

/// A disk that makes no file while somebody holds it.
class HeldDisk : public storage::ForwardingDisk {
  public:
    using ForwardingDisk::ForwardingDisk;
    std::mutex held;

    Result<std::unique_ptr<storage::DiskFile>> create(const std::string& path) override {
        const std::lock_guard wait(held);
        return ForwardingDisk::create(path);
    }
};

TEST(LogThread, TellsHowLongSyncsTookAndThatOneGoesOn) {
    sim::SimDisk stored;
    HeldDisk disk(stored);
    const storage::Paths paths{"/zk", "/zk"};
    value_of(storage::recover(disk, paths, {}));
    Events events;
    LogThread thread(disk, paths, options(), events.port);
    thread.post(storage::SaveCurrentEpoch{Epoch(1)});  // no transaction
    ASSERT_TRUE(events.wait_for<storage::CurrentEpochSaved>());
    EXPECT_EQ(thread.syncs().count, 0U);
    disk.held.lock();
    thread.post(append(1));
    while (thread.syncs().pending < std::chrono::milliseconds(30)) std::this_thread::yield();
    EXPECT_EQ(thread.syncs().count, 0U);
    disk.held.unlock();
    ASSERT_TRUE(events.wait_for<storage::LogDurable>());
    thread.post(append(2));
    thread.stop();
    const SyncStatistics syncs = thread.syncs();
    EXPECT_EQ(syncs.count, 2U);
    EXPECT_EQ(syncs.pending, Duration(0));
    EXPECT_GE(syncs.longest, std::chrono::milliseconds(30));
    EXPECT_LE(syncs.shortest, syncs.longest);
    EXPECT_EQ(syncs.total, syncs.shortest + syncs.longest);
}

TEST(LogThread, FailureIsReportedOnceAndFinal) {
    sim::SimDisk disk;
    const storage::Paths paths{"/zk", "/zk"};
    value_of(storage::recover(disk, paths, {}));
    Events events;
    LogThread thread(disk, paths, options(), events.port);
    thread.post(append(1));
    ASSERT_TRUE(events.wait_for<storage::LogDurable>());
    disk.fail_after(1);  // the log thread waits for work: nothing else uses the disk now
    for (std::int64_t i = 2; i <= 20; ++i) thread.post(append(i));
    EXPECT_TRUE(events.wait_for<storage::DiskFailed>());
    for (std::int64_t i = 21; i <= 30; ++i) thread.post(append(i));
    thread.stop();
    const auto list = events.take();
    EXPECT_TRUE(std::holds_alternative<storage::DiskFailed>(list.back()));
    EXPECT_EQ(std::count_if(list.begin(),
                            list.end(),
                            [](const DiskEvent& event) {
                                return std::holds_alternative<storage::DiskFailed>(event);
                            }),
              1);
}

}  // namespace
}  // namespace zk::disk
