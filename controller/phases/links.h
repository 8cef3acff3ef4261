// How the links of an inventory's nodes are opened: over SSH or on this machine.
// Shell.
#pragma once

#include <functional>
#include <string>

#include "phases/fleet.h"

namespace zk::phases {

struct LinkSettings {
    std::string agent_path;   ///< zkprov-agent on this machine
    std::string working_dir;  ///< where relative key files start: the inventory's directory
    std::string home;         ///< of the user; replaces "~"
    std::string user;         ///< own user name, for an inventory that names none
    bool accept_new_host_keys = false;
    std::optional<ServerId>
        replaced;  ///< its host may have another key than known, when new keys are accepted
    milliseconds connect_timeout{5000};
    std::optional<inventory::SshClient> ssh_client;  ///< for all nodes, instead of the inventory's
    /// Where a line goes that says why hosts are reached by the system's ssh: one for each reason,
    /// however many hosts share it. Any thread.
    std::function<void(const std::string&)> say;
};

/// An opener for the nodes of `inventory`, which must outlive it.
OpenLink link_opener(const inventory::Inventory& inventory, LinkSettings settings);

}  // namespace zk::phases
