// What happened to the servers of an ensemble, of all nodes by one clock: for a table, and for programs.
// Pure. What each node remembers in, lines out. Election by election, in words: explain.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/election_record.h"
#include "events/explain.h"

namespace zk::events {

/// What is known of one node.
struct Witness {
    NodeWord word;
    std::string host;
    /// Why nothing is known of it at all; empty: its agent answered.
    std::string silence{};
    ClockLook clock{};
    std::vector<agent_api::ElectionRecord> changes{};  ///< as its agent saw it
};

/// An answer of `elec`. Its searches, or why they cannot be read; `kept`: those that the agent has, in the same form.
void take_elections(NodeWord& word,
                    const std::string& told,
                    const std::string& silence,
                    const std::string& kept = {});
/// An older agent tells its history without causes.
std::vector<agent_api::ElectionRecord> changes_of(
    std::vector<agent_api::ElectionRecord> changes,
    const std::vector<agent_api::ElectionEntry>& history);

/// What became of a leader that a node lost: fate.h.
struct Fate {
    ServerId leader;
    std::string cause;  ///< a word of agent_api::Cause, or "network": it went on leading
    std::string words;
};

struct Happened {
    enum class Source { server, agent };  ///< who saw it
    enum class Kind { looks, decided, serves, ended, role };
    WallMs at;  ///< by the controller's clock
    ServerId node;
    Source source{};
    Kind kind{};
    std::string words;
    std::optional<Epoch> epoch{};
    std::optional<ServerId> leader{};
    std::optional<agent_api::ElectionRecord> change{};  ///< what the agent saw
    std::optional<Fate> fate{};
};
std::string_view to_string(Happened::Source source);
std::string_view to_string(Happened::Kind kind);

/// Of all nodes, oldest first. `since`: nothing that is older.
std::vector<Happened> timeline(const std::vector<Witness>& witnesses, std::optional<WallMs> since);
/// Without the searches that had come to their end before `since`.
std::vector<NodeWord> words_since(const std::vector<Witness>& witnesses,
                                  std::optional<WallMs> since);
/// Who did not tell everything, and whose clock differs, one line each; and how sure an order between nodes is.
enum class Silent { to_name, named };  ///< who tells no votes: explain() has named them already
std::vector<std::string> remarks(const std::vector<Witness>& witnesses, Silent silent);

struct Told {
    std::string cluster;
    std::optional<WallMs> since{};
    bool explained = false;
    int exit_code = 0;
};
/// Ends with a line end. A table, or with `explained` the last election in words.
std::string format_events(const Told& told, const std::vector<Witness>& witnesses);
/// One document, schema zkprov.events/1.
std::string events_json(const Told& told, const std::vector<Witness>& witnesses);

}  // namespace zk::events
