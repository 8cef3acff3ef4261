// The dialogue on a fresh channel before the first frame: a small POSIX sh script says hello and
// either starts the agent that is there or first receives another one on its stdin.
//
//   host:        zkprov-hello 1 <uname -m> <uid> <sha256 of the installed agent, or none>
//   controller:  run
//   host:        zkprov-start                -> the agent is exec'ed, frames follow
//   controller:  push <bytes> <sha256>
//   host:        zkprov-ready | zkprov-fail <what> <details>
//   controller:  exactly <bytes> bytes
//   host:        zkprov-pushed | zkprov-fail <what> <details>     (then as after run)
//
// These lines are found wherever they begin among what else the login shell prints (host_talk.h).
// Only the script knows the host's tools: sh, uname, id, sha256sum, mkdir, df, head, chmod, mv, rm,
// find.
#pragma once

#include <memory>
#include <string>

#include "ssh/stream.h"

namespace zk::ssh {

/// The agent's binary as it will be pushed.
struct AgentBinary {
    Bytes content;
    std::string sha256;  ///< hex
    std::string arch;    ///< as `uname -m` says it, or empty when it is not an ELF file
};
/// Reads and hashes once per process and version of the file. Any thread. LinkErrc::agent_missing.
Result<std::shared_ptr<const AgentBinary>> load_agent_binary(const std::string& path);

/// Whether a host that says `uname` runs programs made for `arch`.
bool arch_fits(const std::string& arch, const std::string& uname);

/// The command line for the login shell, which may be of any kind. REQUIRES:
/// is_plain_path() of both directories; the second one may be empty: see LinkOptions.
std::string bootstrap_command(const HostTarget& host,
                              const std::string& remote_dir,
                              const std::string& state_dir = {});
/// An absolute path of letters, digits and ./_-+@ only: it is safe in any shell's command line.
bool is_plain_path(const std::string& path);

/// Holds the dialogue. After success `inbox` holds what came of the frames so far.
Result<LinkHello> bootstrap(ProcessStream& stream,
                            const HostTarget& host,
                            const LinkOptions& options,
                            const AgentBinary& agent,
                            Bytes& inbox,
                            LinkDeadline hello_deadline);

}  // namespace zk::ssh
