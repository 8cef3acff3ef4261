#include "cloud_init/cloud_init.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include <fmt/core.h>

#include "base/base64.h"
#include "cloud_init/gzip.h"

namespace zk::cloud_init {
namespace {

constexpr std::string_view kInventoryFile = "/etc/zkprov/inventory.yaml";
constexpr std::string_view kInstallFile = "/etc/zkprov/first-boot.sh";
constexpr std::string_view kEmbeddedFile = "/run/zkprov-bundle.tar";
constexpr std::string_view kAgent = "/usr/local/lib/zkprov/zkprov-agent";
constexpr std::string_view kContentIndent = "      ";

bool is_plain(char c) { return c > ' ' && c < 0x7f; }

/// As YAML's double quotes have it: one line, whatever the bytes.
std::string yaml_quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += {'\\', c};
        } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
            quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string shell_quoted(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

/// The lines of a file's content under `content: |`.
std::string block(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        if (end > 0) lines += kContentIndent;
        lines += text.substr(0, end + 1);
        text.remove_prefix(end + 1);
    }
    return lines;
}

/// A word within a key's name that says: the value is for nobody's eyes.
bool is_secret(std::string_view key) {
    std::string small(key);
    std::ranges::transform(
        small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"password", "passwd", "secret", "superdigest"},
        [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

Result<> check_inventory(const inventory::Inventory& inventory, const Wanted& wanted) {
    if (inventory.transport == inventory::Transport::local) {
        return Error(Errc::invalid,
                     "transport: local brings up servers on this machine; hosts that are born "
                     "from cloud-init need transport: ssh");
    }
    if (wanted.node && inventory.find(*wanted.node) == nullptr) {
        return Error(Errc::invalid, "there is no node " + to_string(*wanted.node));
    }
    for (const inventory::Node& node : inventory.nodes) {
        for (const auto& [key, value] : node.config) {
            if (!is_secret(key)) continue;
            return Error(Errc::invalid,
                         "config." + key + " of node " + to_string(node.id) +
                             " is a secret, and user-data is read by everyone on the host; take "
                             "it out of the inventory");
        }
    }
    return ok();
}

Result<> check_url(std::string_view what, std::string_view url) {
    const bool https = url.starts_with("https://");
    if (!https && !url.starts_with("http://")) {
        return Error(Errc::invalid,
                     std::string(what) + " must begin with https:// or http://, found \"" +
                         std::string(url) + "\"");
    }
    const std::string_view rest = url.substr(https ? 8 : 7);
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    if (host.empty() || !std::ranges::all_of(url, is_plain)) {
        return Error(Errc::invalid, std::string(what) + " is no URL: \"" + std::string(url) + "\"");
    }
    // Not repeated in the words: it may be a password.
    if (host.find('@') != std::string_view::npos) {
        return Error(Errc::invalid,
                     std::string(what) +
                         " names a user, and user-data is read by everyone on the host; "
                         "use a URL that needs none");
    }
    return ok();
}

Result<> check_programs(const Programs& programs) {
    if (const auto* image = std::get_if<InImage>(&programs)) {
        if (image->path.starts_with('/') && std::ranges::all_of(image->path, is_plain)) return ok();
        return Error(
            Errc::invalid,
            "the bundle's path in the image must be absolute and without blanks, found \"" +
                image->path + "\"");
    }
    const auto* from = std::get_if<FromUrl>(&programs);
    if (from == nullptr) return ok();
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (from->sha256.size() != 64 || !std::ranges::all_of(from->sha256, is_digit)) {
        return Error(Errc::invalid,
                     "the bundle's SHA-256 has 64 digits (0-9, a-f), found \"" + from->sha256 +
                         "\"; sha256sum FILE prints it");
    }
    return check_url("the bundle's URL", from->url);
}

/// Fetches with what the host has. It gives up in the end; cloud-init tells that it failed, and does not run it again.
std::string fetching(const FromUrl& from) {
    return "bundle=$work/bundle.tar\n"
           "url=" +
           shell_quoted(from.url) +
           "\n"
           "fetch() {\n"
           "    if command -v curl >/dev/null; then\n"
           "        curl -fsSL --connect-timeout 10 --max-time 300 -o \"$bundle\" \"$url\"\n"
           "    else\n"
           "        wget -q -T 30 -O \"$bundle\" \"$url\"\n"
           "    fi\n"
           "}\n"
           "tries=1\n"
           "until fetch; do\n"
           "    if [ $tries -ge 20 ]; then fail \"cannot fetch $url\"; fi\n"
           "    tries=$((tries + 1))\n"
           "    sleep 3\n"
           "done\n"
           "echo \"" +
           from.sha256 +
           "  $bundle\" | sha256sum -c - >/dev/null 2>&1 ||\n"
           "    fail \"what $url gives has another SHA-256\"\n";
}

/// The step that puts the programs on the host; install.sh in the bundle checks each of them.
std::string first_boot_script(const Programs& programs) {
    std::string text =
        "#!/bin/sh\n"
        "# Puts zkprov's programs on this host. Written by zkprov cloud-init.\n"
        "set -eu\n"
        "fail() {\n"
        "    echo \"zkprov first boot: $1\" >&2\n"
        "    exit 1\n"
        "}\n"
        "work=$(mktemp -d)\n"
        "trap 'rm -rf \"$work\"' EXIT\n";
    if (const auto* from = std::get_if<FromUrl>(&programs)) {
        text += fetching(*from);
    } else {
        const auto* image = std::get_if<InImage>(&programs);
        text += "bundle=" + shell_quoted(image != nullptr ? image->path : kEmbeddedFile) + "\n";
        text += "[ -f \"$bundle\" ] || fail \"$bundle is missing\"\n";
    }
    return text +
           "mkdir \"$work/b\"\n"
           "tar -xf \"$bundle\" -C \"$work/b\" || fail \"$bundle is no bundle\"\n"
           "sh \"$work/b/install.sh\"\n";
}

std::string file(std::string_view path, std::string_view mode, std::string_view content) {
    return fmt::format(
        "  - path: {}\n    permissions: \"{}\"\n    content: |\n{}", path, mode, block(content));
}

std::string join_command(const Wanted& wanted) {
    std::string command =
        fmt::format("sh {} && {} join --inventory {}", kInstallFile, kAgent, kInventoryFile);
    if (wanted.node) command += " --node " + to_string(*wanted.node);
    if (!wanted.phone_home.empty()) command += " --phone-home " + shell_quoted(wanted.phone_home);
    return command;
}

}  // namespace

std::string inventory_for_nodes(const inventory::Inventory& inventory) {
    std::string text = fmt::format(
        "# {}, as its nodes read it. Written by zkprov cloud-init.\nschema: {}\ncluster: "
        "{}\nnodes:\n",
        inventory.cluster,
        inventory::kSchema,
        yaml_quoted(inventory.cluster));
    for (const inventory::Node& node : inventory.nodes) {
        text += fmt::format("  - id: {}\n    host: {}\n", node.id.value(), yaml_quoted(node.host));
        text += fmt::format("    client_port: {}\n    peer_port: {}\n    election_port: {}\n",
                            node.ports.client,
                            node.ports.peer,
                            node.ports.election);
        text += fmt::format("    install_dir: {}\n    data_dir: {}\n    log_dir: {}\n",
                            yaml_quoted(node.install_dir),
                            yaml_quoted(node.data_dir),
                            yaml_quoted(node.log_dir));
        if (node.http.port != 0) {
            text += fmt::format("    agent: {{http: {{listen: {}, port: {}}}}}\n",
                                yaml_quoted(node.http.address),
                                node.http.port);
        }
        if (node.config.empty()) continue;
        text += "    config:\n";
        for (const auto& [key, value] : node.config) {
            text += fmt::format("      {}: {}\n", yaml_quoted(key), yaml_quoted(value));
        }
    }
    return text;
}

Result<std::string> user_data(const inventory::Inventory& inventory, const Wanted& wanted) {
    ZK_CHECK(check_inventory(inventory, wanted));
    ZK_CHECK(check_programs(wanted.programs));
    if (!wanted.phone_home.empty())
        ZK_CHECK(check_url("the URL to phone home to", wanted.phone_home));
    std::string text =
        "#cloud-config\n# " + inventory.cluster + ", " +
        (wanted.node ? "server " + to_string(*wanted.node) : "the same for all servers") +
        ". Written by zkprov cloud-init.\nwrite_files:\n";
    text += file(kInventoryFile, "0644", inventory_for_nodes(inventory));
    text += file(kInstallFile, "0755", first_boot_script(wanted.programs));
    if (const auto* embedded = std::get_if<Embedded>(&wanted.programs)) {
        text += fmt::format(
            "  - path: {}\n    permissions: \"0600\"\n    encoding: gz+b64\n    content: {}\n",
            kEmbeddedFile,
            encode_base64(gzip(embedded->bundle)));
    }
    return text + "runcmd:\n  - " + yaml_quoted(join_command(wanted)) + "\n";
}

}  // namespace zk::cloud_init
