#include "agent_api/node_spec.h"

#include <algorithm>

#include "agent_api/digest.h"
#include "agent_api/node_facts.h"

namespace zk::agent_api {
namespace {

bool is_clean_path(std::string_view path) {
    return path.size() > 1 && path.starts_with('/') && !path.ends_with('/') &&
           path.find("/../") == std::string_view::npos && !path.ends_with("/..") &&
           path.find('\n') == std::string_view::npos && path.find('\0') == std::string_view::npos;
}
bool is_plain_name(std::string_view name) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+@";
    return !name.empty() && name.front() != '.' && name.front() != '-' &&
           name.find_first_not_of(kPlain) == std::string_view::npos;
}
/// They go into the journal, which has a line for each step.
bool is_one_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    });
}
bool is_sha256(std::string_view text) {
    return text.size() == 64 &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
Error invalid(std::string words) {
    return {Errc::invalid, "node specification: " + std::move(words)};
}

Result<> validate_paths(const NodeSpec& spec) {
    for (const std::string* path :
         {&spec.install_dir, &spec.data_dir, &spec.log_dir, &spec.conf_path}) {
        if (!is_clean_path(*path)) return invalid("not an absolute path: \"" + *path + "\"");
    }
    for (const std::string* path : {&spec.console_log, &spec.agent_path}) {
        if (!path->empty() && !is_clean_path(*path)) {
            return invalid("not an absolute path: \"" + *path + "\"");
        }
    }
    for (const DirectorySpec& directory : spec.directories) {
        if (!is_clean_path(directory.path)) {
            return invalid("not an absolute path: \"" + directory.path + "\"");
        }
    }
    for (const FileSpec& file : spec.files) {
        if (!is_clean_path(file.path))
            return invalid("not an absolute path: \"" + file.path + "\"");
    }
    if (spec.container) {
        for (const BindSpec& bind : spec.container->binds) {
            if (!is_clean_path(bind.source) || !is_clean_path(bind.target)) {
                return invalid("not an absolute path: \"" + bind.source + ":" + bind.target + "\"");
            }
        }
    }
    const auto is_conf = [&](const FileSpec& file) { return file.path == spec.conf_path; };
    if (std::none_of(spec.files.begin(), spec.files.end(), is_conf)) {
        return invalid("its files have no " + spec.conf_path);
    }
    return ok();
}

Result<> validate_container(const NodeSpec& spec) {
    if (spec.container.has_value() != (spec.manager == Manager::docker)) {
        return invalid("a container belongs to the manager docker, and it to a container");
    }
    if (!spec.container) return ok();
    const ContainerSpec& container = *spec.container;
    if (!is_clean_path(container.engine)) {
        return invalid("not an absolute path: \"" + container.engine + "\"");
    }
    if (!is_plain_name(container.name) || container.name != spec.server_unit) {
        return invalid("container " + container.name);
    }
    if (container.image.empty() || !is_one_line(container.image)) return invalid("no image");
    if (!container.archive_sha256.empty() && !is_sha256(container.archive_sha256)) {
        return invalid("sha256 " + container.archive_sha256);
    }
    if (container.label(kClusterLabel) != spec.cluster ||
        container.label(kSidLabel) != to_string(spec.sid)) {
        return invalid("the container's labels name another node");
    }
    const std::string_view flavor = container.label(kFlavorLabel);
    if (!flavor.empty() && flavor != to_string(spec.release.flavor)) {
        return invalid("the container's labels name another flavor");
    }
    const bool bridge = container.network.driver == NetworkDriver::bridge;
    if (bridge && (!is_plain_name(container.network.name) || container.address.empty())) {
        return invalid("a bridge without a name or without the container's address");
    }
    return ok();
}

}  // namespace

std::string NodeSpec::release_dir() const { return install_dir + "/releases/" + release.version; }
std::string NodeSpec::server_path() const { return install_dir + "/current/bin/zkserver"; }
std::string NodeSpec::release_record() const {
    if (release.flavor != Flavor::apache || container) return {};
    return install_dir + "/current/" + std::string(kReleaseRecord);
}
std::string NodeSpec::resident_agent_path() const {
    return agent_path.empty() ? install_dir + "/bin/zkprov-agent" : agent_path;
}
std::string NodeSpec::console_log_path() const {
    return console_log.empty() ? log_dir + "/zkserver.log" : console_log;
}
bool NodeSpec::agent_is_unit() const {
    return manager == Manager::systemd || (manager == Manager::docker && !agent_path.empty());
}
std::string NodeSpec::server_sees(const std::string& path) const {
    return container ? path_in(*container, path) : path;
}

