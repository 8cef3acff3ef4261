#include "ssh/openssh_error.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/plain_line.h"
#include "ssh/refusal.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kWordsBytesMax = 600;

// What ssh says, the kind of failure it tells, and how ours begins and ends. The first that is
// found counts: a host key that changed is also "verification failed", and what a jump host refuses
// also ends the connection.
struct Sign {
    std::string_view said;
    LinkErrc kind;
    std::string_view what;
    std::string_view way_out;
};
constexpr std::string_view kChangedWayOut =
    "somebody may be listening in, or the host was reinstalled. If it was, check the fingerprint "
    "on "
    "its console, then either accept it with zkprov replace-node and --accept-new-host-keys, or "
    "forget the old one with ssh-keygen -R";
constexpr std::string_view kUnknownWayOut =
    "compare its key with the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
    "then run again with --accept-new-host-keys; for a jump host, log in there once by ssh";
constexpr std::string_view kKeyWayOut =
    "correct the key file, or load the key into ssh-agent (ssh-add)";
constexpr std::string_view kLoginWayOut =
    "put the public key into the user's authorized_keys on the host (ssh-copy-id), or name another "
    "user or key";
constexpr std::string_view kClosedWayOut = "its sshd log tells why (an expired account, for one)";
constexpr std::string_view kAddressWayOut = "check the address in the inventory and the network";
constexpr std::string_view kConfigWayOut =
    "correct it, or set ssh.client: libssh2 to do without it";

constexpr std::array kSigns = {
    Sign{"REVOKED HOST KEY",
         LinkErrc::host_key_changed,
         "the host key is marked @revoked",
         "do not connect until the host has a new key"},
    Sign{"IDENTIFICATION HAS CHANGED",
         LinkErrc::host_key_changed,
         "HOST KEY CHANGED",
         kChangedWayOut},
    Sign{"host key is known for",
         LinkErrc::host_key_unknown,
         "the host key is not known",
         kUnknownWayOut},
    Sign{"Host key verification failed",
         LinkErrc::host_key_unknown,
         "the host key is not known",
         kUnknownWayOut},
    Sign{"no matching ",
         LinkErrc::no_common_algorithm,
         "no algorithms fit",
         "allow one that both have in the host's sshd_config"},
    Sign{"UNPROTECTED PRIVATE KEY FILE", LinkErrc::key_unusable, "a key is not used", kKeyWayOut},
    Sign{"Load key ", LinkErrc::key_unusable, "a key is not used", kKeyWayOut},
    Sign{"Permission denied (", LinkErrc::login_refused, "login refused", kLoginWayOut},
    Sign{"Too many authentication failures",
         LinkErrc::login_refused,
         "login refused",
         "name the right key in the inventory"},
    Sign{"No more authentication methods", LinkErrc::login_refused, "login refused", kLoginWayOut},
    Sign{"onfiguration option", LinkErrc::ssh_client, "ssh_config cannot be used", kConfigWayOut},
    Sign{"Bad owner or permissions",
         LinkErrc::ssh_client,
         "ssh_config cannot be used",
         kConfigWayOut},
    Sign{"Can't open user config file",
         LinkErrc::ssh_client,
         "ssh_config cannot be used",
         kConfigWayOut},
    Sign{"Could not resolve hostname",
         LinkErrc::unreachable,
         "a host name has no address",
         "check it in the inventory and in ssh_config"},
    Sign{"during banner exchange",
         LinkErrc::timeout,
         "the host answers but does not start SSH in time",
         "is it sshd, and is the host overloaded?"},
    Sign{"Connection refused",
         LinkErrc::unreachable,
         "cannot connect",
         "the host is up but nothing listens there: is sshd running?"},
    Sign{"timed out",
         LinkErrc::unreachable,
         "cannot connect",
         "is the host up, and does a firewall let the port through?"},
    Sign{"connect to host", LinkErrc::unreachable, "cannot connect", kAddressWayOut},
    Sign{"open failed",
         LinkErrc::unreachable,
         "cannot connect through the jump host",
         kAddressWayOut},
    Sign{
        "onnection closed", LinkErrc::unreachable, "the host closed the connection", kClosedWayOut},
    Sign{"onnection reset", LinkErrc::unreachable, "the host closed the connection", kClosedWayOut},
    Sign{"closed by remote host",
         LinkErrc::unreachable,
         "the host closed the connection",
         kClosedWayOut},
};

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// A key that could not be loaded is the cause only where the login failed.
bool shows(std::string_view said, const Sign& sign) {
    if (!has(said, sign.said)) return false;
    return sign.kind != LinkErrc::key_unusable || has(said, "Permission denied (");
}

