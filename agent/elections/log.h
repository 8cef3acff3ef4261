// What an agent keeps of elections: records with causes, and the searches that its server told and may forget.
// Pure. Lives on the resident agent's loop. Invariant: within the limits of agent_api::ElectionsKept at any time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/election_record.h"
#include "election/history.h"

namespace zk::elections {

class ElectionLog {
  public:
    ElectionLog() = default;
    /// Goes on with what was kept. Its node is whose `kept` says it is.
    explicit ElectionLog(agent_api::ElectionsKept kept);

    /// Entries of an agent that kept no causes; those that are known are passed over.
    void import(const std::vector<agent_api::ElectionEntry>& history);
    /// An answer to the word `elec`: searches that led to something are kept, and told anew where more of them is known.
    /// True when that changed something. Text that cannot be read changes nothing.
    bool take_searches(std::string_view told);
    /// `record` without its time without a leader, which is found here.
    void add(agent_api::ElectionRecord record);

    /// The server's last search, of all kept or not, when it began not before `since`.
    [[nodiscard]] std::optional<election::Search> last_search(WallMs since) const;
    [[nodiscard]] const agent_api::ElectionsKept& kept() const { return kept_; }
    agent_api::ElectionsKept& kept() { return kept_; }

  private:
    /// Since when the server has looked for the leader that it found last; nothing when it began with that.
    [[nodiscard]] std::optional<WallMs> searching_since() const;
    [[nodiscard]] std::optional<std::uint64_t> without_leader(
        const agent_api::ElectionRecord& record) const;

    agent_api::ElectionsKept kept_;
    std::vector<election::Search> told_;  ///< by the server last
};

/// The searches that are kept, as one text in the form of `elec`.
std::string text_of(const std::vector<agent_api::KeptSearch>& searches);
/// The same for programs.
std::vector<agent_api::SeenSearch> seen_in(const std::vector<agent_api::KeptSearch>& searches);

}  // namespace zk::elections
