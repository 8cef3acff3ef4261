// What ssh_config asks for: read from `ssh -G`, which resolves it without a connection. Whoever
// asks for more than libssh2's side reads is reached by the system's ssh. Pure. Source: ssh(1), -G;
// ssh_config(5).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zk::ssh {

/// Keyword in small letters, and its values as they stand.
using SshConfig = std::map<std::string, std::vector<std::string>>;
/// Reads the output of `ssh -G`.
SshConfig parse_ssh_config(std::string_view printed);
/// The first value of a keyword; empty when there is none or "none".
std::string config_value(const SshConfig& config, const std::string& keyword);

/// The keywords by which ssh_config changes how a host is reached, checked or logged in to:
/// those in which `with` differs from `without` (ssh -F none). Spelt as ssh_config(5) does.
std::vector<std::string> keywords_asked(const SshConfig& with, const SshConfig& without);
/// The same for the text of one file, before any ssh is asked: whether it may hold such a keyword.
/// A Match or a Host counts only with one in it; an Include counts as far as `included` says.
bool may_ask(std::string_view text, bool included);

/// What ssh offers of a kind of algorithm ("key exchange", "host key", "cipher", "MAC").
std::string offer_of(const SshConfig& config, const std::string& kind);

}  // namespace zk::ssh