// What a host asks for that takes our key but not alone, or no keys: "Permission denied (password)".
std::string asked_beside_keys(std::string_view said) {
    constexpr std::string_view kDenied = "Permission denied (";
    const std::size_t at = said.find(kDenied);
    if (at == std::string_view::npos) return {};
    const std::string_view methods = said.substr(at + kDenied.size());
    const std::size_t end = methods.find(')');
    const std::string_view asked = methods.substr(0, end);
    if (end == std::string_view::npos || has(asked, "publickey")) return {};
    return plain_line(asked);
}

// "no matching host key type found. Their offer: ..."
std::string kind_without_match(std::string_view said) {
    for (const char* kind : {"key exchange", "host key", "cipher"}) {
        if (has(said, std::string("no matching ") + kind)) return kind;
    }
    return "MAC";
}

// Rows and frames of '@', and the lines around a changed key that tell nothing of it.
bool is_ornament(const std::string& line) {
    constexpr std::array<std::string_view, 8> kStarts = {"@",
                                                         "IT IS POSSIBLE",
                                                         "Someone could be",
                                                         "It is also possible",
                                                         "Please contact",
                                                         "Add correct host key",
                                                         "  remove with:",
                                                         "  ssh-keygen"};
    return std::ranges::any_of(kStarts,
                               [&](std::string_view start) { return line.starts_with(start); });
}

}  // namespace

std::string openssh_words(std::string_view said) {
    std::istringstream lines{std::string(said)};
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
        if (line.empty() || is_ornament(line)) continue;
        if (!kept.empty()) kept += '\n';
        kept += line;
    }
    // The cause of a failure comes last; a cut in a character becomes a '?'.
    if (kept.size() > kWordsBytesMax) kept = "..." + kept.substr(kept.size() - kWordsBytesMax);
    return plain_line(kept);
}

Error openssh_error(const HostTarget& host, std::string_view said, const SshConfig& config) {
    const std::string words = openssh_words(said);
    const std::string by_ssh = words.empty() ? "it said nothing" : "it said: " + words;
    const auto sign =
        std::ranges::find_if(kSigns, [&](const Sign& each) { return shows(said, each); });
    if (sign == kSigns.end()) {
        return link_error(
            LinkErrc::unreachable,
            host.name + ": the system's ssh failed (" + by_ssh + "); try ssh " + host.address);
    }
    if (sign->kind == LinkErrc::no_common_algorithm) {
        const std::string kind = kind_without_match(said);
        return link_error(sign->kind,
                          host.name + ": no " + kind + " fits: the system's ssh offers " +
                              offer_of(config, kind) + " (" + by_ssh + "); " +
                              std::string(sign->way_out));
    }
    const std::string asked = asked_beside_keys(said);
    if (sign->kind == LinkErrc::login_refused && !asked.empty()) {
        return link_error(sign->kind,
                          host.name + ": login refused: a key is not enough, it asks for " + asked +
                              " (a second factor, or it takes no keys; the system's ssh as " +
                              host.user + "; " + by_ssh + "); " + std::string(kSecondFactorWayOut));
    }
    return link_error(sign->kind,
                      host.name + ": " + std::string(sign->what) + " (the system's ssh as " +
                          host.user + "; " + by_ssh + "); " + std::string(sign->way_out));
}

}  // namespace zk::ssh
