// What PosixDisk really asks of the kernel, call by call, of a server's life on its disk: log, epochs, snapshots, a
// truncation, a leader's snapshot, purge. The calls are told to a disk that loses, tears and reorders what was not synced;
// after each of them power is lost, and recovery is held against what had been promised by then. And the process is killed,
// or given an error, at each of them.
#include <algorithm>
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/numbers.h"
#include "disk/posix_disk.h"
#include "jute/txn.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"
#include "syscalls.h"
#include "temp_dir.h"

namespace zk::disk {
namespace {

using Kind = FileCall::Kind;

jute::Txn node_txn(std::int64_t zxid) {
    jute::Txn txn;
    txn.header = {SessionId(0x77), Xid(7), Zxid(zxid), WallMs(1700000000000), OpCode::create};
    txn.body = jute::CreateTxn{
        "/n" + std::to_string(zxid), Bytes(700, 'x'), tree::open_acl_list(), false, -1};
    return txn;
}
tree::DataTree tree_at(std::int64_t last) {
    tree::DataTree tree;
    for (std::int64_t i = 1; i <= last; ++i) tree.apply(node_txn(i));
    return tree;
}
storage::AppendTxn append(std::int64_t zxid) {
    return {Zxid(zxid), std::make_shared<const Bytes>(jute::encode_txn(node_txn(zxid)))};
}

bool write_snapshot(storage::Disk& disk,
                    const storage::Paths& paths,
                    std::int64_t last,
                    storage::SnapshotRole role) {
    const tree::DataTree tree = tree_at(last);
    storage::SnapshotSerializer serializer(tree, {}, storage::Form::file);
    storage::SnapshotFile file(disk, paths.snapshots(), role);
    if (!file.begin(Zxid(last)).has_value()) return false;
    for (bool more = true; more;) {
        Bytes chunk;
        more = serializer.next_chunk(chunk, 2000);
        if (!file.write(chunk).has_value()) return false;
    }
    return file.finish().has_value();
}

/// "least 5": from now on at least zxid 5 must be found again.
void promise(const char* what, std::int64_t value) { say(what + (" " + std::to_string(value))); }

void tell(const storage::DiskEvent& event) {
    if (const auto* durable = std::get_if<storage::LogDurable>(&event))
        promise("least", durable->up_to.value());
    if (const auto* saved = std::get_if<storage::AcceptedEpochSaved>(&event))
        promise("accepted", saved->epoch.value());
    if (const auto* saved = std::get_if<storage::CurrentEpochSaved>(&event))
        promise("current", saved->epoch.value());
}

/// A server's life; in the child. Stops at the first failure, as a server does.
void live(const storage::Paths& paths) {
    PosixDisk disk;
    const auto first = storage::recover(disk, paths, {});
    if (!first.has_value()) return;
    storage::DiskExecutor executor(
        disk, paths, {{.preallocate_bytes = 4096, .file_bytes_max = 2500}, {}});
    const auto run = [&](auto... commands) {
        std::vector<storage::DiskCommand> batch;
        (batch.emplace_back(commands), ...);
        std::vector<storage::DiskEvent> events;
        executor.execute(batch, events);
        for (const storage::DiskEvent& event : events) tell(event);
        return !executor.failed();
    };
    using storage::SnapshotRole;
    const auto snapshot = [&](std::int64_t last, SnapshotRole role) {
        return write_snapshot(disk, paths, last, role);
    };
    bool fine = run(storage::SaveAcceptedEpoch{Epoch(1)}, storage::SaveCurrentEpoch{Epoch(1)}) &&
                run(append(1), append(2)) && run(append(3), append(4), append(5)) &&
                snapshot(4, SnapshotRole::periodic) &&
                run(storage::RollLog{}, append(6), append(7));
    if (!fine) return;
    promise("least", 5);  // a TRUNC is under way
    fine = run(storage::TruncateLog{Zxid(5)}) && run(append(6), append(7)) &&
           snapshot(7, SnapshotRole::periodic) &&
           run(storage::Purge{{Zxid(7), Zxid(4), Zxid(0)}}, append(8)) &&
           run(storage::SaveAcceptedEpoch{Epoch(2)}) && snapshot(6, SnapshotRole::install);
    if (!fine) return;
    promise("least", 6);  // a SNAP is
    fine = run(storage::InstallSnapshot{Zxid(6)}) && run(append(7)) &&
           run(storage::SaveCurrentEpoch{Epoch(2)});
    if (fine) say("whole 0");
}

struct Promise {
    std::int64_t least = -1, accepted = -1, current = -1;
    bool whole = false;

