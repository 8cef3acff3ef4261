// What nodes born without a controller say to each other and what each keeps beside it: Words, tickets, the record of a
// state directory. Pure. Words come from whoever answers at a member's address, so reading them is bounded and strict.
// Travels as JSON. Rules: docs/PROVISIONING.md 2.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "agent_api/incarnation.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::agent_api {

/// The leave to form one generation: it names a nonce of every member, and counts once all have countersigned.
struct FormationTicket {
    std::string generation;
    std::string issuer_nonce;  ///< of the state directory that issued this version
    std::uint64_t version = 0;
    std::map<ServerId, std::string> nonces;
    /// Members that were installed anew since a version of this generation that may have been completed.
    std::set<ServerId> replaced;
    bool complete = false;

    friend bool operator==(const FormationTicket&, const FormationTicket&) = default;
    static void fields(auto& archive, auto& self) {
        archive("generation", self.generation);
        archive("issuer_nonce", self.issuer_nonce);
        archive("version", self.version);
        archive("nonces", self.nonces);
        archive("replaced", self.replaced);
        archive("complete", self.complete);
    }
};

/// What a node says of itself. Made after it was asked: a hearer forgets all Words when it starts.
struct FormationWord {
    std::string cluster;
    ServerId sid;
    std::string members_hash;
    std::string machine;     ///< hash of its machine-id; empty: it has none
    std::string nonce;       ///< random, made once for each state directory
    std::string generation;  ///< of which it is or was a part; empty: it remembers none
    bool has_data = false;
    bool serving = false;                    ///< its server answers clients
    std::optional<FormationTicket> ticket;   ///< issued or countersigned
    std::optional<Incarnation> incarnation;  ///< its own
    /// Of others, as a controller told it: never what it heard from somebody else.
    Incarnations remembers{};

    friend bool operator==(const FormationWord&, const FormationWord&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("members_hash", self.members_hash);
        archive("machine", self.machine);
        archive("nonce", self.nonce);
        archive("generation", self.generation);
        archive("has_data", self.has_data);
        archive("serving", self.serving);
        archive("ticket", self.ticket);
        archive("incarnation", self.incarnation);
        archive("remembers", self.remembers);
    }
};

/// Longest Word that is read: 255 members with nonces of full length need less.
inline constexpr std::size_t kWordBytesMax = 64U << 10U;
/// Members of one ticket.
inline constexpr std::size_t kTicketMembersMax = 255;
/// Longest nonce, generation and hash: 64 hex digits are a SHA-256.
inline constexpr std::size_t kTokenMax = 64;
inline constexpr std::size_t kClusterNameMax = 40;
/// Versions above this are nobody's: each costs an install or a restart of a forming.
inline constexpr std::uint64_t kTicketVersionMax = 1'000'000;

/// Whether some node can have them: ids, numbers and texts within their bounds.
bool is_plausible(const Incarnations& incarnations);

std::string to_json(const FormationWord& word);
/// Errors: longer than kWordBytesMax, not JSON, a member of the wrong type, what no node says. Never quotes what it read.
Result<FormationWord> parse_formation_word(std::string_view json);

/// What a state directory keeps beside the recorded identity. Written before the Word that says it.
struct FormationRecord {
    std::string nonce;
    std::string machine;  ///< where the nonce was made
    std::optional<FormationTicket> ticket;

    friend bool operator==(const FormationRecord&, const FormationRecord&) = default;
    static void fields(auto& archive, auto& self) {
        archive("nonce", self.nonce);
        archive("machine", self.machine);
        archive("ticket", self.ticket);
    }
};
std::string to_json(const FormationRecord& record);
/// Bounded as parse_formation_word.
Result<FormationRecord> parse_formation_record(std::string_view json);

}  // namespace zk::agent_api
