#include "agent_api/formation_word.h"

#include <algorithm>
#include <utility>

#include "agent_api/json_io.h"

namespace zk::agent_api {
namespace {

bool is_plain(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}
/// Such text may stand in a message or a log as it is.
bool is_plain_text(std::string_view text, std::size_t most) {
    return text.size() <= most && std::ranges::all_of(text, is_plain);
}
bool is_token(std::string_view text) { return !text.empty() && is_plain_text(text, kTokenMax); }
bool is_sid(ServerId sid) { return sid.value() >= 1 && sid.value() <= 255; }

/// Which part of a ticket no node can have said; empty: none.
std::string wrong_part(const FormationTicket& ticket) {
    if (!is_token(ticket.generation)) return "generation";
    if (ticket.version < 1 || ticket.version > kTicketVersionMax) return "version";
    if (ticket.nonces.empty() || ticket.nonces.size() > kTicketMembersMax) return "nonces";
    std::set<std::string_view> nonces;
    for (const auto& [sid, nonce] : ticket.nonces) {
        if (!is_sid(sid) || !is_token(nonce) || !nonces.insert(nonce).second) return "nonces";
    }
    if (!nonces.contains(ticket.issuer_nonce)) return "issuer_nonce";
    const auto named = [&](ServerId sid) { return ticket.nonces.contains(sid); };
    if (!std::ranges::all_of(ticket.replaced, named)) return "replaced";
    return {};
}

bool is_incarnation(const Incarnation& one) {
    return one.number >= 1 && one.number <= kIncarnationMax && is_token(one.id);
}

std::string wrong_part(const FormationWord& word) {
    if (word.cluster.empty() || !is_plain_text(word.cluster, kClusterNameMax)) return "cluster";
    if (!is_sid(word.sid)) return "sid";
    if (!is_token(word.members_hash)) return "members_hash";
    if (!is_plain_text(word.machine, kTokenMax)) return "machine";
    if (!is_token(word.nonce)) return "nonce";
    if (!is_plain_text(word.generation, kTokenMax)) return "generation";
    if (word.incarnation && !is_incarnation(*word.incarnation)) return "incarnation";
    if (!is_plausible(word.remembers)) return "remembers";
    if (!word.ticket) return {};
    const std::string part = wrong_part(*word.ticket);
    return part.empty() ? part : "ticket." + part;
}

std::string wrong_part(const FormationRecord& record) {
    if (!is_token(record.nonce)) return "nonce";
    if (!is_plain_text(record.machine, kTokenMax)) return "machine";
    if (!record.ticket) return {};
    const std::string part = wrong_part(*record.ticket);
    return part.empty() ? part : "ticket." + part;
}

template <class T>
Result<T> parse_bounded(std::string_view text, std::string_view what) {
    if (text.size() > kWordBytesMax) {
        return Error(
            Errc::corrupt,
            std::string(what) + ": longer than " + std::to_string(kWordBytesMax) + " bytes");
    }
    auto value = read_json<T>(text, what);
    if (!value.has_value()) return value;
    if (const std::string part = wrong_part(*value); !part.empty()) {
        return Error(Errc::corrupt, std::string(what) + ": no node says such a value of " + part);
    }
    return value;
}

}  // namespace

bool is_plausible(const Incarnations& incarnations) {
    const auto plausible = [](const auto& member) {
        return is_sid(member.first) && is_incarnation(member.second);
    };
    return incarnations.size() <= kTicketMembersMax && std::ranges::all_of(incarnations, plausible);
}

std::string to_json(const FormationWord& word) { return write_json(word); }
Result<FormationWord> parse_formation_word(std::string_view json) {
    return parse_bounded<FormationWord>(json, "formation word");
}
std::string to_json(const FormationRecord& record) { return write_json(record); }
Result<FormationRecord> parse_formation_record(std::string_view json) {
    return parse_bounded<FormationRecord>(json, "formation record");
}

}  // namespace zk::agent_api
