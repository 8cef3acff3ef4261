// Which making of a node is this? A server id stays when its machine is replaced; the incarnation does not.
// Pure. Kept in the host's record, in the data directory, and of others in each agent's memory: docs/PROVISIONING.md 2.6.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace zk::agent_api {

/// A node that was made anew, in the place of one that formed or of one made anew before. The node that took part in the
/// forming has none, as have those of versions that knew of none.
struct Incarnation {
    std::uint64_t number = 0;  ///< grows with each making; 1 to kIncarnationMax
    std::string id;  ///< random: two that were made without knowing of each other are told apart
    WallMs made_at;  ///< for people

    friend bool operator==(const Incarnation&, const Incarnation&) = default;
    static void fields(auto& archive, auto& self) {
        archive("number", self.number);
        archive("id", self.id);
        archive("made_at", self.made_at);
    }
};

/// Higher numbers are nobody's: each costs a disk.
inline constexpr std::uint64_t kIncarnationMax = 1'000'000;

/// 0: that which formed.
inline std::uint64_t number_of(const std::optional<Incarnation>& one) {
    return one ? one->number : 0;
}
/// Whether `one` was made in the place of `than`. Two of one number that differ were each made in ignorance of the other:
/// none of the two is known to be the right one, so either counts as replaced.
inline bool supersedes(const std::optional<Incarnation>& one,
                       const std::optional<Incarnation>& than) {
    if (number_of(one) != number_of(than)) return number_of(one) > number_of(than);
    return one && than && one->id != than->id;
}
/// "incarnation 2 (made 2026-01-31T12:00:00Z)".
std::string words_of(const std::optional<Incarnation>& one);

using Incarnations = std::map<ServerId, Incarnation>;

/// What an agent remembers of the other members: of each the newest incarnation that a controller has told it.
struct MemberMemory {
    std::string cluster;
    std::string generation;
    Incarnations members;

    friend bool operator==(const MemberMemory&, const MemberMemory&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("generation", self.generation);
        archive("members", self.members);
    }
};
std::string to_json(const MemberMemory& memory);
/// Errors: not JSON, no cluster or generation, what no controller says.
Result<MemberMemory> parse_member_memory(std::string_view json);
/// Takes over what supersedes what is known, and all of it when `known` is of another formation. True: something was new.
bool merge(MemberMemory& known, const MemberMemory& told);

/// Why this node's server must not start, kept until somebody says otherwise.
struct StartRefusal {
    std::optional<Incarnation> own;  ///< about which it was said; of no other it counts
    std::string words;               ///< for people, with the way out
    /// Said by a majority of the other members: counts also when nobody answers.
    bool lasting = false;
    WallMs at;

    friend bool operator==(const StartRefusal&, const StartRefusal&) = default;
    static void fields(auto& archive, auto& self) {
        archive("own", self.own);
        archive("words", self.words);
        archive("lasting", self.lasting);
        archive("at", self.at);
    }
};
std::string to_json(const StartRefusal& refusal);
Result<StartRefusal> parse_start_refusal(std::string_view json);

}  // namespace zk::agent_api
