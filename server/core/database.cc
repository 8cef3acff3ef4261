// Memory, log and snapshots of one server, and who changes them. See database.h.
#include "core/database.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/txn_log.h"

namespace zk::core {

Database::Database(Settings settings,
                   storage::RecoveredState& recovered,
                   Log log,
                   std::function<void()> before_change)
    : settings_(settings),
      before_change_(std::move(before_change)),
      log_(std::move(log)),
      tree_(std::move(recovered.tree)),
      committed_(settings.committed_window),
      last_logged_(recovered.last_zxid),
      last_durable_(recovered.last_zxid),
      snapshot_after_(settings.snap_count),
      snapshot_after_bytes_(settings.snap_bytes),
      random_(settings.seed) {
    fill_committed(recovered);
}

Zxid Database::last() const {
    return last_logged_ == Zxid(-1) ? last_logged_ : std::max(last_logged_, tree_->last_zxid());
}

void Database::set_config(std::string text, Zxid version) {
    config_text_ = std::move(text);
    config_version_ = version;
    about_to_change();
    tree_->set_config_node(config_text_, config_version_);
}

void Database::begin_epoch(Epoch epoch) {
    about_to_change();
    tree_->set_last_zxid(Zxid(epoch, 0));
    committed_.begin_epoch(epoch);
}

tree::ApplyResult Database::apply(const jute::Txn& txn, const SharedBytes& bytes, bool complete) {
    about_to_change();
    tree::ApplyResult result = tree_->apply(txn);
    const bool differs =
        txn.digest && txn.digest->version == 2 && txn.digest->tree_digest != tree_->digest();
    if (differs && !complete) tree_->forget_digests();
    if (differs && complete) {
        ZK_COVERED("core.digest_mismatch");
        if (digest_mismatches_++ == 0) {
            log_.error(
                "tree.digest_mismatch zxid={} type={} this server's tree differs from the leader's",
                txn.header.zxid,
                to_string(txn.header.type));
        }
    }
    committed_.add(txn.header.zxid, bytes);
    ++txns_since_snapshot_;
    bytes_since_snapshot_ += static_cast<std::int64_t>(bytes->size() + storage::kLogRecordOverhead);
    return result;
}

// ---- snapshot files

bool Database::is_time_for_snapshot() const {
    if (txns_since_snapshot_ >= snapshot_after_) return true;
    return settings_.snap_bytes > 0 && bytes_since_snapshot_ > snapshot_after_bytes_;
}

void Database::count_from_here() {
    txns_since_snapshot_ = 0;
    bytes_since_snapshot_ = 0;
}

void Database::maybe_snapshot(Actions& out) {
    if (file_ == File::none && is_time_for_snapshot()) begin_snapshot(out);
}

void Database::begin_snapshot(Actions& out) {
    // Between half and all of snapCount and snapSizeLimitInKb, like Apache (SyncRequestProcessor.shouldSnapshot), so that
    // members do not write their snapshots at once.
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto half = static_cast<std::uint64_t>(settings_.snap_count / 2);
    snapshot_after_ = static_cast<std::int64_t>(half + (random_ >> 33) % (half + 1));
    const auto half_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(settings_.snap_bytes, 0) / 2);
    snapshot_after_bytes_ =
        static_cast<std::int64_t>(half_bytes + (random_ >> 16) % (half_bytes + 1));
    count_from_here();
    file_ = File::periodic;
    out.push_back(storage::DiskCommand(storage::RollLog{}));
    out.push_back(StartSnapshot{tree_->last_zxid()});
}

void Database::take_snapshot(Actions& out) {
    ZK_ASSERT(asked_ == Asked::nothing);
    if (custody_ != Custody::whole) {
        out.push_back(OperatorNews(SnapshotTaken{}));
    } else if (file_ != File::none) {
        ZK_COVERED("core.asked_snapshot_waits");
        asked_ = Asked::waits;
    } else {
        begin_snapshot(out);
        asked_ = Asked::is_written;
    }
}

void Database::answer_asked(Zxid zxid, bool saved, Actions& out) {
    const Asked asked = std::exchange(asked_, Asked::nothing);
    if (asked == Asked::is_written) {
        out.push_back(OperatorNews(SnapshotTaken{saved ? std::optional(zxid) : std::nullopt}));
    } else if (asked == Asked::waits) {
        take_snapshot(out);
    }
}

void Database::cancel_file(Actions& out) {
    if (file_ == File::none) return;
    out.push_back(CancelSnapshot{});
    file_ = File::unwanted;
}

