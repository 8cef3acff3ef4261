#include "ensemble_judge/ensemble_judge.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/log.h"

namespace zk::ensemble_judge {
namespace {

/// A follower this far behind is named in the reasons.
constexpr std::int64_t kLagAdvised = 1000;
/// What a follower says of itself may be that much newer than its leader's count of followers.
constexpr std::int64_t kSettledMs = 5000;
/// What was found a moment ago needs no age.
constexpr std::int64_t kAgeToldS = 60;
/// An agent probes every second; an older answer is no answer.
constexpr std::uint64_t kAgeMaxMs = 15000;

using agent_api::NodeHealth;
using agent_api::Role;

NodeStatus status_of(const std::vector<NodeStatus>& statuses, ServerId id) {
    const auto found = std::ranges::find(statuses, id, &NodeStatus::id);
    if (found != statuses.end()) return *found;
    NodeStatus silent;
    silent.id = id;
    silent.silence = "was not asked";
    return silent;
}

bool serves(const NodeStatus& status) {
    return status.health && status.health->verdict == agent_api::NodeVerdict::serving &&
           status.health->age_ms <= kAgeMaxMs;
}

bool claims_to_lead(const NodeStatus& status, std::size_t voters) {
    return serves(status) &&
           (status.is(Role::leader) || (status.is(Role::standalone) && voters == 1));
}

/// The epoch is not compared: a follower that has taken no write of the new epoch still shows the
/// old one.
bool follows(const NodeStatus& status, ServerId leader) {
    return serves(status) && status.is(Role::follower) &&
           (!status.health->leader || *status.health->leader == leader);
}

/// Transactions between two zxids. A follower in sync has all of the older epochs, so across an
/// epoch the leader's counter is what is missing.
std::optional<std::int64_t> lag_of(const NodeHealth& node, const NodeHealth& leader) {
    if (!node.zxid || !leader.zxid) return std::nullopt;
    if (*node.zxid >= *leader.zxid) return 0;
    if (node.zxid->epoch() == leader.zxid->epoch()) {
        return leader.zxid->value() - node.zxid->value();
    }
    return leader.zxid->counter();
}

class Judge {
  public:
    Judge(const Expected& expected, const std::vector<NodeStatus>& statuses) {
        verdict_.cluster = expected.cluster;
        verdict_.voters = expected.nodes.size();
        for (const ExpectedNode& node : expected.nodes) {
            NodeVerdict each;
            each.status = status_of(statuses, node.id);
            each.host = node.host;
            if (each.status.health) check_identity(expected, each);
            verdict_.nodes.push_back(std::move(each));
        }
        check_members(expected);
        compare_clocks();
    }

    EnsembleVerdict run() {
        const NodeStatus* const leader = find_leader();
        if (leader != nullptr) {
            mark_in_sync(*leader);
        } else {
            infer_silent_leader();
        }
        collect_reasons(leader);
        verdict_.verdict = decide();
        return std::move(verdict_);
    }

  private:
    /// What another node says is no news of this one.
    static void check_identity(const Expected& expected, NodeVerdict& node) {
        NodeStatus& status = node.status;
        std::string other = other_identity(expected, status.id, *status.health);
        if (!other.empty()) {
            node.conflict = {agent_api::ConflictKind::ensemble, other};
            status.health.reset();
            status.silence = std::move(other);
            status.other = true;
            return;
        }
        NodeHealth& health = *status.health;
        // A follower that has applied nothing yet says 0; no leader has.
        if (health.role != Role::leader && health.zxid == Zxid()) health.zxid.reset();
        node.conflict = health.conflict;
    }

    void check_members(const Expected& expected) {
        std::vector<Server> servers;
        for (const NodeVerdict& node : verdict_.nodes) {
            if (!serves(node.status) || node.conflict) continue;
            servers.push_back({node.status.id, node.host, &*node.status.health});
        }
        MemberCheck check = compare_members(expected, servers);
        for (NodeVerdict& node : verdict_.nodes) {
            const auto stranger = check.strangers.find(node.status.id);
            if (stranger == check.strangers.end()) continue;
            node.conflict = stranger->second;
            disown(*node.status.health, stranger->second);
        }
        verdict_.reasons = std::move(check.sentences);
    }

