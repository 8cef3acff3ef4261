// What it means when the dialogue before the frames does not get to its end, with the host's words.
#pragma once

#include <optional>
#include <string>

#include "ssh/bootstrap.h"
#include "ssh/host_talk.h"

namespace zk::ssh {

// Our script's exit statuses when it is not heard, or hears nothing.
constexpr int kNoOutput = 93;
constexpr int kNoInput = 94;

/// The login shell closed the output or the input that our script needs, which is told by its
/// status.
std::optional<Error> closed_end(const ProcessStream& stream,
                                const HostTarget& host,
                                const HostTalk& talk);
/// The channel ended, or the time, before the hello. `shell_ran`: the login shell did run our
/// command.
Error no_hello(const ProcessStream& stream,
               const HostTarget& host,
               const HostTalk& talk,
               bool shell_ran,
               const Error& error);
/// The script spoke once, and then not in time.
Error late_answer(const HostTarget& host, const HostTalk& talk, const std::string& during);
/// Frames are not for terminals: those wait for the end of a line, and change bytes.
Error terminal_between(const HostTarget& host, const HostTalk& talk);
/// `what` a "zkprov-fail" line says, or the end of the channel instead of an answer.
Error push_error(const HostWords& words,
                 const HostTarget& host,
                 const LinkOptions& options,
                 const AgentBinary& agent,
                 const LinkHello& hello,
                 const std::string& what);

}  // namespace zk::ssh
