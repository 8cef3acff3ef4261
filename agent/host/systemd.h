// Units of systemd by way of systemctl.
// Shell. Blocking, with deadlines; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace zk::agent_host {

struct UnitState {
    std::string name;
    std::string active;  ///< ActiveState, or "missing"
    std::string sub;     ///< SubState
    bool enabled = false;
    std::int64_t main_pid = 0;
    std::uint64_t restarts = 0;
    std::int64_t exit_status = 0;
    /// Of the main process that ran last: its pid, and how it ended as waitid() tells it (CLD_EXITED 1, CLD_KILLED 2,
    /// CLD_DUMPED 3; 0: it runs, or none did). `exit_status` is then its status or signal.
    std::int64_t last_pid = 0;
    std::int64_t exit_code = 0;
    std::string result;  ///< in systemd's words: success, signal, exit-code, watchdog, oom-kill, …
    bool job = false;    ///< a start or stop of it waits or goes on
};

/// Whether systemd is this system's first process.
bool runs_systemd();
/// In the order asked for.
Result<std::vector<UnitState>> unit_states(
    const std::vector<std::string>& units,
    std::chrono::milliseconds patience = std::chrono::seconds(90));
Result<> reload_systemd();
Result<> enable_unit(const std::string& unit);
Result<> disable_unit(const std::string& unit);
/// These do not wait for the unit to be ready, so that a server which has no quorum yet blocks
/// nobody.
Result<> start_unit(const std::string& unit);
Result<> restart_unit(const std::string& unit);
/// Waits until it has stopped.
Result<> stop_unit(const std::string& unit);
/// The last lines the unit wrote, for an error's words; empty when there is no journal.
std::string unit_last_words(const std::string& unit);

/// The blocks of `systemctl show`. Pure.
std::vector<UnitState> parse_unit_states(const std::string& text);

}  // namespace zk::agent_host