    /// Agents that listen for each other have compared theirs; who hears all nodes knows more, unless that is only that
    /// two halves differ.
    void compare_clocks() {
        std::vector<clock_offset::HeardClock> clocks;
        for (const NodeVerdict& node : verdict_.nodes) {
            if (!node.status.health || !node.status.clock) continue;
            clocks.push_back({node.status.id, *node.status.clock});
        }
        for (NodeVerdict& node : verdict_.nodes) {
            const auto deviation = clock_offset::deviation_of(node.status.id, clocks);
            if (!deviation) continue;
            NodeHealth& health = *node.status.health;
            auto finding = clock_offset::finding_of(*deviation);
            const bool knows = health.clock_offset_ms.has_value();
            const bool told =
                std::ranges::find(health.findings, "clock.offset", &agent_api::Finding::id) !=
                health.findings.end();
            if (told || (knows && (!finding || deviation->split))) continue;
            health.clock_offset_ms = to_ms(deviation->look.ahead);
            health.clock_uncertain_ms = to_ms(deviation->look.uncertain);
            if (finding) add_finding(health, *std::move(finding));
        }
    }

    static void disown(NodeHealth& health, const agent_api::IdentityConflict& conflict) {
        health.verdict = agent_api::NodeVerdict::conflict;
        health.conflict = conflict;
        health.reasons.insert(health.reasons.begin(), conflict.words);
        health.findings.insert(
            health.findings.begin(),
            agent_api::make_finding("identity." + std::string(to_string(conflict.kind)),
                                    agent_api::FindingLevel::critical,
                                    conflict.words));
        health.role = Role::down;
        health.leader.reset();
        health.vote.reset();
        health.epoch.reset();
        health.zxid.reset();
        health.learners.reset();
        health.synced_followers.reset();
    }

    /// How many voters stand behind a node that says it leads, itself included. Its own count of
    /// the followers in sync decides where it has one: it shows the quorum even when some nodes are
    /// silent.
    [[nodiscard]] std::size_t support_of(const NodeStatus& leader) const {
        if (leader.health->synced_followers) return 1 + *leader.health->synced_followers;
        return 1 + static_cast<std::size_t>(
                       std::ranges::count_if(verdict_.nodes, [&](const NodeVerdict& node) {
                           return node.status.id != leader.id && follows(node.status, leader.id);
                       }));
    }

    /// The one of the newest epoch among those that say they lead and have a majority behind them.
    const NodeStatus* find_leader() {
        const NodeStatus* best = nullptr;
        for (const NodeVerdict& node : verdict_.nodes) {
            if (!claims_to_lead(node.status, verdict_.voters)) continue;
            if (support_of(node.status) < verdict_.majority()) continue;
            if (best == nullptr || node.status.health->epoch > best->health->epoch) {
                best = &node.status;
            }
        }
        return best;
    }

    void mark_in_sync(const NodeStatus& leader) {
        verdict_.leader = leader.id;
        verdict_.standalone = leader.is(Role::standalone);
        verdict_.epoch = leader.health->epoch;
        for (NodeVerdict& node : verdict_.nodes) {
            node.in_sync = node.status.id == leader.id || follows(node.status, leader.id);
            if (!node.in_sync) continue;
            ++verdict_.voters_in_sync;
            node.lag = lag_of(*node.status.health, *leader.health);
        }
    }

    /// A leader whose host does not answer us, but which a majority follows: it serves.
    void infer_silent_leader() {
        for (const NodeVerdict& silent : verdict_.nodes) {
            const ServerId id = silent.status.id;
            const auto follows_it = [&](const NodeVerdict& node) {
                return follows(node.status, id) && node.status.health->leader;
            };
            const auto followers = std::ranges::count_if(verdict_.nodes, follows_it);
            if (silent.status.answered() ||
                static_cast<std::size_t>(followers) < verdict_.majority()) {
                continue;
            }
            verdict_.leader = id;
            for (NodeVerdict& node : verdict_.nodes) {
                node.in_sync = follows_it(node);
                if (!node.in_sync) continue;
                ++verdict_.voters_in_sync;
                verdict_.epoch = std::max(verdict_.epoch, node.status.health->epoch);
            }
            return;
        }
    }

