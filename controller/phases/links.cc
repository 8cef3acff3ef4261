#include "phases/links.h"

#include "inventory/render.h"

namespace zk::phases {
namespace {

using inventory::Inventory;
using inventory::Node;
using inventory::Sudo;
using inventory::Transport;

/// A file as the inventory names it, made absolute.
std::string resolve(const LinkSettings& settings, const std::string& file) {
    if (file.empty() || file.starts_with('/')) return file;
    if (file.starts_with("~/")) return settings.home + file.substr(1);
    return settings.working_dir + "/" + file;
}

Result<std::unique_ptr<AgentLink>> open_over_ssh(const Node& node,
                                                 const LinkSettings& settings,
                                                 LinkDeadline deadline) {
    HostTarget target;
    target.name = name_of(node);
    target.address = node.ssh.host;
    target.port = node.ssh.port;
    target.user = node.ssh.user.empty() ? settings.user : node.ssh.user;
    target.sudo = node.ssh.sudo != Sudo::never;
    target.replace_host_key = settings.accept_new_host_keys && settings.replaced == node.id;
    LinkOptions options;
    for (const std::string& key : node.ssh.keys)
        options.key_files.push_back(resolve(settings, key));
    options.ssh_agent_socket = default_agent_socket();
    options.known_hosts_file = resolve(settings, node.ssh.known_hosts);
    options.new_host_keys =
        settings.accept_new_host_keys ? NewHostKeys::accept : NewHostKeys::refuse;
    options.agent_binary = settings.agent_path;
    options.remote_dir = std::string(inventory::kStateDir);
    options.connect_timeout = settings.connect_timeout;
    options.deadline = deadline;
    return open_ssh_link(target, options);
}

}  // namespace

OpenLink link_opener(const Inventory& inventory, LinkSettings settings) {
    return [&inventory, settings = std::move(settings)](const Node& node, LinkDeadline deadline) {
        if (inventory.transport == Transport::ssh) return open_over_ssh(node, settings, deadline);
        LocalTarget target;
        target.name = name_of(node);
        target.agent_binary = settings.agent_path;
        target.state_dir = state_dir_of(inventory, node);
        return open_local_link(target);
    };
}

}  // namespace zk::phases
