#include "agent_api/survey.h"

#include "agent_api/container_survey.h"

namespace zk::agent_api {

std::string words_of(const OutsideServer& server) {
    if (server.held_by) return "the container " + server.held_by->name;
    const std::string words = server.program + " (" + std::to_string(server.pid) + ")";
    return server.unit.empty() ? words : words + " of the unit " + server.unit;
}

const SettingSurvey* ServerSurvey::setting(std::string_view key) const {
    const SettingSurvey* found = nullptr;
    for (const SettingSurvey& each : settings) {
        if (each.key == key) found = &each;
    }
    return found;
}

const MountSurvey* mount_of(const ContainerSurvey& container, const std::string& inside) {
    const MountSurvey* nearest = nullptr;
    for (const MountSurvey& mount : container.mounts) {
        const bool holds = inside == mount.target || inside.starts_with(mount.target + "/");
        if (!holds) continue;
        if (nearest == nullptr || mount.target.size() > nearest->target.size()) nearest = &mount;
    }
    return nearest;
}

std::string host_path(const ContainerSurvey& container, const std::string& inside) {
    const MountSurvey* const mount = mount_of(container, inside);
    return mount == nullptr ? std::string() : mount->source + inside.substr(mount->target.size());
}

}  // namespace zk::agent_api
