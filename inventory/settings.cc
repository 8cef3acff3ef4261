#include "inventory/settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <set>
#include <string_view>

#include "inventory/config_keys.h"
#include "inventory/ranges.h"

namespace zk::inventory {
namespace {

std::optional<std::uint16_t> read_port(Section& section, std::string_view key, std::int64_t least) {
    const auto number = section.number(key, least, 65535);
    if (!number) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

std::optional<Written> read_path(Section& section, std::string_view key) {
    const auto text = section.text(key);
    if (!text) return std::nullopt;
    return Written{*text, section.mark_of(key), section.path_of(key)};
}

void read_config(Section& section, ServerSettings& settings, Diagnostics& diagnostics) {
    const Value* const value = section.find("config");
    if (value == nullptr) return;
    const std::string path = section.path_of("config");
    if (value->kind != Value::Kind::map && value->kind != Value::Kind::null) {
        diagnostics.error(
            value->mark,
            path,
            "must be a mapping of zoo.cfg keys (tickTime: 2000), found " + kind_name(*value));
        return;
    }
    for (const Value::Entry& entry : value->entries) {
        const std::string entry_path = path + "." + entry.key;
        if (const auto refusal = refuse_config_key(entry.key)) {
            diagnostics.error(entry.key_mark, entry_path, *refusal);
            continue;
        }
        if (entry.value.kind != Value::Kind::scalar) {
            diagnostics.error(
                entry.value.mark, entry_path, "must be one value, found " + kind_name(entry.value));
            continue;
        }
        if (const auto wrong = check_config_value(entry.key, entry.value.scalar)) {
            diagnostics.error(entry.value.mark, entry_path, *wrong);
            continue;
        }
        settings.config[entry.key] = entry.value.scalar;
    }
}

std::optional<Sudo> read_sudo(Section& section, Diagnostics& diagnostics) {
    const auto word = section.text("sudo");
    if (!word) return std::nullopt;
    if (*word == "auto") return Sudo::automatic;
    if (*word == "true" || *word == "always") return Sudo::always;
    if (*word == "false" || *word == "never") return Sudo::never;
    if (*word == "ask") {
        diagnostics.error(section.mark_of("sudo"),
                          section.path_of("sudo"),
                          "sudo with a password is not supported in this version; give the user "
                          "passwordless sudo (NOPASSWD) and write auto");
        return std::nullopt;
    }
    diagnostics.error(section.mark_of("sudo"),
                      section.path_of("sudo"),
                      "must be auto, always or never, found \"" + *word + "\"");
    return std::nullopt;
}

std::optional<SshClient> read_client(Section& section, Diagnostics& diagnostics) {
    const auto word = section.text("client");
    if (!word) return std::nullopt;
    if (const auto client = ssh_client_named(*word)) return client;
    diagnostics.error(section.mark_of("client"),
                      section.path_of("client"),
                      "must be auto, libssh2 or openssh, found \"" + *word + "\"");
    return std::nullopt;
}

/// [user@]host[:port] each, joined as `ssh -J` takes them.
std::optional<std::string> read_jump(Section& section, Diagnostics& diagnostics) {
    std::string joined;
    for (const std::string& host : section.texts("jump")) {
        const auto good = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                   std::string_view("._-@:[]").find(c) != std::string_view::npos;
        };
        if (host.empty() || host.front() == '-' || !std::ranges::all_of(host, good)) {
            diagnostics.error(section.mark_of("jump"),
                              section.path_of("jump"),
                              "must be hosts such as ops@bastion:22, found \"" + host + "\"");
            return std::nullopt;
        }
        if (!joined.empty()) joined += ',';
        joined += host;
    }
    if (joined.empty()) return std::nullopt;
    return joined;
}

/// Words that ask for unchecked host keys elsewhere; here the file is the only answer.
bool asks_for_no_check(const std::string& word) {
    static const std::set<std::string> kWords = {
        "no", "off", "false", "accept", "accept-new", "accept_new", "ignore", "insecure"};
    return kWords.contains(word);
}

std::optional<std::string> read_known_hosts(Section& section, Diagnostics& diagnostics) {
    auto file = section.text("known_hosts");
    if (!file || *file == "strict") return std::nullopt;
    if (asks_for_no_check(*file)) {
        diagnostics.error(section.mark_of("known_hosts"),
                          section.path_of("known_hosts"),
                          "host keys are always checked; name the known_hosts file, and accept "
                          "new keys once with zkprov apply --accept-new-host-keys");
        return std::nullopt;
    }
    return file;
}

}  // namespace

std::optional<SshClient> ssh_client_named(std::string_view name) {
    if (name == "auto") return SshClient::automatic;
    if (name == "libssh2") return SshClient::libssh2;
    if (name == "openssh") return SshClient::openssh;
    return std::nullopt;
}

ServerSettings read_server_settings(Section& section, Diagnostics& diagnostics) {
    ServerSettings settings;
    settings.install_dir = read_path(section, "install_dir");
    settings.data_dir = read_path(section, "data_dir");
    settings.log_dir = read_path(section, "log_dir");
    settings.client_port = read_port(section, "client_port", 1024);
    settings.peer_port = read_port(section, "peer_port", 1024);
    settings.election_port = read_port(section, "election_port", 1024);
    read_config(section, settings, diagnostics);
    section.refuse(
        "version",
        "the release beside the zkprov program is installed, or server.tarball; remove the key");
    section.refuse("runtime", "write it at the top of the inventory, for all nodes");
    section.refuse("docker", "write docker, and runtime: docker, at the top of the inventory");
    section.refuse("tls", "client, peer and election ports are plain TCP; remove the key");
    return settings;
}

SshSettings read_ssh_settings(const Value& value,
                              const std::string& path,
                              bool of_node,
                              Diagnostics& diagnostics) {
    Section section(value, path, diagnostics);
    SshSettings settings;
    if (of_node) settings.host = section.text("host");
    settings.user = section.text("user");
    settings.port = read_port(section, "port", 1);
    settings.keys = section.texts("key");
    const auto more_keys = section.texts("keys");
    settings.keys.insert(settings.keys.end(), more_keys.begin(), more_keys.end());
    settings.known_hosts = read_known_hosts(section, diagnostics);
    settings.sudo = read_sudo(section, diagnostics);
    settings.client = read_client(section, diagnostics);
    settings.jump = read_jump(section, diagnostics);
    settings.config = section.text("config");
    settings.agent_dir = read_path(section, "agent_dir");
    section.refuse("password", "log in with a key (ed25519) or through ssh-agent");
    section.finish();
    if (settings.user) {
        const auto good = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ||
                   c == '.' || c == '$';
        };
        if (!std::ranges::all_of(*settings.user, good) || settings.user->front() == '-') {
            diagnostics.error(section.mark_of("user"),
                              section.path_of("user"),
                              "\"" + *settings.user + "\" is not a user name");
        }
    }
    return settings;
}

