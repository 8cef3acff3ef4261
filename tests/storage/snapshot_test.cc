#include "storage/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/check.h"
#include "samples.h"
#include "storage/snapshot_file.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

const SessionTable kSessions{{SessionId(0x100), 4000}, {SessionId(0x200), 30000}};

/// All nodes as text: path, data, ACL, stat.
std::map<std::string, std::string> dump(const tree::DataTree& tree) {
    std::map<std::string, std::string> nodes;
    tree::Walk walk(tree);
    tree::Walk::VisitedNode node;
    while (walk.next(node)) {
        Bytes text = node.data ? "data:" + std::string(*node.data) : "null";
        text += jute::encode(node.stat);
        jute::OutputArchive(text).write(tree.acl().find(node.acl));
        nodes[node.path] = text;
    }
    return nodes;
}

tree::DataTree sample_tree() {
    tree::DataTree tree;
    tree.apply(create_txn(Zxid(1), "/a", "one"));
    jute::Txn restricted = header_only(Zxid(2), OpCode::create);
    restricted.body =
        jute::CreateTxn{"/a/b", std::nullopt, {{perms::kRead, {"digest", "u:x"}}}, false, -1};
    tree.apply(restricted);
    jute::Txn ephemeral = header_only(Zxid(3), OpCode::create, SessionId(0x100));
    ephemeral.body = jute::CreateTxn{"/a/e", "", {{perms::kRead, {"digest", "u:x"}}}, true, -1};
    tree.apply(ephemeral);
    jute::Txn ttl = header_only(Zxid(4), OpCode::create_ttl);
    ttl.body = jute::CreateTtlTxn{"/ttl", "t", open_acl(), -1, 5000};
    tree.apply(ttl);
    tree.apply(set_txn(Zxid(5), "/a", "two", 1));
    return tree;
}

Result<std::size_t> feed_in_pieces(SnapshotParser& parser, ByteView bytes, std::size_t piece) {
    std::size_t taken = 0;
    while (!bytes.empty() && !parser.done()) {
        ZK_TRY(const std::size_t count, parser.feed(bytes.substr(0, piece)));
        taken += count;
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    return taken;
}

TEST(Snapshot, RoundTripInBothFormsAndAnyPieces) {
    const tree::DataTree tree = sample_tree();
    for (const Form form : {Form::file, Form::wire}) {
        for (const std::size_t chunk : {std::size_t{1}, std::size_t{100}, std::size_t{100000}}) {
            const Bytes bytes = serialize(tree, kSessions, form, chunk);
            EXPECT_EQ(bytes, serialize(tree, kSessions, form)) << chunk;
            for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
                SnapshotParser parser(form);
                EXPECT_EQ(ZK_VALUE(feed_in_pieces(parser, bytes, piece)), bytes.size());
                if (form == Form::file) ZK_OK(parser.finish());
                ASSERT_TRUE(parser.done());
                EXPECT_EQ(parser.take_sessions(), kSessions);
                const auto loaded = parser.take_tree();
                loaded->set_last_zxid(tree.last_zxid());
                EXPECT_EQ(dump(*loaded), dump(tree));
                EXPECT_EQ(loaded->digest(), tree.digest());
                EXPECT_EQ(loaded->ephemerals(SessionId(0x100)), tree.ephemerals(SessionId(0x100)));
                if (form == Form::file) {
                    ASSERT_TRUE(parser.digest());
                    EXPECT_EQ(parser.digest()->zxid, Zxid(5));
                    EXPECT_EQ(parser.digest()->digest, tree.digest());
                }
            }
        }
    }
}

// What follows the nodes' seal: zxid, version, digest, seal; zxid, seal.
constexpr std::size_t kDigestBytes = 8 + 4 + 8 + 13;
constexpr std::size_t kZxidBytes = 8 + 13;

TEST(Snapshot, WireFormLeavesTheRestToTheNextPacket) {
    const Bytes bytes = serialize(sample_tree(), kSessions, Form::wire);
    EXPECT_TRUE(
        bytes.ends_with(std::string("\0\0\0\x0a"
                                    "BenWasHere",
                                    14)));
    SnapshotParser parser(Form::wire);
    EXPECT_EQ(ZK_VALUE(parser.feed(bytes + "next packet")), bytes.size());
    EXPECT_TRUE(parser.done());
    EXPECT_EQ(ZK_VALUE(parser.feed("more")), 0U);
}

