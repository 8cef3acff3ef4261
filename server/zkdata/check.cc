#include "zkdata/check.h"

#include <algorithm>
#include <limits>
#include <string>

#include "jute/txn.h"
#include "storage/log_damage.h"
#include "storage/log_reader.h"
#include "storage/log_repeats.h"
#include "zkdata/check_epochs.h"
#include "zkdata/log_records.h"

namespace zk::zkdata {
namespace {

using Kind = Source::Kind;
using storage::LogEnd;
using Order = storage::LogRepeats::Order;

const std::string kRestore =
    "restore the file from a backup, or empty the directories to copy everything from the leader";

/// Whether a file is the end of its log: only there a crash may leave an unfinished write.
enum class Place { alone, newest, older };

/// What is known of the log before a record, across its files.
struct History {
    storage::LogRepeats repeats;
    std::optional<Zxid> last;  ///< the highest so far
};

struct LogLook {
    std::optional<Zxid> name;         ///< of the first record, whatever it is
    std::optional<Zxid> first, last;  ///< what stands there again left out
    std::size_t txns = 0;             ///< each once
    LogEnd end;
    bool unreadable = false;  ///< a record that is no transaction, or no log at all
};

Finding at_offset(Severity severity,
                  const LogEnd& end,
                  const std::string& file,
                  std::string way_out) {
    // The words begin with the place, which a finding has by itself.
    std::string reason = end.what;
    const std::string place = file + " at offset " + std::to_string(end.offset) + ": ";
    if (reason.starts_with(place)) reason.erase(0, place.size());
    return {severity, file, end.offset, std::move(reason), std::move(way_out)};
}

void judge_end(const std::string& file, const LogEnd& end, Place place, Findings& findings) {
    if (end.kind == LogEnd::Kind::clean) return;
    if (end.kind == LogEnd::Kind::rot) {
        findings.add(at_offset(Severity::error,
                               end,
                               file,
                               end.good_end != 0
                                   ? kRestore
                                   : kRestore + "; transactions behind the damage may have been "
                                                "acknowledged"));
        return;
    }
    if (place == Place::older) {
        // The crash before the next file began left it; the zxids tell whether anything is missing.
        if (end.plain) {
            findings.add(at_offset(Severity::note, end, file, {}));
        } else {
            findings.add(at_offset(Severity::error, end, file, kRestore));
        }
        return;
    }
    findings.add(at_offset(Severity::warning,
                           end,
                           file,
                           end.plain ? "every server goes on behind it with a new file"
                                     : "zkserver cuts it off when it starts; Apache's does not "
                                       "start: zkdata repair " +
                                           file));
}

// After all files: a block may go on in the next one.
void note_repeats(const std::string& dir, const storage::LogRepeats& repeats, Findings& findings) {
    for (const storage::LogRepeats::Block& block : repeats.blocks()) {
        findings.add({Severity::note,
                      dir + "/" + block.file,
                      block.offset,
                      "transactions " + to_string(block.first) + " to " + to_string(block.last) +
                          " stand there again, byte for byte, as a follower of Apache's may log "
                          "them; each counts once",
                      {}});
    }
}

Result<LogLook> look_at_log(storage::Disk& disk,
                            const std::string& dir,
                            const std::string& name,
                            std::int32_t payload_max,
                            History& history,
                            Findings& findings) {
    const std::string file = dir + "/" + name;
    LogLook look;
    storage::LogFileReader reader(disk, dir, name, payload_max);
    for (;;) {
        const auto record = reader.next();
        if (!record.has_value() && record.error().code != Errc::corrupt) return record.error();
        if (!record.has_value() && reader.offset() < storage::kLogHeaderBytes) {
            findings.error(file, record.error().words, kRestore);
            look.unreadable = true;
        }
        if (!record.has_value() || !*record) break;
        const Zxid zxid = (*record)->zxid;
        const auto txn = jute::decode_txn((*record)->payload);
        if (!txn.has_value()) {
            look.unreadable = true;
            findings.add(
                {Severity::error,
                 file,
                 (*record)->end_offset - (*record)->payload.size() - storage::kLogRecordOverhead,
                 "transaction " + to_string(zxid) + ": " + txn.error().message(),
                 kRestore});
        }
        Order order = Order::onward;
        if (history.last) {
            ZK_TRY(order, history.repeats.look(name, **record, *history.last));
        }
        if (!look.name) look.name = zxid;
        if (order == Order::repeated) continue;
        if (look.last && (order == Order::broken || !storage::follows(*look.last, zxid))) {
            findings.error(file,
                           "transaction " + to_string(zxid) + " comes behind " +
                               to_string(*look.last) +
                               (order == Order::broken ? ": the order is broken"
                                                       : ": something is missing between"),
                           kRestore);
        }
        if (!look.first) look.first = zxid;
        look.last = history.last = zxid;
        ++look.txns;
    }
    if (reader.headerless()) {
        findings.warning(file,
                         "not even its head was written",
                         "zkserver removes it when it starts; Apache's does not start before "
                         "3.9.3: zkdata repair " +
                             file);
    }
    ZK_TRY(look.end, storage::examine_log_end(disk, dir, name, payload_max));
    if (look.name && name.starts_with("log.") && name != storage::log_name(*look.name)) {
        findings.warning(
            file,
            "its first transaction is " + to_string(*look.name) + ", which its name does not say",
            "Apache's server takes it for " + name + ": name it as it was");
    }
    findings.note(file,
                  std::to_string(look.txns) + " transactions" +
                      (look.first ? ", " + to_string(*look.first) + " to " + to_string(*look.last)
                                  : std::string()));
    if (look.name && !look.last) look.last = history.last;  // nothing but repeats
    return look;
}

Result<bool> check_snapshot(storage::Disk& disk,
                            const std::string& dir,
                            const storage::SnapshotName& name,
                            Severity damaged,
                            Findings& findings) {
    const std::string file = dir + "/" + name.name;
    const auto loaded = storage::load_snapshot(disk, dir, name);
    if (!loaded.has_value()) {
        if (loaded.error().code != Errc::corrupt) return loaded.error();
        std::string reason = loaded.error().words;
        if (reason.starts_with(file)) reason.erase(0, file.size() + 1);
        findings.add(
            {damaged,
             file,
             std::nullopt,
             reason,
             damaged == Severity::error
                 ? kRestore
                 : "servers take an older one with the log behind it; remove it once a newer "
                   "one is whole"});
        return false;
    }
    std::string words = std::to_string(loaded->tree->node_count()) + " nodes, " +
                        std::to_string(loaded->sessions.size()) + " sessions";
    if (!loaded->digest) {
        words += ", no digest";
    } else if (loaded->digest->zxid > loaded->zxid) {
        words += ", may hold parts of transactions up to " + to_string(loaded->digest->zxid);
    } else if (loaded->digest->zxid == loaded->zxid && loaded->zxid != Zxid() &&
               loaded->digest->digest != loaded->tree->digest()) {
        findings.warning(
            file,
            "its tree has digest " + to_hex(static_cast<std::int64_t>(loaded->tree->digest())) +
                ", and it says " + to_hex(static_cast<std::int64_t>(loaded->digest->digest)),
            "older servers computed some digests otherwise; zkdata compare tells what "
            "differs from another member");
    }
    findings.note(file, words);
    return true;
}

/// All of a directory: files one by one, then what a server makes of them.
class DirectoryCheck {
  public:
    DirectoryCheck(storage::Disk& disk, const Source& source, Findings& findings)
        : disk_(disk),
          paths_(source.paths),
          payload_max_(source.payload_max),
          findings_(findings) {}

