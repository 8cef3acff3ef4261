// A vote: which server should lead, and why. And the order of votes, on which every election rests.
// Pure. Source: ZooKeeper Vote, FastLeaderElection.totalOrderPredicate; docs/PROTOCOL.md 2.6 and 2.7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace zk::election {

/// What a server is doing. The numbers are the wire's.
enum class PeerState : std::int32_t { looking = 0, following = 1, leading = 2, observing = 3 };
/// "LOOKING", "FOLLOWING", "LEADING", "OBSERVING".
std::string_view to_string(PeerState state);

struct Vote {
    ServerId leader;   ///< who should lead, or leads
    Zxid zxid;         ///< the last zxid of that server
    Round round;       ///< round of the voter in which the vote was cast
    Epoch peer_epoch;  ///< current epoch of that server
    friend bool operator==(const Vote&, const Vote&) = default;
};
/// "leader=3 epoch=1 zxid=0x100000004 round=2".
std::string to_string(const Vote& vote);

/// True when `candidate` beats `current`: peer epoch first, then zxid, then sid. The round does not
/// matter.
bool supersedes(const Vote& candidate, const Vote& current);

/// What the order of votes compares, in this order.
enum class Rule { epoch, zxid, sid };
/// "epoch", "zxid", "sid".
std::string_view to_string(Rule rule);
/// The first of them in which `candidate` is greater and not less before; none: it does not beat `current`.
std::optional<Rule> better_by(const Vote& candidate, const Vote& current);

/// What one server last said of its vote.
struct Ballot {
    Vote vote;
    PeerState state = PeerState::looking;
    /// Format of the notification it came in; 0: its peer epoch may be the one before the election.
    std::int32_t version = 0;
};

/// True when two ballots agree for counting. Votes of an election under way must be equal in all;
/// servers that already follow or lead need the same leader and epoch only, since the zxid and
/// round of an old election say nothing; where just one of the two knows the rewritten epoch, the
/// leader alone decides.
bool agrees(const Ballot& a, const Ballot& b);

}  // namespace zk::election