    /// Who speaks as whom, as far as it is told.
    [[nodiscard]] std::vector<Speaker> speakers() const {
        std::vector<Speaker> found;
        for (const NodeVerdict& node : verdict_.nodes) {
            if (!node.status.health) continue;
            const auto& sid = node.status.health->answered_sid;
            if (sid) {
                found.push_back({node.status.id, node.host, *sid});
            } else if (serves(node.status)) {
                found.push_back({node.status.id, node.host, node.status.id});
            }
        }
        return found;
    }

    /// A follower of another ensemble's server with the leader's id says the same as one of its own;
    /// but the leader does not count it.
    void compare_counts(const NodeStatus& leader) {
        const auto& counted = leader.health->synced_followers;
        if (!counted) return;
        std::size_t following = 0;
        for (const NodeVerdict& node : verdict_.nodes) {
            if (node.status.id == leader.id || !node.in_sync) continue;
            const NodeHealth& health = *node.status.health;
            const bool settled = health.changed_at != WallMs() &&
                                 health.wall_ms.value() - health.changed_at.value() > kSettledMs;
            following += settled ? 1U : 0U;
        }
        if (following <= *counted) return;
        add(
            fmt::format("{} nodes say that they follow {}, which counts {}: one of them may follow "
                        "a server of another ensemble",
                        following,
                        leader.id,
                        *counted));
    }

    void collect_reasons(const NodeStatus* leader) {
        for (std::string& sentence : shared_ids(speakers())) add(std::move(sentence));
        if (leader != nullptr) compare_counts(*leader);
        for (const NodeVerdict& node : verdict_.nodes) {
            const NodeStatus& status = node.status;
            if (!status.answered()) {
                add(fmt::format("node {}{}: {}",
                                status.id,
                                status.other ? "" : " does not answer",
                                status.silence));
                continue;
            }
            const NodeHealth& health = *status.health;
            if (health.age_ms > kAgeMaxMs) {
                add(fmt::format("node {}: its agent's last look at the server is {} s old",
                                status.id,
                                health.age_ms / 1000));
            }
            if (health.verdict == agent_api::NodeVerdict::conflict) {
                add(fmt::format("node {} does not count: {}", status.id, conflict_words(node)));
            } else if (leader != nullptr && !node.in_sync) {
                add(describe_outsider(status, *leader));
            } else if (!node.in_sync && (health.reasons.empty() || health.vote)) {
                add(fmt::format(
                    "node {} is {}{}", status.id, to_string(health.role), vote_of(health)));
            } else if (node.lag && *node.lag > kLagAdvised) {
                add(fmt::format("node {} is {} transactions behind", status.id, *node.lag));
            }
            for (const std::string& reason : health.reasons) {
                if (told_already(node, reason)) continue;
                add(fmt::format("node {}: {}{}", status.id, reason, age_of(health, reason)));
            }
        }
    }
    void add(std::string reason) { verdict_.reasons.push_back(std::move(reason)); }

    static std::string conflict_words(const NodeVerdict& node) {
        return node.conflict ? node.conflict->words : "something else answers in its place";
    }
    static bool told_already(const NodeVerdict& node, const std::string& reason) {
        return node.status.health->verdict == agent_api::NodeVerdict::conflict && node.conflict &&
               node.conflict->words == reason;
    }

    /// For how long its agent has found that, once it is long.
    static std::string age_of(const NodeHealth& health, const std::string& reason) {
        const auto finding = std::ranges::find(health.findings, reason, &agent_api::Finding::words);
        if (finding == health.findings.end() || finding->since == WallMs()) return {};
        const std::int64_t age_s = (health.wall_ms.value() - finding->since.value()) / 1000;
        return age_s < kAgeToldS ? std::string() : fmt::format(" (for {})", age_text(age_s));
    }

    static std::string vote_of(const NodeHealth& health) {
        if (!health.vote || health.role != Role::looking) return {};
        return fmt::format(", votes for {}", health.vote->leader);
    }

