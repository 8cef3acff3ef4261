#include "storage/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forwarding_disk.h"
#include "samples.h"
#include "storage/epoch_files.h"
#include "storage/replay.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

RecoveredState recover_ok(Disk& disk, RecoveryOptions options = {}) {
    return ZK_VALUE(recover(disk, kPaths, options));
}

void expect_refused(Disk& disk, const std::string& words, RecoveryOptions options = {}) {
    const auto result = recover(disk, kPaths, options);
    ASSERT_FALSE(result.has_value()) << words;
    EXPECT_THAT(result.error().message(), HasSubstr(words));
}

/// Passes everything on but reads of one file, which fail with `code`. Errc::not_found: it is
/// listed, but has vanished since.
class UnreadableFile final : public ForwardingDisk {
  public:
    UnreadableFile(sim::SimDisk& disk, std::string path, boost::system::error_code code)
        : ForwardingDisk(disk), path_(std::move(path)), code_(code) {}
    Result<Bytes> read(const std::string& path, std::uint64_t offset, std::size_t length) override {
        if (path == path_) return Error(code_, "read " + path);
        return ForwardingDisk::read(path, offset, length);
    }
    Result<> remove(const std::string& path) override {
        if (path == path_ && code_ == Errc::not_found) return Error(code_, "remove " + path);
        return ForwardingDisk::remove(path);
    }

  private:
    std::string path_;
    boost::system::error_code code_;
};

/// The file without its digest section, as older servers write it.
void drop_digest(sim::SimDisk& disk, const std::string& name) {
    Bytes bytes = content(disk, name);
    bytes.resize(bytes.size() - 33 -
                 21);  // zxid, version, digest, checksum, "/"; and zxid, checksum, "/"
    disk.put(kDir + "/" + name, bytes);
}

/// snapshot.0 and log.1 with the given zxids.
void history(Disk& disk, const std::vector<Zxid>& zxids) {
    save_snapshot(disk, tree::DataTree());
    write_log(disk, zxids);
}

void set_epochs(sim::SimDisk& disk, const char* accepted, const char* current) {
    disk.put(kDir + "/acceptedEpoch", accepted);
    disk.put(kDir + "/currentEpoch", current);
}

TEST(Recovery, EmptyDirectoryBecomesADatabase) {
    sim::SimDisk disk;
    RecoveredState state = recover_ok(disk);
    EXPECT_TRUE(state.fresh);
    EXPECT_EQ(state.last_zxid, Zxid(0));
    EXPECT_EQ(state.current_epoch, Epoch(0));
    EXPECT_EQ(state.accepted_epoch, Epoch(0));
    EXPECT_THAT(names(disk), ElementsAre("acceptedEpoch", "currentEpoch", "snapshot.0"));
    disk.crash(sim::CrashMode::lose);
    state = recover_ok(disk);
    EXPECT_FALSE(state.fresh);
    EXPECT_EQ(state.last_zxid, Zxid(0));
    EXPECT_EQ(state.tree->digest(), tree::DataTree().digest());
}

TEST(Recovery, EmptyDirectoryWithoutRightToVote) {
    sim::SimDisk disk;
    RecoveredState state = recover_ok(disk, {.autocreate = false});
    EXPECT_FALSE(state.fresh);
    EXPECT_EQ(state.last_zxid, Zxid(-1));
    EXPECT_EQ(state.current_epoch, Epoch(-1));
    EXPECT_EQ(content(disk, "currentEpoch"), "-1");
    EXPECT_THAT(names(disk), ElementsAre("acceptedEpoch", "currentEpoch"));
    // The marker, given later, makes a database after all, and is used up.
    disk.put(kPaths.initialize_marker(), "");
    state = recover_ok(disk, {.autocreate = false});
    EXPECT_TRUE(state.fresh);
    EXPECT_EQ(state.last_zxid, Zxid(0));
    EXPECT_EQ(state.current_epoch, Epoch(0));
    EXPECT_FALSE(ZK_VALUE(disk.exists(kPaths.initialize_marker())));
    disk.crash(sim::CrashMode::lose);
    EXPECT_FALSE(ZK_VALUE(disk.exists(kPaths.initialize_marker())));
}

