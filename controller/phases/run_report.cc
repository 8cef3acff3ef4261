#include "phases/run_report.h"

#include <boost/json.hpp>
#include <fmt/core.h>

namespace zk::phases {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& all) {
    json::array array;
    for (const std::string& each : all) array.push_back(json::string(each));
    return array;
}

json::object cost_of(const Host& host) {
    json::object cost;
    if (!host.talk) return cost;
    const LinkCounters counters = host.talk->counters();
    cost["connections"] = counters.connections;
    cost["channels"] = counters.channels;
    cost["bytes_sent"] = counters.bytes_sent;
    cost["bytes_received"] = counters.bytes_received;
    cost["frames_sent"] = counters.frames_sent;
    cost["frames_received"] = counters.frames_received;
    cost["agent_pushed"] = host.talk->link_hello().pushed;
    return cost;
}

json::array waves_of(const plan::Plan& plan) {
    json::array waves;
    for (const plan::Wave& wave : plan.waves) {
        json::array steps;
        for (const plan::NodeStep& step : wave.nodes) {
            json::object object;
            object["id"] = step.id.value();
            object["action"] = json::string(to_string(step.action));
            object["restarts"] = step.restarts;
            object["steps"] = texts(step.reasons);
            steps.push_back(std::move(object));
        }
        json::object object;
        object["why"] = json::string(wave.why);
        object["nodes"] = std::move(steps);
        waves.push_back(std::move(object));
    }
    return waves;
}

json::object memories_of(const plan::Plan& plan) {
    json::object nodes;
    for (const auto& [id, incarnations] : plan.memories) {
        json::object told;
        for (const auto& [sid, incarnation] : incarnations) {
            told[to_string(sid)] = incarnation.number;
        }
        nodes[to_string(id)] = std::move(told);
    }
    return nodes;
}

json::object move_of(const migration::MoveReport& report) {
    json::object object;
    const migration::ProbeHistory& probes = report.probes;
    if (!probes.unmeasured.empty()) {
        object["unmeasured"] = json::string(probes.unmeasured);
    } else {
        object["writes"] = {{"acknowledged", probes.acknowledged},
                            {"lost", probes.lost},
                            {"found_done", probes.unanswered},
                            {"longest_gap_ms", probes.longest_gap.count()}};
        object["sessions"] = {{"kept", 2}, {"lost", probes.sessions_lost}};
        object["watches"] = probes.watches;
    }
    json::array nodes;
    for (const migration::NodeMove& move : report.moves) {
        json::object node;
        node["id"] = move.id.value();
        node["away_ms"] = move.away.count();
        node["copy"] = json::string(move.copy);
        if (!move.gone_back.empty()) node["gone_back"] = json::string(move.gone_back);
        nodes.push_back(std::move(node));
    }
    object["nodes"] = std::move(nodes);
    json::array reigns;
    for (const migration::Reign& reign : report.reigns) {
        json::object led;
        led["id"] = reign.leader.value();
        led["since_ms"] = reign.at.count();
        reigns.push_back(std::move(led));
    }
    object["led"] = std::move(reigns);
    return object;
}

}  // namespace

std::string run_json(const std::string& command,
                     const inventory::Inventory& inventory,
                     const std::vector<Host>& hosts,
                     const Changes& changes,
                     const plan::Plan* plan,
                     const migration::MoveReport* move,
                     const std::vector<std::string>& errors,
                     ExitCode code) {
    json::object document;
    document["schema"] = command == "plan" ? "zkprov.plan/1" : "zkprov.apply/1";
    document["command"] = json::string(command);
    document["cluster"] = json::string(inventory.cluster);
    document["exit_code"] = static_cast<int>(code);
    document["errors"] = texts(errors);
    if (plan != nullptr) {
        document["waves"] = waves_of(*plan);
        if (!plan->memories.empty()) document["remembers"] = memories_of(*plan);
    }
    json::array nodes;
    for (const Host& host : hosts) {
        const NodeChanges& done = changes.of(host.node->id);
        json::object object;
        object["id"] = host.node->id.value();
        object["host"] = json::string(host.node->host);
        object["changed"] = done.changed;
        object["restarted"] = done.restarted;
        if (!done.words.empty()) object["words"] = json::string(done.words);
        if (host.failure) object["error"] = json::string(host.failure->words);
        object["link"] = cost_of(host);
        nodes.push_back(std::move(object));
    }
    if (move != nullptr) document["migration"] = move_of(*move);
    document["changed"] = changes.any();
    document["nodes"] = std::move(nodes);
    return json::serialize(document) + "\n";
}

std::vector<std::string> cost_lines(const std::vector<Host>& hosts) {
    std::vector<std::string> lines;
    for (const Host& host : hosts) {
        if (!host.talk) continue;
        const LinkCounters counters = host.talk->counters();
        lines.push_back(
            fmt::format("{}: {} connection{}, {} channel{}, {} bytes sent, {} received, "
                        "{} + {} frames",
                        name_of(*host.node),
                        counters.connections,
                        counters.connections == 1 ? "" : "s",
                        counters.channels,
                        counters.channels == 1 ? "" : "s",
                        counters.bytes_sent,
                        counters.bytes_received,
                        counters.frames_sent,
                        counters.frames_received));
    }
    return lines;
}

}  // namespace zk::phases
