// What can go wrong between the controller and a host, as codes that programs compare.
// The words beside the code name the host and end with the way out; they are complete, so show
// Error::words.
#pragma once

#include <optional>

#include "base/result.h"

namespace zk::ssh {

enum class LinkErrc {
    unreachable = 1,   ///< no address, no route, refused, or no answer to the connection attempt
    timeout,           ///< connected, but a deadline passed
    host_key_unknown,  ///< known_hosts has no key of this host
    host_key_changed,  ///< known_hosts has another key of this host, or the key is revoked there
    host_key_unverifiable,  ///< known_hosts has a key of this host that libssh2 cannot check
    no_common_algorithm,    ///< the host offers no algorithm that we have
    login_refused,          ///< the host accepted none of the keys tried
    key_unusable,   ///< a named key file is missing, unreadable, malformed or needs a passphrase
    known_hosts,    ///< the known_hosts file cannot be read or written
    sudo_refused,   ///< logged in, but `sudo -n` is not there or not allowed
    shell_refused,  ///< logged in, but the login shell does not run commands
    disk_full,      ///< not enough room on the host for the agent
    wrong_arch,     ///< the host's machine type is not the one of the agent's binary
    push_failed,    ///< the agent could not be written there for another reason
    agent_failed,   ///< the agent did not start or stopped with an error
    agent_missing,  ///< the agent's binary is not there on the controller's side
    ssh_client,     ///< the system's ssh is not there, or its configuration cannot be used
    protocol,       ///< the other side said something that is not the protocol
    closed,         ///< the link ended
};
const boost::system::error_category& link_category();
inline boost::system::error_code make_error_code(LinkErrc errc) {
    return {static_cast<int>(errc), link_category()};
}
inline Error link_error(LinkErrc errc, std::string words) {
    return {make_error_code(errc), std::move(words)};
}
/// The LinkErrc of an error, when it is one.
std::optional<LinkErrc> link_errc(const Error& error);

}  // namespace zk::ssh

template <>
struct boost::system::is_error_code_enum<zk::ssh::LinkErrc> : std::true_type {};