TEST(Recovery, CrashWhileTheMarkerIsUsedUp) {
    for (std::uint64_t call = 1; call <= 20; ++call) {
        for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::keep}) {
            sim::SimDisk disk;
            recover_ok(disk, {.autocreate = false});
            disk.put(kPaths.initialize_marker(), "");
            disk.fail_after(call);
            (void)recover(disk, kPaths, {.autocreate = false}).has_value();
            disk.crash(mode);
            const RecoveredState state = recover_ok(disk, {.autocreate = false});
            EXPECT_EQ(state.last_zxid, Zxid(0)) << call;
            EXPECT_EQ(state.current_epoch, Epoch(0)) << call;
            EXPECT_EQ(content(disk, "acceptedEpoch"), "0") << call;
            EXPECT_FALSE(ZK_VALUE(disk.exists(kPaths.initialize_marker()))) << call;
        }
    }
}

TEST(Recovery, MarkerIsLookedForBesideTheLog) {
    const Paths split{"/data", "/log"};
    sim::SimDisk disk;
    disk.put("/data/initialize", "");
    EXPECT_EQ(ZK_VALUE(recover(disk, split, {.autocreate = false})).last_zxid, Zxid(-1));
    disk.put("/log/initialize", "");
    EXPECT_EQ(ZK_VALUE(recover(disk, split, {.autocreate = false})).last_zxid, Zxid(0));
    EXPECT_TRUE(ZK_VALUE(disk.exists("/data/version-2/snapshot.0")));
}

TEST(Recovery, MarkerIsRemovedFromAFullDirectory) {
    sim::SimDisk disk;
    history(disk, zxids({1}));
    disk.put(kPaths.initialize_marker(), "");
    EXPECT_EQ(recover_ok(disk).last_zxid, Zxid(1));
    EXPECT_FALSE(ZK_VALUE(disk.exists(kPaths.initialize_marker())));
}

TEST(Recovery, EpochWithoutDataMayNotVote) {
    sim::SimDisk disk;
    set_epochs(disk, "3", "3");
    const RecoveredState state = recover_ok(disk);
    EXPECT_EQ(state.last_zxid, Zxid(-1));
    EXPECT_EQ(state.current_epoch, Epoch(3));
}

TEST(Recovery, AServerAloneBeginsADatabaseOnlyWhereNoneWas) {
    const RecoveryOptions alone{.standalone = true};
    sim::SimDisk disk;
    EXPECT_TRUE(recover_ok(disk, alone).fresh);
    EXPECT_THAT(names(disk), ElementsAre("snapshot.0")) << "no epochs";
    EXPECT_FALSE(recover_ok(disk, alone).fresh);

    sim::SimDisk wiped;
    set_epochs(wiped, "3", "3");
    expect_refused(wiped, "the epoch files say that there was a database", alone);
    sim::SimDisk empty;
    const RecoveryOptions marked_only{.autocreate = false, .standalone = true};
    expect_refused(empty, "and db.autocreate=false", marked_only);
    EXPECT_THAT(names(empty), IsEmpty());
    for (sim::SimDisk* each : {&wiped, &empty}) {
        expect_refused(*each, "create the file " + kPaths.initialize_marker(), marked_only);
        each->put(kPaths.initialize_marker(), "");
        EXPECT_TRUE(recover_ok(*each, marked_only).fresh);
        EXPECT_FALSE(ZK_VALUE(each->exists(kPaths.initialize_marker())));
        EXPECT_EQ(recover_ok(*each, marked_only).last_zxid, Zxid(0));
    }
}

