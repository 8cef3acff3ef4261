// Txns, trees and directories for the tests of storage.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "jute/txn.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "storage/log_reader.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"
#include "storage/txn_log.h"
#include "tree/data_tree.h"

namespace zk::storage {

inline const std::string kDir = "/zk/version-2";
inline const Paths kPaths{"/zk", "/zk"};

inline jute::AclList open_acl() { return tree::open_acl_list(); }

inline jute::Txn header_only(Zxid zxid, OpCode type, SessionId session = SessionId(0x77)) {
    jute::Txn txn;
    txn.header = {session, Xid(7), zxid, WallMs(1700000000000 + zxid.value() % 1000), type};
    return txn;
}

inline jute::Txn create_txn(Zxid zxid,
                            const std::string& path,
                            const std::string& data,
                            std::int32_t cversion = -1) {
    jute::Txn txn = header_only(zxid, OpCode::create);
    txn.body = jute::CreateTxn{path, data, open_acl(), false, cversion};
    return txn;
}

inline jute::Txn set_txn(Zxid zxid,
                         const std::string& path,
                         const std::string& data,
                         std::int32_t version) {
    jute::Txn txn = header_only(zxid, OpCode::set_data);
    txn.body = jute::SetDataTxn{path, data, version};
    return txn;
}

/// Node "/n<counter>" with its own zxid as data; every history in these tests is made of such.
inline jute::Txn numbered(Zxid zxid) {
    return create_txn(zxid, "/n" + std::to_string(zxid.value()), to_string(zxid));
}

inline SharedBytes shared(const jute::Txn& txn) {
    return std::make_shared<const Bytes>(jute::encode_txn(txn));
}
inline AppendTxn append(std::int64_t zxid) { return {Zxid(zxid), shared(numbered(Zxid(zxid)))}; }

template <class T>
const T& expect(const Result<T>& result, const char* file, int line) {
    if (!result.has_value()) {
        ADD_FAILURE_AT(file, line) << result.error().message();
        std::abort();
    }
    return *result;
}
template <class T>
T expect(Result<T>&& result, const char* file, int line) {
    if (!result.has_value()) {
        ADD_FAILURE_AT(file, line) << result.error().message();
        std::abort();
    }
    return *std::move(result);
}
inline void expect_ok(const Result<>& result, const char* file, int line) {
    if (!result.has_value()) ADD_FAILURE_AT(file, line) << result.error().message();
}
#define ZK_VALUE(...) ::zk::storage::expect((__VA_ARGS__), __FILE__, __LINE__)
#define ZK_OK(...) ::zk::storage::expect_ok((__VA_ARGS__), __FILE__, __LINE__)

/// No zero fill, so that offsets in tests are plain.
inline LogOptions plain_log() { return {.preallocate_bytes = 0, .file_bytes_max = 0}; }

inline void write_log(Disk& disk,
                      const std::vector<Zxid>& zxids,
                      LogOptions options = plain_log()) {
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, options);
    for (const Zxid zxid : zxids) ZK_OK(writer.append(zxid, *shared(numbered(zxid))));
    ZK_OK(writer.sync());
}

inline std::vector<Zxid> zxids(std::initializer_list<std::int64_t> values) {
    std::vector<Zxid> list;
    for (const std::int64_t value : values) list.emplace_back(value);
    return list;
}

/// All zxids above `after`, or the error.
inline Result<std::vector<Zxid>> read_log(Disk& disk, Zxid after = Zxid(0)) {
    ZK_TRY(std::vector<LogFile> files, list_logs(disk, kDir));
    LogReader reader(disk, kDir, std::move(files), after);
    std::vector<Zxid> found;
    for (;;) {
        ZK_TRY(const std::optional<LogRecord> record, reader.next());
        if (!record) return found;
        found.push_back(record->zxid);
    }
}

inline Bytes content(Disk& disk, const std::string& name) {
    return ZK_VALUE(disk.read_file(kDir + "/" + name, std::size_t{1} << 30));
}

inline Bytes serialize(const tree::DataTree& tree,
                       const SessionTable& sessions,
                       Form form,
                       std::size_t chunk = 1000) {
    SnapshotSerializer serializer(tree, sessions, form);
    Bytes all;
    while (serializer.next_chunk(all, chunk)) {
    }
    return all;
}

inline void save_snapshot(Disk& disk,
                          const tree::DataTree& tree,
                          const SessionTable& sessions = {},
                          SnapshotRole role = SnapshotRole::periodic) {
    ZK_OK(disk.make_dirs(kDir));
    SnapshotFile file(disk, kDir, role);
    ZK_OK(file.begin(tree.last_zxid()));
    ZK_OK(file.write(serialize(tree, sessions, Form::file)));
    ZK_OK(file.finish());
}

/// A tree after numbered txns 1..last of epoch 0.
inline tree::DataTree numbered_tree(std::int64_t last) {
    tree::DataTree tree;
    for (std::int64_t i = 1; i <= last; ++i) tree.apply(numbered(Zxid(i)));
    return tree;
}

inline std::vector<std::string> names(Disk& disk) { return ZK_VALUE(disk.list(kDir)); }

}  // namespace zk::storage
