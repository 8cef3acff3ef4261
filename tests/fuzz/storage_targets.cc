// What lies on disks: logs, snapshots, whole directories, epoch files.
#include <algorithm>
#include <memory>
#include <optional>

#include "base/check.h"
#include "jute/txn.h"
#include "sim_disk/sim_disk.h"
#include "storage/epoch_files.h"
#include "storage/gzip.h"
#include "storage/log_damage.h"
#include "storage/log_reader.h"
#include "storage/recovery.h"
#include "storage/snappy_stream.h"
#include "storage/snapshot.h"
#include "targets.h"
#include "zkdata/check.h"
#include "zkdata/dump.h"

namespace zk::fuzz {
namespace {

using storage::Form;
using storage::SnapshotName;
using storage::SnapshotParser;

const std::string kDirectory = "/zk/version-2";
const storage::Paths kDirectories{"/zk", "/zk"};
/// No fuzzer makes larger ones of its own, and a large length would only cost time.
constexpr std::int32_t kPayloadBytesMax = 1 << 16;

jute::Txn created(std::int64_t zxid, const std::string& path, const Bytes& data) {
    jute::Txn txn;
    txn.header = {SessionId(0x77), Xid(7), Zxid(zxid), WallMs(1700000000000), OpCode::create};
    txn.body = jute::CreateTxn{path, data, tree::open_acl_list(), false, -1};
    return txn;
}

/// A tree with something of everything that a snapshot holds.
tree::DataTree sample_tree() {
    tree::DataTree tree;
    for (std::int64_t i = 1; i <= 4; ++i)
        tree.apply(created(i, "/n" + std::to_string(i), Bytes(static_cast<std::size_t>(i), 'x')));
    jute::Txn owned = created(5, "/n1/e", "");
    std::get<jute::CreateTxn>(owned.body).ephemeral = true;
    std::get<jute::CreateTxn>(owned.body).acl = {{1, {"digest", "a:b"}}, {2, {"ip", "10.0.0.1"}}};
    tree.apply(owned);
    jute::Txn empty = created(6, "/none", "");
    std::get<jute::CreateTxn>(empty.body).data.reset();
    tree.apply(empty);
    return tree;
}

Bytes sample_snapshot(Form form) {
    const tree::DataTree tree = sample_tree();
    storage::SnapshotSerializer serializer(
        tree, {{SessionId(0x77), 30000}, {SessionId(0x78), 4000}}, form);
    Bytes bytes;
    while (serializer.next_chunk(bytes, 1000)) {
    }
    return bytes;
}

Bytes sample_log(std::int64_t first, std::int64_t last) {
    sim::SimDisk disk;
    (void)disk.make_dirs(kDirectory).has_value();
    storage::LogWriter writer(disk, kDirectory, {.preallocate_bytes = 512, .file_bytes_max = 0});
    for (std::int64_t i = first; i <= last; ++i) {
        const Bytes payload = jute::encode_txn(created(i, "/n" + std::to_string(i), "data"));
        ZK_ASSERT(writer.append(Zxid(i), payload).has_value());
    }
    ZK_ASSERT(writer.sync().has_value());
    return *disk.read_file(kDirectory + "/" + storage::log_name(Zxid(first)), 1 << 20);
}

/// The tree that a parser makes of `bytes`, fed in pieces; null: refused.
std::unique_ptr<tree::DataTree> parsed(ByteView bytes, Form form, bool whole) {
    SnapshotParser parser(form);
    bool failed = false;
    const auto feed = [&](ByteView piece) {
        failed = !parser.feed(piece).has_value();
        return !failed && !parser.done();
    };
    if (whole) {
        (void)feed(bytes);
    } else {
        in_pieces(bytes, feed);
    }
    if (failed) return nullptr;
    if (form == Form::file && !parser.finish().has_value()) return nullptr;
    return parser.done() ? parser.take_tree() : nullptr;
}

void run_snapshot_parser(ByteView bytes, Form form) {
    const auto whole = parsed(bytes, form, true);
    const auto pieces = parsed(bytes, form, false);
    ZK_ASSERT((whole == nullptr) == (pieces == nullptr));
    if (whole == nullptr) return;
    ZK_ASSERT(whole->digest() == pieces->digest());
    // What was read can be written, and read again.
    storage::SnapshotSerializer serializer(*whole, {}, form);
    Bytes again;
    while (serializer.next_chunk(again, 1000)) {
    }
    const auto copy = parsed(again, form, true);
    ZK_ASSERT(copy != nullptr);
}

void run_snapshot(ByteView bytes) { run_snapshot_parser(bytes, Form::file); }
void run_snapshot_stream(ByteView bytes) { run_snapshot_parser(bytes, Form::wire); }

void run_packed(ByteView bytes, SnapshotName::Compression compression) {
    sim::SimDisk disk;
    const SnapshotName file{Zxid(6), compression, storage::snapshot_name(Zxid(6), compression)};
    disk.put(kDirectory + "/" + file.name, bytes);
    (void)storage::load_snapshot(disk, kDirectory, file).has_value();
}
void run_gzip(ByteView bytes) { run_packed(bytes, SnapshotName::Compression::gz); }
void run_snappy(ByteView bytes) { run_packed(bytes, SnapshotName::Compression::snappy); }

void run_log(ByteView bytes) {
    sim::SimDisk disk;
    disk.put(kDirectory + "/log.1", bytes);
    storage::LogFileReader file(disk, kDirectory, "log.1", kPayloadBytesMax);
    std::uint64_t end = 0;
    for (;;) {
        const auto record = file.next();
        if (!record.has_value() || !*record) break;
        ZK_ASSERT((*record)->end_offset > end && (*record)->end_offset <= bytes.size());
        end = (*record)->end_offset;
        const auto txn = jute::decode_txn((*record)->payload);
        if (txn.has_value()) ZK_ASSERT(txn->header.zxid == (*record)->zxid);
    }
    const auto examined = storage::examine_log_end(disk, kDirectory, "log.1", kPayloadBytesMax);
    ZK_ASSERT(examined.has_value());
    ZK_ASSERT(examined->kind == storage::LogEnd::Kind::clean ||
              (examined->offset < examined->used_end && examined->used_end <= bytes.size()));
    storage::LogReader all(disk, kDirectory, {{Zxid(1), "log.1"}}, Zxid(0), kPayloadBytesMax);
    std::optional<Zxid> last;
    for (;;) {
        const auto record = all.next();
        if (!record.has_value() || !*record) break;
        ZK_ASSERT(!last || storage::follows(*last, (*record)->zxid));
        last = (*record)->zxid;
    }
}

/// A directory whose newest log is anything: recovery takes it or refuses it, twice alike, and goes on from there.
void run_directory(ByteView bytes) {
    sim::SimDisk disk;
    ZK_ASSERT(storage::recover(disk, kDirectories, {}).has_value());
    disk.put(kDirectory + "/log.1", sample_log(1, 3));
    disk.put(kDirectory + "/log.4", bytes);
    const auto source = zkdata::look_at(disk, "/zk", {});
    ZK_ASSERT(source.has_value());
    zkdata::Findings findings;
    ZK_ASSERT(zkdata::check(disk, *source, findings).has_value());
    const auto state = storage::recover(disk, kDirectories, {});
    if (!state.has_value()) {
        ZK_ASSERT(findings.any_error());
        return;
    }
    const auto again = storage::recover(disk, kDirectories, {});
    ZK_ASSERT(again.has_value() && again->last_zxid == state->last_zxid);
    ZK_ASSERT(again->tree->digest() == state->tree->digest());
}

/// Files of any content under any name are looked at and printed.
void run_zkdata(ByteView bytes) {
    constexpr const char* kNames[] = {
        "log.1", "snapshot.6", "snapshot.6.gz", "currentEpoch", "myid", "copy"};
    Steering steering(bytes);
    const std::string path = kDirectory + "/" + kNames[steering.below(std::size(kNames))];
    zkdata::Options options;
    options.json = steering.below(2) != 0;
    options.data = steering.below(2) != 0;
    sim::SimDisk disk;
    disk.put(path, bytes);
    const auto source = zkdata::look_at(disk, path, {});
    if (!source.has_value()) return;
    zkdata::Findings findings;
    ZK_ASSERT(zkdata::check(disk, *source, findings).has_value());
    for (const zkdata::Finding& finding : findings.all()) {
        (void)zkdata::finding_text(finding);
        (void)zkdata::finding_json(finding);
    }
    const bool dumped = zkdata::dump(disk, *source, options, [](std::string_view) {}).has_value();
    ZK_ASSERT(dumped || findings.any_error() || source->kind != zkdata::Source::Kind::snapshot);
}

void run_epoch(ByteView bytes) {
    sim::SimDisk disk;
    disk.put(kDirectory + "/currentEpoch", bytes);
    const auto epoch = storage::read_epoch(disk, kDirectory, "currentEpoch");
    if (!epoch.has_value()) return;
    ZK_ASSERT(*epoch && (*epoch)->value() >= -1);
    ZK_ASSERT(storage::write_epoch(disk, kDirectory, "currentEpoch", **epoch).has_value());
    ZK_ASSERT(*storage::read_epoch(disk, kDirectory, "currentEpoch") == *epoch);
}

std::vector<Bytes> snapshot_samples() { return {sample_snapshot(Form::file)}; }
std::vector<Bytes> stream_samples() { return {sample_snapshot(Form::wire)}; }
std::vector<Bytes> log_samples() { return {sample_log(1, 4)}; }
std::vector<Bytes> directory_samples() {
    const Bytes whole = sample_log(4, 7);
    return {whole, whole.substr(0, 300), Bytes(), Bytes(16, '\0')};
}
std::vector<Bytes> gzip_samples() {
    storage::GzipWriter writer;
    Bytes packed;
    writer.feed(sample_snapshot(Form::file), packed);
    writer.finish(packed);
    return {packed};
}
std::vector<Bytes> snappy_samples() {
    storage::SnappyWriter writer;
    Bytes packed;
    writer.feed(sample_snapshot(Form::file), packed);
    writer.finish(packed);
    return {packed};
}
std::vector<Bytes> zkdata_samples() {
    return {Bytes("\0\0\1", 3) + sample_log(1, 3),
            Bytes("\1\1\1", 3) + sample_snapshot(Form::file),
            Bytes("\3\0\0", 3) + "17",
            Bytes("\4\0\0", 3) + "3\n"};
}
std::vector<Bytes> epoch_samples() { return {"0", "-1", "4294967295\n"}; }

}  // namespace

std::vector<Target> storage_targets() {
    return {{"log", "a transaction log", run_log, log_samples},
            {"snapshot", "a snapshot file", run_snapshot, snapshot_samples},
            {"snapshot_gz", "one that is compressed by gzip", run_gzip, gzip_samples},
            {"snapshot_snappy", "one that is compressed by snappy", run_snappy, snappy_samples},
            {"snapshot_stream",
             "the snapshot that a leader sends",
             run_snapshot_stream,
             stream_samples},
            {"directory",
             "recovery, and zkdata check, with any newest log",
             run_directory,
             directory_samples},
            {"zkdata", "zkdata check and dump of any file", run_zkdata, zkdata_samples},
            {"epoch", "an epoch file", run_epoch, epoch_samples}};
}

}  // namespace zk::fuzz