TEST(Recovery, ADirectoryGoesToAServerAloneAndBack) {
    const RecoveryOptions alone{.standalone = true};
    sim::SimDisk disk;
    history(disk, zxids({1, 0x300000001}));
    set_epochs(disk, "5", "4");
    RecoveredState state = recover_ok(disk, alone);
    EXPECT_EQ(state.last_zxid, Zxid(0x300000001));
    EXPECT_EQ(state.accepted_epoch, Epoch(5));
    EXPECT_EQ(state.current_epoch, Epoch(4));
    EXPECT_EQ(content(disk, "acceptedEpoch") + content(disk, "currentEpoch"), "54");
    write_log(disk, zxids({0x300000002}));  // written alone
    state = recover_ok(disk);
    EXPECT_EQ(state.last_zxid, Zxid(0x300000002));
    EXPECT_EQ(state.current_epoch, Epoch(4));

    // Apache's server alone counts on into the next epoch, which the files of an ensemble know nothing of.
    sim::SimDisk rolled;
    tree::DataTree tree;
    tree.set_last_zxid(Zxid(0x1fffffffe));
    save_snapshot(rolled, tree);
    write_log(rolled, zxids({0x1ffffffff, 0x200000000, 0x200000001}));
    set_epochs(rolled, "1", "1");
    state = recover_ok(rolled, alone);
    EXPECT_EQ(state.last_zxid, Zxid(0x200000001));
    EXPECT_EQ(state.current_epoch, Epoch(2));
    expect_refused(rolled, "currentEpoch says epoch 1, but transactions of epoch 2");
}

TEST(Recovery, WhereNobodyIsThereToCopyFromTheAdviceIsAnother) {
    const RecoveryOptions alone{.standalone = true};
    sim::SimDisk disk;
    disk.put(kDir + "/snapshot.0", "damaged");
    expect_refused(disk, "Restore one from a backup; a server alone has no leader", alone);
    sim::SimDisk other;
    write_log(other, zxids({1}));
    expect_refused(other, "is lost. Restore it from a backup; a server alone has no leader", alone);
    sim::SimDisk middle;
    history(middle, zxids({1, 2, 3}));
    write_log(middle, zxids({4}));
    Bytes bytes = content(middle, "log.1");
    bytes[60] ^= 1;
    middle.put(kDir + "/log.1", bytes);
    expect_refused(middle, "Restore the file from a backup; a server alone has no", alone);
}

TEST(Recovery, ReplaysTheLogOntoTheNewestSnapshot) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3, 4, 5}));
    save_snapshot(disk, numbered_tree(3), {{SessionId(9), 1000}});
    const RecoveredState state = recover_ok(disk);
    EXPECT_EQ(state.last_zxid, Zxid(5));
    EXPECT_EQ(state.tree->last_zxid(), Zxid(5));
    EXPECT_EQ(state.tree->digest(), numbered_tree(5).digest());
    EXPECT_THAT(state.sessions, ElementsAre(std::pair(SessionId(9), 1000)));
    ASSERT_EQ(state.recent.size(), 2U);
    EXPECT_EQ(state.recent[0].first, Zxid(4));
    EXPECT_EQ(state.replayed_from, Zxid(4));
    EXPECT_EQ(*state.recent[1].second, *shared(numbered(Zxid(5))));
}

TEST(Recovery, RecentIsBounded) {
    sim::SimDisk disk;
    std::vector<Zxid> all;
    for (std::int64_t i = 1; i <= 700; ++i) all.emplace_back(i);
    history(disk, all);
    const RecoveredState state = recover_ok(disk);
    ASSERT_EQ(state.recent.size(), 500U);
    EXPECT_EQ(state.recent.front().first, Zxid(201));
    EXPECT_EQ(state.replayed_from, Zxid(1));
}

