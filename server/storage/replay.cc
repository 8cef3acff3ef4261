#include "storage/replay.h"

#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/limits.h"
#include "jute/txn.h"
#include "storage/log_reader.h"
#include "storage/snapshot_format.h"

namespace zk::storage {
namespace {

void apply_to_sessions(const jute::Txn& txn, SessionTable& sessions) {
    if (const auto* created = std::get_if<jute::CreateSessionTxn>(&txn.body)) {
        sessions[txn.header.session] = created->timeout_ms;
    } else if (txn.header.type == OpCode::close_session) {
        sessions.erase(txn.header.session);
    }
}

/// Compares the tree with what snapshot and txns say it should be.
///
/// A difference in the middle of an epoch is only said, once: the zxids tell that nothing is missing, and old versions
/// of ZooKeeper computed some digests differently. Behind the beginning of an epoch the zxids tell nothing: any end of
/// the epoch before may precede it, so a log that lost its end to a power cut goes on with the next leader's txns as
/// if it were whole. There a tree that was as it should be, and is not from the first txn on that says so, has a hole
/// before it. A digest that was only computed differently is followed by one that agrees again.
class TreeCheck {
  public:
    TreeCheck(std::optional<SnapshotDigest> section,
              Zxid snapshot,
              tree::DataTree& tree,
              const Log& log)
        : section_(section), tree_(tree), log_(log) {
        if (!section_) return;
        if (section_->zxid == Zxid()) {
            trust_ = Trust::agrees;
        } else if (section_->zxid <= snapshot) {
            compare_snapshot();
        }
    }

    /// Errc::corrupt when there is a hole. `previous`: the zxid before `zxid`; `place`: the file.
    Result<> after(Zxid previous,
                   Zxid zxid,
                   const std::optional<jute::TxnDigest>& digest,
                   const std::string& place) {
        if (zxid.epoch() != previous.epoch() && trust_ == Trust::agrees && !seam_)
            seam_ = Seam{previous, zxid, place};
        if (section_ && zxid == section_->zxid && zxid != Zxid()) compare_snapshot();
        const bool fuzzy = section_ && zxid < section_->zxid;
        if (fuzzy) tree_.forget_digests();
        if (fuzzy || !digest || digest->version != kDigestVersion) return ok();
        if (digest->tree_digest == tree_.digest()) {
            trust_ = Trust::agrees;
            seam_.reset();
            held_.reset();
            return ok();
        }
        if (section_ && zxid == section_->zxid) {
            hold(zxid, digest->tree_digest);
            return ok();
        }
        tell_held();
        if (!seam_) {
            differs(zxid, digest->tree_digest);
        } else if (++seam_->differences >= kDifferencesMax) {
            return hole();
        }
        return ok();
    }
    /// After the last txn.
    Result<> finish() {
        tell_held();
        return seam_ && seam_->differences > 0 ? hole() : ok();
    }

  private:
    static constexpr int kDifferencesMax = 3;
    /// unknown: until a digest was met, as behind a snapshot that came as a stream.
    enum class Trust { unknown, agrees, differs };
    struct Seam {
        Zxid before, behind;
        std::string place;
        int differences = 0;
    };

    /// A difference at the end of a snapshot's fuzzy part.
    struct Held {
        Zxid zxid;
        std::uint64_t expected = 0;
        std::uint64_t actual = 0;
    };

    void compare_snapshot() {
        trust_ = Trust::agrees;  // or it should have: say so
        if (section_->digest != tree_.digest()) hold(section_->zxid, section_->digest);
    }
    /// Apache's server puts a node into its tree before it reckons with it, so its snapshot may hold one txn more than its
    /// digest. The next txn's digest agrees then.
    void hold(Zxid zxid, std::uint64_t expected) {
        if (!held_) held_ = Held{zxid, expected, tree_.digest()};
    }
    void tell_held() {
        if (!held_) return;
        if (seam_) {
            ++seam_->differences;
        } else {
            differs(held_->zxid, held_->expected, held_->actual);
        }
        held_.reset();
    }
    void differs(Zxid zxid, std::uint64_t expected) { differs(zxid, expected, tree_.digest()); }
    void differs(Zxid zxid, std::uint64_t expected, std::uint64_t actual) {
        if (trust_ != Trust::agrees) return;
        trust_ = Trust::differs;
        if (warned_) return;
        ZK_COVERED("storage.digest_mismatch");
        warned_ = true;
        log_.warn(
            "storage.digest_mismatch zxid={} expected={:x} actual={:x}", zxid, expected, actual);
    }
    [[nodiscard]] Error hole() const {
        ZK_COVERED("storage.hole_found");
        return {Errc::corrupt,
                seam_->place + ": transaction " + to_string(seam_->behind) +
                    " does not belong behind " + to_string(seam_->before) +
                    ": by its digest, transactions between are missing"};
    }

    std::optional<SnapshotDigest> section_;
    tree::DataTree& tree_;
    const Log& log_;
    Trust trust_ = Trust::unknown;
    std::optional<Held> held_;
    std::optional<Seam> seam_;  // the last beginning of an epoch that no digest has vouched for yet
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
    state.last_zxid = state.replayed_from = snapshot.zxid;
    bool replayed = false;
    TreeCheck check(snapshot.digest, snapshot.zxid, *state.tree, log);
    std::deque<std::pair<Zxid, SharedBytes>> recent;
    // What lies behind the limit may be damaged and does not matter.
    while (state.last_zxid < limit) {
        ZK_TRY(std::optional<LogRecord> record, reader.next());
        if (!record || record->zxid > limit) break;
        auto txn = jute::decode_txn(record->payload);
        if (!txn.has_value()) {
            return txn.error().with_context(log_dir + ": transaction " + to_string(record->zxid));
        }
        apply_to_sessions(*txn, state.sessions);
        state.tree->apply(*txn);
        ZK_CHECK(check.after(
            state.last_zxid, record->zxid, txn->digest, log_dir + "/" + reader.file_name()));
        state.last_zxid = record->zxid;
        ++state.load.txns;
        if (!std::exchange(replayed, true)) state.replayed_from = record->zxid;
        recent.emplace_back(record->zxid,
                            std::make_shared<const Bytes>(std::move(record->payload)));
        if (recent.size() > limits::kCommittedWindow) recent.pop_front();
    }
    ZK_CHECK(check.finish());
    for (const std::string& torn : reader.torn_ends())
        log.warn("storage.torn_log_end file={}/{}", log_dir, torn);
    for (const LogRepeats::Block& block : reader.repeats().blocks()) {
        ZK_COVERED("storage.repeats_left_out");
        log.info("storage.log_repeats file={}/{} offset={} first={} last={} records={}",
                 log_dir,
                 block.file,
                 block.offset,
                 block.first,
                 block.last,
                 block.records);
    }
    state.tree->set_last_zxid(state.last_zxid);
    state.recent.assign(std::make_move_iterator(recent.begin()),
                        std::make_move_iterator(recent.end()));
    return state;
}

}  // namespace zk::storage
