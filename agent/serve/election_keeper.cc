#include "agent_serve/election_keeper.h"

#include <algorithm>
#include <utility>

#include "agent_host/deeds.h"
#include "elections/causes.h"

namespace zk::agent_serve {
namespace {

using agent_api::ElectionEntry;
using agent_api::ElectionRecord;
using agent_api::ElectionsKept;
using agent_api::NodeHealth;
using agent_api::Role;
using elections::ProcessEnd;

constexpr std::size_t kFileBytesMax = 1UL << 20;
/// A search that is decided and does not serve yet is asked for again, so often at most.
constexpr int kVainMax = 20;

std::string file_of(const agent_host::StateDir& state) { return state.file("elections.json"); }

Result<ElectionsKept> read_kept(const agent_host::StateDir& state) {
    ZK_TRY(const auto text, agent_host::read_file(file_of(state), kFileBytesMax));
    return agent_api::parse_elections_kept(text);
}

bool is_about(const ElectionsKept& kept, const agent_api::NodeSpec& spec) {
    return kept.cluster == spec.cluster && kept.sid == spec.sid;
}

std::string silence_in(const NodeHealth& health) {
    for (const agent_api::Finding& finding : health.findings) {
        if (finding.id == "server.frozen" || finding.id == "server.stuck") return finding.words;
    }
    return {};
}

std::optional<std::uint64_t> round_in(const NodeHealth& health) {
    return health.vote ? health.vote->round : std::nullopt;
}

}  // namespace

ElectionsKept elections_on_disk(const agent_host::StateDir& state,
                                const agent_api::NodeSpec& spec) {
    auto kept = read_kept(state);
    if (!kept.has_value() || !is_about(*kept, spec)) return {};
    return *std::move(kept);
}

void ElectionKeeper::open(const agent_api::NodeSpec& spec,
                          const std::vector<ElectionEntry>& history) {
    boot_ = agent_host::boot_id();
    looked_ = asked_ = false;
    end_.reset();
    auto kept = read_kept(state_);
    if (!kept.has_value() && !agent_host::is_not_found(kept.error())) {
        damage_ = kept.error().message();
        const std::string aside = file_of(state_) + ".damaged";
        const auto moved = agent_host::rename_durably(file_of(state_), aside);
        log_.error("elections.unreadable why=\"{}\" kept_as={}",
                   damage_,
                   moved.has_value() ? aside : "(" + moved.error().message() + ")");
        if (moved.has_value()) damage_ += "; it is now " + aside;
    }
    ElectionsKept mine;
    if (kept.has_value() && is_about(*kept, spec)) mine = *std::move(kept);
    mine.cluster = spec.cluster;
    mine.sid = spec.sid;
    pid_seen_ = mine.pid;
    history_ = elections::ElectionLog(std::move(mine));
    history_.import(history);
}

bool ElectionKeeper::is_news(const NodeHealth& health) const {
    const auto& records = history_.kept().records;
    if (health.history.empty()) return false;
    return records.empty() || records.back().entry != health.history.back();
}

bool ElectionKeeper::wants_searches(const NodeHealth& health,
                                    const node_judge::Probe& probe) const {
    if (!probe.answered || health.conflict) return false;
    if (is_news(health) || !asked_ || pid_seen_ != probe.pid) return true;
    if (health.role == Role::looking) return false;
    if (round_in(health) != round_) return true;
    return asked_in_vain_ > 0 && asked_in_vain_ < kVainMax;
}

void ElectionKeeper::take_searches(const agent_host::ElectionsAnswer& answer) {
    asked_ = true;
    history_.kept().silence = answer.silence;
    if (answer.told.empty()) return;
    if (history_.take_searches(answer.told)) unsaved_ = true;
    const auto last = history_.last_search(WallMs(0));
    asked_in_vain_ = last && !last->serving && !last->ended ? asked_in_vain_ + 1 : 0;
}

void ElectionKeeper::take_end(const std::optional<ProcessEnd>& end) {
    if (end) end_ = end;
}

void ElectionKeeper::take_unit(const agent_host::UnitState& unit) {
    if (unit.last_pid == 0 || unit.exit_code == 0) return;
    if (end_ && end_->pid == unit.last_pid) return;
    ProcessEnd end;
    end.pid = unit.last_pid;
    end.number = unit.exit_status;
    end.way = unit.exit_code == 1 ? ProcessEnd::Way::exited : ProcessEnd::Way::killed;
    if (unit.result == "watchdog") end.way = ProcessEnd::Way::watchdog;
    if (unit.result == "oom-kill") end.words = "the host had no memory left";
    end_ = end;
}

void ElectionKeeper::step(const NodeHealth& health,
                          const node_judge::Probe& probe,
                          bool process_known) {
    if (is_news(health)) {
        const auto& records = history_.kept().records;
        auto fresh = health.history.begin();
        if (!records.empty()) {
            const auto known =
                std::find(health.history.rbegin(), health.history.rend(), records.back().entry);
            // What is not known at all any more is one new entry.
            fresh = known == health.history.rend() ? health.history.end() - 1 : known.base();
        }
        for (; fresh != health.history.end(); ++fresh) note(*fresh, health, probe, process_known);
    }
    if (probe.answered) round_ = round_in(health);
    note_process(probe);
    pid_seen_ = probe.process ? probe.pid : (process_known ? 0 : pid_seen_);
    looked_ = true;
    if (unsaved_) save();
}

/// A boot, or another process, that changed nothing of the role is not why it changes later.
void ElectionKeeper::note_process(const node_judge::Probe& probe) {
    ElectionsKept& kept = history_.kept();
    if (kept.records.empty() || kept.records.back().entry.role == Role::down) return;
    if (!probe.process || (kept.pid == probe.pid && kept.boot == boot_)) return;
    kept.pid = probe.pid;
    kept.boot = boot_;
    unsaved_ = true;
}

void ElectionKeeper::note(const ElectionEntry& entry,
                          const NodeHealth& health,
                          const node_judge::Probe& probe,
                          bool process_known) {
    ElectionsKept& kept = history_.kept();
    elections::Evidence evidence;
    if (!kept.records.empty()) {
        evidence.before = kept.records.back().entry;
        evidence.cause_before = kept.records.back().cause;
        // One that began before led to the role that has ended now, or goes on.
        const bool reigned = elections::has_leader(*evidence.before);
        evidence.search = history_.last_search(reigned ? evidence.before->at : WallMs(0));
    }
    evidence.now = entry;
    evidence.process = probe.process;
    evidence.process_known = process_known;
    evidence.pid = probe.process ? probe.pid : 0;
    evidence.pid_seen = pid_seen_;
    evidence.pid_before = kept.pid;
    evidence.boot_changed = !kept.boot.empty() && !boot_.empty() && kept.boot != boot_;
    evidence.conflict = health.verdict == agent_api::NodeVerdict::conflict;
    evidence.stopped_on_purpose = probe.stopped_on_purpose;
    evidence.silence = silence_in(health);
    evidence.end = end_;
    evidence.deeds = agent_host::last_deeds(state_);
    auto found = elections::cause_of(evidence);
    ElectionRecord record;
    record.entry = entry;
    record.cause = found.cause;
    record.words = std::move(found.words);
    record.cause_at = found.at;
    record.signal = found.signal;
    record.exit_status = found.exit_status;
    record.agent_away = !looked_ && evidence.before.has_value();
    history_.add(std::move(record));
    kept.pid = evidence.pid;
    kept.boot = boot_;
    unsaved_ = true;
    const ElectionRecord& added = kept.records.back();
    log_.info("server.role now=\"{}\" cause={} why=\"{}\"",
              words_of(entry),
              to_string(added.cause),
              words_of(added));
}

/// Each look tries again; the log says it once.
void ElectionKeeper::save() {
    const auto saved = agent_host::replace_file(
        file_of(state_), to_json(history_.kept()) + "\n", agent_host::FileOptions());
    unsaved_ = !saved.has_value();
    const std::string why = saved.has_value() ? std::string() : saved.error().message();
    if (!why.empty() && failure_.empty()) log_.error("state.unsaved why={}", why);
    failure_ = why;
}

}  // namespace zk::agent_serve