TEST(Recovery, ReplaysSessions) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree(), {{SessionId(1), 100}});
    LogWriter writer(disk, kDir, plain_log());
    jute::Txn open = header_only(Zxid(1), OpCode::create_session, SessionId(2));
    open.body = jute::CreateSessionTxn{200};
    jute::Txn close = header_only(Zxid(2), OpCode::close_session, SessionId(1));
    close.body = jute::CloseSessionTxn{};
    ZK_OK(writer.append(Zxid(1), *shared(open)));
    ZK_OK(writer.append(Zxid(2), *shared(close)));
    ZK_OK(writer.sync());
    EXPECT_THAT(recover_ok(disk).sessions, ElementsAre(std::pair(SessionId(2), 200)));
}

TEST(Recovery, DamagedSnapshotFallsBackWithoutItsSessions) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3, 4}));
    save_snapshot(disk, numbered_tree(2), {{SessionId(1), 100}});
    save_snapshot(disk, numbered_tree(3), {{SessionId(2), 100}});
    const Bytes good = content(disk, "snapshot.3");
    for (const Bytes& damaged :
         {Bytes(), good.substr(0, good.size() - 1), good.substr(0, 100), "x" + good.substr(1)}) {
        disk.put(kDir + "/snapshot.3", damaged);
        const RecoveredState state = recover_ok(disk);
        EXPECT_EQ(state.tree->digest(), numbered_tree(4).digest());
        EXPECT_THAT(state.sessions, ElementsAre(std::pair(SessionId(1), 100)));
    }
}

TEST(Recovery, DamagedSnapshotBeyondTheLogIsRefused) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2}));
    disk.put(kDir + "/snapshot.5", "damaged");
    expect_refused(disk, "would forget acknowledged writes");
}

TEST(Recovery, NoUsableSnapshotIsRefused) {
    sim::SimDisk disk;
    disk.put(kDir + "/snapshot.0", "damaged");
    expect_refused(disk, "no snapshot in /zk/version-2 is usable");
    sim::SimDisk other;
    write_log(other, zxids({1}));
    expect_refused(other, "has no snapshot, but");
    sim::SimDisk packed;
    packed.put(kDir + "/snapshot.0.snappy", "x");
    expect_refused(packed, "snappy");
}

TEST(Recovery, FuzzySnapshotAheadOfTheLogIsNotUsed) {
    tree::DataTree tree = numbered_tree(3);
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3, 4}));
    // Begun at 3, ended at 6; the log ends at 4.
    SnapshotSerializer serializer(tree, {}, Form::file);
    Bytes bytes;
    serializer.next_chunk(bytes, 1);
    for (std::int64_t i = 4; i <= 6; ++i)
        tree.apply(set_txn(Zxid(i), "/n1", "changed", static_cast<std::int32_t>(i)));
    while (serializer.next_chunk(bytes, 1000)) {
    }
    disk.put(kDir + "/snapshot.3", bytes);
    EXPECT_EQ(recover_ok(disk).tree->digest(), numbered_tree(4).digest());
    ZK_OK(disk.remove(kDir + "/snapshot.0"));
    expect_refused(disk, "contains changes up to 0x6, but the log ends at 0x4");
}

TEST(Recovery, CorruptLogBeforeAnotherIsRefusedWithItsPlace) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3}));
    write_log(disk, zxids({4}));
    Bytes bytes = content(disk, "log.1");
    bytes[60] ^= 1;
    disk.put(kDir + "/log.1", bytes);
    expect_refused(disk, "/zk/version-2/log.1 at offset 16: wrong checksum");
    expect_refused(disk, "or empty the directories to copy everything from the leader");
}

TEST(Recovery, GapBetweenSnapshotAndLogIsRefused) {
    sim::SimDisk disk;
    history(disk, zxids({2, 3}));
    expect_refused(disk, "are missing");
}

