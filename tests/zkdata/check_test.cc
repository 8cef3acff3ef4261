#include "zkdata/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"

namespace zk::zkdata {
namespace {
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string errors(const Findings& findings) { return text_of(findings, Severity::error); }
std::string warnings(const Findings& findings) { return text_of(findings, Severity::warning); }
std::string notes(const Findings& findings) { return text_of(findings, Severity::note); }

TEST(Check, WholeDirectoryHasNotesOnly) {
    sim::SimDisk disk;
    fill(disk);
    const Findings findings = found(disk);
    EXPECT_THAT(errors(findings) + warnings(findings), IsEmpty());
    EXPECT_FALSE(findings.any_error());
    EXPECT_THAT(notes(findings), HasSubstr("log.1: 8 transactions, 0x1 to 0x8"));
    EXPECT_THAT(notes(findings), HasSubstr("a server starts with zxid 0x8"));
    EXPECT_THAT(notes(findings), HasSubstr("currentEpoch 0, acceptedEpoch 0"));
    EXPECT_THAT(notes(findings), HasSubstr("/zk/myid: server 3"));
}

TEST(Check, ChangesNothing) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/log.1", log_content(disk).substr(0, 200));
    disk.put(kDir + "/log.2.bak", "stray");
    const std::uint64_t calls = disk.calls();
    (void)found(disk);
    EXPECT_EQ(disk.calls(), calls);
}

TEST(Check, TheDirectoryMayBeNamedByItsVersion) {
    sim::SimDisk disk;
    fill(disk);
    EXPECT_THAT(notes(found(disk, kDir + "/")), HasSubstr("a server starts with zxid 0x8"));
}

TEST(Check, RotInTheMiddleOfTheLogIsAnErrorWithItsOffset) {
    sim::SimDisk disk;
    fill(disk);
    Bytes bytes = log_content(disk);
    const std::size_t record = (bytes.size() - storage::kLogHeaderBytes) / 8;
    const std::size_t third = storage::kLogHeaderBytes + 2 * record;
    bytes[third + 30] = static_cast<char>(bytes[third + 30] ^ 1);
    disk.put(kDir + "/log.1", bytes);
    const Findings findings = found(disk);
    EXPECT_TRUE(findings.any_error());
    EXPECT_THAT(
        errors(findings),
        HasSubstr("/zk/version-2/log.1 at offset " + std::to_string(third) + ": wrong checksum"));
    EXPECT_THAT(errors(findings), HasSubstr("restore the file from a backup"));
    EXPECT_THAT(notes(findings), HasSubstr("a server starts with zxid 0x2"));
}

TEST(Check, TornEndIsAWarning) {
    sim::SimDisk disk;
    fill(disk);
    const Bytes bytes = log_content(disk);
    disk.put(kDir + "/log.1", bytes.substr(0, bytes.size() - 10));
    const Findings findings = found(disk);
    EXPECT_FALSE(findings.any_error()) << errors(findings);
    EXPECT_THAT(warnings(findings), HasSubstr("every server goes on behind it with a new file"));
    EXPECT_THAT(notes(findings), HasSubstr("a server starts with zxid 0x7"));
}

TEST(Check, ABlockThatStandsThereTwiceIsANote) {
    sim::SimDisk disk;
    fill(disk);
    const std::size_t offset = repeat_some(disk);
    for (const std::string& path : {std::string("/zk"), kDir + "/log.1"}) {
        const Findings findings = found(disk, path);
        EXPECT_THAT(errors(findings) + warnings(findings), IsEmpty());
        EXPECT_THAT(notes(findings), HasSubstr("log.1: 8 transactions, 0x1 to 0x8"));
        EXPECT_THAT(notes(findings),
                    HasSubstr("log.1 at offset " + std::to_string(offset) +
                              ": transactions 0x3 to 0x5 stand there again"));
    }
    EXPECT_THAT(notes(found(disk)), HasSubstr("a server starts with zxid 0x8, 12 nodes"));
}

TEST(Check, ABlockMayGoOnInTheNextFile) {
    sim::SimDisk disk;
    fill(disk);
    Bytes bytes = log_content(disk);
    const std::size_t record = (bytes.size() - storage::kLogHeaderBytes) / 8;
    const Bytes header = bytes.substr(0, storage::kLogHeaderBytes);
    const Bytes last_two = bytes.substr(bytes.size() - 2 * record);
    disk.put(kDir + "/log.7", header + last_two);
    EXPECT_THAT(errors(found(disk)), IsEmpty());
    EXPECT_THAT(notes(found(disk)), HasSubstr("log.7: 0 transactions\n"));
    EXPECT_THAT(notes(found(disk)), HasSubstr("transactions 0x7 to 0x8 stand there again"));
    // In a torn copy nothing is lost.
    disk.put(kDir + "/log.7", header + last_two.substr(0, record + 5));
    EXPECT_THAT(errors(found(disk)), IsEmpty());
    EXPECT_THAT(notes(found(disk)), HasSubstr("a server starts with zxid 0x8"));
}

TEST(Check, OtherBytesThatGoBackwardsAreAnError) {
    sim::SimDisk disk;
    fill(disk);
    const std::size_t second = repeat_some(disk);
    Bytes bytes = log_content(disk);
    const std::size_t record = (bytes.size() - storage::kLogHeaderBytes) / 11;
    disk.put(kDir + "/log.1", bytes.erase(second + record, record));
    EXPECT_THAT(errors(found(disk)),
                HasSubstr("transaction 0x5 comes behind 0x5: the order is broken"));
    EXPECT_THAT(errors(found(disk)), HasSubstr("a server would not start"));
}

TEST(Check, EmptyLastLogStopsOlderServers) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/log.9", "");
    const Findings findings = found(disk);
    EXPECT_FALSE(findings.any_error()) << errors(findings);
    EXPECT_THAT(warnings(findings), HasSubstr("log.9: not even its head was written"));
}

