// What a server knows and what its disk holds of it: the tree, the newest txns, how far the log goes and is durable, and who
// is changing all that. Pure: asks for disk work by actions, and is told when it is done. Lives on the core loop; part of a
// Core.
//
// Mostly memory is what the log says (Custody::whole). A synchronisation may change one before the other: a TRUNC the log, a
// SNAP the tree. If the role ends in between, everything is read again from the disk before the next vote. At most one
// snapshot file is under way; what would change the files under it waits for its end.
// Source: ZooKeeper ZKDatabase, Learner.syncWithLeader, SyncRequestProcessor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "core/actions.h"
#include "jute/txn.h"
#include "storage/recovery.h"
#include "tree/data_tree.h"
#include "zab/committed_log.h"

namespace zk::core {

class Database {
  public:
    struct Settings {
        std::int64_t snap_count = 100'000;  ///< txns between snapshots, before randomisation
        /// Bytes of log between snapshots, before randomisation; 0 and less: they do not count.
        std::int64_t snap_bytes = std::int64_t{4} << 30;
        std::size_t committed_window = 0;  ///< txns kept in memory for DIFF
        std::uint64_t seed = 0;            ///< spreads snapshots of the members over time
    };

    /// Takes the tree and the txns out of `recovered`. `before_change` is called before each change of the tree; empty:
    /// nobody reads it meanwhile.
    Database(Settings settings,
             storage::RecoveredState& recovered,
             Log log,
             std::function<void()> before_change = {});

    [[nodiscard]] const tree::DataTree& tree() const { return *tree_; }
    [[nodiscard]] tree::DataTree& tree() { return *tree_; }
    [[nodiscard]] const zab::CommittedLog& committed() const { return committed_; }
    /// The last txn appended to the log, or what recovery found; -1: this database may not vote.
    [[nodiscard]] Zxid last_logged() const { return last_logged_; }
    /// Every txn up to here is in the log for good.
    [[nodiscard]] Zxid last_durable() const { return last_durable_; }
    /// The end of this history, for a vote; -1 as above.
    [[nodiscard]] Zxid last() const;

    /// The text of /zookeeper/config, also of trees to come.
    void set_config(std::string text, Zxid version);
    /// Txns after which this tree was not the leader's.
    [[nodiscard]] std::size_t digest_mismatches() const { return digest_mismatches_; }
    /// A leader's reign begins with this history.
    void begin_epoch(Epoch epoch);
    void appended(Zxid zxid) { last_logged_ = zxid; }
    void durable(Zxid up_to) { last_durable_ = up_to; }
    /// Applies a committed txn. `bytes`: the same, serialized. `complete`: the tree is exactly that of its zxid (one that
    /// came as a stream may be ahead in parts), so the txn's digest must be its own.
    tree::ApplyResult apply(const jute::Txn& txn, const SharedBytes& bytes, bool complete);
    /// Begins a periodic snapshot file when so many txns, or so many bytes of them, were applied since the last.
    void maybe_snapshot(Actions& out);
    /// TakeSnapshot. REQUIRES: the last one was answered.
    void take_snapshot(Actions& out);

    // ---- a synchronisation

    /// TRUNC: the log, and then memory, lose what is above `zxid`.
    void cut(Zxid zxid, Actions& out);
    [[nodiscard]] bool is_cutting() const { return custody_ == Custody::cutting; }
    /// REQUIRES: is_cutting().
    void cut_done(storage::RecoveredState& state, Actions& out);
    /// SNAP: a stream comes, of the tree at `zxid`.
    void expect_stream(Zxid zxid);
    [[nodiscard]] bool is_streaming() const { return custody_ == Custody::streaming; }
    /// The stream is whole; gives its zxid. REQUIRES: is_streaming().
    Zxid take_stream(std::unique_ptr<tree::DataTree> tree, Actions& out);
    /// The stream's tree becomes the whole database on disk.
    void install(Zxid zxid, Actions& out);
    /// False: of a role that has ended.
    bool installed(Zxid zxid);
    /// `tree` instead of everything: at once in memory; installed() when on disk. REQUIRES: nothing is proposed, and no
    /// synchronisation goes on.
    void restore(std::unique_ptr<tree::DataTree> tree, Actions& out);
    /// Memory is good for nothing.
    void discard() { custody_ = Custody::discarded; }

    // ---- ends

    /// The role has ended, and with it what it had begun. True: memory is not what the disk holds, and is being read again;
    /// Reloaded follows.
    bool role_ended(Actions& out);
    /// False: nobody waits for it.
    bool reloaded(storage::RecoveredState& state, Actions& out);
    /// The snapshot file under way, of this zxid, has its name, is staged, or was given up.
    void file_finished(Zxid zxid, bool saved, Actions& out);

  private:
    enum class Custody {
        whole,         ///< memory is what the log says
        streaming,     ///< so far; a SNAP's stream comes
        streamed,      ///< memory is what the stream said, the disk has the old
        installing,    ///< and the disk is to have it
        waits_to_cut,  ///< a TRUNC waits for the end of a snapshot file
        cutting,       ///< memory holds what the disk is about to lose
        discarded,     ///< memory is not what the disk holds
        waits_to_reload,
        reloading,
    };
    enum class File { none, unwanted, periodic, to_install };
    /// TakeSnapshot: waits for the end of another file, or is the one under way.
    enum class Asked { nothing, waits, is_written };

    void take(storage::RecoveredState& state, Actions& out);
    void replace(std::unique_ptr<tree::DataTree> tree, Actions& out);
    void fill_committed(storage::RecoveredState& state);
    void begin_install(Actions& out);
    [[nodiscard]] bool is_time_for_snapshot() const;
    void count_from_here();
    void begin_snapshot(Actions& out);
    void cancel_file(Actions& out);
    void answer_asked(Zxid zxid, bool saved, Actions& out);

    void about_to_change() const {
        if (before_change_) before_change_();
    }

    Settings settings_;
    std::function<void()> before_change_;
    Log log_;
    std::unique_ptr<tree::DataTree> tree_;
    zab::CommittedLog committed_;
    Zxid last_logged_;
    Zxid last_durable_;
    std::string config_text_;
    Zxid config_version_;
    Custody custody_ = Custody::whole;
    Zxid custody_zxid_;  ///< of the TRUNC or SNAP
    File file_ = File::none;
    Asked asked_ = Asked::nothing;
    std::int64_t txns_since_snapshot_ = 0;
    std::int64_t bytes_since_snapshot_ = 0;  ///< of their records in the log
    std::int64_t snapshot_after_ = 0;
    std::int64_t snapshot_after_bytes_ = 0;
    std::uint64_t random_;
    std::size_t digest_mismatches_ = 0;
};

}  // namespace zk::core
