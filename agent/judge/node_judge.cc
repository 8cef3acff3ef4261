#include "node_judge/node_judge.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace zk::node_judge {
namespace {

using agent_api::ElectionEntry;
using agent_api::NodeVerdict;
using agent_api::Role;

using Values = std::map<std::string, std::string>;

std::string_view find(const Values& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string_view() : std::string_view(found->second);
}

/// A decimal number, or one after "0x"; Apache's doubles lose what is behind the point.
std::optional<std::int64_t> number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
        base = 16;
    }
    if (base == 16) {
        std::uint64_t bits = 0;
        const auto [end, code] = std::from_chars(text.begin(), text.end(), bits, base);
        if (code != std::errc() || end == text.begin()) return std::nullopt;
        return static_cast<std::int64_t>(bits);
    }
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.begin(), text.end(), value, base);
    if (code != std::errc() || end == text.begin()) return std::nullopt;
    return value;
}
std::optional<std::int64_t> number(const Values& values, const std::string& name) {
    return number(find(values, name));
}
std::uint64_t count(const Values& values, const std::string& name) {
    const auto value = number(values, name);
    return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
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
    if (const auto told = number(mntr, "vote_leader")) {
        vote.leader = ServerId(*told);
        if (const auto zxid = number(mntr, "vote_zxid")) vote.zxid = Zxid(*zxid);
        if (const auto epoch = number(mntr, "vote_epoch")) vote.epoch = Epoch(*epoch);
        if (const auto round = number(mntr, "election_round")) {
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

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

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
    health_.sid = settings_.sid;
    health_.wall_ms = probe.wall_ms;
    health_.pid = probe.pid;
    health_.restarts = probe.restarts;
    health_.rss_bytes = probe.rss_bytes;
    health_.data_free_bytes = probe.data_free_bytes.value_or(0);
    health_.log_free_bytes = probe.log_free_bytes.value_or(0);
    health_.uptime_s = probe.process_uptime_s;
    health_.reasons.clear();
    if (probe.answered) {
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
        health_.leader.reset();
        health_.vote = vote_of(probe.mntr, health_);
        health_.learners.reset();
        health_.synced_followers.reset();
        health_.connections = 0;
        health_.outstanding = 0;
        if (probe.current_epoch) health_.epoch = probe.current_epoch;
        return;
    }
    const auto version = find(probe.mntr, "version");
    health_.server_version = version.empty() ? find(probe.srvr, "Zookeeper version") : version;
    auto zxid = number(probe.mntr, "last_zxid");
    if (!zxid) zxid = number(probe.srvr, "Zxid");
    if (zxid) health_.zxid = Zxid(*zxid);
    const auto epoch = number(probe.mntr, "current_epoch");
    health_.epoch.reset();
    if (epoch) {
        health_.epoch = Epoch(*epoch);
    } else if (probe.current_epoch) {
        health_.epoch = probe.current_epoch;
    } else if (health_.zxid) {
        health_.epoch = health_.zxid->epoch();
    }
    const auto leader = number(probe.mntr, "leader_id");
    health_.leader.reset();
    if (leader) health_.leader = ServerId(*leader);
    if (health_.role == Role::leader) health_.leader = settings_.sid;
    health_.vote = vote_of(probe.mntr, health_);
    const bool has_mntr = !probe.mntr.empty();
    health_.connections =
        has_mntr ? count(probe.mntr, "num_alive_connections") : count(probe.srvr, "Connections");
    // The server counts the connection on which it was asked.
    if (health_.connections > 0) --health_.connections;
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

void NodeJudge::take_silence(const Probe& probe) {
    // Another process has its own start before it: what the one before it was says nothing of it.
    if (probe.pid != answered_pid_) ever_answered_ = false;
    const bool waits = probe.process && ever_answered_ && misses_ < settings_.misses_max;
    if (misses_ < settings_.misses_max) ++misses_;
    if (waits) {
        health_.reasons.push_back("its last probe failed: " + probe.failure);
        return;
    }
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
    health_.leader.reset();
    health_.vote.reset();
    health_.learners.reset();
    health_.synced_followers.reset();
    health_.connections = 0;
    health_.outstanding = 0;
    if (probe.current_epoch) health_.epoch = probe.current_epoch;
}

void NodeJudge::add_reasons(const Probe& probe) {
    const auto low = [&](const char* what, std::optional<std::uint64_t> free) {
        if (!free || *free >= settings_.free_bytes_advised) return;
        health_.reasons.push_back(std::string("only ") + megabytes(*free) + " are free for " +
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