TEST(Check, GapBetweenTwoLogsIsAnError) {
    sim::SimDisk disk;
    fill(disk);
    storage::write_log(disk, storage::zxids({10, 11}));
    const Findings findings = found(disk);
    EXPECT_THAT(errors(findings), HasSubstr("a server would not start"));
    EXPECT_THAT(errors(findings), HasSubstr("log.a"));
}

TEST(Check, GapWithinALogIsAnErrorOfTheFileAlone) {
    sim::SimDisk disk;
    storage::write_log(disk, storage::zxids({1, 2, 4}));
    EXPECT_THAT(errors(found(disk, kDir + "/log.1")),
                HasSubstr("transaction 0x4 comes behind 0x2: something is missing between"));
}

TEST(Check, LogWithoutItsSnapshotIsAnError) {
    sim::SimDisk disk;
    fill(disk);
    ZK_OK(disk.remove(kDir + "/snapshot.0"));
    EXPECT_THAT(errors(found(disk)), HasSubstr("no snapshot, but the log has transactions"));
}

TEST(Check, DamagedSnapshotIsNamedWithItsPlace) {
    sim::SimDisk disk;
    fill(disk);
    const tree::DataTree tree = storage::numbered_tree(6);
    storage::save_snapshot(disk, tree);
    Bytes bytes = storage::content(disk, "snapshot.6");
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
    disk.put(kDir + "/snapshot.6", bytes);
    const Findings both = found(disk);
    EXPECT_FALSE(both.any_error()) << errors(both);
    EXPECT_THAT(warnings(both), HasSubstr("/zk/version-2/snapshot.6: at offset "));
    EXPECT_THAT(warnings(both), HasSubstr("servers take an older one"));
    // By itself it is lost.
    EXPECT_TRUE(found(disk, kDir + "/snapshot.6").any_error());
    // Nor is there an older one here.
    ZK_OK(disk.remove(kDir + "/snapshot.0"));
    EXPECT_TRUE(found(disk).any_error());
}

TEST(Check, FewerTxnsThanADamagedSnapshotSaysIsAnError) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/snapshot.9", "cut");
    EXPECT_THAT(errors(found(disk)), HasSubstr("starting would forget acknowledged writes"));
}

TEST(Check, EpochsAreHeldAgainstEachOtherAndTheLog) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/currentEpoch", "2");
    EXPECT_THAT(errors(found(disk)),
                HasSubstr("acceptedEpoch: it says 0, below currentEpoch with 2"));
    disk.put(kDir + "/currentEpoch", "one");
    EXPECT_THAT(errors(found(disk)),
                HasSubstr("currentEpoch at offset 0: it does not hold an epoch"));
    EXPECT_THAT(errors(found(disk, kDir + "/currentEpoch")),
                HasSubstr("it does not hold an epoch"));

    sim::SimDisk later;
    ZK_VALUE(storage::recover(later, kPaths, {}));
    storage::write_log(later, {Zxid(Epoch(1), 1)});
    EXPECT_THAT(errors(found(later)), HasSubstr("but transactions of epoch 1 are stored"));
    later.put(kDir + "/acceptedEpoch", "1");
    EXPECT_THAT(errors(found(later)), IsEmpty());
    EXPECT_THAT(warnings(found(later)), HasSubstr("zkserver raises it"));
}

