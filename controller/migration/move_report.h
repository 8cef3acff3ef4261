// What a move did to those who used the ensemble meanwhile: from the sessions that zkprov kept, from its own clock and
// from what the nodes' agents have seen. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"
#include "base/time.h"

namespace zk::migration {

/// What the sessions saw: one wrote a number after the other into a znode of its own, the other watched that one and kept
/// an ephemeral of its own.
struct ProbeHistory {
    std::string unmeasured;          ///< why there were none; all else is 0 then
    std::uint64_t acknowledged = 0;  ///< writes
    std::uint64_t unanswered =
        0;  ///< writes whose answer was lost with a connection, and that were found done
    std::uint64_t lost = 0;           ///< acknowledged, and not there any more when it was read
    std::uint64_t sessions_lost = 0;  ///< of the two
    std::uint64_t watches = 0;        ///< that came
    milliseconds longest_gap{0};      ///< between two acknowledged writes
    milliseconds gap_at{0};           ///< when it began, since the first write
    milliseconds lasted{0};           ///< from the first write to the last

    [[nodiscard]] bool well() const { return lost == 0 && sessions_lost == 0; }
};

/// What is certain of numbers that are written one after the other, each on the condition that the one before is there.
class WriteLedger {
  public:
    [[nodiscard]] std::uint64_t last() const { return last_; }
    /// Times are since any one beginning, and grow.
    void begin(milliseconds at);
    /// The number behind last() was written.
    void acknowledge(milliseconds at);
    /// What a read found after a write had no answer. Less than last(): so many are lost.
    void find(std::uint64_t number, milliseconds at);
    /// Writes `acknowledged`, `unanswered`, `lost` and the times.
    void tell(ProbeHistory& history) const;

  private:
    void step(milliseconds at);

    std::uint64_t last_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t unanswered_ = 0;
    std::uint64_t lost_ = 0;
    milliseconds begun_{0};
    milliseconds last_at_{0};
    milliseconds gap_{0};
    milliseconds gap_at_{0};
};

/// What was done to one node.
struct NodeMove {
    ServerId id;
    milliseconds away{
        0};  ///< from the stop of its server until it was in sync and had committed a write
    std::string copy;       ///< where its data are as they were, in words
    std::string gone_back;  ///< it has its old server again: why
};

/// A reign that began during the move, or held when it began.
struct Reign {
    ServerId leader;
    std::optional<Epoch> epoch;
    milliseconds at{0};  ///< since the move began; 0: before
    friend bool operator==(const Reign&, const Reign&) = default;
};
/// What an agent has seen of its own node.
struct Seen {
    ServerId id;
    std::vector<agent_api::ElectionEntry> history;  ///< oldest first, by the node's clock
    milliseconds clock_ahead{0};                    ///< of that clock
};
/// Who led since `began` (by the clock of who asks), oldest first.
std::vector<Reign> reigns_since(WallMs began, const std::vector<Seen>& seen);

struct MoveReport {
    ProbeHistory probes;
    std::vector<NodeMove> moves;  ///< in the order in which they were made
    std::vector<Reign> reigns;
};
/// Lines for people.
std::vector<std::string> report_lines(const MoveReport& report);

}  // namespace zk::migration
