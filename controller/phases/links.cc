#include "phases/links.h"

#include <set>
#include <utility>

#include "inventory/render.h"
#include "threads/mutex.h"

namespace zk::phases {
namespace {

using inventory::Inventory;
using inventory::Node;
using inventory::Sudo;
using inventory::Transport;
using ssh::HostTarget;
using ssh::NewHostKeys;

/// A file as the inventory names it, made absolute.
std::string resolve(const LinkSettings& settings, const std::string& file) {
    if (file.empty() || file.starts_with('/')) return file;
    if (file.starts_with("~/")) return settings.home + file.substr(1);
    return settings.working_dir + "/" + file;
}

ssh::SshClient client_of(inventory::SshClient client) {
    switch (client) {
        case inventory::SshClient::libssh2:
            return ssh::SshClient::libssh2;
        case inventory::SshClient::openssh:
            return ssh::SshClient::openssh;
        case inventory::SshClient::automatic:
            break;
    }
    return ssh::SshClient::automatic;
}

/// Says each reason once for all hosts.
class SwitchReport {
  public:
    explicit SwitchReport(std::function<void(const std::string&)> say) : say_(std::move(say)) {}
    void add(const HostTarget& host, const std::string& why) ZK_EXCLUDES(mutex_) {
        const threads::Lock lock(mutex_);
        if (!said_.insert(why).second || say_ == nullptr) return;
        say_(host.name + ": reached by the system's ssh, as is each host like it: " + why);
    }

  private:
    threads::Mutex mutex_;
    std::set<std::string> said_ ZK_GUARDED_BY(mutex_);
    const std::function<void(const std::string&)> say_;
};

Result<std::unique_ptr<AgentLink>> open_over_ssh(const Inventory& inventory,
                                                 const Node& node,
                                                 const LinkSettings& settings,
                                                 SwitchReport& report,
                                                 LinkDeadline deadline) {
    HostTarget target;
    target.name = name_of(node);
    target.address = node.ssh.host;
    target.port = node.ssh.port;
    target.port_given = node.ssh.port_given;
    target.user = node.ssh.user.empty() ? settings.user : node.ssh.user;
    target.user_given = !node.ssh.user.empty();
    target.jump = node.ssh.jump;
    target.sudo = node.ssh.sudo != Sudo::never;
    target.replace_host_key = settings.accept_new_host_keys && settings.replaced == node.id;
    ssh::LinkOptions options;
    for (const std::string& key : node.ssh.keys)
        options.key_files.push_back(resolve(settings, key));
    options.ssh_agent_socket = ssh::default_agent_socket();
    options.known_hosts_file = resolve(settings, node.ssh.known_hosts);
    options.new_host_keys =
        settings.accept_new_host_keys ? NewHostKeys::accept : NewHostKeys::refuse;
    options.client = client_of(settings.ssh_client.value_or(node.ssh.client));
    options.ssh_config_file = resolve(settings, node.ssh.config);
    options.on_openssh = [&report](const HostTarget& host, const std::string& why) {
        report.add(host, why);
    };
    options.agent_binary = settings.agent_path;
    options.remote_dir =
        node.ssh.agent_dir.empty() ? std::string(inventory::kStateDir) : node.ssh.agent_dir;
    // Of several nodes of one host each has its own; the agent's program is the same.
    if (inventory.docker) options.state_dir = state_dir_of(inventory, node);
    options.connect_timeout = settings.connect_timeout;
    options.deadline = deadline;
    return open_ssh_link(target, options);
}

}  // namespace

OpenLink link_opener(const Inventory& inventory, LinkSettings settings) {
    auto report = std::make_shared<SwitchReport>(settings.say);
    return [&inventory, settings = std::move(settings), report = std::move(report)](
               const Node& node, LinkDeadline deadline) {
        if (inventory.transport == Transport::ssh) {
            return open_over_ssh(inventory, node, settings, *report, deadline);
        }
        ssh::LocalTarget target;
        target.name = name_of(node);
        target.agent_binary = settings.agent_path;
        target.state_dir = state_dir_of(inventory, node);
        return open_local_link(target);
    };
}

}  // namespace zk::phases
