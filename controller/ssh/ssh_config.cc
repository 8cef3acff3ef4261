#include "ssh/ssh_config.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace zk::ssh {
namespace {

// What says where the host is, who it is, and how to log in. Others (SendEnv, compression, what ssh
// shows) make no difference to us. GSSAPIAuthentication is left out: Debian sets it for everybody.
constexpr std::array<std::string_view, 31> kKeywords = {"AddressFamily",
                                                        "BindAddress",
                                                        "BindInterface",
                                                        "CASignatureAlgorithms",
                                                        "CanonicalDomains",
                                                        "CanonicalizeHostname",
                                                        "CertificateFile",
                                                        "Ciphers",
                                                        "ControlMaster",
                                                        "ControlPath",
                                                        "GlobalKnownHostsFile",
                                                        "HostKeyAlgorithms",
                                                        "HostKeyAlias",
                                                        "HostName",
                                                        "IdentitiesOnly",
                                                        "IdentityAgent",
                                                        "IdentityFile",
                                                        "KexAlgorithms",
                                                        "KnownHostsCommand",
                                                        "MACs",
                                                        "PKCS11Provider",
                                                        "Port",
                                                        "ProxyCommand",
                                                        "ProxyJump",
                                                        "PubkeyAcceptedAlgorithms",
                                                        "RequiredRSASize",
                                                        "RevokedHostKeys",
                                                        "SecurityKeyProvider",
                                                        "User",
                                                        "UserKnownHostsFile",
                                                        "VerifyHostKeyDNS"};

std::string lowered(std::string_view text) {
    std::string low(text);
    for (char& c : low) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return low;
}

std::vector<std::string> values_of(const SshConfig& config, const std::string& keyword) {
    const auto found = config.find(keyword);
    return found == config.end() ? std::vector<std::string>() : found->second;
}

}  // namespace

SshConfig parse_ssh_config(std::string_view printed) {
    SshConfig config;
    std::istringstream lines{std::string(printed)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t space = line.find(' ');
        const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
        config[lowered(line.substr(0, space))].push_back(value);
    }
    return config;
}

std::string config_value(const SshConfig& config, const std::string& keyword) {
    const auto values = values_of(config, keyword);
    return values.empty() || values.front() == "none" ? std::string() : values.front();
}

std::vector<std::string> keywords_asked(const SshConfig& with, const SshConfig& without) {
    std::vector<std::string> asked;
    for (const std::string_view keyword : kKeywords) {
        const std::string low = lowered(keyword);
        if (values_of(with, low) != values_of(without, low)) asked.emplace_back(keyword);
    }
    return asked;
}

bool may_ask(std::string_view text, bool included) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t start = line.find_first_not_of(" \t\"");
        if (start == std::string::npos || line[start] == '#') continue;
        const std::string word =
            lowered(line.substr(start, line.find_first_of(" \t=\"\r", start) - start));
        if (word == "include" && included) return true;
        const auto is_word = [&](std::string_view keyword) { return lowered(keyword) == word; };
        // Older names of keywords in the list.
        constexpr std::array<std::string_view, 3> kOlder = {
            "smartcarddevice", "pubkeyacceptedkeytypes", "identityfile2"};
        if (std::ranges::any_of(kKeywords, is_word) || std::ranges::any_of(kOlder, is_word)) {
            return true;
        }
    }
    return false;
}

std::string offer_of(const SshConfig& config, const std::string& kind) {
    const std::string keyword = kind == "key exchange" ? "kexalgorithms"
                                : kind == "host key"   ? "hostkeyalgorithms"
                                : kind == "cipher"     ? "ciphers"
                                                       : "macs";
    std::string offer;
    for (const char c : config_value(config, keyword)) {
        offer += c;
        if (c == ',') offer += ' ';
    }
    return offer;
}

}  // namespace zk::ssh
