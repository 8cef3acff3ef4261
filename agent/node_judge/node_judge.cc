#include "node_judge/node_judge.h"

#include <string_view>
#include <utility>

#include "base/numbers.h"

namespace zk::node_judge {
namespace {

using agent_api::ElectionEntry;
using agent_api::NodeVerdict;
using agent_api::Role;

using Values = std::map<std::string, std::string>;

std::optional<std::int64_t> number_in(const Values& values, const std::string& name) {
    return number(find(values, name));
}
std::optional<std::uint64_t> count(const Values& values, const std::string& name) {
    const auto value = number_in(values, name);
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

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
    health_.cluster = settings_.cluster;
    health_.sid = settings_.self.sid;
    health_.wall_ms = probe.wall_ms;
    health_.pid = probe.pid;
    health_.restarts = probe.restarts;
    health_.rss_bytes = probe.rss_bytes;
    health_.data_free_bytes = probe.data_free_bytes;
    health_.log_free_bytes = probe.log_free_bytes;
    health_.uptime_s = probe.process_uptime_s;
    health_.reasons.clear();
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
    note_change(probe.wall_ms);
    add_reasons(probe);
    return health_;
}

void NodeJudge::take_answer(const Probe& probe) {
    misses_ = 0;
    answered_pid_ = probe.pid;
    ever_answered_ = true;
    // The words of `mntr` say more, but may not be allowed on a server we did not configure.
    const auto mode = find(probe.mntr, "server_state");
    health_.role = role_of(mode.empty() ? find(probe.srvr, "Mode") : mode);
    if (!probe.serving) health_.role = Role::looking;
    health_.verdict = health_.role == Role::looking ? NodeVerdict::looking : NodeVerdict::serving;
    if (health_.role == Role::looking) {
        health_.reasons.emplace_back("it has no leader: fewer than a majority of the voters agree");
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
    health_.connections =
        has_mntr ? count(probe.mntr, "num_alive_connections") : count(probe.srvr, "Connections");
    // The server counts the connection on which it was asked.
    if (health_.connections && *health_.connections > 0) --*health_.connections;
    health_.outstanding =
        has_mntr ? count(probe.mntr, "outstanding_requests") : count(probe.srvr, "Outstanding");
    health_.znodes = has_mntr ? count(probe.mntr, "znode_count") : count(probe.srvr, "Node count");
    health_.learners.reset();
    health_.synced_followers.reset();
    if (health_.role == Role::leader && has_mntr) {
        health_.learners = count(probe.mntr, "learners");
        health_.synced_followers = count(probe.mntr, "synced_followers");
    }
}

void NodeJudge::take_conflict(const Probe& probe) {
    misses_ = 0;
    answered_pid_ = 0;
    ever_answered_ = false;
    health_.verdict = NodeVerdict::conflict;
    health_.role = Role::down;
    health_.reasons.push_back(health_.conflict->words);
    if (!probe.process) {
        health_.reasons.emplace_back(probe.stopped_on_purpose ? "its own was stopped on purpose"
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
    const bool waits = probe.process && ever_answered_ && misses_ < settings_.misses_max;
    if (misses_ < settings_.misses_max) ++misses_;
    if (waits) {
        health_.reasons.push_back("its last probe failed: " + probe.failure);
        return;
    }
    health_.conflict = silent_conflict(settings_.self, probe);
    if (health_.conflict) health_.reasons.push_back(health_.conflict->words);
    if (!probe.process) {
        health_.verdict = NodeVerdict::down;
        health_.reasons.emplace_back(probe.stopped_on_purpose ? "it was stopped on purpose"
                                                              : "its process does not run");
        ever_answered_ = false;
    } else if (probe.process_uptime_s < settings_.start_patience_s) {
        health_.verdict = NodeVerdict::starting;
        health_.reasons.push_back("it started " + std::to_string(probe.process_uptime_s) +
                                  " s ago and does not answer yet: " + probe.failure);
    } else {
        health_.verdict = NodeVerdict::stuck;
        health_.reasons.push_back("its process runs but does not answer: " + probe.failure);
    }
    health_.role = Role::down;
    health_.answered_sid.reset();
    health_.members.clear();
    forget();
    if (probe.current_epoch) health_.epoch = probe.current_epoch;
}

void NodeJudge::add_reasons(const Probe& probe) {
    // It does not matter to a server that runs, but that could not start again as itself.
    if (!health_.conflict) {
        std::string problem = myid_problem(settings_.self, probe.myid);
        if (!problem.empty()) health_.reasons.push_back(std::move(problem));
    }
    const auto low = [&](const char* what, std::optional<std::uint64_t> free) {
        if (!free || *free >= settings_.free_bytes_advised) return;
        health_.reasons.push_back(std::string("only ") + mebibytes(*free) + " are free for " +
                                  what);
    };
    low("data", probe.data_free_bytes);
    if (probe.log_free_bytes != probe.data_free_bytes) low("logs", probe.log_free_bytes);
}

void NodeJudge::note_change(WallMs at) {
    ElectionEntry now;
    now.at = at;
    now.role = health_.role;
    now.epoch = health_.epoch;
    now.leader = health_.leader;
    if (!health_.history.empty()) {
        const ElectionEntry& last = health_.history.back();
        if (last.role == now.role && last.epoch == now.epoch && last.leader == now.leader) return;
    }
    health_.history.push_back(now);
    if (health_.history.size() > agent_api::kHistoryMax) {
        health_.history.erase(health_.history.begin());
    }
    health_.changed_at = at;
    ++history_version_;
}

}  // namespace zk::node_judge
