#include <type_traits>
#include <utility>

#include "base/check.h"
#include "storage/disk_command.h"
#include "storage/epoch_files.h"
#include "storage/install.h"

namespace zk::storage {
namespace {
/// Half of RecoveryOptions::torn_max.
constexpr std::size_t kUnsyncedBytesMax = std::size_t{4} << 20;
// However large a record is: behind one that fills this alone nothing is written before it is synced.
static_assert(kUnsyncedBytesMax + kLogRecordOverhead < kTornMax);

/// Appends share a sync, and a read finds what the file holds, synced or not.
template <class Command>
constexpr bool kBesideAppends =
    std::is_same_v<Command, AppendTxn> || std::is_same_v<Command, ReadLog>;

RecoveryOptions for_reload(RecoveryOptions options) {
    options.remove_temporary = false;
    return options;
}
}  // namespace

DiskExecutor::DiskExecutor(Disk& disk, Paths paths, ExecutorOptions options, Log log)
    : disk_(disk),
      paths_(std::move(paths)),
      recovery_(for_reload(options.recovery)),
      log_(std::move(log)),
      writer_(disk, paths_.logs(), options.log),
      history_(disk, paths_.logs(), options.recovery.payload_max) {}

void DiskExecutor::execute(std::vector<DiskCommand>& batch, std::vector<DiskEvent>& out) {
    for (DiskCommand& command : batch) {
        if (failed_) break;
        stop_on_failure(run(command, out), out);
    }
    batch.clear();
    if (!failed_) stop_on_failure(sync(out), out);
}

void DiskExecutor::stop_on_failure(const Result<>& result, std::vector<DiskEvent>& out) {
    if (result.has_value()) return;
    ZK_COVERED("storage.disk_failed");
    failed_ = true;
    log_.error("storage.disk_failed {}", result.error().message());
    out.emplace_back(DiskFailed{result.error().message()});
}

Result<> DiskExecutor::run(const DiskCommand& command, std::vector<DiskEvent>& out) {
    const auto carry_out = [&]<class Command>(const Command& one) -> Result<> {
        if constexpr (!kBesideAppends<Command>) {
            ZK_CHECK(sync(out));  // nothing else may overtake an append
        }
        return run(one, out);
    };
    return std::visit(carry_out, command);
}

Result<> DiskExecutor::sync(std::vector<DiskEvent>& out) {
    if (!writer_.has_unsynced()) return ok();
    ZK_CHECK(writer_.sync());
    unsynced_bytes_ = 0;
    out.emplace_back(LogDurable{appended_});
    return ok();
}

Result<> DiskExecutor::run(const AppendTxn& command, std::vector<DiskEvent>& out) {
    // What one power cut may tear stays bounded: see RecoveryOptions::torn_max.
    if (unsynced_bytes_ > 0 && unsynced_bytes_ + command.payload->size() > kUnsyncedBytesMax)
        ZK_CHECK(sync(out));
    unsynced_bytes_ += command.payload->size() + kLogRecordOverhead;
    appended_ = command.zxid;
    return writer_.append(command.zxid, *command.payload);
}

// The old file is durable by now, or a power cut could keep later records and tear earlier ones.
Result<> DiskExecutor::run(const RollLog& /*command*/, std::vector<DiskEvent>& /*out*/) {
    return writer_.roll();
}

Result<> DiskExecutor::run(const SaveAcceptedEpoch& command, std::vector<DiskEvent>& out) {
    ZK_CHECK(write_epoch(disk_, paths_.snapshots(), kAcceptedEpochName, command.epoch));
    out.emplace_back(AcceptedEpochSaved{command.epoch});
    return ok();
}

Result<> DiskExecutor::run(const SaveCurrentEpoch& command, std::vector<DiskEvent>& out) {
    ZK_CHECK(write_epoch(disk_, paths_.snapshots(), kCurrentEpochName, command.epoch));
    out.emplace_back(CurrentEpochSaved{command.epoch});
    return ok();
}

Result<> DiskExecutor::run(const TruncateLog& command, std::vector<DiskEvent>& out) {
    ZK_CHECK(writer_.roll());
    // First see that the zxid can be reached, so that a refusal changes nothing; the tree that tells is the new one.
    auto state = restore(disk_, paths_, command.zxid, recovery_, log_);
    if (!state.has_value() || state->last_zxid != command.zxid) {
        ZK_COVERED("storage.truncate_refused");
        std::string why = state.has_value()
                              ? "the nearest stored transaction is " + to_string(state->last_zxid)
                              : state.error().message();
        out.emplace_back(TruncateFailed{command.zxid, std::move(why)});
        return ok();
    }
    history_.forget();
    ZK_CHECK(cut_to(disk_, paths_, *state));
    log_.info("storage.log_truncated zxid={}", command.zxid);
    out.emplace_back(LogTruncated{command.zxid, *std::move(state)});
    return ok();
}

Result<> DiskExecutor::run(const InstallSnapshot& command, std::vector<DiskEvent>& out) {
    ZK_CHECK(writer_.roll());
    history_.forget();
    ZK_CHECK(install_snapshot(disk_, paths_, command.zxid));
    log_.info("storage.snapshot_installed zxid={}", command.zxid);
    out.emplace_back(SnapshotInstalled{command.zxid});
    return ok();
}

// A log that cannot be read back is no reason to stop: the learner gets a snapshot instead.
Result<> DiskExecutor::run(const ReadLog& command, std::vector<DiskEvent>& out) {
    ZK_CHECK(writer_.flush());
    auto txns = history_.read({command.reader, command.after, command.up_to, command.bytes_max});
    if (!txns.has_value()) {
        ZK_COVERED("storage.history_not_found");
        log_.info(
            "storage.history_not_found after={} why=\"{}\"", command.after, txns.error().message());
        out.emplace_back(LogRead{command.reader, command.after, false, {}});
        return ok();
    }
    out.emplace_back(LogRead{command.reader, command.after, true, *std::move(txns)});
    return ok();
}

Result<> DiskExecutor::run(const Reload& /*command*/, std::vector<DiskEvent>& out) {
    ZK_CHECK(writer_.roll());
    history_.forget();
    // Of a synchronisation that was given up; none is being written now.
    ZK_CHECK(remove_staged(disk_, paths_));
    ZK_TRY(RecoveredState state, recover(disk_, paths_, recovery_, log_));
    out.emplace_back(Reloaded{std::move(state)});
    return ok();
}

// What could not be removed costs space, no more.
Result<> DiskExecutor::run(const Purge& command, std::vector<DiskEvent>& /*out*/) {
    history_.forget();
    const auto purged = purge(disk_, paths_, command.kept);
    if (!purged.has_value()) log_.warn("storage.purge_failed {}", purged.error().message());
    return ok();
}

}  // namespace zk::storage
