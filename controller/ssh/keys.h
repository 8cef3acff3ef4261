// Keys to log in with: private key files and what an ssh-agent holds, behind one shape.
// Shell (reads files, talks to the agent's socket). Signing is our own, by OpenSSL, because
// libssh2 1.10 signs RSA with SHA-1 only, which today's sshd refuses; Ed25519 and ECDSA go the same
// way so that there is only one. Source: RFC 4253 6.6, RFC 5656, RFC 8332, RFC 8709; PROTOCOL.key
// of OpenSSH; draft-miller-ssh-agent.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ssh/agent_link.h"

namespace zk::ssh {

/// One key that can sign.
struct LoginKey {
    std::string label;  ///< for messages: the file, or "ssh-agent: <comment>"
    std::string type;   ///< ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa, ...
    Bytes blob;         ///< public key as in authorized_keys, decoded
    /// The raw signature of `data` (without its algorithm's name), by login_algorithm(type).
    std::function<Result<Bytes>(ByteView data)> sign;
};

/// The signature algorithm used for a key type: rsa-sha2-512 for ssh-rsa, else the type itself.
/// Empty: unsupported.
std::string login_algorithm(const std::string& key_type);
/// `blob` with the algorithm's name as its first string, the way libssh2 finds out the algorithm.
Bytes blob_for_login(const LoginKey& key);

/// What a private key file tells without its passphrase.
struct KeyFile {
    bool encrypted = false;
    /// Empty when encrypted in a format that hides it and no .pub file is beside.
    Bytes public_blob;
    LoginKey key;  ///< REQUIRES: !encrypted
};
/// Reads OpenSSH's own format and PEM. LinkErrc::key_unusable when missing, unreadable or
/// malformed.
Result<KeyFile> read_key_file(const std::string& path);

/// The keys that the agent at `socket_path` offers, as far as we can use them.
Result<std::vector<LoginKey>> read_agent_keys(const std::string& socket_path,
                                              std::chrono::milliseconds timeout);

/// What to try, in order, and what was left aside and why (for the message when all are refused).
struct LoginKeys {
    std::vector<LoginKey> keys;
    std::vector<std::string> notes;
};
/// Source of the order: ssh(1), IdentityFile and IdentitiesOnly. Fails only when key files were
/// named and one of them cannot be used.
Result<LoginKeys> gather_login_keys(const LinkOptions& options);

/// "SHA256:..." of a public key blob, as ssh-keygen -l prints it.
std::string fingerprint(ByteView blob);
/// "~/x" with the home directory in place of "~".
std::string expand_home(const std::string& path);

}  // namespace zk::ssh
