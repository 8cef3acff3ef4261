#include "node_judge/node_judge.h"

#include <string_view>
#include <utility>

namespace zk::node_judge {
namespace {

using agent_api::ElectionEntry;
using agent_api::FindingLevel;
using agent_api::NodeVerdict;
using agent_api::Role;

Role role_of(std::string_view mode) {
    if (mode == "leader") return Role::leader;
    if (mode == "follower") return Role::follower;
    if (mode == "observer") return Role::observer;
    if (mode == "standalone") return Role::standalone;
    return Role::looking;
}

/// As the server tells it; Apache's does not, and a vote that won is for the leader.
std::optional<agent_api::VoteHealth> vote_of(const Values& mntr,
                                             const agent_api::NodeHealth& health) {
    agent_api::VoteHealth vote;
    if (const auto told = number_in(mntr, "vote_leader")) {
        vote.leader = ServerId(*told);
        if (const auto zxid = number_in(mntr, "vote_zxid")) vote.zxid = Zxid(*zxid);
        if (const auto epoch = number_in(mntr, "vote_epoch")) vote.epoch = Epoch(*epoch);
        if (const auto round = number_in(mntr, "election_round")) {
            vote.round = static_cast<std::uint64_t>(*round);
        }
        return vote;
    }
    if (!health.leader) return std::nullopt;
    vote.leader = *health.leader;
    vote.zxid = health.zxid;
    vote.epoch = health.epoch;
    return vote;
}

bool is_stopped(const Probe& probe) {
    return probe.process && (probe.process_state == 'T' || probe.process_state == 't');
}
std::string words_of_stuck(const Probe& probe) {
    const std::string pid = std::to_string(probe.pid);
    if (probe.process_state == 't') {
        return "the process is stopped (state t): a debugger holds process " + pid;
    }
    if (is_stopped(probe)) {
        return "the process is stopped (state T, as SIGSTOP does): kill -CONT " + pid +
               " lets it go on";
    }
    std::string words = probe.unheard ? "its process takes connections and does not answer: "
                                      : "its process runs but does not answer: ";
    words += probe.failure;
    if (probe.waits_for_disk) words += "; it waits for the disk (state D)";
    return words;
}

}  // namespace

void NodeJudge::restore(std::vector<ElectionEntry> history) {
    if (history.size() > agent_api::kHistoryMax) {
        const auto surplus = history.size() - agent_api::kHistoryMax;
        history.erase(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(surplus));
    }
    health_.history = std::move(history);
    if (!health_.history.empty()) health_.changed_at = health_.history.back().at;
}

const agent_api::NodeHealth& NodeJudge::step(const Probe& probe) {
    const NodeVerdict before = health_.verdict;
    found_.begin(probe.now, probe.wall_ms);
    health_.cluster = settings_.cluster;
    health_.sid = settings_.self.sid;
    health_.wall_ms = probe.wall_ms;
    health_.pid = probe.pid;
    health_.restarts = probe.restarts;
    health_.rss_bytes = probe.rss_bytes;
    health_.uptime_s = probe.process_uptime_s;
    take_files(probe);
    health_.conflict = probe.answered ? speaker_conflict(settings_.self, probe) : std::nullopt;
    if (probe.answered) {
        health_.answered_sid = answered_sid(probe);
        health_.members = answered_members(probe);
    }
    if (health_.conflict) {
        take_conflict(probe);
    } else if (probe.answered) {
        take_answer(probe);
    } else {
        take_silence(probe);
    }
    note_verdict(before, probe.wall_ms);
    note_change(probe.wall_ms);
    // It does not matter to a server that runs, but that could not start again as itself.
    std::string problem = myid_problem(settings_.self, probe.myid);
    if (!health_.conflict && !problem.empty()) {
        tell("identity.myid", FindingLevel::warning, std::move(problem));
    }
    rules_.look(probe, health_, found_);
    take_findings();
    return health_;
}

void NodeJudge::tell(std::string id, FindingLevel level, std::string words) {
    found_.add(agent_api::make_finding(std::move(id), level, std::move(words)));
}

void NodeJudge::take_findings() {
    health_.findings.clear();
    health_.reasons.clear();
    for (agent_api::Finding& finding : found_.end()) add_finding(health_, std::move(finding));
}

void NodeJudge::take_files(const Probe& probe) {
    health_.data_free_bytes = probe.data_disk.free_bytes;
    health_.log_free_bytes = probe.log_disk.free_bytes;
    health_.open_files = count_in(probe.mntr, "open_file_descriptor_count");
    health_.open_files_max = count_in(probe.mntr, "max_file_descriptor_count");
    if (!health_.open_files) health_.open_files = probe.open_files;
    if (!health_.open_files_max) health_.open_files_max = probe.open_files_max;
    health_.snapshots.reset();
    health_.logs.reset();
    health_.snapshot_age_s.reset();
    if (!probe.storage) return;
    health_.snapshots = probe.storage->snapshots;
    health_.logs = probe.storage->logs;
    health_.snapshot_age_s = probe.storage->snapshot_age_s;
}

void NodeJudge::take_answer(const Probe& probe) {
    misses_ = 0;
    answered_pid_ = probe.pid;
    ever_answered_ = true;
    // The words of `mntr` say more, but may not be allowed on a server we did not configure.
    auto state = find(probe.mntr, "server_state");
    if (state.empty()) state = find(probe.srvr, "Mode");
    health_.role = role_of(state);
    if (!probe.serving) health_.role = Role::looking;
    health_.verdict = health_.role == Role::looking ? NodeVerdict::looking : NodeVerdict::serving;
    if (health_.role == Role::looking) {
        const bool reads = probe.serving && state == "read-only";
        if (reads) health_.verdict = NodeVerdict::read_only;
        tell(reads ? "server.read_only" : "server.looking",
             FindingLevel::critical,
             reads ? "it has no leader and answers reads only, from what it knew before"
                   : "it has no leader: fewer than a majority of the voters agree");
        forget();
        health_.vote = vote_of(probe.mntr, health_);
        if (probe.current_epoch) health_.epoch = probe.current_epoch;
        return;
    }
    const auto version = find(probe.mntr, "version");
    health_.server_version = version.empty() ? find(probe.srvr, "Zookeeper version") : version;
    auto zxid = number_in(probe.mntr, "last_zxid");
    if (!zxid) zxid = number_in(probe.srvr, "Zxid");
    health_.zxid.reset();
    // A server that has applied nothing yet says 0, which is no place in the history.
    if (zxid && *zxid != 0) health_.zxid = Zxid(*zxid);
    const auto epoch = number_in(probe.mntr, "current_epoch");
    health_.epoch.reset();
    if (epoch) {
        health_.epoch = Epoch(*epoch);
    } else if (probe.current_epoch) {
        health_.epoch = probe.current_epoch;
    } else if (health_.zxid) {
        health_.epoch = health_.zxid->epoch();
    }
    const auto leader = number_in(probe.mntr, "leader_id");
    health_.leader.reset();
    if (leader) health_.leader = ServerId(*leader);
    if (health_.role == Role::leader) health_.leader = settings_.self.sid;
    health_.vote = vote_of(probe.mntr, health_);
    const bool has_mntr = !probe.mntr.empty();
    health_.connections = has_mntr ? count_in(probe.mntr, "num_alive_connections")
                                   : count_in(probe.srvr, "Connections");
    // The server counts the connection on which it was asked.
    if (health_.connections && *health_.connections > 0) --*health_.connections;
    health_.outstanding = has_mntr ? count_in(probe.mntr, "outstanding_requests")
                                   : count_in(probe.srvr, "Outstanding");
    health_.znodes =
        has_mntr ? count_in(probe.mntr, "znode_count") : count_in(probe.srvr, "Node count");
    health_.learners.reset();
    health_.synced_followers.reset();
    if (health_.role == Role::leader && has_mntr) {
        health_.learners = count_in(probe.mntr, "learners");
        health_.synced_followers = count_in(probe.mntr, "synced_followers");
    }
}

void NodeJudge::take_conflict(const Probe& probe) {
    misses_ = 0;
    answered_pid_ = 0;
    ever_answered_ = false;
    health_.verdict = NodeVerdict::conflict;
    health_.role = Role::down;
    tell_conflict();
    if (!probe.process && probe.process_known) {
        tell(probe.stopped_on_purpose ? "server.stopped" : "server.down",
             probe.stopped_on_purpose ? FindingLevel::warning : FindingLevel::critical,
             probe.stopped_on_purpose ? "its own was stopped on purpose"
                                      : "its own process does not run");
    }
    forget();
    health_.epoch.reset();
    health_.server_version.clear();
}

void NodeJudge::forget() {
    health_.leader.reset();
    health_.vote.reset();
    health_.zxid.reset();
    health_.learners.reset();
    health_.synced_followers.reset();
    health_.connections.reset();
    health_.outstanding.reset();
    health_.znodes.reset();
}

void NodeJudge::take_silence(const Probe& probe) {
    // Another process has its own start before it: what the one before it was says nothing of it.
    if (probe.pid != answered_pid_) ever_answered_ = false;
    const bool waits =
        probe.process && ever_answered_ && !is_stopped(probe) && misses_ < settings_.misses_max;
    if (misses_ == 0) silent_since_ = probe.wall_ms;
    if (misses_ < settings_.misses_told) ++misses_;
    if (waits) {
        tell("server.silent", FindingLevel::warning, "its last probe failed: " + probe.failure);
        return;
    }
    health_.conflict = silent_conflict(settings_.self, probe);
    if (health_.conflict) tell_conflict();
    if (!probe.process) {
        take_end(probe);
    } else if (!is_stopped(probe) && !ever_answered_ &&
               probe.process_uptime_s < settings_.start_patience_s) {
        health_.verdict = NodeVerdict::starting;
        tell("server.starting",
             FindingLevel::warning,
             "it started " + std::to_string(probe.process_uptime_s) +
                 " s ago and does not answer yet: " + probe.failure);
    } else {
        health_.verdict = NodeVerdict::stuck;
        tell(is_stopped(probe) ? "server.frozen" : "server.stuck",
             FindingLevel::critical,
             words_of_stuck(probe));
    }
    health_.role = Role::down;
    health_.answered_sid.reset();
    health_.members.clear();
    forget();
    if (probe.current_epoch) health_.epoch = probe.current_epoch;
}

void NodeJudge::take_end(const Probe& probe) {
    health_.verdict = NodeVerdict::down;
    ever_answered_ = false;
    if (probe.stopped_on_purpose) {
        return tell("server.stopped", FindingLevel::warning, "it was stopped on purpose");
    }
    std::string words = "its process does not run";
    if (probe.next_start_ms) {
        words += "; the agent starts it again in " +
                 std::to_string((*probe.next_start_ms + 999) / 1000) + " s";
    } else if (probe.unit && probe.unit->active == "activating") {
        words += "; systemd starts it again (" + probe.unit->name + ": " + probe.unit->sub + ")";
    } else if (probe.unit && !probe.unit->active.empty()) {
        words += "; its unit " + probe.unit->name + " is " + probe.unit->active;
    }
    tell("server.down", FindingLevel::critical, std::move(words));
}

void NodeJudge::tell_conflict() {
    tell("identity." + std::string(to_string(health_.conflict->kind)),
         FindingLevel::critical,
         health_.conflict->words);
}

void NodeJudge::note_verdict(NodeVerdict before, WallMs at) {
    if (!has_looked_ || before != health_.verdict) health_.verdict_since = at;
    has_looked_ = true;
}

void NodeJudge::note_change(WallMs at) {
    ElectionEntry now;
    now.at = at;
    now.role = health_.role;
    now.epoch = health_.epoch;
    now.leader = health_.leader;
    if (now.role == Role::down && ever_answered_) {
        // Its process lives and may go on in a moment.
        if (misses_ < settings_.misses_told) return;
        now.at = silent_since_;
    }
    const bool dated = settings_.dates_first_look || !health_.history.empty();
    if (!health_.history.empty()) {
        const ElectionEntry& last = health_.history.back();
        if (last.role == now.role && last.epoch == now.epoch && last.leader == now.leader) return;
    }
    health_.history.push_back(now);
    if (health_.history.size() > agent_api::kHistoryMax) {
        health_.history.erase(health_.history.begin());
    }
    if (dated) health_.changed_at = now.at;
    ++history_version_;
}

}  // namespace zk::node_judge
