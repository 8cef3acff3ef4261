#include "agent_api/container_spec.h"

#include "agent_api/digest.h"
#include "agent_api/json_io.h"

namespace zk::agent_api {
namespace {

std::string_view value_in(const std::vector<NamedValue>& values, std::string_view name) {
    for (const NamedValue& each : values) {
        if (each.name == name) return each.value;
    }
    return {};
}

}  // namespace

std::string_view ContainerSpec::label(std::string_view label_name) const {
    return value_in(labels, label_name);
}
std::string_view ContainerSpec::variable(std::string_view variable_name) const {
    return value_in(environment, variable_name);
}

std::string hash_of(const ContainerSpec& spec) {
    ContainerSpec made = spec;
    made.engine.clear();
    made.archive_sha256.clear();
    return sha256_hex(write_json(made));
}

std::string path_in(const ContainerSpec& spec, const std::string& path) {
    const BindSpec* nearest = nullptr;
    for (const BindSpec& bind : spec.binds) {
        const bool holds = path == bind.source || path.starts_with(bind.source + "/");
        if (!holds) continue;
        if (nearest == nullptr || bind.source.size() > nearest->source.size()) nearest = &bind;
    }
    return nearest == nullptr ? path : nearest->target + path.substr(nearest->source.size());
}

}  // namespace zk::agent_api
