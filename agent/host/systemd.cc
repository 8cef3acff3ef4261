#include "agent_host/systemd.h"

#include <sstream>

#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

constexpr auto kWait = std::chrono::seconds(90);

template <class Int>
Int number(const std::string& text) {
    return parse_number<Int>(text).value_or(0);
}

void take(UnitState& unit, const std::string& key, const std::string& value) {
    if (key == "Id") unit.name = value;
    if (key == "LoadState" && value == "not-found") unit.active = "missing";
    if (key == "ActiveState" && unit.active.empty()) unit.active = value;
    if (key == "SubState") unit.sub = value;
    if (key == "UnitFileState") unit.enabled = value == "enabled";
    if (key == "MainPID") unit.main_pid = number<std::int64_t>(value);
    if (key == "NRestarts") unit.restarts = number<std::uint64_t>(value);
    if (key == "Job") unit.job = number<std::uint64_t>(value) != 0;
    if (key == "ExecMainStatus") unit.exit_status = number<std::int64_t>(value);
    if (key == "ExecMainCode") unit.exit_code = number<std::int64_t>(value);
    if (key == "ExecMainPID") unit.last_pid = number<std::int64_t>(value);
    if (key == "Result") unit.result = value;
}

Result<> systemctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "systemctl");
    auto output = run_checked(arguments, kWait);
    if (!output.has_value()) return output.error();
    return ok();
}

}  // namespace

bool runs_systemd() { return exists("/run/systemd/system"); }

std::vector<UnitState> parse_unit_states(const std::string& text) {
    std::vector<UnitState> units;
    std::istringstream lines(text);
    std::string line;
    bool inside = false;
    while (std::getline(lines, line)) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) {
            inside = false;
            continue;
        }
        if (!inside) units.emplace_back();
        inside = true;
        take(units.back(), line.substr(0, equals), line.substr(equals + 1));
    }
    return units;
}

Result<std::vector<UnitState>> unit_states(const std::vector<std::string>& units,
                                           std::chrono::milliseconds patience) {
    std::vector<std::string> command = {
        "systemctl",
        "show",
        "--no-pager",
        "-p",
        "Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,ExecMainStatus,"
        "ExecMainCode,ExecMainPID,Result,Job"};
    command.insert(command.end(), units.begin(), units.end());
    ZK_TRY(const std::string text, run_checked(command, patience));
    auto states = parse_unit_states(text);
    if (states.size() != units.size()) {
        return Error(Errc::failed, "systemctl show answered for other units than asked");
    }
    return states;
}

Result<> reload_systemd() { return systemctl({"daemon-reload"}); }
Result<> enable_unit(const std::string& unit) { return systemctl({"--quiet", "enable", unit}); }
Result<> disable_unit(const std::string& unit) { return systemctl({"--quiet", "disable", unit}); }
Result<> start_unit(const std::string& unit) { return systemctl({"start", "--no-block", unit}); }
Result<> restart_unit(const std::string& unit) {
    // Waits for the stop, so that nobody takes the old process for the new one.
    ZK_CHECK(stop_unit(unit));
    return start_unit(unit);
}
Result<> stop_unit(const std::string& unit) { return systemctl({"stop", unit}); }

std::string unit_last_words(const std::string& unit) {
    const auto lines =
        run_command({"journalctl", "--no-pager", "-q", "-o", "cat", "-n", "4", "-u", unit}, kWait);
    if (!lines.has_value() || lines->exit_status != 0) return {};
    return lines->output;
}

}  // namespace zk::agent_host
