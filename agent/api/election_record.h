// What an agent keeps of elections, on its disk: each change of its node's role, epoch or leader with its cause, and the
// votes that its server told. Format: docs/OPERATIONS.md, "What an agent keeps of elections".
// Pure. Travels as JSON. Causes are found by the room `elections`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/node_health.h"

namespace zk::agent_api {

/// Why a node's role, epoch or leader changed. Never guessed: what is not known is `unknown`.
enum class Cause {
    unknown,
    first_look,    ///< nothing was known before
    host_booted,   ///< the host began anew
    killed,        ///< the server's process was ended by a signal
    exited,        ///< it ended by itself, with a status
    watchdog,      ///< systemd ended it because it said nothing for too long
    ended,         ///< it ended, and how is not known
    restarted,     ///< zkprov restarted it
    stopped,       ///< zkprov stopped it
    stopped_else,  ///< it was stopped on purpose, and not by zkprov
    started,       ///< its process began
    silent,        ///< its process lives and does not answer
    answers,       ///< the same process answers again
    stranger,      ///< what answers in its place is not this server
    leader_lost,   ///< it lived on, and its leader went away
    quorum_lost,   ///< it led, lived on, and had no quorum any more
    role_left,     ///< it led and lived on; why it left is known in words at most
    elected,       ///< its search for a leader came to its end
};
constexpr std::array<std::string_view, 18> enum_words(Cause) {
    return {"unknown",
            "first_look",
            "host_booted",
            "killed",
            "exited",
            "watchdog",
            "ended",
            "restarted",
            "stopped",
            "stopped_else",
            "started",
            "silent",
            "answers",
            "stranger",
            "leader_lost",
            "quorum_lost",
            "role_left",
            "elected"};
}

struct ElectionRecord {
    ElectionEntry entry;
    Cause cause = Cause::unknown;
    std::string words;  ///< what the cause rests on; may be empty
    std::optional<WallMs>
        cause_at;  ///< when that happened, where it is known better than `entry.at`
    std::optional<std::int64_t> signal;
    std::optional<std::int64_t> exit_status;
    /// Of an entry with a leader: how long this node saw none before it.
    std::optional<std::uint64_t> without_leader_ms;
    bool agent_away = false;  ///< no agent looked for a while between the entry before and this one

    friend bool operator==(const ElectionRecord&, const ElectionRecord&) = default;
    static void fields(auto& archive, auto& self) {
        archive("entry", self.entry);
        archive("cause", self.cause);
        archive("words", self.words);
        archive("cause_at", self.cause_at);
        archive("signal", self.signal);
        archive("exit_status", self.exit_status);
        archive("without_leader_ms", self.without_leader_ms);
        archive("agent_away", self.agent_away);
    }
};
/// For people, the rest of a sentence: "its process was killed by signal 9 (SIGKILL)". Empty for `unknown`.
std::string words_of(const ElectionRecord& record);
/// "1.2 s without a leader", or nothing where that is not known.
std::string without_leader_words(const ElectionRecord& record);
/// What NodeHealth tells of them: those whose cause, or whose time without a leader, is known.
std::vector<RoleCause> causes_of(const std::vector<ElectionRecord>& records);

/// One search for a leader that has ended, as the server told it to the word `elec`.
struct KeptSearch {
    std::uint64_t number = 0;
    WallMs began;
    std::string told;

    friend bool operator==(const KeptSearch&, const KeptSearch&) = default;
    static void fields(auto& archive, auto& self) {
        archive("number", self.number);
        archive("began", self.began);
        archive("told", self.told);
    }
};

inline constexpr std::uint32_t kElectionsFormat = 1;
inline constexpr std::size_t kRecordsMax = kHistoryMax;
inline constexpr std::size_t kRecordWordsMax = 300;
inline constexpr std::size_t kSearchesMax = 16;
inline constexpr std::size_t kSearchBytesMax = 24UL << 10;
inline constexpr std::size_t kSearchesBytesMax = 96UL << 10;

/// The file elections.json.
struct ElectionsKept {
    std::uint32_t format = kElectionsFormat;
    std::string cluster;
    ServerId sid;
    std::string boot;                     ///< of the host, when this was written
    std::int64_t pid = 0;                 ///< of the server's process at the last record; 0: none
    std::vector<ElectionRecord> records;  ///< oldest first, at most kRecordsMax
    std::vector<KeptSearch> searches;     ///< oldest first, bounded in number and bytes
    std::string silence;  ///< why the server tells no votes; empty: it does, or was not asked yet

