// zkprov status -w: the same look again and again, until Ctrl-C.
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "clocks/clocks.h"
#include "phases/control.h"
#include "phases/runner.h"
#include "phases/watched_hosts.h"

namespace zk::phases {
namespace {

/// Who has not answered by then is shown as it was.
constexpr milliseconds kFirstPatience{3000};  // a connection is made
constexpr milliseconds kPatience{1500};       // an agent may be in the middle of a look
constexpr milliseconds kWatchPause{50};
constexpr std::size_t kColumnsLeast = 20;

/// Over what stands there; what does not fit is not shown, so that nothing scrolls.
std::string redraw(const std::string& text, const Terminal& terminal) {
    std::string drawn = "\x1b[H";
    std::size_t at = 0;
    for (std::size_t row = 1; row < terminal.rows && at < text.size(); ++row) {
        const std::size_t end = text.find('\n', at);
        drawn.append(text, at, end - at).append("\x1b[K\n");
        at = end + 1;
    }
    return drawn + "\x1b[J";
}

}  // namespace

ExitCode run_watch(const inventory::Inventory& inventory,
                   const RunSettings& settings,
                   Console& console,
                   const Watch& watch) {
    WatchedHosts hosts(inventory, settings);
    ExitCode code = ExitCode::unknown;
    const LinkDeadline end = settings.deadline.value_or(LinkDeadline::max());
    bool first = true;
    while (!settings.is_interrupted()) {
        const LinkDeadline next = deadline_in(watch.interval);
        hosts.ask();
        hosts.wait(settings.deadline_for(first ? kFirstPatience : kPatience));
        const auto verdict = status::judge(inventory, hosts.statuses());
        code = exit_code_of(verdict.verdict);
        const std::string when = utc_text(clocks::wall_now());
        const auto terminal = watch.terminal();
        if (console.json()) {
            console.data(status::report_json(verdict, static_cast<int>(code)));
        } else if (terminal) {
            const std::size_t columns = std::max(terminal->columns, kColumnsLeast);
            std::string text = when + "\n";
            text += status::format_narrow_report(verdict, console.colours(), columns);
            console.data((first ? "\x1b[2J" : "") + redraw(text, *terminal));
        } else {
            console.data((first ? "" : "\n") + when + "\n" +
                         status::format_report(verdict, console.colours()));
        }
        first = false;
        if (next >= end) break;
        while (!settings.is_interrupted() && std::chrono::steady_clock::now() < next) {
            std::this_thread::sleep_for(kWatchPause);
        }
    }
    return code;
}

}  // namespace zk::phases
