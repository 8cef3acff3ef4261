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

/// How a server is set up.
struct Setting {
    const char* name;
    LogOptions log;
    SnapshotName::Compression compression = SnapshotName::Compression::none;
};
constexpr Setting kPlain{"plain", {.preallocate_bytes = 256, .file_bytes_max = 0}};
/// A log file of one or two records, and compressed snapshots.
constexpr Setting kRolling{
    "rolling", {.preallocate_bytes = 0, .file_bytes_max = 100}, SnapshotName::Compression::gz};

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

bool write_snapshot(Disk& disk,
                    const Setting& setting,
                    std::int64_t last,
                    SnapshotRole role = SnapshotRole::periodic) {
    const tree::DataTree tree = numbered_tree(last);
    const bool periodic = role == SnapshotRole::periodic;
    SnapshotFile file(
        disk, kDir, role, periodic ? setting.compression : SnapshotName::Compression::none);
    return file.begin(Zxid(last)).has_value() &&
           file.write(serialize(tree, {}, Form::file)).has_value() && file.finish().has_value();
}

/// Runs until the disk fails or the script ends.
void live(sim::SimDisk& disk, const Setting& setting, Promise& promise) {
    const auto first = recover(disk, kPaths, {});
    if (!first.has_value()) {
        promise.failed = true;
        return;
    }
    promise.durable = first->last_zxid;
    DiskExecutor executor(disk, kPaths, {setting.log, {}});
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
    if (!promise.failed) promise.failed = !write_snapshot(disk, setting, 4);
    run(append(7));
    if (!promise.failed) promise.cutting = Zxid(5);
    run(TruncateLog{Zxid(5)});
    EXPECT_TRUE(promise.failed || !promise.cutting);
    run(append(6), append(7), SaveCurrentEpoch{Epoch(2)});
    if (!promise.failed) promise.failed = !write_snapshot(disk, setting, 7);
    run(Purge{{Zxid(7), Zxid(4), Zxid(0)}}, append(8));
    // The leader's snapshot is an older one.
    if (!promise.failed) promise.failed = !write_snapshot(disk, setting, 6, SnapshotRole::install);
    if (!promise.failed) promise.cutting = Zxid(6);
    run(InstallSnapshot{Zxid(6)});
    run(append(7));
}

void check(sim::SimDisk& disk,
           const Setting& setting,
           const Promise& promise,
           const std::string& where) {
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
    DiskExecutor executor(disk, kPaths, {setting.log, {}});
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

/// What becomes of the machine when a call has failed, or of the process alone.
enum class End {
    lose,   ///< power is lost, and all that was not synced
    keep,   ///< power is lost, and nothing else
    tear,   ///< and a prefix stays, its last write torn
    pages,  ///< and any pages and names stay, in any order
    kill    ///< the process ends; memory stays, as after a full disk whose space came back
};
constexpr std::initializer_list<End> kEnds = {
    End::lose, End::keep, End::tear, End::pages, End::kill};

void end(sim::SimDisk& disk, End how) {
    switch (how) {
        case End::lose:
            return disk.crash(sim::CrashMode::lose);
        case End::keep:
            return disk.crash(sim::CrashMode::keep);
        case End::tear:
            return disk.crash(sim::CrashMode::tear);
        case End::pages:
            return disk.crash(sim::CrashMode::pages);
        case End::kill:
            return disk.kill();
    }
}
std::uint64_t seeds_of(End how) { return how == End::tear || how == End::pages ? 3 : 1; }

/// A run to its end: how many changing calls, and how many syncs of files, there are to fail.
struct Whole {
    std::uint64_t calls = 0, syncs = 0;
};
Whole whole_life(const Setting& setting) {
    sim::SimDisk disk;
    Promise promise;
    live(disk, setting, promise);
    EXPECT_FALSE(promise.failed);
    EXPECT_EQ(promise.durable, Zxid(7));
    EXPECT_GT(disk.calls(), 50U);
    return {disk.calls(), disk.sync_count()};
}

/// Lives until call `call` fails, and ends so.
Promise broken_life(sim::SimDisk& disk, const Setting& setting, std::uint64_t call, End how) {
    Promise promise;
    disk.fail_after(call);
    live(disk, setting, promise);
    EXPECT_TRUE(promise.failed);
    end(disk, how);
    return promise;
}

std::string place(const Setting& setting, std::uint64_t call, End how, std::uint64_t seed) {
    return std::string(setting.name) + " call " + std::to_string(call) + " end " +
           std::to_string(static_cast<int>(how)) + " seed " + std::to_string(seed);
}

void expect_nothing_lost(const Setting& setting, std::initializer_list<End> ends) {
    const Whole whole = whole_life(setting);
    for (std::uint64_t call = 1; call <= whole.calls; ++call) {
        for (const End how : ends) {
            for (std::uint64_t seed = 0; seed < seeds_of(how); ++seed) {
                sim::SimDisk disk(seed * 1000 + call);
                const Promise promise = broken_life(disk, setting, call, how);
                check(disk, setting, promise, place(setting, call, how, seed));
            }
        }
    }
}

TEST(Crash, AtEveryCallNothingDurableIsLost) { expect_nothing_lost(kPlain, kEnds); }
TEST(Crash, NorWithShortLogsAndCompressedSnapshots) {
    expect_nothing_lost(kRolling, {End::lose, End::pages});
}

// Recovery writes, too: it completes installations, cuts torn ends, makes epochs.
TEST(Crash, NorWhenRecoveryIsCutAgainAndAgain) {
    const Whole whole = whole_life(kPlain);
    std::size_t cut = 0;
    for (std::uint64_t call = 1; call <= whole.calls; ++call) {
        for (const End how : {End::lose, End::pages}) {
            sim::SimDisk disk(call);
            const Promise promise = broken_life(disk, kPlain, call, how);
            for (std::uint64_t second = 1; second <= 16; second = second * 2 + call % 2) {
                disk.fail_after(second);
                if (!recover(disk, kPaths, {}).has_value()) ++cut;
                end(disk, how);
            }
            check(disk, kPlain, promise, place(kPlain, call, how, 0) + ", recovery cut");
        }
    }
    EXPECT_GT(cut, whole.calls) << "few of them were cut";
}

// The kernel reports an error once and drops what it could not write: the next sync would say that all is well.
TEST(Crash, NorWhenOneSyncFails) {
    const Whole whole = whole_life(kPlain);
    std::size_t failed = 0;
    for (std::uint64_t sync = 1; sync <= whole.syncs; ++sync) {
        for (const End how : kEnds) {
            sim::SimDisk disk(sync);
            Promise promise;
            disk.fail_sync_after(sync);
            live(disk, kPlain, promise);
            failed += promise.failed ? 1 : 0;
            end(disk, how);
            if (how == End::kill && sync % 2 == 0) disk.drop_clean_pages();
            check(disk, kPlain, promise, "sync of a file: " + place(kPlain, sync, how, 0));
        }
    }
    EXPECT_GT(failed, whole.syncs);
}

}  // namespace
}  // namespace zk::storage