    Result<> run() {
        ZK_CHECK(look_at_names(paths_.snapshots()));
        if (paths_.logs() != paths_.snapshots()) ZK_CHECK(look_at_names(paths_.logs()));
        ZK_CHECK(look_at_snapshots());
        ZK_CHECK(look_at_logs());
        ZK_CHECK(restore());
        return check_epochs(disk_, paths_, last_zxid_, findings_);
    }

  private:
    Result<> look_at_names(const std::string& dir);
    Result<> look_at_snapshots();
    Result<> look_at_logs();
    Result<> restore();
    [[nodiscard]] Zxid limit() const;

    storage::Disk& disk_;
    const storage::Paths& paths_;
    const std::int32_t payload_max_;
    Findings& findings_;
    std::vector<storage::SnapshotName> snapshots_;
    bool any_snapshot_ = false;  // that is whole
    bool any_txn_ = false;
    std::optional<LogLook> newest_;
    std::optional<Zxid> last_zxid_;
};

// What lies about.
Result<> DirectoryCheck::look_at_names(const std::string& dir) {
    ZK_TRY(const std::vector<std::string> names, disk_.list(dir));
    for (const std::string& name : names) {
        const std::string file = dir + "/" + name;
        if (name == storage::kNeedsSnapshotName) {
            findings_.error(file,
                            "these data lack transactions that may have been acknowledged",
                            "start it as a member of its ensemble: it copies the leader's");
        } else if (name.starts_with("install.snapshot.")) {
            findings_.warning(
                file,
                "the installation of a leader's snapshot was cut; all other files are "
                "obsolete",
                "start zkserver, which completes it");
        } else if (name.starts_with("damaged.") || name.starts_with("backup.")) {
            findings_.note(file, "kept aside by a repair; no server reads it");
        } else if (name.starts_with("tmp.")) {
            findings_.note(file, "left by a crash, or being written; zkserver removes it");
        }
    }
    return ok();
}

Result<> DirectoryCheck::look_at_snapshots() {
    std::vector<std::string> strays;
    ZK_TRY(snapshots_, storage::list_snapshots(disk_, paths_.snapshots(), &strays));
    for (const storage::SnapshotName& file : snapshots_) {
        const bool oldest = &file == &snapshots_.back();
        const Severity damaged = oldest && !any_snapshot_ ? Severity::error : Severity::warning;
        ZK_TRY(const bool whole,
               check_snapshot(disk_, paths_.snapshots(), file, damaged, findings_));
        any_snapshot_ |= whole;
    }
    for (const std::string& stray : strays) {
        findings_.warning(stray,
                          "its name only resembles a snapshot's",
                          "Apache's server would load it: move it away");
    }
    return ok();
}

Result<> DirectoryCheck::look_at_logs() {
    std::vector<std::string> strays;
    ZK_TRY(const std::vector<storage::LogFile> files,
           storage::list_logs(disk_, paths_.logs(), &strays));
    History history{storage::LogRepeats(disk_, paths_.logs(), files, payload_max_), std::nullopt};
    for (const storage::LogFile& file : files) {
        const bool is_newest = &file == &files.back();
        ZK_TRY(LogLook look,
               look_at_log(disk_, paths_.logs(), file.name, payload_max_, history, findings_));
        judge_end(paths_.logs() + "/" + file.name,
                  look.end,
                  is_newest ? Place::newest : Place::older,
                  findings_);
        any_txn_ |= look.txns > 0;
        if (is_newest) newest_ = look;
    }
    note_repeats(paths_.logs(), history.repeats, findings_);
    for (const std::string& stray : strays) {
        findings_.warning(stray,
                          "its name only resembles a log's",
                          "Apache's server would replay it: move it away");
    }
    if (files.empty() && !snapshots_.empty()) {
        findings_.note(paths_.logs(),
                       "no logs here; where dataLogDir is set name it with --log-dir");
    }
    return ok();
}

// What lies behind damage is left out: it has been told already.
Zxid DirectoryCheck::limit() const {
    constexpr Zxid kNone(std::numeric_limits<std::int64_t>::max());
    if (!newest_ || newest_->end.kind == LogEnd::Kind::clean || !newest_->last) return kNone;
    return snapshots_.empty() || snapshots_.front().zxid <= *newest_->last ? *newest_->last : kNone;
}

Result<> DirectoryCheck::restore() {
    const std::string& dir = paths_.snapshots();
    if (snapshots_.empty()) {
        if (any_txn_) {
            findings_.error(dir,
                            "no snapshot, but the log has transactions: what they build on is lost",
                            kRestore);
        } else {
            findings_.note(dir, "no database yet: neither snapshot nor transactions");
        }
        return ok();
    }
    const Log log(
        [this, &dir](LogLevel, std::string_view line) {
            // These have been told, in more words.
            if (line.starts_with("storage.stray") || line.starts_with("storage.torn_log_end") ||
                line.starts_with("storage.snapshot_unusable"))
                return;
            findings_.warning(dir, std::string(line), {});
        },
        LogLevel::warn);
    const auto state = storage::restore(disk_, paths_, limit(), {.payload_max = payload_max_}, log);
    if (!state.has_value()) {
        if (state.error().code != Errc::corrupt && state.error().code != Errc::unsupported)
            return state.error();
        findings_.error(dir, "a server would not start: " + state.error().words, {});
        return ok();
    }
    last_zxid_ = state->last_zxid;
    findings_.note(dir,
                   "a server starts with zxid " + to_string(state->last_zxid) + ", " +
                       std::to_string(state->tree->node_count()) + " nodes, " +
                       std::to_string(state->sessions.size()) + " sessions, from snapshot " +
                       to_string(state->snapshot) + " and the log behind it");
    return ok();
}

}  // namespace

Result<> check(storage::Disk& disk, const Source& source, Findings& findings) {
    switch (source.kind) {
        case Kind::directory:
            return DirectoryCheck(disk, source, findings).run();
        case Kind::log: {
            ZK_TRY(std::vector<storage::LogFile> files, logs_with(disk, source.dir, source.name));
            History history{
                storage::LogRepeats(disk, source.dir, std::move(files), source.payload_max),
                std::nullopt};
            ZK_TRY(
                const LogLook look,
                look_at_log(disk, source.dir, source.name, source.payload_max, history, findings));
            note_repeats(source.dir, history.repeats, findings);
            judge_end(source.path, look.end, Place::alone, findings);
            return ok();
        }
        case Kind::snapshot: {
            ZK_TRY(const bool whole,
                   check_snapshot(disk, source.dir, source.snapshot, Severity::error, findings));
            (void)whole;
            return ok();
        }
        case Kind::epoch:
            return check_epoch(disk, source.dir, source.name, findings);
        case Kind::myid:
            return check_myid(disk, source.path, findings);
    }
    return ok();
}

}  // namespace zk::zkdata