    static std::string describe_outsider(const NodeStatus& status, const NodeStatus& leader) {
        const NodeHealth& health = *status.health;
        if (health.role == Role::leader) {
            return fmt::format("node {} says it leads as well (epoch {})",
                               status.id,
                               health.epoch ? to_string(*health.epoch) : "unknown");
        }
        if (health.role == Role::follower && health.leader && *health.leader != leader.id) {
            return fmt::format(
                "node {} follows {}, not the leader {}", status.id, *health.leader, leader.id);
        }
        const std::string_view verdict = to_string(health.verdict);
        const std::string_view role = to_string(health.role);
        return fmt::format("node {} is {}{}{}",
                           status.id,
                           verdict,
                           verdict == role ? "" : fmt::format(" ({})", role),
                           vote_of(health));
    }

    [[nodiscard]] Verdict decide() const {
        if (verdict_.leader) {
            const bool content = std::ranges::all_of(
                verdict_.nodes, [](const auto& node) { return node.status.content(); });
            return verdict_.reasons.empty() && content ? Verdict::healthy : Verdict::degraded;
        }
        // The silent ones, and those in whose place another one answers, could form a quorum with
        // those that say they follow or lead: then nobody knows.
        std::size_t silent = 0;
        std::size_t could_serve = 0;
        for (const NodeVerdict& node : verdict_.nodes) {
            const NodeStatus& status = node.status;
            const bool mute =
                !status.answered() || status.health->verdict == agent_api::NodeVerdict::conflict;
            silent += mute ? 1U : 0U;
            could_serve += mute || status.is(Role::follower) || status.is(Role::leader) ? 1U : 0U;
        }
        return silent > 0 && could_serve >= verdict_.majority() ? Verdict::unknown
                                                                : Verdict::no_quorum;
    }

    EnsembleVerdict verdict_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::healthy:
            return "healthy";
        case Verdict::degraded:
            return "degraded";
        case Verdict::no_quorum:
            return "no_quorum";
        case Verdict::unknown:
            return "unknown";
    }
    return "?";
}

const NodeVerdict* EnsembleVerdict::find(ServerId id) const {
    const auto found =
        std::ranges::find_if(nodes, [&](const auto& node) { return node.status.id == id; });
    return found == nodes.end() ? nullptr : &*found;
}

std::size_t EnsembleVerdict::failures_borne() const {
    return voters_in_sync > majority() ? voters_in_sync - majority() : 0;
}

EnsembleVerdict judge(const Expected& expected, const std::vector<NodeStatus>& statuses) {
    return Judge(expected, statuses).run();
}

std::string_view role_word(const NodeHealth& health) {
    const auto verdict = health.verdict;
    const bool untold = verdict == agent_api::NodeVerdict::starting ||
                        verdict == agent_api::NodeVerdict::stuck ||
                        verdict == agent_api::NodeVerdict::conflict;
    return untold && health.role == Role::down ? "unknown" : to_string(health.role);
}

std::string headline(const EnsembleVerdict& verdict) {
    if (verdict.standalone) {
        return fmt::format("server {} serves alone (standalone), bears no failure",
                           *verdict.leader);
    }
    if (verdict.leader) {
        const std::size_t more = verdict.failures_borne();
        return fmt::format("server {} leads{}; {} of {} voters in sync, bears {} more failure{}",
                           *verdict.leader,
                           verdict.epoch ? fmt::format(" in epoch {}", *verdict.epoch) : "",
                           verdict.voters_in_sync,
                           verdict.voters,
                           more,
                           more == 1 ? "" : "s");
    }
    if (verdict.verdict == Verdict::no_quorum && verdict.voters == 1) {
        return fmt::format("server {} does not serve", verdict.nodes.front().status.id);
    }
    if (verdict.verdict == Verdict::no_quorum) {
        return fmt::format("no server leads: that takes {} of {} voters who agree",
                           verdict.majority(),
                           verdict.voters);
    }
    const auto silent = std::ranges::count_if(
        verdict.nodes, [](const NodeVerdict& node) { return !node.status.answered(); });
    return fmt::format(
        "who leads is not known: {} of {} nodes do not tell", silent, verdict.nodes.size());
}

}  // namespace zk::ensemble_judge