TEST(Snapshot, FileFormHasApachesSeals) {
    const Bytes bytes = serialize(sample_tree(), kSessions, Form::file);
    EXPECT_EQ(bytes.substr(0, 16), std::string("ZKSN\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff", 16));
    const Bytes end("\0\0\0\1/", 5);
    const std::size_t first_seal = bytes.size() - kZxidBytes - kDigestBytes - 13;
    EXPECT_EQ(bytes.substr(first_seal - 5, 5), end);
    const auto sum = [&bytes](std::size_t size) {
        return static_cast<std::int64_t>(
            adler32(1, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(size)));
    };
    EXPECT_EQ(load_be<std::int64_t>(bytes.data() + first_seal), sum(first_seal));
    EXPECT_EQ(bytes.substr(first_seal + 8, 5), end);
    for (const std::size_t seal : {bytes.size() - kZxidBytes - 13, bytes.size() - 13})
        EXPECT_EQ(load_be<std::int64_t>(bytes.data() + seal), sum(seal));
    EXPECT_TRUE(bytes.ends_with(end));
}

Result<> parse_file(ByteView bytes) {
    SnapshotParser parser(Form::file);
    ZK_CHECK(parser.feed(bytes));
    return parser.finish();
}

TEST(Snapshot, EveryCutAndEveryFlippedBitIsNoticed) {
    const Bytes bytes = serialize(sample_tree(), kSessions, Form::file);
    ZK_OK(parse_file(bytes));
    // A file of 3.5 and older ends behind the first seal, one of 3.6 to 3.8 behind the second.
    const std::size_t without_zxid = bytes.size() - kZxidBytes;
    const std::size_t without_digest = without_zxid - kDigestBytes;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(parse_file(ByteView(bytes).substr(0, size)).has_value(),
                  size == without_digest || size == without_zxid)
            << size;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        Bytes damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        EXPECT_FALSE(parse_file(damaged).has_value()) << i;
    }
}

