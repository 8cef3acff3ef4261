// Host keys that we trust, in OpenSSH's known_hosts format: plain, hashed, patterns, [host]:port,
// @revoked. Shell (files). Hashed names are matched by libssh2; the text is changed line by line,
// so that comments and entries of others stay as they are. @cert-authority lines are seen, not
// used: libssh2 does not ask for host certificates. Thread: any; changes of files are serialized
// within the process and, by flock, between processes. Source: sshd(8), "SSH_KNOWN_HOSTS FILE
// FORMAT".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ssh/link_error.h"

struct _LIBSSH2_SESSION;  // NOLINT(bugprone-reserved-identifier): libssh2's name

namespace zk::ssh {

enum class KeyUse {
    trusted,
    revoked,    ///< @revoked
    authority,  ///< @cert-authority: signs host certificates, is no host key itself
};

/// One line of the file that names the host.
struct KnownKey {
    std::size_t line = 0;
    std::string type;    ///< ssh-ed25519, ...
    std::string base64;  ///< the key
    KeyUse use = KeyUse::trusted;
    bool other_port = false;  ///< the line is about the bare address: another sshd, perhaps
};

/// "host" for port 22, else "[host]:port"; in small letters, as ssh writes it.
std::string known_host_name(const std::string& address, std::uint16_t port);
/// ~/.ssh/known_hosts when `configured` is empty.
std::string known_hosts_path(const std::string& configured);

/// Entries of `address` and `port`; a file that does not exist has none. As in ssh, an entry of the
/// bare address vouches for another port when there is none with that port, but a key that differs
/// from it is new there, not changed.
Result<std::vector<KnownKey>> find_known_keys(_LIBSSH2_SESSION* session,
                                              const std::string& path,
                                              const std::string& address,
                                              std::uint16_t port);

enum class HostKeyVerdict { known, unknown, other_type, changed, revoked };
HostKeyVerdict judge_host_key(const std::vector<KnownKey>& known,
                              const std::string& type,
                              const std::string& base64);

/// What to ask the host for, best first: algorithms of the trusted types come before all others, as
/// in ssh, so that the host shows the key that we know. A key of type ssh-rsa signs by
/// rsa-sha2-512, rsa-sha2-256 or, in old servers, ssh-rsa. Source: RFC 8332; ssh_config(5),
/// HostKeyAlgorithms.
std::vector<std::string> host_key_algorithms(const std::vector<KnownKey>& known);
/// The type of key that signs by this algorithm.
std::string key_type_of(const std::string& algorithm);

/// Appends an entry; makes the file (0600) and its directory (0700) when missing.
Result<> remember_host_key(const std::string& path,
                           const std::string& name,
                           const std::string& type,
                           const std::string& base64);
/// Removes every entry of exactly `name` (also from lines with several names; patterns stay) and
/// appends the new one; the file is replaced by a rename.
Result<> replace_host_key(_LIBSSH2_SESSION* session,
                          const std::string& path,
                          const std::string& name,
                          const std::string& type,
                          const std::string& base64);

}  // namespace zk::ssh