std::optional<std::string> check_directory(const Written& written, Diagnostics& diagnostics) {
    const auto fail = [&](const std::string& words) -> std::optional<std::string> {
        diagnostics.error(written.mark, written.path, words);
        return std::nullopt;
    };
    const std::string quoted = "\"" + written.text + "\"";
    if (!written.text.starts_with('/')) {
        return fail("must be an absolute path such as /usr/local/zookeeper, found " + quoted);
    }
    const auto good = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("/._-+@").find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(written.text, good)) {
        return fail(quoted +
                    " holds a character that zoo.cfg or a unit file would read "
                    "differently; use letters, digits and / . _ - + @");
    }
    std::string clean;
    std::string_view rest = written.text;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/', 1);
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(part.size());
        if (part == "/" || part == "/.") continue;
        if (part == "/..") return fail("must not contain \"..\", found " + quoted);
        clean += part;
    }
    static const std::set<std::string_view> kSystem = {"",
                                                       "/bin",
                                                       "/boot",
                                                       "/dev",
                                                       "/etc",
                                                       "/home",
                                                       "/lib",
                                                       "/lib64",
                                                       "/opt",
                                                       "/mnt",
                                                       "/proc",
                                                       "/root",
                                                       "/run",
                                                       "/sbin",
                                                       "/srv",
                                                       "/sys",
                                                       "/tmp",
                                                       "/usr",
                                                       "/var",
                                                       "/usr/bin",
                                                       "/usr/lib",
                                                       "/usr/local",
                                                       "/usr/local/bin",
                                                       "/usr/sbin",
                                                       "/var/lib",
                                                       "/var/log",
                                                       "/etc/zkprov",
                                                       "/var/lib/zkprov",
                                                       "/etc/systemd",
                                                       "/etc/systemd/system",
                                                       "/usr/local/lib",
                                                       "/usr/share",
                                                       "/var/run",
                                                       "/var/tmp",
                                                       "/media"};
    if (kSystem.contains(clean)) {
        return fail(quoted + " belongs to the system; name a directory of its own, such as " +
                    (clean.empty() ? "" : clean) + "/zookeeper");
    }
    if (clean.size() > 200) return fail("is longer than 200 characters");
    return clean;
}

}  // namespace zk::inventory
