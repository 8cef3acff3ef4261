// What a node says of itself: is its server well, what is its part in the ensemble, and how did that change.
// Pure. On the way of a health report (docs/ARCHITECTURE.md). Travels as JSON.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/finding.h"
#include "agent_api/names.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace zk::agent_api {

enum class NodeVerdict {
    serving,  ///< answers clients as leader, follower, observer or alone
    /// Its process is up for less than the patience for a start, and does not answer yet.
    starting,
    looking,    ///< its process answers, but there is no leader for it
    stuck,      ///< its process runs and does not answer though it should
    down,       ///< no process
    conflict,   ///< what answers in its place is not this server: see NodeHealth::conflict
    read_only,  ///< it has no leader, and answers reads all the same (Apache's read-only mode)
};
constexpr std::array<std::string_view, 7> enum_words(NodeVerdict) {
    return {"serving", "starting", "looking", "stuck", "down", "conflict", "read_only"};
}

enum class Role { leader, follower, observer, standalone, looking, down };
constexpr std::array<std::string_view, 6> enum_words(Role) {
    return {"leader", "follower", "observer", "standalone", "looking", "down"};
}

enum class HealthSource {
    agent,   ///< the resident agent's last probe
    fourlw,  ///< asked the server right now; no resident agent answers
};
constexpr std::array<std::string_view, 2> enum_words(HealthSource) { return {"agent", "4lw"}; }

/// In which way a node is not what it should be.
enum class ConflictKind {
    sid,       ///< its server speaks, or would start, with another id
    data,      ///< the server that answers has another data directory
    process,   ///< another process holds its client port, or one of the others and it is down
    address,   ///< its server stands at another address for the others than zkprov gave it
    ensemble,  ///< its server belongs to another ensemble
};
constexpr std::array<std::string_view, 5> enum_words(ConflictKind) {
    return {"sid", "data", "process", "address", "ensemble"};
}

struct IdentityConflict {
    ConflictKind kind = ConflictKind::sid;
    std::string words;  ///< what is wrong and what to do about it

    friend bool operator==(const IdentityConflict&, const IdentityConflict&) = default;
    static void fields(auto& archive, auto& self) {
        archive("kind", self.kind);
        archive("words", self.words);
    }
};

/// One entry of the election history: from this moment on the node saw itself so.
struct ElectionEntry {
    WallMs at;
    Role role = Role::down;
    std::optional<Epoch> epoch;
    std::optional<ServerId> leader;

    friend bool operator==(const ElectionEntry&, const ElectionEntry&) = default;
    static void fields(auto& archive, auto& self) {
        archive("at", self.at);
        archive("role", self.role);
        archive("epoch", self.epoch);
        archive("leader", self.leader);
    }
};

/// Why the entry of the history with this time began, in words for people.
struct RoleCause {
    WallMs at;
    std::string words;

    friend bool operator==(const RoleCause&, const RoleCause&) = default;
    static void fields(auto& archive, auto& self) {
        archive("at", self.at);
        archive("words", self.words);
    }
};

/// From this moment on the agent judged its server so.
struct VerdictEntry {
    WallMs at;
    NodeVerdict verdict = NodeVerdict::down;
    std::vector<std::string> reasons;

    static void fields(auto& archive, auto& self) {
        archive("at", self.at);
        archive("verdict", self.verdict);
        archive("reasons", self.reasons);
    }
};

/// For people: "leader in epoch 3", "follower of 2 in epoch 3", "looking".
std::string words_of(const ElectionEntry& entry);

/// Whom the server votes for, or follows once the election is over.
struct VoteHealth {
    ServerId leader;
    std::optional<Zxid> zxid;
    std::optional<Epoch> epoch;
    std::optional<std::uint64_t> round;  ///< of the election, where the server tells it

    friend bool operator==(const VoteHealth&, const VoteHealth&) = default;
    static void fields(auto& archive, auto& self) {
        archive("leader", self.leader);
        archive("zxid", self.zxid);
        archive("epoch", self.epoch);
        archive("round", self.round);
    }
};

