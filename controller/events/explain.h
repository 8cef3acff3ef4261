// The last election of an ensemble, told from the votes that its servers really cast and heard.
// Pure: what each node told in, words out. A node whose word is missing is said to be missing; nothing is guessed.
// Rules of the order: docs/PROTOCOL.md 2.6 and 2.7.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "election/history.h"

namespace zk::events {

/// What one node's server remembers.
struct NodeWord {
    ServerId sid;
    /// Of its wall clock beside the controller's: positive when it is ahead. Taken off before times are compared.
    Duration clock_ahead{};
    /// Oldest first; nullopt: the node did not tell, and `why_not` says why: it is down, or runs
    /// Apache's server, which does not tell votes.
    std::optional<std::vector<election::Search>> searches{};
    std::string why_not{};
    /// So many of the first ones are what the node's agent kept: the server has forgotten them, or does not tell.
    std::size_t kept = 0;
};

/// By how much a node's clock is ahead of the controller's, as far as it can be seen: when the question was sent, when
/// the answer came, what the node's clock said in between.
struct ClockLook {
    Duration ahead{};
    Duration uncertain{};  ///< either way
};
ClockLook look_at_clock(WallMs asked, WallMs told, WallMs answered);
/// What is taken off the node's times: nothing, when the two clocks may well be equal.
Duration correction(const ClockLook& look);

/// Lines, without ends. Empty when no node told of an election that was decided.
std::vector<std::string> explain(const std::vector<NodeWord>& nodes);

}  // namespace zk::events
