#include "agent_api/container_spec.h"

#include "agent_api/digest.h"
#include "agent_api/json_io.h"

namespace zk::agent_api {

std::string_view ContainerSpec::label(std::string_view label_name) const {
    for (const NamedValue& each : labels) {
        if (each.name == label_name) return each.value;
    }
    return {};
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