void Database::file_finished(Zxid zxid, bool saved, Actions& out) {
    const bool staged = std::exchange(file_, File::none) == File::to_install && saved;
    answer_asked(zxid, saved, out);
    switch (custody_) {
        case Custody::waits_to_cut:
            ZK_COVERED("core.truncate_waited");
            custody_ = Custody::cutting;
            out.push_back(storage::DiskCommand(storage::TruncateLog{custody_zxid_}));
            return;
        case Custody::waits_to_reload:
            custody_ = Custody::reloading;
            out.push_back(storage::DiskCommand(storage::Reload{}));
            return;
        case Custody::installing:
            if (!staged) return begin_install(out);  // an older file had to end first
            out.push_back(storage::DiskCommand(storage::InstallSnapshot{custody_zxid_}));
            return;
        default:
            return;
    }
}

// ---- a synchronisation

void Database::cut(Zxid zxid, Actions& out) {
    custody_zxid_ = zxid;
    custody_ = file_ == File::none ? Custody::cutting : Custody::waits_to_cut;
    if (is_cutting()) out.push_back(storage::DiskCommand(storage::TruncateLog{zxid}));
}

void Database::cut_done(storage::RecoveredState& state, Actions& out) {
    ZK_ASSERT(is_cutting());
    custody_ = Custody::whole;
    take(state, out);
}

void Database::expect_stream(Zxid zxid) {
    ZK_ASSERT(custody_ == Custody::whole);
    custody_ = Custody::streaming;
    custody_zxid_ = zxid;
}

Zxid Database::take_stream(std::unique_ptr<tree::DataTree> tree, Actions& out) {
    ZK_ASSERT(is_streaming());
    custody_ = Custody::streamed;
    tree->set_last_zxid(custody_zxid_);
    replace(std::move(tree), out);
    committed_.reset(custody_zxid_);
    last_logged_ = custody_zxid_;
    return custody_zxid_;
}

void Database::restore(std::unique_ptr<tree::DataTree> tree, Actions& out) {
    cancel_file(out);
    const Zxid zxid = tree->last_zxid();
    expect_stream(zxid);
    take_stream(std::move(tree), out);
    install(zxid, out);
}

void Database::install(Zxid zxid, Actions& out) {
    ZK_ASSERT(custody_ == Custody::streamed);
    custody_ = Custody::installing;
    custody_zxid_ = zxid;
    if (file_ == File::none) begin_install(out);
}

void Database::begin_install(Actions& out) {
    file_ = File::to_install;
    out.push_back(StartSnapshot{.zxid = custody_zxid_, .install = true});
}

bool Database::installed(Zxid zxid) {
    if (custody_ != Custody::installing) return false;
    ZK_ASSERT(zxid == custody_zxid_);
    custody_ = Custody::whole;
    count_from_here();
    last_durable_ = zxid;
    return true;
}

// ---- ends

bool Database::role_ended(Actions& out) {
    cancel_file(out);
    if (custody_ == Custody::streaming) custody_ = Custody::whole;
    if (custody_ == Custody::whole) return false;
    custody_ = file_ == File::none ? Custody::reloading : Custody::waits_to_reload;
    if (custody_ == Custody::reloading) out.push_back(storage::DiskCommand(storage::Reload{}));
    return true;
}

bool Database::reloaded(storage::RecoveredState& state, Actions& out) {
    if (custody_ != Custody::reloading) return false;
    ZK_COVERED("core.reloaded");
    custody_ = Custody::whole;
    take(state, out);
    return true;
}

void Database::take(storage::RecoveredState& state, Actions& out) {
    replace(std::move(state.tree), out);
    last_logged_ = last_durable_ = state.last_zxid;
    fill_committed(state);
}

void Database::replace(std::unique_ptr<tree::DataTree> tree, Actions& out) {
    about_to_change();
    std::unique_ptr<tree::DataTree> old = std::exchange(tree_, std::move(tree));
    tree_->set_config_node(config_text_, config_version_);
    out.push_back(TreeReplaced{});
    out.push_back(RetireTree{std::move(old)});
}

// What stands before the first replayed txn is not known, so that one serves as the base.
void Database::fill_committed(storage::RecoveredState& state) {
    committed_.reset(state.recent.empty() ? state.last_zxid : state.recent.front().first,
                     state.replayed_from);
    for (auto& [zxid, bytes] : state.recent) {
        if (zxid > committed_.max()) committed_.add(zxid, std::move(bytes));
    }
}

}  // namespace zk::core