TEST(Recovery, LastLogWithoutHeaderIsRemovedAndTemporaryFilesToo) {
    sim::SimDisk disk;
    history(disk, zxids({1}));
    disk.put(kDir + "/log.2", "");
    disk.put(kDir + "/tmp.snapshot.1", "half");
    disk.put(kDir + "/tmp.log.2", "ZK");
    EXPECT_EQ(recover_ok(disk).last_zxid, Zxid(1));
    EXPECT_THAT(names(disk), ElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0"));
}

TEST(Recovery, LogWithALostHeaderIsNotRemoved) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2}));
    Bytes bytes = content(disk, "log.1");
    bytes.replace(0, 16, 16, '\0');
    disk.put(kDir + "/log.1", bytes);
    expect_refused(disk, "header is lost");
    EXPECT_EQ(content(disk, "log.1"), bytes);
}

TEST(Recovery, OnlyItsOwnTemporaryFilesAreRemoved) {
    sim::SimDisk disk;
    history(disk, zxids({1}));
    disk.put(kDir + "/tmp.notes", "of the operator");
    recover_ok(disk);
    EXPECT_EQ(content(disk, "tmp.notes"), "of the operator");
}

TEST(Recovery, VanishedLogIsNoReasonToStartANewDatabase) {
    sim::SimDisk disk;
    history(disk, zxids({1}));
    UnreadableFile broken(disk, kDir + "/log.1", make_error_code(Errc::not_found));
    expect_refused(broken, "read /zk/version-2/log.1");
    EXPECT_FALSE(ZK_VALUE(disk.exists(kDir + "/currentEpoch")));
}

/// What TRUNC does.
Result<RecoveredState> cut(Disk& disk, std::int64_t zxid) {
    ZK_TRY(RecoveredState state, restore(disk, kPaths, Zxid(zxid), {}));
    ZK_CHECK(cut_to(disk, kPaths, state));
    return state;
}

TEST(Recovery, CutUsesTheNewestSnapshotThatEndsBelow) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3, 4, 5}));
    for (std::int64_t i = 1; i <= 5; ++i) save_snapshot(disk, numbered_tree(i));
    // None but one is read: a large one takes its time.
    for (const char* other : {"snapshot.1", "snapshot.2", "snapshot.4", "snapshot.5"}) {
        UnreadableFile broken(disk,
                              kDir + "/" + other,
                              boost::system::errc::make_error_code(boost::system::errc::io_error));
        ZK_OK(restore(broken, kPaths, Zxid(3), {}).has_value() ? ok() : Error(Errc::failed, other));
    }
    const RecoveredState state = ZK_VALUE(cut(disk, 3));
    EXPECT_EQ(state.last_zxid, Zxid(3));
    EXPECT_EQ(state.tree->digest(), numbered_tree(3).digest());
    EXPECT_EQ(state.current_epoch, Epoch(0));
    EXPECT_THAT(names(disk),
                ElementsAre("acceptedEpoch",
                            "currentEpoch",
                            "log.1",
                            "snapshot.0",
                            "snapshot.1",
                            "snapshot.2",
                            "snapshot.3"));
    EXPECT_EQ(recover_ok(disk).last_zxid, Zxid(3));
}

TEST(Recovery, CutGoesOnWhenSomethingHasVanished) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3}));
    save_snapshot(disk, numbered_tree(3));
    UnreadableFile vanished(disk, kDir + "/snapshot.3", make_error_code(Errc::not_found));
    EXPECT_EQ(ZK_VALUE(cut(vanished, 2)).last_zxid, Zxid(2));
}