    void hear(const std::string& word) {
        const std::size_t blank = word.find(' ');
        const std::int64_t value = *parse_number(word.substr(blank + 1));
        if (word.starts_with("least")) least = value;
        if (word.starts_with("accepted")) accepted = value;
        if (word.starts_with("current")) current = value;
        if (word.starts_with("whole")) whole = true;
    }
};

void expect_kept(storage::Disk& disk,
                 const storage::Paths& paths,
                 const Promise& promise,
                 const std::string& where) {
    SCOPED_TRACE(where);
    const auto state = storage::recover(disk, paths, {});
    ASSERT_TRUE(state.has_value()) << state.error().message();
    EXPECT_GE(state->last_zxid.value(), promise.least);
    EXPECT_LE(state->last_zxid.value(), 8);
    EXPECT_EQ(state->tree->digest(), tree_at(state->last_zxid.value()).digest());
    EXPECT_GE(state->accepted_epoch.value(), promise.accepted);
    EXPECT_GE(state->current_epoch.value(), promise.current);
}

/// A simulated disk that is told the calls of a real one.
class Replayed {
  public:
    Replayed(const std::string& root, std::uint64_t seed) : disk(seed) {
        (void)disk.make_dirs(root).has_value();
    }
    void take(const FileCall& call) {
        switch (call.kind) {
            case Kind::open:
                paths_[call.fd] = call.path;
                files_.erase(call.fd);
                return;
            case Kind::create:
                paths_[call.fd] = call.path;
                if (auto file = disk.create(call.path); file.has_value())
                    files_[call.fd] = {*std::move(file), 0};
                return;
            case Kind::write:
                return write(call);
            case Kind::sync:
                return sync(call);
            case Kind::cut:
                // Cut and not yet synced.
                disk.fail_after(1);
                (void)disk.truncate(paths_[call.fd], call.offset).has_value();
                disk.never_fail();
                return;
            case Kind::close:
                paths_.erase(call.fd);
                files_.erase(call.fd);
                return;
            case Kind::rename:
                expect(disk.rename(call.path, call.to));
                return;
            case Kind::remove:
                expect(disk.remove(call.path));
                return;
            case Kind::make_dir:
                expect(disk.make_dirs(call.path));
                return;
            case Kind::word:
                promise.hear(call.bytes);
                return;
        }
    }
    sim::SimDisk disk;
    Promise promise;

  private:
    struct File {
        std::unique_ptr<storage::DiskFile> file;
        std::uint64_t position = 0;
    };
    static void expect(const Result<>& result) {
        EXPECT_TRUE(result.has_value()) << result.error().message();
    }
    void write(const FileCall& call) {
        const auto found = files_.find(call.fd);
        ASSERT_NE(found, files_.end()) << "written through a descriptor that created nothing";
        File& file = found->second;
        if (call.offset == file.position) {
            expect(file.file->write(call.bytes));
            file.position += call.bytes.size();
            return;
        }
        ASSERT_EQ(call.bytes, Bytes(1, '\0')) << "neither at the end nor room made in advance";
        expect(file.file->extend(call.offset + 1));
    }
    void sync(const FileCall& call) {
        if (const auto file = files_.find(call.fd); file != files_.end())
            return expect(file->second.file->sync());
        const std::string& path = paths_[call.fd];
        expect(disk.list(path).has_value() ? disk.sync_dir(path) : disk.settle(path));
    }
    std::map<int, std::string> paths_;
    std::map<int, File> files_;
};

class SyscallCrash : public testing::Test {
  protected:
    /// Nothing where processes may not be traced; the test says so.
    static std::optional<Watched> life(const storage::Paths& paths,
                                       std::optional<Interruption> interruption = std::nullopt) {
        auto watched = watch([&paths] { live(paths); }, interruption);
        if (!watched) std::cerr << "SKIPPED: this machine does not let processes be traced\n";
        return watched;
    }
};

TEST_F(SyscallCrash, PowerLossBehindAnyCallLosesNothingThatWasPromised) {
    const TempDir dir;
    const storage::Paths paths{dir.path(), dir.path()};
    const auto watched = life(paths);
    if (!watched) GTEST_SKIP();
    ASSERT_TRUE(watched->ended_well);
    EXPECT_GT(watched->changing_calls, 80U);
    using sim::CrashMode;
    for (std::size_t count = 0; count <= watched->calls.size(); ++count) {
        if (count > 0 && watched->calls[count - 1].kind == Kind::open) continue;
        for (const CrashMode mode :
             {CrashMode::lose, CrashMode::keep, CrashMode::tear, CrashMode::pages}) {
            Replayed replayed(dir.path(), count);
            for (std::size_t i = 0; i < count; ++i) replayed.take(watched->calls[i]);
            if (count == watched->calls.size()) {
                EXPECT_TRUE(replayed.promise.whole);
            }
            replayed.disk.crash(mode);
            expect_kept(replayed.disk,
                        paths,
                        replayed.promise,
                        "behind call " + std::to_string(count) + " mode " +
                            std::to_string(static_cast<int>(mode)));
        }
    }
}

/// Runs a life that is interrupted, and recovers what is really there.
void expect_kept_after(const Interruption& interruption, bool& tracing, bool& interrupted) {
    const TempDir dir;
    const storage::Paths paths{dir.path(), dir.path()};
    const auto watched = watch([&paths] { live(paths); }, interruption);
    tracing = watched.has_value();
    if (!tracing) return;
    interrupted = watched->interrupted;
    Promise promise;
    for (const FileCall& call : watched->calls)
        if (call.kind == Kind::word) promise.hear(call.bytes);
    // A purge that fails costs space and is no reason to stop; nor is anything lost.
    if (interruption.error == 0 && interrupted) {
        EXPECT_FALSE(promise.whole);
    }
    PosixDisk disk;
    expect_kept(disk,
                paths,
                promise,
                "call " + std::to_string(interruption.call) + " error " +
                    std::to_string(interruption.error));
}

TEST_F(SyscallCrash, AKillAtAnyCallLosesNothing) {
    bool tracing = true;
    bool interrupted = true;
    std::uint64_t call = 1;
    for (; tracing && interrupted; ++call) expect_kept_after({call, 0}, tracing, interrupted);
    if (!tracing) GTEST_SKIP() << "this machine does not let processes be traced";
    EXPECT_GT(call, 80U);
}

#if defined(__x86_64__)
TEST_F(SyscallCrash, AnErrorOfAnyCallEndsThePromises) {
    bool tracing = true;
    bool interrupted = true;
    std::uint64_t call = 1;
    for (; tracing && interrupted; ++call)
        expect_kept_after({call, call % 2 == 0 ? ENOSPC : EIO}, tracing, interrupted);
    if (!tracing) GTEST_SKIP() << "this machine does not let processes be traced";
    EXPECT_GT(call, 80U);
}
#endif

}  // namespace
}  // namespace zk::disk
