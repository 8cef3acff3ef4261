#include "storage/replay.h"

#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/limits.h"
#include "jute/txn.h"
#include "storage/log_reader.h"

namespace zk::storage {
namespace {

void apply_to_sessions(const jute::Txn& txn, SessionTable& sessions) {
    if (const auto* created = std::get_if<jute::CreateSessionTxn>(&txn.body)) {
        sessions[txn.header.session] = created->timeout_ms;
    } else if (txn.header.type == OpCode::close_session) {
        sessions.erase(txn.header.session);
    }
}

/// Compares the tree's digest with what snapshot and txns say it should be; warns once.
class DigestCheck {
  public:
    DigestCheck(std::optional<SnapshotDigest> snapshot, const Log& log)
        : snapshot_(snapshot), log_(log) {}

    void after(Zxid zxid,
               const std::optional<jute::TxnDigest>& digest,
               const tree::DataTree& tree) {
        if (warned_) return;
        if (snapshot_ && zxid == snapshot_->zxid && zxid != Zxid())
            compare(zxid, snapshot_->digest, tree);
        const bool fuzzy = snapshot_ && zxid < snapshot_->zxid;
        if (!fuzzy && digest && digest->version == 2) compare(zxid, digest->tree_digest, tree);
    }

  private:
    void compare(Zxid zxid, std::uint64_t expected, const tree::DataTree& tree) {
        if (expected == tree.digest() || warned_) return;
        ZK_COVERED("storage.digest_mismatch");
        warned_ = true;
        log_.warn("storage.digest_mismatch zxid={} expected={:x} actual={:x}",
                  zxid,
                  expected,
                  tree.digest());
    }

    std::optional<SnapshotDigest> snapshot_;
    const Log& log_;
    bool warned_ = false;
};

}  // namespace

Result<RecoveredState> replay_log(Disk& disk,
                                  const std::string& log_dir,
                                  LoadedSnapshot snapshot,
                                  Zxid limit,
                                  std::int32_t payload_max,
                                  const Log& log) {
    std::vector<std::string> strays;
    ZK_TRY(std::vector<LogFile> files, list_logs(disk, log_dir, &strays));
    for (const std::string& stray : strays) {
        log.warn(
            "storage.stray_file file={} ignored=yes advice=\"ZooKeeper would read it: move it "
            "away\"",
            stray);
    }
    LogReader reader(disk, log_dir, std::move(files), snapshot.zxid, payload_max);
    RecoveredState state;
    state.tree = std::move(snapshot.tree);
    state.sessions = std::move(snapshot.sessions);
    state.last_zxid = snapshot.zxid;
    DigestCheck digests(snapshot.digest, log);
    digests.after(snapshot.zxid, std::nullopt, *state.tree);
    std::deque<std::pair<Zxid, SharedBytes>> recent;
    while (state.last_zxid < limit) {  // what lies behind the limit may be damaged and does not matter
        ZK_TRY(std::optional<LogRecord> record, reader.next());
        if (!record || record->zxid > limit) break;
        auto txn = jute::decode_txn(record->payload);
        if (!txn.has_value()) {
            return txn.error().with_context(log_dir + ": transaction " + to_string(record->zxid));
        }
        apply_to_sessions(*txn, state.sessions);
        state.tree->apply(*txn);
        state.last_zxid = record->zxid;
        digests.after(record->zxid, txn->digest, *state.tree);
        recent.emplace_back(record->zxid,
                            std::make_shared<const Bytes>(std::move(record->payload)));
        if (recent.size() > limits::kCommittedWindow) recent.pop_front();
    }
    for (const std::string& torn : reader.torn_ends())
        log.warn("storage.torn_log_end file={}/{}", log_dir, torn);
    state.tree->set_last_zxid(state.last_zxid);
    state.recent.assign(std::make_move_iterator(recent.begin()),
                        std::make_move_iterator(recent.end()));
    return state;
}

}  // namespace zk::storage