struct NodeHealth {
    std::string cluster;
    ServerId sid;
    NodeVerdict verdict = NodeVerdict::down;
    /// The node is not what its server is. With the verdict `conflict` something else answers in its
    /// place; with another one its own server does not answer, and this is why.
    std::optional<IdentityConflict> conflict;
    std::optional<ServerId> answered_sid;  ///< with which the server that answers speaks
    /// "server.1=…" as that server has them; empty: not known.
    std::vector<std::string> members;
    WallMs verdict_since;  ///< of the look that first found the verdict; 0: not known
    /// Why the verdict is not `serving`, what is not well though it serves, and what is worth knowing. At most
    /// kFindingsMax. add_finding() adds one.
    std::vector<Finding> findings;
    /// The words of all findings above a note, in the same order: while there are some, the node is not well.
    std::vector<std::string> reasons;
    Role role = Role::down;
    std::optional<ServerId> leader;  ///< as far as this node knows
    std::optional<Epoch> epoch;      ///< of its last zxid, or currentEpoch when that is known
    std::optional<Zxid> zxid;        ///< of what it applied last; nothing before the first
    std::optional<VoteHealth> vote;
    std::optional<std::uint64_t> connections;
    std::optional<std::uint64_t> outstanding;  ///< requests taken and not yet answered
    std::optional<std::uint64_t> znodes;
    /// A leader: its learners as it counts them; otherwise none.
    std::optional<std::uint64_t> learners;
    std::optional<std::uint64_t> synced_followers;
    std::uint64_t uptime_s = 0;  ///< of the server's process
    std::int64_t pid = 0;
    /// How often the agent or systemd started the server again since the agent runs.
    std::uint64_t restarts = 0;
    std::uint64_t rss_bytes = 0;
    std::optional<std::uint64_t> data_free_bytes;
    std::optional<std::uint64_t> log_free_bytes;
    std::optional<std::uint64_t>
        full_in_s;  ///< the fuller disk, if it goes on as in the last hours
    std::optional<std::uint64_t>
        fsync_ms;  ///< what syncing the log took in the last minute, on average
    std::optional<std::uint64_t> open_files;
    std::optional<std::uint64_t> open_files_max;
    std::optional<std::uint64_t> snapshots;       ///< files in the data directory
    std::optional<std::uint64_t> logs;            ///< and in the log directory
    std::optional<std::uint64_t> snapshot_age_s;  ///< of the newest
    std::optional<std::uint64_t> memory_bytes;    ///< of the host
    std::optional<std::uint64_t> memory_available_bytes;
    /// Hundredths of a percent of the last minute in which nothing on the host could go on for want of memory.
    std::optional<std::uint64_t> memory_stalled_parts;
    std::optional<std::uint64_t>
        memory_limit_bytes;  ///< of the server's cgroup, or one around it; nothing: none
    std::optional<std::uint64_t> memory_limited_bytes;  ///< used there
    /// Its wall clock by the median of those that it, or who asked all nodes, heard of; below 0: behind.
    std::optional<std::int64_t> clock_offset_ms;
    std::optional<std::int64_t> clock_uncertain_ms;  ///< known to that
    std::string server_version;
    std::string agent_version;
    std::int64_t agent_pid = 0;  ///< of the resident agent; 0: none
    std::uint64_t agent_rss_bytes = 0;
    WallMs changed_at;                   ///< last change of role, epoch or leader
    std::vector<ElectionEntry> history;  ///< oldest first, at most kHistoryMax
    std::vector<RoleCause> causes;       ///< of entries of the history, where they are known
    std::uint64_t age_ms = 0;            ///< of the probe this rests on
    HealthSource source = HealthSource::fourlw;
    WallMs wall_ms;  ///< of the node, when it said this

    friend bool operator==(const NodeHealth&, const NodeHealth&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("verdict", self.verdict);
        archive("conflict", self.conflict);
        archive("answered_sid", self.answered_sid);
        archive("members", self.members);
        archive("verdict_since", self.verdict_since);
        archive("findings", self.findings);
        archive("reasons", self.reasons);
        archive("role", self.role);
        archive("leader", self.leader);
        archive("epoch", self.epoch);
        archive("zxid", self.zxid);
        archive("vote", self.vote);
        archive("connections", self.connections);
        archive("outstanding", self.outstanding);
        archive("znodes", self.znodes);
        archive("learners", self.learners);
        archive("synced_followers", self.synced_followers);
        archive("uptime_s", self.uptime_s);
        archive("pid", self.pid);
        archive("restarts", self.restarts);
        archive("rss_bytes", self.rss_bytes);
        archive("data_free_bytes", self.data_free_bytes);
        archive("log_free_bytes", self.log_free_bytes);
        archive("full_in_s", self.full_in_s);
        archive("fsync_ms", self.fsync_ms);
        archive("open_files", self.open_files);
        archive("open_files_max", self.open_files_max);
        archive("snapshots", self.snapshots);
        archive("logs", self.logs);
        archive("snapshot_age_s", self.snapshot_age_s);
        archive("memory_bytes", self.memory_bytes);
        archive("memory_available_bytes", self.memory_available_bytes);
        archive("memory_stalled_parts", self.memory_stalled_parts);
        archive("memory_limit_bytes", self.memory_limit_bytes);
        archive("memory_limited_bytes", self.memory_limited_bytes);
        archive("clock_offset_ms", self.clock_offset_ms);
        archive("clock_uncertain_ms", self.clock_uncertain_ms);
        archive("server_version", self.server_version);
        archive("agent_version", self.agent_version);
        archive("agent_pid", self.agent_pid);
        archive("agent_rss_bytes", self.agent_rss_bytes);
        archive("changed_at", self.changed_at);
        archive("history", self.history);
        archive("causes", self.causes);
        archive("age_ms", self.age_ms);
        archive("source", self.source);
        archive("wall_ms", self.wall_ms);
    }
};
inline constexpr std::size_t kHistoryMax = 64;
inline constexpr std::size_t kFindingsMax = 32;
/// A look that is older does not say how the node is: the agent looks each second, and one look at a host that hangs takes
/// eight.
inline constexpr std::uint64_t kFreshMsMax = 10000;
/// Whether it says how the node is, and not how it was.
bool is_fresh(const NodeHealth& health);
/// Why that entry of its history began; nothing where it is not known.
const RoleCause* cause_of(const NodeHealth& health, const ElectionEntry& entry);
/// The one way to say that something is not well; beyond kFindingsMax it is left out.
void add_finding(NodeHealth& health, Finding finding);

std::string to_json(const NodeHealth& health);
Result<NodeHealth> parse_node_health(std::string_view json);
std::string to_json(const std::vector<ElectionEntry>& history);
std::string to_json(const VerdictEntry& entry);
Result<std::vector<ElectionEntry>> parse_history(std::string_view json);

}  // namespace zk::agent_api
