#include "agent_api/incarnation.h"

#include <algorithm>

#include "agent_api/formation_word.h"
#include "agent_api/json_io.h"

namespace zk::agent_api {

std::string words_of(const std::optional<Incarnation>& one) {
    if (!one) return "the incarnation that formed";
    std::string words = "incarnation " + std::to_string(one->number);
    if (one->made_at != WallMs()) words += " (made " + utc_text(one->made_at) + ")";
    return words;
}

std::string to_json(const MemberMemory& memory) { return write_json(memory); }
Result<MemberMemory> parse_member_memory(std::string_view json) {
    ZK_TRY(auto memory, read_json<MemberMemory>(json, "memory of the members"));
    if (memory.cluster.empty() || memory.generation.empty()) {
        return Error(Errc::corrupt, "memory of the members: no cluster or no generation");
    }
    if (!is_plausible(memory.members)) {
        return Error(Errc::corrupt, "memory of the members: no controller says such incarnations");
    }
    return memory;
}

bool merge(MemberMemory& known, const MemberMemory& told) {
    if (known.cluster != told.cluster || known.generation != told.generation) {
        const bool news = !told.members.empty();
        if (news) known = told;
        return news;
    }
    bool news = false;
    for (const auto& [sid, incarnation] : told.members) {
        const auto found = known.members.find(sid);
        if (found != known.members.end() && !supersedes(incarnation, found->second)) continue;
        known.members[sid] = incarnation;
        news = true;
    }
    return news;
}

std::string to_json(const StartRefusal& refusal) { return write_json(refusal); }
Result<StartRefusal> parse_start_refusal(std::string_view json) {
    return read_json<StartRefusal>(json, "refusal to start");
}

}  // namespace zk::agent_api