TEST(Recovery, SnapshotThatDoesNotTellItsEndIsNoBaseForATruncation) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    const std::vector<jute::Txn> txns = {numbered(Zxid(1)),
                                         numbered(Zxid(2)),
                                         set_txn(Zxid(3), "/n1", "changed", 1),
                                         set_txn(Zxid(4), "/n1", "changed again", 2),
                                         set_txn(Zxid(5), "/n2", "changed", 1)};
    LogWriter writer(disk, kDir, plain_log());
    for (const jute::Txn& txn : txns) ZK_OK(writer.append(txn.header.zxid, *shared(txn)));
    ZK_OK(writer.sync());
    // Begun at 2, written while 3 to 5 were applied: who knows without its digest section?
    tree::DataTree tree = numbered_tree(2);
    tree::DataTree at_3 = numbered_tree(2);
    at_3.apply(txns[2]);
    SnapshotSerializer fuzzy(tree, {}, Form::file);
    Bytes bytes;
    for (std::size_t i = 2; i < txns.size(); ++i) tree.apply(txns[i]);
    while (fuzzy.next_chunk(bytes, 1000)) {
    }
    disk.put(kDir + "/snapshot.2", bytes);
    drop_digest(disk, "snapshot.2");
    EXPECT_EQ(recover_ok(disk).tree->digest(), tree.digest());
    const RecoveredState cut = ZK_VALUE(restore(disk, kPaths, Zxid(3), {}));
    EXPECT_EQ(cut.last_zxid, Zxid(3));
    EXPECT_EQ(cut.tree->digest(), at_3.digest());
    // A newer one began after it had ended, even if that one is no longer readable.
    disk.put(kDir + "/snapshot.5", "damaged");
    ZK_OK(disk.remove(kDir + "/snapshot.0"));
    EXPECT_EQ(ZK_VALUE(restore(disk, kPaths, Zxid(5), {})).tree->digest(), tree.digest());
    EXPECT_FALSE(restore(disk, kPaths, Zxid(4), {}).has_value());
}

TEST(Recovery, StraysAreReportedAndLeftAlone) {
    sim::SimDisk disk;
    history(disk, zxids({1}));
    disk.put(kDir + "/snapshot.9.tmp", content(disk, "snapshot.0"));
    disk.put(kDir + "/log.1.bak", content(disk, "log.1"));
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {}, log)).last_zxid, Zxid(1));
    EXPECT_THAT(lines, HasSubstr("snapshot.9.tmp"));
    EXPECT_THAT(lines, HasSubstr("log.1.bak"));
}

TEST(Recovery, MixedDirectoriesAreRefused) {
    const Paths split{"/data", "/log"};
    for (const char* path : {"/data/version-2/log.1", "/log/version-2/snapshot.0"}) {
        sim::SimDisk disk;
        disk.put(path, "");
        const auto result = recover(disk, split, {});
        ASSERT_FALSE(result.has_value());
        EXPECT_THAT(result.error().words, HasSubstr(path));
    }
}

TEST(Recovery, SplitDirectories) {
    const Paths split{"/zk", "/log"};
    sim::SimDisk disk;
    save_snapshot(disk, numbered_tree(1));
    ZK_OK(disk.make_dirs(split.logs()));
    LogWriter writer(disk, split.logs(), plain_log());
    ZK_OK(writer.append(Zxid(2), *shared(numbered(Zxid(2)))));
    ZK_OK(writer.sync());
    EXPECT_EQ(ZK_VALUE(recover(disk, split, {})).last_zxid, Zxid(2));
}

TEST(Recovery, MissingEpochFilesFollowTheZxid) {
    sim::SimDisk disk;
    history(disk, zxids({1, 0x300000001}));
    const RecoveredState state = recover_ok(disk);
    EXPECT_EQ(state.current_epoch, Epoch(3));
    EXPECT_EQ(state.accepted_epoch, Epoch(3));
    EXPECT_EQ(content(disk, "acceptedEpoch"), "3");
}

TEST(Recovery, EpochsMustFitTheData) {
    sim::SimDisk disk;
    history(disk, zxids({1, 0x300000001}));
    set_epochs(disk, "5", "4");
    EXPECT_EQ(recover_ok(disk).current_epoch, Epoch(4));
    set_epochs(disk, "2", "2");
    expect_refused(disk, "currentEpoch says epoch 2, but transactions of epoch 3");
    set_epochs(disk, "3", "4");
    expect_refused(disk, "acceptedEpoch says 3, below currentEpoch with 4");
    set_epochs(disk, "x", "4");
    expect_refused(disk, "acceptedEpoch does not hold an epoch");
    // A server alone has little use for them.
    EXPECT_EQ(recover_ok(disk, {.standalone = true}).current_epoch, Epoch(4));
    EXPECT_EQ(recover_ok(disk, {.standalone = true}).accepted_epoch, Epoch(3));
}

