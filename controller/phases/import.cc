// zkprov import: no inventory yet, but hosts. No recipe, no lock: nothing is changed.
#include <algorithm>

#include "importing/importing.h"
#include "phases/parallel.h"
#include "phases/runner.h"
#include "status/report.h"

namespace zk::phases {
namespace {

constexpr milliseconds kImportLimit{60000};

std::vector<std::string> lines_of(const std::string& words) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find('\n', at), words.size());
        if (end > at) lines.push_back(words.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

ExitCode stopped(Console& console, Stop stop) {
    stop.messages.emplace_back("no inventory was written");
    report_stop(console, "import", stop);
    return stop.code;
}

}  // namespace

ExitCode run_import(const inventory::Inventory& hosts_only,
                    const RunSettings& settings,
                    Console& console,
                    const importing::ImportSettings& import_settings) {
    std::vector<Host> hosts = make_hosts(hosts_only);
    connect_all(hosts, settings, kImportLimit);
    agent_api::SurveyRequest request;
    for (const std::string_view directory : importing::kInstallDirs) {
        request.directories.emplace_back(directory);
    }
    request.engine =
        import_settings.engine.empty() ? std::string(importing::kEngine) : import_settings.engine;
    std::vector<importing::SurveyedHost> surveyed(hosts.size());
    const LinkDeadline deadline = settings.deadline_for(kImportLimit);
    for_all(hosts, [&](Host& host) {
        if (!host.connected()) return;
        auto survey = host.talk->survey(request, deadline);
        host.talk->close();
        if (!survey) {
            host.failure = survey.error();
            return;
        }
        auto& place = surveyed[static_cast<std::size_t>(&host - hosts.data())];
        place = {host.node->ssh.host, *std::move(survey)};
    });
    if (auto stop = stop_for_failures(hosts)) return stopped(console, *std::move(stop));
    if (settings.is_interrupted()) {
        return stopped(console, Stop{ExitCode::interrupted, {"interrupted"}});
    }
    const auto text = importing::make_inventory(surveyed, import_settings);
    if (!text) {
        return stopped(console, Stop{ExitCode::preflight, lines_of(text.error().words)});
    }
    console.data(console.json() ? status::import_json(*text) : *text);
    return ExitCode::done;
}

}  // namespace zk::phases