bool NodeSpec::waits_for_unit(std::string_view path) const {
    if (path == data_dir || path == log_dir || path == data_dir + "/myid") return true;
    if (container) {
        const bool bound = std::ranges::any_of(
            container->binds, [&](const BindSpec& bind) { return path == bind.source; });
        return bound || path == conf_path;
    }
    return path.ends_with("/" + server_unit) ||
           path.find("/" + server_unit + ".d/") != std::string_view::npos;
}

Result<> validate(const NodeSpec& spec) {
    if (spec.cluster.empty()) return invalid("no cluster");
    if (spec.generation.empty()) return invalid("no generation");
    if (!is_one_line(spec.cluster) || !is_one_line(spec.generation)) {
        return invalid("cluster and generation are one line each");
    }
    if (spec.sid.value() < 0 || spec.sid.value() > 255) {
        return invalid("sid " + to_string(spec.sid) + " is not within 0 to 255");
    }
    if (!spec.user.empty() && !is_plain_name(spec.user)) return invalid("user " + spec.user);
    if (!spec.group.empty() && !is_plain_name(spec.group)) return invalid("group " + spec.group);
    if (!is_plain_name(spec.release.version)) return invalid("version " + spec.release.version);
    if (!is_sha256(spec.release.sha256)) return invalid("sha256 " + spec.release.sha256);
    if (!is_plain_name(spec.server_unit) || !is_plain_name(spec.agent_unit)) {
        return invalid("names of units");
    }
    if (spec.client_port == 0 || spec.peer_port == 0 || spec.election_port == 0) {
        return invalid("a port of 0");
    }
    if (spec.http_port != 0 && (spec.http_address.empty() || !is_one_line(spec.http_address))) {
        return invalid("an HTTP port without an address");
    }
    ZK_CHECK(validate_container(spec));
    if (spec.release.flavor == Flavor::apache && !spec.container) {
        if (!is_clean_path(spec.java))
            return invalid("not an absolute path: \"" + spec.java + "\"");
        if (spec.manager != Manager::systemd) {
            return invalid("Apache's server is run by systemd or in a container only");
        }
    }
    return validate_paths(spec);
}

std::string hash_of(const NodeSpec& spec) {
    NodeSpec wanted = spec;
    wanted.formation = Formation::join;
    return sha256_hex(to_json(wanted));
}

FactsRequest facts_for(const NodeSpec& spec) {
    FactsRequest request;
    request.install_dir = spec.install_dir;
    request.data_dir = spec.data_dir;
    request.log_dir = spec.log_dir;
    request.user = spec.user;
    request.group = spec.group.empty() ? spec.user : spec.group;
    request.server_path = spec.server_path();
    request.release_record = spec.release_record();
    request.java = spec.java;
    request.release_dir = spec.release_dir();
    request.agent_path = spec.resident_agent_path();
    for (const DirectorySpec& directory : spec.directories) {
        request.directories.push_back(directory.path);
    }
    for (const FileSpec& file : spec.files) request.files.push_back(file.path);
    request.units = {spec.server_unit, spec.agent_unit};
    request.address = spec.address;
    request.any_address = spec.manager != Manager::supervised;
    request.ports = {spec.client_port, spec.peer_port, spec.election_port};
    request.container = spec.container;
    request.agent_is_unit = spec.agent_is_unit();
    if (spec.container && spec.container->network.driver != NetworkDriver::host) {
        request.ports.clear();
        for (const PublishedPort& port : spec.container->ports) {
            request.ports.push_back(port.host_port);
        }
    }
    return request;
}

std::optional<std::uint16_t> FactsRequest::client_port() const {
    const bool bridge = container && !container->address.empty();
    if (bridge && container->ports.empty()) return std::nullopt;
    if (bridge) return container->ports.front().port;
    return ports.empty() ? std::nullopt : std::optional(ports.front());
}

const PathFact* NodeFacts::path(std::string_view name) const {
    const auto found = std::find_if(
        paths.begin(), paths.end(), [&](const PathFact& fact) { return fact.path == name; });
    return found == paths.end() ? nullptr : &*found;
}
const UnitFact* NodeFacts::unit(std::string_view name) const {
    const auto found = std::find_if(
        units.begin(), units.end(), [&](const UnitFact& fact) { return fact.name == name; });
    return found == units.end() ? nullptr : &*found;
}
const SpaceFact* NodeFacts::space_at(std::string_view name) const {
    const auto found = std::find_if(
        space.begin(), space.end(), [&](const SpaceFact& fact) { return fact.path == name; });
    return found == space.end() ? nullptr : &*found;
}

}  // namespace zk::agent_api
