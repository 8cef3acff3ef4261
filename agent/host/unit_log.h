// What a unit of systemd wrote, from the journal by way of journalctl.
// Shell. Blocking, bounded; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent_api/node_log.h"
#include "base/result.h"

namespace zk::agent_host {

/// The last `lines` lines of the unit, or those behind the cursor. `journalctl` is a program's name, or a path. Errors:
/// AgentErrc::not_found: no journal on this host, or with a first question nothing in it; AgentErrc::no_right; Errc::invalid
/// for a cursor that is none of a journal; Errc::timeout.
Result<agent_api::NodeLog> read_unit_log(const std::string& unit,
                                         const agent_api::LogRequest& request,
                                         const std::string& journalctl = "journalctl");

/// An entry of the journal as `journalctl -o json` prints it.
struct JournalEntry {
    std::string cursor;
    std::optional<std::int64_t> at_us;
    std::string message;  ///< as it was written, which may be no text
};
/// Errc::corrupt for what is no entry. Pure.
Result<JournalEntry> parse_journal_entry(std::string_view json);

}  // namespace zk::agent_host