void seal(Bytes& bytes) {
    const auto sum =
        adler32(1, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
    append_be(bytes, static_cast<std::int64_t>(sum));
    bytes += Bytes("\0\0\0\1/", 5);
}

std::optional<Zxid> end_zxid_of(ByteView bytes) {
    SnapshotParser parser(Form::file);
    ZK_VALUE(parser.feed(bytes));
    ZK_OK(parser.finish());
    return parser.end_zxid();
}

TEST(Snapshot, ZxidSectionOf39IsReadWithAndWithoutDigest) {
    const tree::DataTree tree = sample_tree();
    const Bytes with_both = serialize(tree, kSessions, Form::file);
    EXPECT_EQ(end_zxid_of(with_both), tree.last_zxid());
    EXPECT_EQ(end_zxid_of(with_both.substr(0, with_both.size() - kZxidBytes)), tree.last_zxid());
    const Bytes neither = with_both.substr(0, with_both.size() - kZxidBytes - kDigestBytes);
    EXPECT_EQ(end_zxid_of(neither), std::nullopt);
    Bytes zxid_only = neither;
    append_be(zxid_only, std::int64_t{5});
    seal(zxid_only);
    EXPECT_EQ(end_zxid_of(zxid_only), Zxid(5));
    EXPECT_FALSE(parse_file(with_both + "x").has_value());
    EXPECT_FALSE(parse_file(zxid_only + std::string(5000, '\0')).has_value());
}

TEST(Snapshot, DigestOfAnOldAlgorithmIsPassedOver) {
    const Bytes whole = serialize(sample_tree(), kSessions, Form::file);
    Bytes bytes = whole.substr(0, whole.size() - kZxidBytes - kDigestBytes);
    append_be(bytes, std::int64_t{5});
    append_be(bytes, std::int32_t{1});
    append_be(bytes, std::int32_t{4});
    bytes += "beef";
    seal(bytes);
    SnapshotParser parser(Form::file);
    ZK_VALUE(parser.feed(bytes));
    ZK_OK(parser.finish());
    EXPECT_FALSE(parser.digest());
}

// A part of one tree and a part of another would be a tree that never was, under a good checksum.
TEST(Snapshot, OfATreeThatIsReplacedMeanwhileIsNoSnapshot) {
    for (const Form form : {Form::file, Form::wire}) {
        tree::DataTree tree = numbered_tree(50);
        SnapshotSerializer serializer(tree, kSessions, form);
        Bytes bytes;
        ASSERT_TRUE(serializer.next_chunk(bytes, 200));
        EXPECT_FALSE(serializer.aborted());
        const std::size_t before = bytes.size();
        tree = numbered_tree(60);
        EXPECT_FALSE(serializer.next_chunk(bytes, 100'000));
        EXPECT_TRUE(serializer.aborted());
        EXPECT_EQ(bytes.size(), before);
        EXPECT_FALSE(serializer.next_chunk(bytes, 100'000));
        EXPECT_EQ(bytes.size(), before);
        SnapshotParser parser(form);
        ZK_VALUE(parser.feed(bytes));
        EXPECT_FALSE(parser.done());
    }
    EXPECT_TRUE(covered_marks().contains("storage.snapshot_walk_aborted"));
}

TEST(Snapshot, FuzzyWalkPlusReplayEqualsTheTree) {
    tree::DataTree tree = numbered_tree(50);
    std::vector<jute::Txn> later;
    std::int64_t next = 51;
    const auto apply = [&](jute::Txn txn) {
        tree.apply(txn);
        later.push_back(std::move(txn));
    };
    SnapshotSerializer serializer(tree, kSessions, Form::file);
    Bytes bytes;
    for (bool more = true; more;) {
        more = serializer.next_chunk(bytes, 200);
        if (next > 90 || !more) continue;
        apply(set_txn(Zxid(next), "/n" + std::to_string(next % 50 + 1), "new", 1));
        ++next;
        const std::string parent = "/n" + std::to_string(next % 7 + 1);
        const std::int32_t cversion = tree.find(parent)->stat().cversion + 1;
        jute::Txn create =
            create_txn(Zxid(next), parent + "/c" + std::to_string(next), "c", cversion);
        std::get<jute::CreateTxn>(create.body).acl = {
            {perms::kRead, {"digest", "u" + std::to_string(next)}}};
        apply(create);
        ++next;
        jute::Txn remove = header_only(Zxid(next), OpCode::remove);
        remove.body = jute::DeleteTxn{"/n" + std::to_string(next % 40 + 10)};
        apply(remove);
        ++next;
    }
    EXPECT_EQ(serializer.zxid(), Zxid(50));
    EXPECT_EQ(serializer.end_zxid(), tree.last_zxid());
    ASSERT_GT(later.size(), 20U);
    SnapshotParser parser(Form::file);
    ZK_VALUE(parser.feed(bytes));
    ZK_OK(parser.finish());
    const auto loaded = parser.take_tree();
    for (const jute::Txn& txn : later) loaded->apply(txn);
    EXPECT_EQ(dump(*loaded), dump(tree));
    EXPECT_EQ(loaded->digest(), tree.digest());
    EXPECT_EQ(parser.digest()->digest, tree.digest());
}

TEST(Snapshot, ImpossibleContentIsRefused) {
    const auto refuse = [](const Bytes& body, const std::string& words) {
        SnapshotParser parser(Form::wire);
        const auto result = parser.feed(body);
        ASSERT_FALSE(result.has_value()) << words;
        EXPECT_THAT(result.error().words, HasSubstr(words));
    };
    const auto record = [](auto... fields) {
        Bytes out;
        jute::OutputArchive archive(out);
        archive(fields...);
        return out;
    };
    const Bytes empty_tables = record(std::int32_t{0}, std::int32_t{0});
    refuse(record(std::int32_t{-1}), "negative count");
    refuse(record(std::int32_t{0}, std::int32_t{-5}), "negative count");
    refuse(empty_tables + record(std::int32_t{-1}), "null");
    refuse(empty_tables + record(std::int32_t{-7}), "unreasonable length");
    refuse(empty_tables + record(std::int32_t{0x7fffffff}), "unreasonable length");
    const Bytes stat(60, '\0');
    const Bytes root = record("", "", std::int64_t{-1}) + stat;
    refuse(empty_tables + root + record("/a/b", "", std::int64_t{-1}) + stat, "");  // no parent
    refuse(empty_tables + root + record("/", "BenWasThere"), "BenWasHere");
}

TEST(SnapshotFile, AppearsOnlyWhenFinished) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    SnapshotFile file(disk, kDir);
    ZK_OK(file.begin(Zxid(0x10)));
    ZK_OK(file.write(serialize(sample_tree(), kSessions, Form::file)));
    EXPECT_THAT(names(disk), ElementsAre("tmp.snapshot.10"));
    ZK_OK(file.finish());
    disk.crash(sim::CrashMode::lose);
    EXPECT_THAT(names(disk), ElementsAre("snapshot.10"));
    const auto loaded =
        ZK_VALUE(load_snapshot(disk, kDir, ZK_VALUE(list_snapshots(disk, kDir)).front()));
    EXPECT_EQ(loaded.zxid, Zxid(0x10));
    EXPECT_EQ(loaded.tree->last_zxid(), Zxid(0x10));
    EXPECT_EQ(dump(*loaded.tree), dump(sample_tree()));

    SnapshotFile abandoned(disk, kDir);
    ZK_OK(abandoned.begin(Zxid(0x11)));
    ZK_OK(abandoned.abandon());
    EXPECT_THAT(names(disk), ElementsAre("snapshot.10"));
}

// A full disk shows in write, sync, close or rename; the space of the attempt must come back.
TEST(SnapshotFile, FailedAttemptLeavesNoTemporaryFile) {
    for (std::uint64_t call = 2; call <= 4; ++call) {
        sim::SimDisk disk;
        ZK_OK(disk.make_dirs(kDir));
        disk.fail_after(call);  // the calls: create, write, sync, rename, sync of the directory
        SnapshotFile file(disk, kDir);
        ZK_OK(file.begin(Zxid(5)));
        const Bytes bytes = serialize(numbered_tree(5), {}, Form::file);
        const bool saved = file.write(bytes).has_value() && file.finish().has_value();
        EXPECT_FALSE(saved) << call;
        disk.never_fail();
        ZK_OK(file.abandon());
        EXPECT_THAT(names(disk), testing::IsEmpty()) << call;
    }
}

TEST(SnapshotFile, NamesNewestFirstStraysApart) {
    sim::SimDisk disk;
    for (const char* name : {"snapshot.5",
                             "snapshot.a.gz",
                             "snapshot.7.snappy",
                             "snapshot.9.tmp",
                             "snapshot.",
                             "log.1"}) {
        disk.put(kDir + "/" + name, "");
    }
    std::vector<std::string> strays;
    const auto files = ZK_VALUE(list_snapshots(disk, kDir, &strays));
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files[0].name, "snapshot.a.gz");
    EXPECT_EQ(files[0].compression, SnapshotName::Compression::gz);
    EXPECT_EQ(files[1].zxid, Zxid(7));
    EXPECT_EQ(files[2].name, "snapshot.5");
    EXPECT_THAT(strays, ElementsAre(kDir + "/snapshot.", kDir + "/snapshot.9.tmp"));
}

Bytes gzip(ByteView plain) {
    z_stream z{};
    EXPECT_EQ(
        deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    Bytes out(plain.size() + 1000, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.resize(out.size() - z.avail_out);
    deflateEnd(&z);
    return out;
}

TEST(SnapshotFile, GzipIsReadDamagedGzipIsNot) {
    sim::SimDisk disk;
    const Bytes packed = gzip(serialize(numbered_tree(2000), kSessions, Form::file));
    const SnapshotName file{Zxid(5), SnapshotName::Compression::gz, "snapshot.5.gz"};
    disk.put(kDir + "/snapshot.5.gz", packed);
    EXPECT_EQ(ZK_VALUE(load_snapshot(disk, kDir, file)).tree->digest(),
              numbered_tree(2000).digest());
    for (const Bytes& damaged : {packed.substr(0, packed.size() / 2),
                                 packed.substr(0, packed.size() - 1),
                                 packed + "x",
                                 Bytes("x"),
                                 Bytes()}) {
        disk.put(kDir + "/snapshot.5.gz", damaged);
        EXPECT_FALSE(verify_snapshot(disk, kDir, file).has_value());
    }
}

/// The file of a snapshot of 2000 txns, written in chunks of odd sizes.
Bytes written(sim::SimDisk& disk, SnapshotName::Compression compression) {
    ZK_OK(disk.make_dirs(kDir));
    SnapshotFile file(disk, kDir, SnapshotRole::periodic, compression);
    ZK_OK(file.begin(Zxid(2000)));
    const Bytes plain = serialize(numbered_tree(2000), kSessions, Form::file);
    for (std::size_t at = 0; at < plain.size(); at += 70'001)
        ZK_OK(file.write(ByteView(plain).substr(at, 70'001)));
    ZK_OK(file.finish());
    return content(disk, snapshot_name(Zxid(2000), compression));
}

TEST(SnapshotFile, CompressedOnesHaveTheirNamesAndAreReadBack) {
    using Compression = SnapshotName::Compression;
    EXPECT_EQ(snapshot_name(Zxid(10), Compression::gz), "snapshot.a.gz");
    EXPECT_EQ(snapshot_name(Zxid(10), Compression::snappy), "snapshot.a.snappy");
    sim::SimDisk plain;
    const std::size_t plain_size = written(plain, Compression::none).size();
    for (const Compression one : {Compression::gz, Compression::snappy}) {
        sim::SimDisk disk;
        const Bytes packed = written(disk, one);
        EXPECT_LT(packed.size(), plain_size / 2);
        const std::vector<SnapshotName> files = ZK_VALUE(list_snapshots(disk, kDir));
        ASSERT_EQ(files.size(), 1U);
        EXPECT_EQ(files[0].compression, one);
        const LoadedSnapshot loaded = ZK_VALUE(load_snapshot(disk, kDir, files[0]));
        EXPECT_EQ(loaded.tree->digest(), numbered_tree(2000).digest());
        EXPECT_EQ(loaded.sessions, kSessions);
        for (const Bytes& damaged : {packed.substr(0, packed.size() / 2),
                                     packed.substr(0, packed.size() - 1),
                                     packed.substr(0, 16),
                                     packed + "x",
                                     Bytes("x"),
                                     Bytes()}) {
            disk.put(kDir + "/" + files[0].name, damaged);
            EXPECT_FALSE(verify_snapshot(disk, kDir, files[0]).has_value()) << damaged.size();
        }
    }
}

// The framing of snappy-java, byte by byte: what Apache's server writes.
TEST(SnapshotFile, SnappyHasTheFramingOfXerial) {
    sim::SimDisk disk;
    const Bytes packed = written(disk, SnapshotName::Compression::snappy);
    EXPECT_EQ(packed.substr(0, 16), Bytes("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16));
    const auto first = static_cast<std::size_t>(load_be<std::int32_t>(packed.data() + 16));
    ASSERT_LT(first, packed.size());
    // A raw block begins with its plain size as a varint: 32768.
    EXPECT_EQ(packed.substr(20, 3), Bytes("\x80\x80\x02", 3));
    const auto second = static_cast<std::size_t>(load_be<std::int32_t>(packed.data() + 20 + first));
    EXPECT_LT(second, 40'000U);
}

TEST(SnapshotFile, RefusalNamesTheFileAndThePlace) {
    sim::SimDisk disk;
    Bytes bytes = written(disk, SnapshotName::Compression::none);
    bytes[bytes.size() - 60] = static_cast<char>(bytes[bytes.size() - 60] ^ 1);
    disk.put(kDir + "/snapshot.7d0", bytes);
    const auto result =
        verify_snapshot(disk, kDir, {Zxid(2000), SnapshotName::Compression::none, "snapshot.7d0"});
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().words, HasSubstr("/zk/version-2/snapshot.7d0 at offset "));
}

}  // namespace
}  // namespace zk::storage