TEST(Recovery, CrashBetweenSynchronisedTxnsAndCurrentEpoch) {
    // Followed a leader of epoch 4 that had txns of epoch 3; logged them, and got no further.
    sim::SimDisk disk;
    history(disk, zxids({1, 0x300000001}));
    set_epochs(disk, "4", "2");
    const RecoveredState state = recover_ok(disk);
    EXPECT_EQ(state.current_epoch, Epoch(3));
    EXPECT_EQ(state.accepted_epoch, Epoch(4));
    EXPECT_EQ(content(disk, "currentEpoch"), "3");
}

TEST(Recovery, LeftOverCurrentEpochIsTaken) {
    sim::SimDisk disk;
    history(disk, zxids({1, 0x300000001}));
    set_epochs(disk, "2", "2");
    disk.put(kDir + "/currentEpoch.tmp", "3");
    expect_refused(disk, "acceptedEpoch says 2, below currentEpoch with 3");
    disk.put(kDir + "/acceptedEpoch", "3");
    EXPECT_EQ(recover_ok(disk).current_epoch, Epoch(3));
    EXPECT_EQ(content(disk, "currentEpoch"), "3");
    set_epochs(disk, "2", "1");
    disk.put(kDir + "/currentEpoch.tmp", "2");
    expect_refused(disk, "currentEpoch says epoch 1");
}

TEST(Recovery, PurgeKeepsWhatTheKeptSnapshotsNeed) {
    sim::SimDisk disk;
    save_snapshot(disk, numbered_tree(0));
    write_log(disk, zxids({1, 2}));
    save_snapshot(disk, numbered_tree(1));
    write_log(disk, zxids({3, 4, 5}));
    save_snapshot(disk, numbered_tree(4));
    write_log(disk, zxids({6, 7}));
    save_snapshot(disk, numbered_tree(6));
    disk.put(kDir + "/snapshot.7", "damaged");
    // At least three are kept, damaged ones do not count.
    ZK_OK(purge(disk, kPaths, ZK_VALUE(find_kept(disk, kPaths, 1))));
    EXPECT_THAT(
        names(disk),
        UnorderedElementsAre(
            "log.1", "log.3", "log.6", "snapshot.1", "snapshot.4", "snapshot.6", "snapshot.7"));
    ZK_OK(disk.remove(kDir + "/snapshot.7"));
    save_snapshot(disk, numbered_tree(7));
    ZK_OK(purge(disk, kPaths, ZK_VALUE(find_kept(disk, kPaths, 3))));
    EXPECT_THAT(names(disk),
                UnorderedElementsAre("log.3", "log.6", "snapshot.4", "snapshot.6", "snapshot.7"));
    EXPECT_EQ(recover_ok(disk).last_zxid, Zxid(7));
    for (const char* name : {"snapshot.6", "snapshot.7"}) ZK_OK(disk.remove(kDir + "/" + name));
    EXPECT_EQ(recover_ok(disk).tree->digest(), numbered_tree(7).digest());
}

TEST(Recovery, PurgeGoesOnWhenSomethingHasVanished) {
    sim::SimDisk disk;
    history(disk, zxids({1, 2, 3, 4, 5}));
    for (std::int64_t i = 1; i <= 5; ++i) save_snapshot(disk, numbered_tree(i));
    UnreadableFile vanished(disk, kDir + "/snapshot.0", make_error_code(Errc::not_found));
    ZK_OK(purge(vanished, kPaths, ZK_VALUE(find_kept(vanished, kPaths, 3))));
    EXPECT_THAT(names(disk),
                ElementsAre("log.1", "snapshot.0", "snapshot.3", "snapshot.4", "snapshot.5"));
}

