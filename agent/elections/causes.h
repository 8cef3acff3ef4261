// Why a node's role, epoch or leader changed: the table of docs/OPERATIONS.md, "Causes", as one function.
// Pure: evidence in, cause out. What the evidence does not say stays `unknown`; nothing is guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/election_record.h"
#include "election/history.h"

namespace zk::elections {

/// How a process of the server ended, as its parent saw it.
struct ProcessEnd {
    enum class Way { unknown, exited, killed, watchdog };
    std::int64_t pid = 0;
    Way way = Way::unknown;
    std::int64_t number = 0;  ///< the status or the signal
    std::string words;        ///< what else is known of it
    WallMs at;                ///< when that was seen; 0: not known
};

/// What zkprov did to the server.
struct Deed {
    enum class Kind { start, restart, stop };
    Kind kind{};
    std::int64_t pid = 0;  ///< of the process that it met; 0: none
    WallMs at;
};

struct Evidence {
    std::optional<agent_api::ElectionEntry> before;
    agent_api::Cause cause_before = agent_api::Cause::unknown;
    agent_api::ElectionEntry now;
    bool process = false;         ///< there is one now
    bool process_known = true;    ///< false: nobody could be asked whether there is one
    std::int64_t pid = 0;         ///< of it
    std::int64_t pid_seen = 0;    ///< of the process at the look before this one; 0: there was none
    std::int64_t pid_before = 0;  ///< and when `before` was written
    bool boot_changed = false;
    bool conflict = false;  ///< what answers is not this server
    bool stopped_on_purpose = false;
    std::string silence;            ///< of a process that lives and does not answer: why
    std::optional<ProcessEnd> end;  ///< the last one seen
    std::vector<Deed> deeds;        ///< the last ones, oldest first
    std::optional<election::Search>
        search;  ///< the server's last one; not one that led to `before`
};

struct Found {
    agent_api::Cause cause = agent_api::Cause::unknown;
    std::string words;
    std::optional<WallMs> at;
    std::optional<std::int64_t> signal;
    std::optional<std::int64_t> exit_status;
};
Found cause_of(const Evidence& evidence);

/// Whether an entry says that the node had a leader, or was one.
bool has_leader(const agent_api::ElectionEntry& entry);

}  // namespace zk::elections
