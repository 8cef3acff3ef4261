// How far a node that is born without a controller has come: /run/zkprov/join.json.
// Pure. Travels as JSON, as the other types of this room do.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/names.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::agent_api {

enum class JoinStage {
    identify,    ///< who is this node
    preflight,   ///< may it become that
    fetch,       ///< the server's program
    wait_peers,  ///< not all members that are needed have answered
    decide,      ///< they agree on a formation
    run,         ///< the node is brought to what it should be, and its server has to serve
    done,
    failed,  ///< a person decides; `words` says why and what can be done
};
constexpr std::array<std::string_view, 8> enum_words(JoinStage) {
    return {"identify", "preflight", "fetch", "wait-peers", "decide", "run", "done", "failed"};
}

/// How this run brought the node into its ensemble.
enum class JoinWay { none, formed, joined, started };
constexpr std::array<std::string_view, 4> enum_words(JoinWay) {
    return {"none", "formed", "joined", "started"};
}

struct JoinReport {
    JoinStage stage = JoinStage::identify;
    std::string cluster;
    std::optional<ServerId> sid;
    std::string generation;  ///< recorded on this node; empty: none
    JoinWay way = JoinWay::none;
    std::string words;  ///< what it waits for, or why it failed
    std::vector<std::string> warnings;
    std::vector<ServerId> unheard;  ///< members that have not answered since it began

    friend bool operator==(const JoinReport&, const JoinReport&) = default;
    static void fields(auto& archive, auto& self) {
        archive("stage", self.stage);
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("generation", self.generation);
        archive("way", self.way);
        archive("words", self.words);
        archive("warnings", self.warnings);
        archive("unheard", self.unheard);
    }
};
std::string to_json(const JoinReport& report);
Result<JoinReport> parse_join_report(std::string_view json);
/// One line for people, without the warnings.
std::string words_of(const JoinReport& report);

}  // namespace zk::agent_api