TEST(Check, MyidIsANumber) {
    sim::SimDisk disk;
    fill(disk);
    disk.put("/zk/myid", " 3\n");
    EXPECT_THAT(errors(found(disk)), HasSubstr("/zk/myid at offset 0"));
    EXPECT_THAT(errors(found(disk, "/zk/myid")), HasSubstr("/zk/myid at offset 0"));
}

TEST(Check, WhatLiesAboutIsNamed) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/log.1.bak", log_content(disk));
    disk.put(kDir + "/snapshot.0.tmp", storage::content(disk, "snapshot.0"));
    disk.put(kDir + "/needs_snapshot", "");
    disk.put(kDir + "/damaged.log.1", "");
    const Findings findings = found(disk);
    EXPECT_THAT(warnings(findings), HasSubstr("log.1.bak: its name only resembles a log's"));
    EXPECT_THAT(warnings(findings), HasSubstr("snapshot.0.tmp: its name only resembles"));
    EXPECT_THAT(errors(findings), HasSubstr("needs_snapshot: these data lack"));
    EXPECT_THAT(notes(findings), HasSubstr("damaged.log.1: kept aside"));
}

TEST(Check, LogUnderAWrongNameIsAWarning) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/log.3", log_content(disk));
    EXPECT_THAT(warnings(found(disk, kDir + "/log.3")), HasSubstr("its first transaction is 0x1"));
}

TEST(Check, CompressedSnapshotsAreRead) {
    using Compression = storage::SnapshotName::Compression;
    for (const Compression one : {Compression::gz, Compression::snappy}) {
        sim::SimDisk disk;
        fill(disk);
        const tree::DataTree tree = storage::numbered_tree(6);
        storage::SnapshotFile file(disk, kDir, storage::SnapshotRole::periodic, one);
        ZK_OK(file.begin(Zxid(6)));
        ZK_OK(file.write(storage::serialize(tree, {}, storage::Form::file)));
        ZK_OK(file.finish());
        const std::string path = kDir + "/" + storage::snapshot_name(Zxid(6), one);
        EXPECT_THAT(errors(found(disk)), IsEmpty());
        EXPECT_THAT(notes(found(disk, path)), HasSubstr("10 nodes, 0 sessions"));
        // A copy under any name is known by its first bytes.
        disk.put("/zk/copy", ZK_VALUE(disk.read_file(path, 1 << 20)));
        EXPECT_THAT(notes(found(disk, "/zk/copy")), HasSubstr("10 nodes"));
    }
}

TEST(Check, OtherFilesAreRefusedInWords) {
    sim::SimDisk disk;
    fill(disk);
    disk.put("/zk/zoo.cfg", "tickTime=2000");
    const auto source = look_at(disk, "/zk/zoo.cfg", {});
    ASSERT_FALSE(source.has_value());
    EXPECT_THAT(source.error().words, HasSubstr("is neither log nor snapshot"));
    EXPECT_EQ(look_at(disk, "/none", {}).error().code, Errc::not_found);
    ZK_OK(disk.make_dirs("/empty"));
    EXPECT_THAT(look_at(disk, "/empty", {}).error().words, HasSubstr("--log-dir"));
}

TEST(Check, LogsMayHaveADirectoryOfTheirOwn) {
    sim::SimDisk disk;
    const storage::Paths apart{"/zk", "/logs"};
    ZK_VALUE(storage::recover(disk, apart, {}));
    storage::LogWriter writer(disk, apart.logs(), storage::plain_log());
    ZK_OK(writer.append(Zxid(1), *storage::shared(storage::numbered(Zxid(1)))));
    ZK_OK(writer.sync());
    Findings findings;
    ZK_OK(check(disk, ZK_VALUE(look_at(disk, "/zk", "/logs")), findings));
    EXPECT_THAT(notes(findings), HasSubstr("a server starts with zxid 0x1"));
}

TEST(Findings, AreToldInTextAndJson) {
    const Finding finding{Severity::error, "/a/log.1", 16, "a \"reason\"", "a way out"};
    EXPECT_EQ(finding_text(finding), "error: /a/log.1 at offset 16: a \"reason\"\n    a way out\n");
    EXPECT_EQ(finding_json(finding),
              "{\"kind\":\"finding\",\"severity\":\"error\",\"file\":\"/a/log.1\",\"offset\":16,"
              "\"reason\":\"a \\\"reason\\\"\",\"wayOut\":\"a way out\"}\n");
}

}  // namespace
}  // namespace zk::zkdata
