// A scripted server life on a disk that fails at every possible call, loses or tears what was not
// synced, and is recovered: nothing that was reported durable may be missing, nothing may appear
// that was not written.
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "samples.h"
#include "storage/disk_command.h"
#include "storage/epoch_files.h"

namespace zk::storage {
namespace {

/// What the server has been promised, and what it has asked for.
struct Promise {
    Zxid durable{-1};
    Epoch accepted{-1}, current{-1};
    std::optional<Zxid> cutting;  // to here: TRUNC or SNAP is under way
    bool failed = false;
};

void note(const std::vector<DiskEvent>& events, Promise& promise) {
    for (const DiskEvent& event : events) {
        if (const auto* durable = std::get_if<LogDurable>(&event)) promise.durable = durable->up_to;
        if (const auto* saved = std::get_if<AcceptedEpochSaved>(&event))
            promise.accepted = saved->epoch;
        if (const auto* saved = std::get_if<CurrentEpochSaved>(&event))
            promise.current = saved->epoch;
        if (const auto* cut = std::get_if<LogTruncated>(&event)) {
            promise.durable = cut->zxid;
            promise.cutting.reset();
        }
        if (const auto* installed = std::get_if<SnapshotInstalled>(&event)) {
            promise.durable = installed->zxid;
            promise.cutting.reset();
        }
        if (std::holds_alternative<DiskFailed>(event)) promise.failed = true;
    }
}

bool write_snapshot(Disk& disk, std::int64_t last, SnapshotRole role = SnapshotRole::periodic) {
    const tree::DataTree tree = numbered_tree(last);
    SnapshotFile file(disk, kDir, role);
    return file.begin(Zxid(last)).has_value() &&
           file.write(serialize(tree, {}, Form::file)).has_value() && file.finish().has_value();
}

/// Runs until the disk fails or the script ends.
void live(sim::SimDisk& disk, Promise& promise) {
    const auto first = recover(disk, kPaths, {});
    if (!first.has_value()) {
        promise.failed = true;
        return;
    }
    promise.durable = first->last_zxid;
    DiskExecutor executor(disk, kPaths, {{.preallocate_bytes = 256, .file_bytes_max = 0}, {}});
    const auto run = [&](auto... commands) {
        if (promise.failed) return;
        std::vector<DiskCommand> batch;
        (batch.emplace_back(commands), ...);
        std::vector<DiskEvent> events;
        executor.execute(batch, events);
        note(events, promise);
    };
    run(SaveAcceptedEpoch{Epoch(1)}, SaveCurrentEpoch{Epoch(1)});
    run(append(1), append(2));
    run(append(3));
    run(RollLog{}, append(4), append(5), SaveAcceptedEpoch{Epoch(2)}, append(6));
    if (!promise.failed) promise.failed = !write_snapshot(disk, 4);
    run(append(7));
    if (!promise.failed) promise.cutting = Zxid(5);
    run(TruncateLog{Zxid(5)});
    EXPECT_TRUE(promise.failed || !promise.cutting);
    run(append(6), append(7), SaveCurrentEpoch{Epoch(2)});
    if (!promise.failed) promise.failed = !write_snapshot(disk, 7);
    run(Purge{{Zxid(7), Zxid(4), Zxid(0)}}, append(8));
    // The leader's snapshot is an older one.
    if (!promise.failed) promise.failed = !write_snapshot(disk, 6, SnapshotRole::install);
    if (!promise.failed) promise.cutting = Zxid(6);
    run(InstallSnapshot{Zxid(6)});
    run(append(7));
}

void check(sim::SimDisk& disk, const Promise& promise, const std::string& where) {
    SCOPED_TRACE(where);
    const auto state = recover(disk, kPaths, {});
    ASSERT_TRUE(state.has_value()) << state.error().message();
    // While cutting, anything between the cut and what was there is legal.
    const Zxid least =
        promise.cutting ? std::min(promise.durable, *promise.cutting) : promise.durable;
    EXPECT_GE(state->last_zxid, least);
    EXPECT_LE(state->last_zxid, Zxid(8));
    EXPECT_EQ(state->tree->digest(), numbered_tree(state->last_zxid.value()).digest());
    EXPECT_GE(state->accepted_epoch, promise.accepted);
    EXPECT_GE(state->current_epoch, promise.current);
    // The server can go on from there.
    DiskExecutor executor(disk, kPaths, {{.preallocate_bytes = 256, .file_bytes_max = 0}, {}});
    std::vector<DiskCommand> batch;
    batch.emplace_back(append(state->last_zxid.value() + 1));
    std::vector<DiskEvent> events;
    executor.execute(batch, events);
    EXPECT_FALSE(executor.failed());
    disk.crash(sim::CrashMode::lose);
    const auto again = recover(disk, kPaths, {});
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(again->last_zxid, Zxid(state->last_zxid.value() + 1));
}

TEST(Crash, AtEveryCallNothingDurableIsLost) {
    sim::SimDisk whole;
    Promise promise;
    live(whole, promise);
    ASSERT_FALSE(promise.failed);
    EXPECT_EQ(promise.durable, Zxid(7));
    const std::uint64_t calls = whole.calls();
    EXPECT_GT(calls, 50U);
    for (std::uint64_t call = 1; call <= calls; ++call) {
        for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::keep, sim::CrashMode::tear}) {
            for (std::uint64_t seed = 0; seed < (mode == sim::CrashMode::tear ? 8U : 1U); ++seed) {
                sim::SimDisk disk(seed);
                Promise broken;
                disk.fail_after(call);
                live(disk, broken);
                EXPECT_TRUE(broken.failed);
                disk.crash(mode);
                check(disk,
                      broken,
                      "call " + std::to_string(call) + " mode " +
                          std::to_string(static_cast<int>(mode)) + " seed " + std::to_string(seed));
            }
        }
    }
}

}  // namespace
}  // namespace zk::storage