TEST(Recovery, DigestMismatchIsSaid) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    jute::Txn txn = numbered(Zxid(1));
    txn.digest = jute::TxnDigest{2, 0x1234};
    LogWriter writer(disk, kDir, plain_log());
    ZK_OK(writer.append(Zxid(1), *shared(txn)));
    ZK_OK(writer.sync());
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {}, log)).last_zxid, Zxid(1));
    EXPECT_THAT(lines, HasSubstr("digest_mismatch zxid=0x1 expected=1234"));
}

/// A child of the root, with its place among them: replay changes nothing that is there.
jute::Txn counted(std::int64_t number) {
    const auto cversion = static_cast<std::int32_t>(number);
    return create_txn(Zxid(number), "/n" + std::to_string(number), "x", cversion);
}
tree::DataTree counted_tree(std::int64_t last) {
    tree::DataTree tree;
    for (std::int64_t i = 1; i <= last; ++i) tree.apply(counted(i));
    return tree;
}

/// Replays the txns 4 to `last` over the tree of txn `in_snapshot`, whose snapshot says that it is that of 5.
/// Gives the warnings.
std::string replay_over(std::int64_t in_snapshot, std::int64_t last) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    for (std::int64_t i = 4; i <= last; ++i) {
        jute::Txn txn = counted(i);
        txn.digest = jute::TxnDigest{2, counted_tree(i).digest()};
        ZK_OK(writer.append(Zxid(i), *shared(txn)));
    }
    ZK_OK(writer.sync());
    LoadedSnapshot snapshot;
    snapshot.zxid = Zxid(3);
    snapshot.tree = std::make_unique<tree::DataTree>(counted_tree(in_snapshot));
    snapshot.digest = SnapshotDigest{Zxid(5), counted_tree(5).digest()};
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    const auto replayed =
        ZK_VALUE(replay_log(disk, kDir, std::move(snapshot), Zxid(100), 1 << 20, log));
    EXPECT_EQ(replayed.last_zxid, Zxid(last));
    return lines;
}

// Apache's server puts a node into the tree before it reckons with it: a snapshot may hold one txn more than its digest.
TEST(Recovery, ATxnThatASnapshotHasBeyondItsDigestIsNoMismatch) {
    EXPECT_EQ(replay_over(5, 8), "");
    EXPECT_EQ(replay_over(6, 8), "");
    EXPECT_EQ(replay_over(6, 6), "");
    // One that no next txn explains is.
    EXPECT_THAT(replay_over(6, 5), HasSubstr("digest_mismatch zxid=0x5"));
    EXPECT_THAT(replay_over(20, 8), HasSubstr("digest_mismatch zxid=0x5"));
}

// The snapshot is of 100 and holds all up to 130: at 128 the tree was another one than this.
TEST(Recovery, DigestsOverAFuzzySnapshotAreNotTold) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    for (std::int64_t i = 101; i <= 260; ++i) ZK_OK(writer.append(Zxid(i), *shared(counted(i))));
    ZK_OK(writer.sync());
    LoadedSnapshot snapshot;
    snapshot.zxid = Zxid(100);
    snapshot.tree = std::make_unique<tree::DataTree>(counted_tree(130));
    snapshot.digest = SnapshotDigest{Zxid(130), counted_tree(130).digest()};
    const auto replayed =
        ZK_VALUE(replay_log(disk, kDir, std::move(snapshot), Zxid(1000), 1 << 20, Log()));
    ASSERT_EQ(replayed.tree->digests().size(), 1U);
    EXPECT_EQ(replayed.tree->digests().front().zxid, Zxid(256));
    EXPECT_EQ(replayed.tree->digests().front().digest, counted_tree(256).digest());
}

}  // namespace
}  // namespace zk::storage
