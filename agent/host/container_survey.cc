#include "agent_host/container_survey.h"

#include <algorithm>
#include <chrono>

#include "agent_api/container_survey.h"
#include "agent_host/host_facts.h"
#include "agent_host/posix.h"
#include "agent_host/server_probe.h"
#include "agent_host/server_survey.h"
#include "base/numbers.h"
#include "engine/engine.h"
#include "survey/container.h"

namespace zk::agent_host {
namespace {

using agent_api::ContainerSurvey;
using agent_api::HostSurvey;
using agent_api::RunningContainer;

constexpr std::size_t kContainersMax = 512;
constexpr std::size_t kZooCfgBytesMax = 1UL << 20;
constexpr auto kEnginePatience = std::chrono::seconds(10);
constexpr auto kWordPatience = std::chrono::milliseconds(1500);

/// By the engine's word, or, where something stands between, by the process' cgroup.
agent_api::ServerSurvey* process_of(const RunningContainer& container,
                                    const std::string& proc,
                                    std::vector<agent_api::ServerSurvey>& servers) {
    for (agent_api::ServerSurvey& server : servers) {
        if (server.pid == container.told.pid) return &server;
        const auto cgroup = read_file(proc + "/" + std::to_string(server.pid) + "/cgroup", 65536);
        if (cgroup.has_value() && cgroup->find(container.id) != std::string::npos) return &server;
    }
    return nullptr;
}

std::uint16_t client_port_in(const ContainerSurvey& told, const agent_api::DataFact& data) {
    if (const auto* const port = told.server.setting("clientPort")) {
        return parse_number<std::uint16_t>(port->value).value_or(0);
    }
    // server.2=172.18.0.3:2888:3888;2181, with an address in front of the port or without.
    const auto sid = data.myid ? data.myid : told.my_id;
    const auto* const line = told.server.setting("server." + (sid ? to_string(*sid) : "1"));
    if (line == nullptr) return 0;
    const std::size_t end = line->value.find(';');
    if (end == std::string::npos) return 0;
    const std::string client = line->value.substr(end + 1);
    const std::size_t colon = client.rfind(':');
    const std::size_t begin = colon == std::string::npos ? 0 : colon + 1;
    return parse_number<std::uint16_t>(client.substr(begin)).value_or(0);
}

void ask_server(ContainerSurvey& told) {
    const std::uint16_t port = client_port_in(told, told.server.data);
    const std::string address = told.network == "host" ? "127.0.0.1" : told.address;
    if (port == 0 || address.empty()) return;
    const auto answer = probe_server(address, port, kWordPatience);
    if (!answer.answered) return;
    const auto mode = answer.srvr.find("Mode");
    told.server.role = mode == answer.srvr.end() ? "looking" : mode->second;
    const auto version = answer.srvr.find("Zookeeper version");
    if (told.server.version.empty() && version != answer.srvr.end()) {
        told.server.version = version->second.substr(0, version->second.find_first_of("-, "));
    }
}

/// What zkprov applied to one of its own; a record that cannot be read is none.
void read_record(const StateDir& state, ContainerSurvey& told) {
    if (told.cluster.empty()) return;
    auto spec = StateDir(state.path() + "/" + told.cluster + "-" + told.sid).load_spec();
    if (spec.has_value()) told.applied = *std::move(spec);
}

/// Nothing: it is no server.
std::optional<ContainerSurvey> look(RunningContainer container,
                                    const std::string& proc,
                                    std::vector<agent_api::ServerSurvey>& servers) {
    ContainerSurvey& told = container.told;
    survey::Beside beside;
    agent_api::ServerSurvey* const process = process_of(container, proc, servers);
    beside.process = process;
    const std::string zoo_cfg = host_path(told, survey::conf_file_of(container));
    if (!zoo_cfg.empty()) {
        if (auto text = read_file(zoo_cfg, kZooCfgBytesMax); text.has_value()) {
            beside.zoo_cfg = *std::move(text);
        }
    }
    if (!survey::runs_server(container, beside)) return std::nullopt;
    survey::read_container(beside, container);
    if (process != nullptr) process->container = true;
    if (!told.server.data_dir.empty()) {
        told.server.data = read_data_fact(told.server.data_dir, told.server.log_dir);
    }
    return std::move(told);
}

Result<> ask_engine(const StateDir& state, const std::string& proc, HostSurvey& host) {
    engine::Engine docker(host.engine, kEnginePatience);
    ZK_TRY(auto listed, docker.running());
    if (listed.size() > kContainersMax) listed.resize(kContainersMax);
    for (const engine::Listed& each : listed) {
        ZK_TRY(auto container, docker.look_at(each.id));
        if (!container) continue;
        auto found = look(*std::move(container), proc, host.servers);
        if (!found) continue;
        read_record(state, *found);
        ask_server(*found);
        host.containers.push_back(*std::move(found));
    }
    std::ranges::sort(host.containers, {}, &ContainerSurvey::name);
    if (host.containers.empty()) return ok();
    ZK_TRY(host.networks, docker.networks());
    return ok();
}

}  // namespace

Result<std::optional<ContainerSurvey>> survey_container(engine::Engine& docker,
                                                        const std::string& name,
                                                        const std::string& proc) {
    ZK_TRY(auto container, docker.look_at(name));
    if (!container) return std::optional<ContainerSurvey>();
    auto servers = survey_servers(proc);
    return look(*std::move(container), proc, servers);
}

void survey_containers(const StateDir& state, const std::string& proc, HostSurvey& host) {
    if (host.engine.empty()) return;
    const auto asked = ask_engine(state, proc, host);
    if (!asked.has_value()) host.engine_failure = asked.error().message();
}

}  // namespace zk::agent_host
