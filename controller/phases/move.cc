#include "phases/move.h"

#include <algorithm>

#include "agent_api/agent_errc.h"
#include "inventory/docker.h"
#include "migration/migration.h"
#include "phases/parallel.h"

namespace zk::phases {
namespace {

constexpr milliseconds kHistoryWait{5000};

std::vector<migration::Member> members_of(const Run& run) {
    std::vector<migration::Member> members;
    for (const Host& host : run.hosts) {
        const GatheredNode& node = run.gathered.at(host.node->id);
        members.push_back({host.node, &node.spec, &node.facts, &node.actual});
    }
    return members;
}

/// Whose data are looked at: all members have the same, and the leader has enough to do.
const Host* surveyed(const Run& run) {
    const Host* best = nullptr;
    for (const Host& host : run.hosts) {
        const plan::NodeActual& actual = run.gathered.at(host.node->id).actual;
        if (!host.connected() || actual.data_empty || !actual.in_sync) continue;
        if (best == nullptr || !actual.leads) best = &host;
    }
    return best;
}

}  // namespace

std::optional<Stop> look_before_move(Run& run, LinkDeadline deadline) {
    const Host* const reader = surveyed(run);
    for_all(run.hosts, [&](Host& host) {
        if (!host.connected()) return;
        GatheredNode& node = run.gathered.at(host.node->id);
        auto request = agent_api::facts_for(node.spec);
        request.specs = true;
        request.survey = &host == reader;
        auto facts = host.talk->facts(request, deadline);
        if (!facts) {
            host.failure = facts.error();
            return;
        }
        node.facts = *std::move(facts);
    });
    if (auto stop = run.stop_unchanged()) return stop;
    for (const migration::Member& member : members_of(run)) {
        if (!migration::is_to_move(member)) continue;
        run.move->nodes.insert(member.node->id);
        run.gathered.at(member.node->id).keeps_copy = true;
    }
    return std::nullopt;
}

std::vector<std::string> refusals_of_move(const Run& run) {
    std::optional<agent_api::DataSurvey> survey;
    for (const auto& [id, node] : run.gathered) {
        if (node.facts.survey) survey = node.facts.survey;
    }
    return migration::refusals(run.inventory, members_of(run), survey);
}

void announce_move(Run& run, const plan::Plan& plan) {
    run.move->announcement = migration::announcement(run.inventory, members_of(run), plan);
    if (run.mode == Mode::say) return;  // with the plan, at its end
    for (const std::string& line : run.move->announcement) run.console.say(line);
}

const agent_api::NodeSpec* way_back(const Run& run, ServerId id) {
    const GatheredNode& node = run.gathered.at(id);
    return migration::before_move({run.inventory.find(id), &node.spec, &node.facts, &node.actual});
}

std::vector<client::ServerAddress> client_addresses(const inventory::Inventory& inventory) {
    std::vector<client::ServerAddress> addresses;
    for (const inventory::Node& node : inventory.nodes) {
        // Only its own host reaches a container's address in a bridge; all others come by the port that it publishes.
        const bool published = inventory.transport == inventory::Transport::ssh &&
                               inventory::in_bridge(inventory) && node.host_port != 0;
        if (published) {
            addresses.push_back({node.ssh.host, node.host_port});
        } else {
            addresses.push_back({node.host, node.ports.client});
        }
    }
    return addresses;
}

void report_move(Run& run) {
    migration::MoveReport& report = run.move->report;
    if (report.moves.empty()) return;
    std::vector<migration::Seen> seen;
    for (Host& host : run.hosts) {
        // After an agent's error its link is as good as before.
        if (!host.talk || (host.failure && !agent_api::agent_errc(*host.failure))) continue;
        auto told = host.talk->elections(run.settings.deadline_for(kHistoryWait));
        if (!told) continue;
        const milliseconds ahead(run.gathered.at(host.node->id).actual.clock_offset_ms);
        seen.push_back({host.node->id, std::move(told->history), ahead});
    }
    report.reigns = migration::reigns_since(run.move->began, seen);
    if (run.console.json()) return;  // within the document
    for (const std::string& line : migration::report_lines(report)) run.console.data(line + "\n");
}

}  // namespace zk::phases
