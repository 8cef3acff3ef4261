// Which of the two SSH clients reaches a host, and the way over from libssh2 to the system's ssh
// when libssh2 cannot do what the host, the inventory or ssh_config asks for. Shell.
#pragma once

#include <memory>
#include <string>

#include "ssh/stream.h"

namespace zk::ssh {

/// A host on which the bootstrap command has been started, or is being: the system's ssh tells only
/// by the stream whether it got through.
struct ReachedHost {
    std::unique_ptr<ProcessStream> stream;
    HostTarget host;           ///< user and port as ssh_config gives them, where ssh_config counts
    LinkDeadline deadline;     ///< for the hello
    std::string libssh2_said;  ///< why libssh2 did not fit, when it was tried first
};
Result<ReachedHost> reach_host(const HostTarget& host, const LinkOptions& options);

/// The error of a hello that did not come; where no algorithms fit either client, with the offers
/// of both.
Error explain_unreached(const ReachedHost& reached, const Error& error);

}  // namespace zk::ssh
