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
#include "phases/parallel.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

constexpr milliseconds kWatchLimit{8000};
constexpr milliseconds kWatchPause{50};
constexpr std::size_t kColumnsLeast = 20;

/// Whose connection has ended is dialled anew; the others keep theirs.
void watch_once(std::vector<Host>& hosts, const RunSettings& settings) {
    std::vector<Host> lost;
    for (Host& host : hosts) {
        if (host.connected()) continue;
        Host anew;
        anew.node = host.node;
        lost.push_back(std::move(anew));
    }
    connect_all(lost, settings, kWatchLimit);
    for (Host& host : lost) {
        *std::ranges::find(hosts, host.node, &Host::node) = std::move(host);
    }
    ask_health(hosts, settings.deadline_for(kWatchLimit));
}

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
    std::vector<Host> hosts = make_hosts(inventory);
    ExitCode code = ExitCode::unknown;
    const LinkDeadline end = settings.deadline.value_or(LinkDeadline::max());
    bool first = true;
    while (!settings.is_interrupted()) {
        const LinkDeadline next = deadline_in(watch.interval);
        watch_once(hosts, settings);
        const auto verdict = status::judge(inventory, statuses_of(hosts));
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
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

}  // namespace zk::phases
