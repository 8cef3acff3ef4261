#include "storage/recovery.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/limits.h"
#include "jute/txn.h"
#include "storage/epoch_files.h"
#include "storage/file_name.h"
#include "storage/install.h"
#include "storage/log_damage.h"
#include "storage/log_reader.h"
#include "storage/replay.h"

namespace zk::storage {
namespace {

constexpr Zxid kNoLimit{std::numeric_limits<std::int64_t>::max()};

Result<> refuse_mixed_directories(Disk& disk, const Paths& paths) {
    if (paths.snapshots() == paths.logs()) return ok();
    ZK_TRY(const auto snapshots, list_snapshots(disk, paths.logs()));
    ZK_TRY(const auto logs, list_logs(disk, paths.snapshots()));
    if (snapshots.empty() && logs.empty()) return ok();
    const std::string place = snapshots.empty() ? paths.snapshots() + "/" + logs.front().name
                                                : paths.logs() + "/" + snapshots.front().name;
    return Error(Errc::refused,
                 place +
                     " is in the wrong directory: with dataLogDir set, snapshots belong to dataDir "
                     "and logs to "
                     "dataLogDir; was the setting changed? Move the files or restore the setting");
}

Result<> remove_temporary_files(Disk& disk, const std::string& dir) {
    ZK_TRY(const std::vector<std::string> names, disk.list(dir));
    for (const std::string& name : names) {
        if (!name.starts_with(kTempPrefix)) continue;
        const std::string_view made = std::string_view(name).substr(kTempPrefix.size());
        if (!made.starts_with("log.") && !made.starts_with("snapshot.") &&
            !made.starts_with("staged.snapshot.")) {
            continue;
        }
        ZK_CHECK(disk.remove(dir + "/" + name));
    }
    return ok();
}

// The last log file may lack its header when its creator crashed (not ours: see LogWriter::open).
// No server can open such a file and nothing in it was ever acknowledged.
Result<> remove_headerless_log(Disk& disk, const std::string& dir, const Log& log) {
    ZK_TRY(const std::vector<LogFile> files, list_logs(disk, dir));
    if (files.empty()) return ok();
    LogFileReader reader(disk, dir, files.back().name);
    const auto first = reader.next();
    if (!first.has_value() || !reader.headerless()) return ok();
    ZK_COVERED("storage.headerless_log_removed");
    log.warn("storage.headerless_log_removed file={}/{}", dir, files.back().name);
    ZK_CHECK(disk.remove(dir + "/" + files.back().name));
    return disk.sync_dir(dir);
}

Result<> settle_if_there(Disk& disk, const std::string& path) {
    ZK_TRY(const bool there, disk.exists(path));
    if (!there) return ok();
    return disk.settle(path);
}

// A killed predecessor may have left anything in memory only. Replayed, it would be acknowledged and voted with.
Result<> settle_everything(Disk& disk, const Paths& paths) {
    std::vector<std::string> dirs{paths.data_dir, paths.snapshots()};
    if (paths.log_dir != paths.data_dir) {
        dirs.push_back(paths.log_dir);
        dirs.push_back(paths.logs());
    }
    for (const std::string& dir : dirs) ZK_CHECK(disk.sync_dir(dir));
    ZK_TRY(const std::vector<LogFile> logs, list_logs(disk, paths.logs()));
    for (const LogFile& file : logs)
        ZK_CHECK(settle_if_there(disk, paths.logs() + "/" + file.name));
    ZK_TRY(const std::vector<SnapshotName> snapshots, list_snapshots(disk, paths.snapshots()));
    for (const SnapshotName& file : snapshots)
        ZK_CHECK(settle_if_there(disk, paths.snapshots() + "/" + file.name));
    for (const std::string name :
         {kAcceptedEpochName, kCurrentEpochName, "currentEpoch.tmp", kNeedsSnapshotName}) {
        ZK_CHECK(settle_if_there(disk, paths.snapshots() + "/" + name));
    }
    return settle_if_there(disk, paths.initialize_marker());
}

// Tells nobody anything of the history it once had, as an empty member does, and so gets the leader's snapshot.
RecoveredState without_vote() {
    RecoveredState state;
    state.tree = std::make_unique<tree::DataTree>();
    state.last_zxid = Zxid(-1);
    return state;
}

void warn_strays(const std::vector<std::string>& strays, const Log& log) {
    for (const std::string& stray : strays) {
        log.warn(
            "storage.stray_file file={} ignored=yes advice=\"ZooKeeper would read it: move it "
            "away\"",
            stray);
    }
}

Result<bool> any_record(Disk& disk, const Paths& paths) {
    ZK_TRY(const std::vector<LogFile> files, list_logs(disk, paths.logs()));
    for (const LogFile& file : files) {
        LogFileReader reader(disk, paths.logs(), file.name);
        ZK_TRY(const std::optional<LogRecord> record, reader.next());
        if (record) return true;
    }
    return false;
}

Result<> write_snapshot(Disk& disk,
                        const std::string& dir,
                        const tree::DataTree& tree,
                        const SessionTable& sessions) {
    SnapshotSerializer serializer(tree, sessions, Form::file);
    SnapshotFile file(disk, dir);
    ZK_CHECK(file.begin(serializer.zxid()));
    Bytes chunk;
    for (bool more = true; more;) {
        chunk.clear();
        more = serializer.next_chunk(chunk, std::size_t{1} << 20);
        ZK_CHECK(file.write(chunk));
    }
    return file.finish();
}

Result<bool> has_seen_epoch(Disk& disk, const std::string& dir) {
    ZK_TRY(const std::optional<Epoch> current, read_epoch(disk, dir, kCurrentEpochName));
    ZK_TRY(const std::optional<Epoch> accepted, read_epoch(disk, dir, kAcceptedEpochName));
    return std::max(current.value_or(Epoch(0)), accepted.value_or(Epoch(0))) > Epoch(0);
}

// The end of the words of a refusal.
std::string copy_advice(const RecoveryOptions& options) {
    return options.standalone ? " from a backup; a server alone has no leader to copy it from"
                              : ", or empty the directories to copy everything from the leader";
}

// A member that may not begin a database can still copy one. Nobody is there for a server alone.
Result<RecoveredState> refuse_new_database(const Paths& paths, bool had_epoch) {
    return Error(Errc::refused,
                 paths.snapshots() + " has no snapshot and " + paths.logs() +
                     " has no transactions, " +
                     (had_epoch ? "but the epoch files say that there was a database"
                                : "and db.autocreate=false") +
                     ". Correct dataDir or restore the data; to begin with an empty database, "
                     "create the file " +
                     paths.initialize_marker());
}

// No snapshot at all: a new database, if that is allowed.
Result<RecoveredState> create_database(
    Disk& disk, const Paths& paths, const RecoveryOptions& options, bool marked, const Log& log) {
    ZK_TRY(const bool has_records, any_record(disk, paths));
    if (has_records) {
        return Error(Errc::refused,
                     paths.snapshots() + " has no snapshot, but " + paths.logs() +
                         " has transactions: the snapshot they build on is lost. Restore it" +
                         copy_advice(options));
    }
    RecoveredState state = without_vote();
    // Epochs without data: a member whose data are gone, or whose first SNAP was cut. It may copy,
    // but not vote.
    ZK_TRY(const bool had_epoch, has_seen_epoch(disk, paths.snapshots()));
    if ((!options.autocreate || had_epoch) && !marked) {
        if (options.standalone) return refuse_new_database(paths, had_epoch);
        log.warn(
            "storage.empty autocreate={} had_epoch={} initialize=false last_zxid=-1 may_vote=false",
            options.autocreate,
            had_epoch);
        return state;
    }
    state.fresh = true;
    state.last_zxid = Zxid(0);
    state.tree->set_last_zxid(Zxid(0));
    ZK_CHECK(write_snapshot(disk, paths.snapshots(), *state.tree, state.sessions));
    log.info("storage.database_created dir={}", paths.snapshots());
    return state;
}

// Stored txns of a later epoch than currentEpoch are what a crash leaves between a synchronisation
// with a leader and the end of it: txns or a snapshot come first, currentEpoch after them. A log
// without gaps that holds a txn of an epoch holds all that this epoch began with, so its number may
// be taken. The epoch had been accepted before, so an older acceptedEpoch means that the files do
// not belong together; then only the file of an interrupted write can tell (ZOOKEEPER-4269).
Result<Epoch> raise_current_epoch(Disk& disk,
                                  const std::string& dir,
                                  const RecoveredState& state,
                                  Epoch of_zxid) {
    if (state.accepted_epoch >= of_zxid) {
        ZK_COVERED("storage.epoch_raised");
        ZK_CHECK(write_epoch(disk, dir, kCurrentEpochName, of_zxid));
        return of_zxid;
    }
    const std::string temp = std::string(kCurrentEpochName) + ".tmp";
    ZK_TRY(const std::optional<Epoch> left_over, read_epoch(disk, dir, temp));
    if (!left_over || *left_over < of_zxid) {
        return Error(Errc::corrupt,
                     dir + "/" + kCurrentEpochName + " says epoch " +
                         to_string(state.current_epoch) + ", but transactions of epoch " +
                         to_string(of_zxid) +
                         " are stored: the file was lost or replaced. Restore it, or empty the "
                         "directory to copy everything from the leader");
    }
    ZK_COVERED("storage.epoch_temp_adopted");
    ZK_CHECK(write_epoch(disk, dir, kCurrentEpochName, *left_over));
    return *left_over;
}

Result<Epoch> load_epoch(Disk& disk, const std::string& dir, const char* name, Epoch otherwise) {
    ZK_TRY(const std::optional<Epoch> epoch, read_epoch(disk, dir, name));
    if (epoch) return *epoch;
    ZK_CHECK(write_epoch(disk, dir, name, otherwise));
    return otherwise;
}

Result<> load_epochs(Disk& disk, const Paths& paths, RecoveredState& state) {
    const std::string dir = paths.snapshots();
    const Epoch of_zxid = state.last_zxid.epoch();
    ZK_TRY(state.current_epoch, load_epoch(disk, dir, kCurrentEpochName, of_zxid));
    ZK_TRY(state.accepted_epoch, load_epoch(disk, dir, kAcceptedEpochName, of_zxid));
    if (state.current_epoch < Epoch(0) && of_zxid == Epoch(0)) {
        // The directory was once empty without a right to vote (-1) and has been given the marker,
        // now or before a crash that came between the new database and its epochs.
        if (state.accepted_epoch < of_zxid) {
            ZK_CHECK(write_epoch(disk, dir, kAcceptedEpochName, of_zxid));
            state.accepted_epoch = of_zxid;
        }
        ZK_CHECK(write_epoch(disk, dir, kCurrentEpochName, of_zxid));
        state.current_epoch = of_zxid;
    }
    if (of_zxid > state.current_epoch) {
        ZK_TRY(state.current_epoch, raise_current_epoch(disk, dir, state, of_zxid));
    }
    if (state.accepted_epoch < state.current_epoch) {
        return Error(Errc::corrupt,
                     dir + "/" + kAcceptedEpochName + " says " + to_string(state.accepted_epoch) +
                         ", below " + kCurrentEpochName + " with " +
                         to_string(state.current_epoch) +
                         ": one of the files was lost or replaced; restore both");
    }
    return ok();
}

// What the files of an ensemble say is kept in mind: the next epoch, when the counter is used up, must be none of theirs.
Epoch look_at_epoch(
    Disk& disk, const std::string& dir, const char* name, Epoch of_zxid, const Log& log) {
    const auto epoch = read_epoch(disk, dir, name);
    if (!epoch.has_value()) {
        log.warn("storage.epoch_ignored why=\"{}\"", epoch.error().message());
        return of_zxid;
    }
    return std::max(epoch->value_or(of_zxid), of_zxid);
}

// Snapshots newest first until one loads and its log carries it to a consistent state.
struct Attempts {
    Duration loading{};  // all of them
    std::string words;   // why the newer ones were not used
    Zxid at_least{-1};   // names of damaged ones: so far the history once went
    bool newer = false;  // one not above the limit was tried; older ones had ended before it began
};

Instant time_of(const RecoveryOptions& options) {
    return options.stopwatch ? options.stopwatch() : Instant{};
}

Result<std::optional<RecoveredState>> try_snapshot(Disk& disk,
                                                   const Paths& paths,
                                                   const SnapshotName& file,
                                                   Zxid limit,
                                                   const RecoveryOptions& options,
                                                   Attempts& attempts,
                                                   const Log& log) {
    using State = std::optional<RecoveredState>;
    const Instant began = time_of(options);
    auto loaded = load_snapshot(disk, paths.snapshots(), file);
    const Instant read = time_of(options);
    attempts.loading += read - began;
    if (!loaded.has_value()) {
        log.warn("storage.snapshot_unusable {}", loaded.error().message());
        attempts.words += "; " + loaded.error().message();
        attempts.at_least = std::max(attempts.at_least, file.zxid);
        return State();
    }
    const std::optional<SnapshotDigest> digest = loaded->digest;
    if (!digest && limit != kNoLimit && !attempts.newer) {
        attempts.words += "; " + paths.snapshots() + "/" + file.name +
                          " has no digest section and may contain changes above " +
                          to_string(limit);
        return State();
    }
    auto replayed =
        replay_log(disk, paths.logs(), *std::move(loaded), limit, options.payload_max, log);
    if (!replayed.has_value()) {
        Error error = std::move(replayed).error();
        if (error.code == Errc::corrupt && limit == kNoLimit) {
            error.words += ". Restore the file" + copy_advice(options);
        }
        return error;
    }
    RecoveredState state = *std::move(replayed);
    state.snapshot = file.zxid;
    state.load.snapshots = attempts.loading;
    state.load.log = time_of(options) - read;
    if (digest && digest->zxid > state.last_zxid) {
        ZK_COVERED("storage.fuzzy_snapshot_ahead_of_log");
        attempts.words += "; " + paths.snapshots() + "/" + file.name + " contains changes up to " +
                          to_string(digest->zxid) + ", but the log ends at " +
                          to_string(state.last_zxid);
        return State();
    }
    return State(std::move(state));
}

}  // namespace

Result<RecoveredState> restore(
    Disk& disk, const Paths& paths, Zxid limit, const RecoveryOptions& options, const Log& log) {
    std::vector<std::string> strays;
    ZK_TRY(const std::vector<SnapshotName> files, list_snapshots(disk, paths.snapshots(), &strays));
    warn_strays(strays, log);
    Attempts attempts;
    bool any = false;
    for (const SnapshotName& file : files) {
        if (file.zxid > limit) continue;
        any = true;
        ZK_TRY(auto state, try_snapshot(disk, paths, file, limit, options, attempts, log));
        attempts.newer = true;
        if (!state) continue;
        if (state->last_zxid < attempts.at_least) {
            return Error(
                Errc::corrupt,
                "snapshot and log only reach " + to_string(state->last_zxid) +
                    ", but a damaged snapshot of " + to_string(attempts.at_least) +
                    " says that more was stored: starting would forget acknowledged writes" +
                    attempts.words);
        }
        return *std::move(state);
    }
    if (any) {
        return Error(Errc::corrupt,
                     "no snapshot in " + paths.snapshots() + " is usable" + attempts.words +
                         ". Restore one" + copy_advice(options));
    }
    return Error(Errc::not_found, "no snapshot in " + paths.snapshots());
}

Result<RecoveredState> recover(Disk& disk,
                               const Paths& paths,
                               const RecoveryOptions& options,
                               const Log& log) {
    ZK_CHECK(disk.make_dirs(paths.snapshots()));
    ZK_CHECK(disk.make_dirs(paths.logs()));
    ZK_CHECK(settle_everything(disk, paths));
    ZK_TRY(const bool installed, complete_install(disk, paths));
    if (installed) log.warn("storage.install_completed dir={}", paths.snapshots());
    ZK_CHECK(refuse_mixed_directories(disk, paths));
    if (options.remove_temporary) {
        ZK_CHECK(remove_temporary_files(disk, paths.snapshots()));
        if (paths.snapshots() != paths.logs()) ZK_CHECK(remove_temporary_files(disk, paths.logs()));
    }
    ZK_CHECK(remove_headerless_log(disk, paths.logs(), log));
    ZK_TRY(const bool lost, repair_newest_log(disk, paths, options, log));
    ZK_TRY(const bool marked, disk.exists(paths.initialize_marker()));

    // Not decided by the error of restore(): a log file that cannot be opened is "not found" too.
    ZK_TRY(const std::vector<SnapshotName> snapshots, list_snapshots(disk, paths.snapshots()));
    ZK_TRY(RecoveredState state,
           lost                ? Result<RecoveredState>(without_vote())
           : snapshots.empty() ? create_database(disk, paths, options, marked, log)
                               : restore(disk, paths, kNoLimit, options, log));
    if (marked) {
        ZK_CHECK(disk.remove(paths.initialize_marker()));
        ZK_CHECK(disk.sync_dir(paths.log_dir));
    }
    if (options.standalone) {
        const std::string dir = paths.snapshots();
        const Epoch of_zxid = state.last_zxid.epoch();
        state.current_epoch = look_at_epoch(disk, dir, kCurrentEpochName, of_zxid, log);
        state.accepted_epoch = look_at_epoch(disk, dir, kAcceptedEpochName, of_zxid, log);
    } else {
        ZK_CHECK(load_epochs(disk, paths, state));
    }
    log.info(
        "storage.recovered last_zxid={} accepted_epoch={} current_epoch={} nodes={} sessions={} "
        "fresh={}",
        state.last_zxid,
        state.accepted_epoch,
        state.current_epoch,
        state.tree->node_count(),
        state.sessions.size(),
        state.fresh);
    return state;
}

// Snapshots before the log: were the log cut first, a crash would leave a snapshot ahead of it that wins. Those between
// the one used and the limit are damaged, or contain something above it.
Result<> cut_to(Disk& disk, const Paths& paths, RecoveredState& state) {
    ZK_TRY(const std::vector<SnapshotName> files, list_snapshots(disk, paths.snapshots()));
    for (const SnapshotName& file : files) {
        if (file.zxid <= state.snapshot) break;
        ZK_CHECK(remove_if_there(disk, paths.snapshots() + "/" + file.name));
    }
    ZK_CHECK(disk.sync_dir(paths.snapshots()));
    ZK_CHECK(truncate_log(disk, paths.logs(), state.last_zxid));
    return load_epochs(disk, paths, state);
}

Result<std::vector<Zxid>> find_kept(Disk& disk, const Paths& paths, int retain) {
    const auto wanted = static_cast<std::size_t>(std::max(retain, 3));
    ZK_TRY(const std::vector<SnapshotName> snapshots, list_snapshots(disk, paths.snapshots()));
    std::vector<Zxid> kept;
    for (const SnapshotName& file : snapshots) {
        if (!kept.empty() && kept.back() == file.zxid) continue;  // the same, compressed otherwise
        if (!verify_snapshot(disk, paths.snapshots(), file).has_value()) continue;
        kept.push_back(file.zxid);
        if (kept.size() == wanted) return kept;
    }
    return std::vector<Zxid>();
}

Result<> purge(Disk& disk, const Paths& paths, const std::vector<Zxid>& kept) {
    if (kept.empty()) return ok();
    ZK_TRY(const std::vector<SnapshotName> snapshots, list_snapshots(disk, paths.snapshots()));
    for (const Zxid zxid : kept) {
        const bool there =
            std::any_of(snapshots.begin(), snapshots.end(), [zxid](const SnapshotName& file) {
                return file.zxid == zxid;
            });
        if (there) continue;
        ZK_COVERED("storage.purge_overtaken");
        return ok();
    }
    const Zxid oldest_kept = *std::min_element(kept.begin(), kept.end());
    // Oldest first, and durably the snapshots before the logs: a crash between must leave no
    // snapshot without its log.
    for (auto file = snapshots.rbegin(); file != snapshots.rend(); ++file) {
        if (file->zxid >= oldest_kept) break;
        ZK_CHECK(remove_if_there(disk, paths.snapshots() + "/" + file->name));
    }
    ZK_CHECK(disk.sync_dir(paths.snapshots()));
    ZK_TRY(const std::vector<LogFile> logs, list_logs(disk, paths.logs()));
    for (std::size_t i = 0; i + 1 < logs.size() && logs[i + 1].first <= oldest_kept; ++i) {
        ZK_CHECK(remove_if_there(disk, paths.logs() + "/" + logs[i].name));
    }
    return ok();
}

}  // namespace zk::storage
