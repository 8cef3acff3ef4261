#include "agent_host/outside_container.h"

#include <algorithm>
#include <string>

#include "agent_host/container_survey.h"
#include "agent_host/containers.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "engine/engine.h"
#include "survey/survey.h"

namespace zk::agent_host {
namespace {

using agent_api::ContainerSpec;
using agent_api::ContainerSurvey;
using agent_api::OutsideContainer;
using agent_api::OutsideServer;
using engine::Engine;

constexpr const char* kGivenWay = ".before-zkprov";

/// The server's data and log are the node's, whatever else of them it may write to.
bool serves_from(const ContainerSurvey& there, const ContainerSpec& spec) {
    const auto is_bound = [&](const std::string& directory) {
        return !directory.empty() && std::ranges::any_of(spec.binds, [&](const auto& bind) {
            return real_path(bind.source) == real_path(directory);
        });
    };
    return is_bound(there.server.data_dir) && is_bound(there.server.log_dir);
}

}  // namespace

Result<std::optional<OutsideServer>> find_outside_container(const ContainerSpec& spec,
                                                            std::chrono::milliseconds patience) {
    ZK_TRY(const std::string user, other_user_of_data(spec, patience));
    if (user.empty()) return std::optional<OutsideServer>();
    Engine docker(spec.engine, patience);
    ZK_TRY(const auto there, survey_container(docker, user));
    ZK_TRY(const auto container, docker.container(user));
    if (!there || !container || !there->unknown_layout.empty() || !serves_from(*there, spec)) {
        return std::optional<OutsideServer>();
    }
    OutsideServer outside;
    outside.pid = there->server.pid != 0 ? there->server.pid : container->pid;
    if (const auto info = process_info(outside.pid)) outside.start_ticks = info->id.start_ticks;
    outside.program = there->server.program;
    outside.flavor = to_string(there->server.flavor);
    outside.user = there->server.user;
    outside.container = true;
    outside.held_by = OutsideContainer{
        container->id, user, there->restart, there->restarts_max, container->host_ports};
    outside.conf_path = there->server.conf_path;
    outside.members = survey::members_of(there->server);
    return std::optional<OutsideServer>(std::move(outside));
}

Result<> end_outside_container(const ContainerSpec& spec, const OutsideContainer& container) {
    Engine docker(spec.engine);
    // First of all: a host that loses its power in between must not start two.
    ZK_CHECK(docker.set_restart(container.id, "no"));
    if (container.name == spec.name) {
        ZK_CHECK(docker.rename(container.id, container.name + kGivenWay));
    }
    return docker.stop(container.id);
}

Result<> stop_outside_container(const ContainerSpec& spec, const OutsideContainer& container) {
    return Engine(spec.engine).stop(container.id);
}

Result<> bring_back_outside_container(const ContainerSpec& spec,
                                      const OutsideContainer& container) {
    ZK_TRY(const auto own, own_containers(spec));
    for (const std::string& name : own) ZK_CHECK(remove_own_container(spec, name));
    Engine docker(spec.engine);
    ZK_TRY(const auto there, docker.look_at(container.id));
    if (!there) return Error(Errc::not_found, "the container " + container.name + " is gone");
    if (there->told.name != container.name) {
        ZK_CHECK(docker.rename(container.id, container.name));
    }
    ZK_CHECK(docker.set_restart(container.id, container.restart, container.restarts_max));
    return docker.start(container.id);
}

}  // namespace zk::agent_host
