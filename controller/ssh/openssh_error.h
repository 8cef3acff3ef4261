// What the system's ssh says on stderr when it fails, as the errors that libssh2's side gives for
// the same causes. Pure. Source: ssh(1), the messages of OpenSSH 7.4 to 10 (in any locale: it has
// none).
#pragma once

#include <string>
#include <string_view>

#include "ssh/agent_link.h"
#include "ssh/ssh_config.h"

namespace zk::ssh {

/// The error of an ssh that ended by itself (exit status 255) before the host's shell spoke.
/// `config` is what ssh_config says of the host: where no algorithms fit, it tells what ssh offers.
Error openssh_error(const HostTarget& host, std::string_view said, const SshConfig& config);

/// What ssh said, on one line, without its rows of '@', at most some 600 bytes.
std::string openssh_words(std::string_view said);

}  // namespace zk::ssh
