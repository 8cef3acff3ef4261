// A program that is started without a shell: what commands and servers of an agent, links and hooks of zkprov have in
// common. Shell. Any thread; nothing runs between fork and exec but the system's own posix_spawn.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace zk::child {

/// To whom signals of a terminal go.
enum class Group {
    ours,     ///< as to us
    own,      ///< not to it, but it may ask a person at our terminal
    session,  ///< it has no terminal
};

struct Child {
    /// The program and its arguments. A name without a slash is looked for in the PATH of its environment.
    std::vector<std::string> command;
    /// "NAME=value"; nothing: ours.
    std::optional<std::vector<std::string>> environment;
    /// Its stdin, stdout and stderr. -1: /dev/null.
    int in = -1;
    int out = -1;
    int err = -1;
    Group group = Group::ours;
    std::string directory;  ///< empty: ours
};

/// Starts it. It has no other descriptors of ours, no signal blocked, and SIGPIPE, SIGINT and SIGTERM end it unless it
/// wants otherwise. The caller has to collect it. Errors: the system's, with "start PROGRAM".
Result<pid_t> start(const Child& child);

/// Our environment, with these instead of what it says of them.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables);

}  // namespace zk::child
