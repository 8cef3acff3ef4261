#include "agent_serve/health.h"

#include <unistd.h>

#include "agent_api/link.h"
#include "agent_host/agent_socket.h"
#include "agent_host/host_facts.h"
#include "agent_host/node_control.h"
#include "agent_host/process.h"
#include "agent_host/server_survey.h"
#include "agent_serve/election_keeper.h"
#include "agent_serve/host_looks.h"
#include "agent_serve/identity_look.h"
#include "clocks/clocks.h"
#include "elections/log.h"
#include "ensemble/properties.h"

namespace zk::agent_serve {
namespace {

using agent_api::FindingLevel;
using agent_api::HealthSource;
using agent_api::make_finding;
using agent_api::MessageType;
using agent_api::NodeHealth;
using std::chrono::milliseconds;

/// It may be at the beginning of a look, and makes another one: each at most 1.25 s.
constexpr auto kResidentTimeout = milliseconds(3000);
constexpr auto kProbeTimeout = milliseconds(1500);

/// As the server reads it: of a key that is there twice the last one counts.
std::string member_line(const agent_api::NodeSpec& spec) {
    const std::string key = "server." + to_string(spec.sid);
    std::string value;
    for (const agent_api::FileSpec& file : spec.files) {
        if (file.path != spec.conf_path) continue;
        const auto lines = ensemble::read_properties(file.content, file.path);
        if (!lines.has_value()) return {};
        for (const ensemble::Property& line : *lines) {
            if (line.key == key) value = line.value;
        }
    }
    return value;
}

}  // namespace

node_judge::JudgeSettings judge_settings(const agent_api::NodeSpec& spec) {
    node_judge::JudgeSettings settings;
    settings.cluster = spec.cluster;
    settings.self = {spec.sid, spec.data_dir, spec.client_port, member_line(spec)};
    return settings;
}

void fill_answer(node_judge::Probe& probe, agent_host::ServerAnswer answer) {
    probe.answered = answer.answered;
    probe.serving = answer.serving;
    probe.failure = std::move(answer.failure);
    probe.unheard = answer.timed_out;
    probe.srvr = std::move(answer.srvr);
    probe.mntr = std::move(answer.mntr);
}

void fill_process(node_judge::Probe& probe, std::int64_t pid) {
    const auto info = agent_host::process_info(pid);
    probe.process = info && !info->zombie;
    if (!probe.process) return;
    probe.pid = pid;
    probe.process_state = info->state;
    probe.process_uptime_s = info->uptime_ms / 1000;
    probe.rss_bytes = info->rss_bytes;
}

NodeHealth node_health(const agent_host::StateDir& state) {
    const auto answer =
        agent_host::ask_resident(state, MessageType::health_request, ByteView(), kResidentTimeout);
    if (answer.has_value() && answer->type == MessageType::health) {
        auto health = agent_api::parse_node_health(answer->payload);
        if (health.has_value()) return *std::move(health);
    }
    const auto loaded = state.load_spec();
    if (!loaded.has_value() || !*loaded) {
        NodeHealth nothing;
        add_finding(nothing, nothing_installed(loaded.has_value() ? "" : loaded.error().message()));
        nothing.agent_version = agent_host::agent_version();
        nothing.wall_ms = clocks::wall_now();
        return nothing;
    }
    const agent_api::NodeSpec* const spec = &**loaded;
    node_judge::JudgeSettings settings = judge_settings(*spec);
    settings.dates_first_look = false;
    node_judge::NodeJudge judge(std::move(settings));
    judge.restore(state.load_history());
    node_judge::Probe probe;
    // The silence of systemd says nothing of the process.
    const agent_host::NodeControl control(*spec, state);
    auto pid = control.server_pid();
    std::optional<agent_api::OutsideServer> outside;
    if (spec->manager == agent_api::Manager::systemd) {
        outside = agent_host::find_outside_server(
            {spec->data_dir, spec->log_dir, spec->client_port, pid, spec->conf_path});
    }
    if (spec->container && pid == 0) outside = control.outside();
    if (outside) pid = outside->pid;
    if (outside) probe.outside = words_of(*outside);
    const bool knows_process = pid != 0 || spec->manager == agent_api::Manager::supervised;
    fill_process(probe, pid);
    probe.stopped_on_purpose = spec->manager == agent_api::Manager::supervised &&
                               agent_host::exists(state.file("desired")) &&
                               state.load_desired() == agent_host::Desired::stop;
    fill_answer(probe, agent_host::probe_server(spec->address, spec->client_port, kProbeTimeout));
    look_once(probe, *spec);
    IdentityLook look;
    look.is_due(probe);
    if (knows_process && !spec->container) look.look_at_port(probe, *spec);
    if (probe.serving) {
        look.take(agent_host::ask_conf(spec->address, spec->client_port, kProbeTimeout));
    }
    look.fill(probe, *spec);
    NodeHealth health = judge.step(probe);
    add_finding(
        health,
        make_finding(
            "agent.missing", FindingLevel::warning, "no resident agent answers on this host"));
    health.agent_version = agent_host::agent_version();
    health.source = HealthSource::fourlw;
    return health;
}

agent_api::Finding nothing_installed(const std::string& failure) {
    return make_finding(
        failure.empty() ? "node.empty" : "node.unreadable",
        FindingLevel::critical,
        failure.empty() ? "zkprov has not installed a server on this host" : failure);
}

agent_api::Elections node_elections(const agent_host::StateDir& state) {
    agent_api::Elections elections;
    const auto spec = state.load_spec();
    if (!spec.has_value() || !*spec) {
        elections.silence = spec.has_value() ? "zkprov has not installed a server on this host"
                                             : spec.error().message();
    } else {
        const agent_api::NodeSpec& node = **spec;
        elections.cluster = node.cluster;
        elections.sid = node.sid;
        auto answer =
            agent_host::ask_elections(node.address, node.client_port, node.sid, kProbeTimeout);
        elections.told = std::move(answer.told);
        elections.silence = std::move(answer.silence);
        elections.history = state.load_history();
        auto kept = elections_on_disk(state, node);
        elections.kept = elections::text_of(kept.searches);
        elections.changes = std::move(kept.records);
    }
    elections.wall_ms = clocks::wall_now();
    return elections;
}

}  // namespace zk::agent_serve
