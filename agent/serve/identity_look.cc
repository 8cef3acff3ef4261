#include "agent_serve/identity_look.h"

#include <filesystem>
#include <vector>

#include "agent_host/ports.h"
#include "agent_host/posix.h"
#include "ensemble/zoo_cfg.h"

namespace zk::agent_serve {
namespace {

constexpr std::uint32_t kProbesBetween = 10;
constexpr std::string_view kDataFolder = "/version-2";

/// The same directory under two names is the same directory.
bool is_same_place(std::string said, const std::string& own) {
    if (said.ends_with(kDataFolder)) said.resize(said.size() - kDataFolder.size());
    const auto plain = [](const std::string& path) {
        std::string text = std::filesystem::path(path).lexically_normal().string();
        while (text.size() > 1 && text.ends_with('/')) text.pop_back();
        return text;
    };
    std::error_code code;
    return plain(said) == plain(own) || std::filesystem::equivalent(said, own, code);
}

std::optional<bool> has_own_data(const std::map<std::string, std::string>& conf,
                                 const agent_api::NodeSpec& spec) {
    const auto data = conf.find("dataDir");
    // A path that depends on where the server was started says nothing here.
    if (data == conf.end() || !data->second.starts_with('/')) return std::nullopt;
    return is_same_place(data->second, spec.server_sees(spec.data_dir));
}

/// The holder of `port` among `listeners`, unless that is the server, or may be.
std::optional<node_judge::PortHolder> find_holder(
    const std::vector<agent_host::Listener>& listeners,
    std::uint16_t port,
    const node_judge::Probe& probe,
    const agent_api::NodeSpec& spec) {
    const bool any_address = spec.manager == agent_api::Manager::systemd;
    std::optional<node_judge::PortHolder> holder;
    for (const agent_host::Listener& listener : listeners) {
        const bool counts =
            listener.port == port && agent_host::is_in_the_way(listener, spec.address, any_address);
        if (!counts) continue;
        // Of a listener that cannot be seen nobody can say that it is not the server.
        if (probe.process && (listener.pid == probe.pid || listener.pid == 0)) return std::nullopt;
        holder = node_judge::PortHolder{port, listener.pid, listener.program};
    }
    return holder;
}

std::optional<node_judge::PortHolder> find_stranger(const node_judge::Probe& probe,
                                                    const agent_api::NodeSpec& spec) {
    std::vector<std::uint16_t> ports = {spec.client_port};
    // They keep a server from starting, and are nobody's business while it serves.
    if (!probe.answered) ports.insert(ports.end(), {spec.peer_port, spec.election_port});
    const auto listeners = agent_host::listeners_on(ports, probe.process ? probe.pid : 0);
    if (!listeners.has_value()) return std::nullopt;
    for (const std::uint16_t port : ports) {
        if (auto holder = find_holder(*listeners, port, probe, spec)) return holder;
    }
    return std::nullopt;
}

}  // namespace

node_judge::MyIdFile read_myid(const std::string& data_dir) {
    node_judge::MyIdFile file;
    const std::string path = data_dir + "/myid";
    const auto text = agent_host::read_file(path, 4096);
    if (!text.has_value()) {
        // Without the right to look nothing is known; a server that has it may be well.
        if (agent_host::is_no_right(text.error())) return file;
        file.failure = agent_host::is_not_found(text.error()) ? "is missing" : "cannot be read";
        return file;
    }
    const auto sid = ensemble::parse_myid(*text, path);
    if (sid.has_value()) {
        file.sid = *sid;
    } else {
        file.failure = "does not hold a server's number";
    }
    return file;
}

bool IdentityLook::is_due(const node_judge::Probe& probe) {
    const Seen now{probe.process ? probe.pid : 0, probe.answered, probe.serving};
    const bool due = !seen_ || *seen_ != now || ++probes_since_ >= kProbesBetween;
    seen_ = now;
    if (!due) return false;
    probes_since_ = 0;
    conf_.clear();
    stranger_.reset();
    return true;
}

void IdentityLook::look_at_port(const node_judge::Probe& probe, const agent_api::NodeSpec& spec) {
    stranger_ = find_stranger(probe, spec);
}

void IdentityLook::fill(node_judge::Probe& probe, const agent_api::NodeSpec& spec) const {
    probe.conf = conf_;
    probe.own_data_dir = has_own_data(conf_, spec);
    probe.stranger = stranger_;
}

}  // namespace zk::agent_serve
