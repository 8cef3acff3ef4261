#include "disk/snapshot_writer.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk/posix_disk.h"
#include "storage/install.h"
#include "storage/snapshot.h"
#include "temp_dir.h"
#include "told.h"

namespace zk::disk {
namespace {
using testing::ElementsAre;

Bytes empty_snapshot() {
    const tree::DataTree tree;
    storage::SnapshotSerializer serializer(tree, {}, storage::Form::file);
    Bytes bytes;
    while (serializer.next_chunk(bytes, 1 << 20)) {
    }
    return bytes;
}

class SnapshotThreadTest : public testing::Test {
  protected:
    SnapshotThreadTest() { expect_ok(disk_.make_dirs(paths_.snapshots())); }

    TempDir dir_;
    storage::Paths paths_{dir_.path(), dir_.path()};
    PosixDisk disk_;
    Told port_;
};

TEST_F(SnapshotThreadTest, SavesInChunks) {
    std::promise<SnapshotEvent> event;
    port_.on_snapshot = [&event](SnapshotEvent e) { event.set_value(std::move(e)); };
    SnapshotThread thread(disk_, paths_, port_);
    thread.begin(Zxid(0x20));
    const Bytes bytes = empty_snapshot();
    for (const char byte : bytes) thread.write(Bytes(1, byte));
    thread.finish();
    const SnapshotEvent result = event.get_future().get();
    ASSERT_TRUE(std::holds_alternative<SnapshotSaved>(result));
    EXPECT_EQ(std::get<SnapshotSaved>(result).zxid, Zxid(0x20));
    EXPECT_THAT(value_of(disk_.list(paths_.snapshots())), ElementsAre("snapshot.20"));
    EXPECT_EQ(value_of(disk_.read_file(paths_.snapshots() + "/snapshot.20", 1 << 20)), bytes);
}

TEST_F(SnapshotThreadTest, CompressesPeriodicOnesOnly) {
    std::promise<void> both;
    int events = 0;
    port_.on_snapshot = [&](const SnapshotEvent& event) {
        EXPECT_TRUE(std::holds_alternative<SnapshotSaved>(event));
        if (++events == 2) both.set_value();
    };
    SnapshotThread thread(disk_, paths_, port_, {}, storage::SnapshotName::Compression::gz);
    thread.begin(Zxid(0x20));
    thread.write(empty_snapshot());
    thread.finish();
    thread.begin(Zxid(0x21), storage::SnapshotRole::install);
    thread.write(empty_snapshot());
    thread.finish();
    both.get_future().get();
    EXPECT_THAT(value_of(disk_.list(paths_.snapshots())),
                ElementsAre("snapshot.20.gz", storage::staged_name(Zxid(0x21))));
    EXPECT_EQ(value_of(disk_.read_file(paths_.snapshots() + "/" + storage::staged_name(Zxid(0x21)),
                                       1 << 20)),
              empty_snapshot());
}

TEST_F(SnapshotThreadTest, AbandonedAndUnfinishedOnesLeaveNothing) {
    std::atomic<int> events = 0;
    {
        port_.on_snapshot = [&events](const SnapshotEvent&) { ++events; };
        SnapshotThread thread(disk_, paths_, port_);
        thread.begin(Zxid(1));
        thread.write("x");
        thread.abandon();
        thread.begin(Zxid(2));
        thread.write("x");
    }
    EXPECT_EQ(events, 0);
    EXPECT_THAT(value_of(disk_.list(paths_.snapshots())), ElementsAre());
}

TEST_F(SnapshotThreadTest, FailureIsReportedAndTheNextOneWorks) {
    std::vector<SnapshotEvent> events;
    {
        port_.on_snapshot = [&events](SnapshotEvent e) { events.push_back(std::move(e)); };
        SnapshotThread thread(disk_, paths_, port_);
        // A directory in the way makes the rename fail.
        expect_ok(disk_.make_dirs(paths_.snapshots() + "/snapshot.1"));
        for (const std::int64_t zxid : {1, 2}) {
            thread.begin(Zxid(zxid));
            thread.write(empty_snapshot());
            thread.finish();
        }
    }
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(std::get<SnapshotFailed>(events[0]).zxid, Zxid(1));
    EXPECT_EQ(std::get<SnapshotSaved>(events[1]).zxid, Zxid(2));
}

TEST_F(SnapshotThreadTest, StagesOneThatIsToBeInstalledAndFreesTrees) {
    std::promise<SnapshotEvent> event;
    port_.on_snapshot = [&event](SnapshotEvent e) { event.set_value(std::move(e)); };
    SnapshotThread thread(disk_, paths_, port_);
    thread.dispose(std::make_unique<tree::DataTree>());
    thread.begin(Zxid(0x20), storage::SnapshotRole::install);
    thread.write(empty_snapshot());
    thread.finish();
    EXPECT_EQ(std::get<SnapshotSaved>(event.get_future().get()).zxid, Zxid(0x20));
    EXPECT_THAT(value_of(disk_.list(paths_.snapshots())), ElementsAre("tmp.staged.snapshot.20"));
}

TEST_F(SnapshotThreadTest, FindsWhatAPurgeMustKeep) {
    std::promise<SnapshotEvent> event;
    port_.on_snapshot = [&event](SnapshotEvent e) { event.set_value(std::move(e)); };
    SnapshotThread thread(disk_, paths_, port_);
    for (const char* name : {"snapshot.1", "snapshot.2", "snapshot.3", "snapshot.4"}) {
        expect_ok(disk_.replace_file(paths_.snapshots(), name, "tmp.snapshot.x", empty_snapshot()));
    }
    thread.purge(3);
    EXPECT_THAT(std::get<PurgeFound>(event.get_future().get()).kept,
                ElementsAre(Zxid(4), Zxid(3), Zxid(2)));
    EXPECT_EQ(value_of(disk_.list(paths_.snapshots())).size(), 4U);
}

TEST_F(SnapshotThreadTest, SaysWhenItIsFullAndWhenThereIsRoomAgain) {
    std::promise<void> space;
    std::atomic<int> calls = 0;
    port_.on_room = [&] {
        if (++calls == 1) space.set_value();
    };
    SnapshotThread thread(disk_, paths_, port_);
    thread.begin(Zxid(1));
    thread.write(Bytes(SnapshotThread::kQueueBytesMax + 1, 'x'));
    EXPECT_EQ(space.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
    thread.abandon();
    thread.stop();
    EXPECT_TRUE(thread.wants_more());
}

}  // namespace
}  // namespace zk::disk
