// What changed on this node, for readers of server-sent events: verdicts, and roles, epochs and leaders.
// Pure. Lives on the resident agent's loop. Invariant: ids grow, also over a restart of the agent (they are wall
// milliseconds, or one more than the last), so a reader that comes back gets what it missed as far as it is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/election_record.h"
#include "agent_api/node_health.h"

namespace zk::agent_serve {

class EventLog {
  public:
    /// Elections that an earlier agent saw.
    void restore(const std::vector<agent_api::ElectionRecord>& changes);
    /// The new events, as they go over the wire; empty when nothing changed. `changes` are the last of them, oldest first.
    std::string note(const agent_api::NodeHealth& health,
                     const std::vector<agent_api::ElectionRecord>& changes);
    /// What came after `last_event_id`; nothing for who has none.
    [[nodiscard]] std::string since(std::string_view last_event_id) const;

  private:
    struct Event {
        std::int64_t id = 0;
        std::string text;
    };
    std::string add(std::string_view kind, WallMs at, const std::string& data);

    std::deque<Event> events_;
    std::optional<agent_api::ElectionEntry> last_election_;
    std::optional<agent_api::NodeVerdict> last_verdict_;
};

}  // namespace zk::agent_serve
