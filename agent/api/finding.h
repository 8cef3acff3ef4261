// One thing that is not as it should be on a node, with what shows it. Pure. Travels inside a node's health. What people
// read of it (`words`) may change; `id` does not: docs/OPERATIONS.md lists all of them, alerts and tests name them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent_api/names.h"
#include "base/time.h"

namespace zk::agent_api {

enum class FindingLevel {
    note,      ///< worth knowing; the node is well all the same
    warning,   ///< somebody should look, before it gets worse
    critical,  ///< it keeps the server from its work, or soon will
};
constexpr std::array<std::string_view, 3> enum_words(FindingLevel) {
    return {"note", "warning", "critical"};
}

struct Finding {
    std::string id;       ///< "disk.space"
    std::string subject;  ///< which one, where a node has several: a path; else empty
    FindingLevel level = FindingLevel::warning;
    std::string words;  ///< what is wrong, and what to do where that is not plain
    std::optional<std::int64_t>
        value;  ///< what was measured, in the unit that docs/OPERATIONS.md names
    std::optional<std::int64_t> limit;  ///< and what it should have kept
    WallMs since;                       ///< of the look that found it first; 0: not known

    friend bool operator==(const Finding&, const Finding&) = default;
    static void fields(auto& archive, auto& self) {
        archive("id", self.id);
        archive("subject", self.subject);
        archive("level", self.level);
        archive("words", self.words);
        archive("value", self.value);
        archive("limit", self.limit);
        archive("since", self.since);
    }
};

inline Finding make_finding(std::string id, FindingLevel level, std::string words) {
    Finding finding;
    finding.id = std::move(id);
    finding.level = level;
    finding.words = std::move(words);
    return finding;
}

}  // namespace zk::agent_api
