// Host keys that we trust, in OpenSSH's known_hosts format: plain, hashed, [host]:port and @revoked
// lines. Shell (files). Lines are parsed and matched by libssh2; the text is changed line by line,
// so that comments and entries of others stay as they are. Names with wildcards and @cert-authority
// lines are not understood: such a host counts as unknown. Thread: any; changes of files are
// serialized within the process and, by flock, between processes. Source: sshd(8), "SSH_KNOWN_HOSTS
// FILE FORMAT".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ssh/link_error.h"

struct _LIBSSH2_SESSION;

namespace zk {

/// One line of the file that names the host.
struct KnownKey {
    std::size_t line = 0;
    std::string type;    ///< ssh-ed25519, ...
    std::string base64;  ///< the key
    bool revoked = false;
};

/// "host" for port 22, else "[host]:port".
std::string known_host_name(const std::string& address, std::uint16_t port);
/// ~/.ssh/known_hosts when `configured` is empty.
std::string known_hosts_path(const std::string& configured);

/// Entries of `address` and `port`; a file that does not exist has none. As ssh does, entries of
/// the bare address count for another port only when there is none with that port.
Result<std::vector<KnownKey>> find_known_keys(_LIBSSH2_SESSION* session,
                                              const std::string& path,
                                              const std::string& address,
                                              std::uint16_t port);

enum class HostKeyVerdict { known, unknown, other_type, changed, revoked };
HostKeyVerdict judge_host_key(const std::vector<KnownKey>& known,
                              const std::string& type,
                              const std::string& base64);

/// Appends an entry; makes the file (0600) and its directory (0700) when missing.
Result<> remember_host_key(const std::string& path,
                           const std::string& name,
                           const std::string& type,
                           const std::string& base64);
/// Removes every entry of exactly `name` (also from lines with several names) and appends the new
/// one; the file is replaced by a rename.
Result<> replace_host_key(_LIBSSH2_SESSION* session,
                          const std::string& path,
                          const std::string& name,
                          const std::string& type,
                          const std::string& base64);

}  // namespace zk
