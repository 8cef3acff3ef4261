// What a host says instead of running our command, and what that means. Pure.
#pragma once

#include <string>
#include <string_view>

#include "ssh/agent_link.h"

namespace zk::ssh {

/// What came of a login before our script said hello.
struct HostWords {
    std::string printed;     ///< on stdout: of the login shell's start-up files or a forced command
    std::string complained;  ///< on stderr
};

/// What to do about a host that wants more than a key.
inline constexpr std::string_view kSecondFactorWayOut =
    "exempt this user or address from it on the host (AuthenticationMethods publickey in a Match "
    "block of sshd_config), or log in by ssh with a ControlMaster first and set ssh.client: "
    "openssh";

/// Both, what was printed first, on one line fit for a terminal; of long ones the end.
std::string host_line(const HostWords& words);
/// "; it said: " and the line, or nothing.
std::string it_said(const HostWords& words);

/// What may keep a host from saying anything, as the beginning of a question.
std::string silence_causes(const HostTarget& host);

/// Whether the host only tells whom to log in as: cloud images let root's keys say that and sleep.
bool sends_to_another_user(const HostWords& words);

/// The login ended without a hello. `shell_ran`: the login shell did run our command, so sudo is
/// what refused.
Error refusal(const HostTarget& host, const HostWords& words, bool shell_ran);

}  // namespace zk::ssh
