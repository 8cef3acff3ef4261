#include "ssh/refusal.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/plain_line.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kSaidBytesMax = 600;

// Words of one cause, and what we say of it; "%u" is the user. The first that is found counts.
struct RefusalSign {
    std::string_view said;
    std::string_view what;
    std::string_view way_out;
};

constexpr std::string_view kPasswordWayOut =
    "set a new one on the host (passwd %u), or let it never expire (chage -M -1 %u)";
constexpr std::string_view kAccountWayOut =
    "prolong it on the host (chage -E -1 %u), or name another user with ssh.user";

// Of sshd, PAM and the shells that refuse; the words differ by distribution and age.
constexpr std::array kShellSigns = {
    RefusalSign{"assword has expired", "the password of %u has expired", kPasswordWayOut},
    RefusalSign{"assword change required", "the password of %u has expired", kPasswordWayOut},
    RefusalSign{
        "required to change your password", "the password of %u has expired", kPasswordWayOut},
    RefusalSign{"ccount has expired", "the account of %u has expired", kAccountWayOut},
    RefusalSign{"ccount is currently not available",
                "the login shell of %u refuses every command (nologin)",
                "name another user with ssh.user, or give this one a shell (chsh -s /bin/sh %u)"},
};

// Of sudo, which is asked for English.
constexpr std::string_view kRootWayOut = "log in as root (ssh.user), or mend sudo on the host";
constexpr std::array kSudoSigns = {
    RefusalSign{"must have a tty",
                "sudo wants a terminal (requiretty)",
                "add the line `Defaults:%u !requiretty` on the host (visudo)"},
    RefusalSign{
        "assword is expired", "the password of %u has expired, so sudo refuses", kPasswordWayOut},
    RefusalSign{
        "assword expired", "the password of %u has expired, so sudo refuses", kPasswordWayOut},
    RefusalSign{"ccount expired", "the account of %u has expired, so sudo refuses", kAccountWayOut},
    RefusalSign{"setuid bit", "sudo cannot become root there (nosuid or wrong owner)", kRootWayOut},
    RefusalSign{"nosuid", "sudo cannot become root there (nosuid)", kRootWayOut},
    RefusalSign{"no new privileges", "sudo may not become root in that session", kRootWayOut},
    RefusalSign{
        "sudo: not found", "the host has no sudo", "install sudo, or log in as root (ssh.user)"},
};

std::string with_user(std::string_view text, const std::string& user) {
    std::string filled;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at, 2) == "%u") {
            filled += user;
            ++at;
        } else {
            filled += text[at];
        }
    }
    return filled;
}

std::size_t end_of_invitation(std::string_view text) {
    for (const std::string_view invitation : {"lease login as ", "lease log in as "}) {
        const std::size_t at = text.find(invitation);
        if (at != std::string_view::npos) return at + invitation.size();
    }
    return std::string_view::npos;
}

// The user that the sentence names: `the user "admin"`, `the admin user` or `admin`; else empty.
std::string invited_user(std::string_view text) {
    const std::size_t from = end_of_invitation(text);
    if (from == std::string_view::npos) return {};
    std::istringstream words{std::string(text.substr(from, 200))};
    std::string user;
    while (words >> user && (user == "the" || user == "user")) {
    }
    const auto no_part_of_name = [](char c) {
        return std::string_view("\"'`.,;:()").find(c) != std::string_view::npos;
    };
    while (!user.empty() && no_part_of_name(user.back())) user.pop_back();
    while (!user.empty() && no_part_of_name(user.front())) user.erase(0, 1);
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    // cloud-init writes NONE where the image has no such user.
    if (user == "NONE" || user.find_first_not_of(kPlain) != std::string::npos) return {};
    return user;
}

template <class Signs>
const RefusalSign* find_sign(const Signs& signs, std::string_view said) {
    const auto found = std::ranges::find_if(signs, [&](const RefusalSign& sign) {
        return said.find(sign.said) != std::string_view::npos;
    });
    return found == signs.end() ? nullptr : &*found;
}

Error invitation(const HostTarget& host, const HostWords& words) {
    const std::string user = invited_user(words.printed + '\n' + words.complained);
    return link_error(
        LinkErrc::shell_refused,
        host.name + ": the host runs no commands for " + host.user + it_said(words) + "; " +
            (user.empty() ? "name a user that may log in with ssh.user" : "set ssh.user: " + user) +
            " in the inventory");
}

}  // namespace

std::string host_line(const HostWords& words) {
    std::istringstream lines(words.printed + '\n' + words.complained);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
        if (line.empty()) continue;
        if (!kept.empty()) kept += '\n';
        kept += line;
    }
    // The cause of a failure comes last; a cut in a character becomes a '?'.
    if (kept.size() > kSaidBytesMax) kept = "..." + kept.substr(kept.size() - kSaidBytesMax);
    return plain_line(kept);
}

std::string it_said(const HostWords& words) {
    const std::string line = host_line(words);
    return line.empty() ? line : "; it said: " + line;
}

std::string silence_causes(const HostTarget& host) {
    return std::string("does its login shell") + (host.sudo ? ", sudo" : "") +
           " or a forced command wait for input, do start-up files start another shell or send its "
           "output away";
}

bool sends_to_another_user(const HostWords& words) {
    return end_of_invitation(words.printed) != std::string_view::npos ||
           end_of_invitation(words.complained) != std::string_view::npos;
}

Error refusal(const HostTarget& host, const HostWords& words, bool shell_ran) {
    const bool by_sudo = host.sudo && host.user != "root" && shell_ran;
    if (!by_sudo && sends_to_another_user(words)) return invitation(host, words);
    const RefusalSign* const sign =
        by_sudo ? find_sign(kSudoSigns, words.complained)
                : find_sign(kShellSigns, words.printed + '\n' + words.complained);
    const LinkErrc kind = by_sudo ? LinkErrc::sudo_refused : LinkErrc::shell_refused;
    if (sign != nullptr) {
        return link_error(kind,
                          host.name + ": " + with_user(sign->what, host.user) + it_said(words) +
                              "; " + with_user(sign->way_out, host.user));
    }
    if (by_sudo) {
        return link_error(kind,
                          host.name + ": " + host.user + " may not become root by `sudo -n`" +
                              it_said(words) + "; allow it on the host (" + host.user +
                              " ALL=(root) NOPASSWD: ALL in /etc/sudoers.d) or log in as root");
    }
    return link_error(kind,
                      host.name + ": logged in as " + host.user +
                          ", but its login shell does not run commands" + it_said(words) +
                          "; look at the user's shell and its start-up files on the host, and "
                          "for a forced command "
                          "(command= in authorized_keys, ForceCommand)");
}

}  // namespace zk::ssh