    friend bool operator==(const ElectionsKept&, const ElectionsKept&) = default;
    static void fields(auto& archive, auto& self) {
        archive("format", self.format);
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("boot", self.boot);
        archive("pid", self.pid);
        archive("records", self.records);
        archive("searches", self.searches);
        archive("silence", self.silence);
    }
};

/// One vote of a search, for programs that read /v1/election.
struct SeenVote {
    WallMs at;
    std::string kind;              ///< cast, heard, doubted, majority, majority_lost
    std::optional<ServerId> from;  ///< who said it; nothing: this server
    ServerId leader;
    Zxid zxid;
    std::uint64_t round = 0;
    Epoch epoch;
    std::string rule;  ///< in what it beats the one before: epoch, zxid, sid; may be empty

    static void fields(auto& archive, auto& self) {
        archive("at", self.at);
        archive("kind", self.kind);
        archive("from", self.from);
        archive("leader", self.leader);
        archive("zxid", self.zxid);
        archive("round", self.round);
        archive("epoch", self.epoch);
        archive("rule", self.rule);
    }
};
struct SeenSearch {
    WallMs began;
    std::string why;
    std::optional<ServerId> leader;  ///< who was decided for
    std::optional<Epoch> epoch;      ///< in which it served then
    std::optional<WallMs> decided;
    std::optional<WallMs> served;
    std::vector<SeenVote> votes;

    static void fields(auto& archive, auto& self) {
        archive("began", self.began);
        archive("why", self.why);
        archive("leader", self.leader);
        archive("epoch", self.epoch);
        archive("decided", self.decided);
        archive("served", self.served);
        archive("votes", self.votes);
    }
};

/// A node's part in elections, now (where that is known) and before.
struct ElectionView {
    std::optional<Role> role;
    std::optional<Epoch> epoch;
    std::optional<ServerId> leader;
    std::optional<VoteHealth> vote;
    std::vector<ElectionEntry> history;
    std::vector<ElectionRecord> changes;  ///< the history with its causes
    std::vector<SeenSearch> searches;
    std::string silence;  ///< why there are no votes

    static void fields(auto& archive, auto& self) {
        archive("role", self.role);
        archive("epoch", self.epoch);
        archive("leader", self.leader);
        archive("vote", self.vote);
        archive("history", self.history);
        archive("changes", self.changes);
        archive("searches", self.searches);
        archive("silence", self.silence);
    }
};

/// An event of /v1/events: an entry with its cause, as one flat object.
struct ElectionNews {
    ElectionEntry entry;
    Cause cause = Cause::unknown;
    std::string words;  ///< of the cause; may be empty
    std::optional<std::uint64_t> without_leader_ms;

    static void fields(auto& archive, auto& self) {
        ElectionEntry::fields(archive, self.entry);
        archive("cause", self.cause);
        archive("words", self.words);
        archive("without_leader_ms", self.without_leader_ms);
    }
};
ElectionNews news_of(const ElectionRecord& record);

std::string to_json(const ElectionView& view);
std::string to_json(const ElectionNews& news);
std::string to_json(const ElectionsKept& kept);
/// Drops and cuts until nothing exceeds the limits above: oldest first.
void bound(ElectionsKept& kept);
/// Errc::corrupt for what is not such a file; Errc::unsupported for one of a later format. What comes
/// out is bounded, whatever the file says.
Result<ElectionsKept> parse_elections_kept(std::string_view json);

}  // namespace zk::agent_api
