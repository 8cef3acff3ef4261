// The whole ensemble as one node's agent sees it: its own health, and what it last heard of the others.
// Pure. The rules are those of ensemble_judge; here is said which words are too old to count.
// The document is that of docs/PAGES.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"
#include "base/time.h"
#include "clock_offset/clock_offset.h"

namespace zk::ensemble_view {

/// What is known of another node.
struct Peer {
    ServerId sid;
    /// Its last word: its agent's, or where that does not answer what its server says.
    std::optional<agent_api::NodeHealth> health;
    std::uint64_t heard_ms = 0;  ///< how long ago that was
    std::string failure;         ///< why the last question has no answer; empty: it has one
    bool asked = false;          ///< a question has been answered or has failed
    /// Its wall clock by ours; nothing: its agent did not tell it.
    std::optional<clock_offset::ClockLook> clock;
};

struct Look {
    std::string cluster;
    ServerId self;
    std::vector<agent_api::MemberSpec> members;  ///< by id, this node too
    agent_api::NodeHealth own;
    std::vector<Peer> peers;
    WallMs now;
};

/// A peer is asked each second. One that fails to answer is not believed for longer than this to be as it was.
inline constexpr std::uint64_t kMissedMsMax = 2000;
/// And one that takes its time with an answer for so long.
inline constexpr std::uint64_t kSilentMsMax = 5000;

/// One document, schema zkprov-ensemble/1, with a line end.
std::string ensemble_json(const Look& look);

}  // namespace zk::ensemble_view
