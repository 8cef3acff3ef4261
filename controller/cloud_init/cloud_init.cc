#include "cloud_init/cloud_init.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "agent_api/digest.h"
#include "base/base64.h"
#include "cloud_init/checks.h"
#include "cloud_init/first_boot_script.h"
#include "cloud_init/gzip.h"
#include "inventory/render.h"
#include "inventory/unit_templates.h"

namespace zk::cloud_init {
namespace {

constexpr std::string_view kInventoryFile = "/etc/zkprov/inventory.yaml";
constexpr std::string_view kScriptFile = "/etc/zkprov/first-boot.sh";
constexpr std::string_view kUnitFile = "/etc/systemd/system/zkprov-join.service";
/// Enables the unit from the moment that the file is there, for any boot.
constexpr std::string_view kDropInFile = "/etc/systemd/system/multi-user.target.d/zkprov-join.conf";
constexpr std::string_view kDropIn = "[Unit]\nWants=zkprov-join.service\n";
/// Outlives a reboot; first-boot.sh removes it.
constexpr std::string_view kBundleFile = "/var/cache/zkprov/bundle.tar";
constexpr std::string_view kContentIndent = "      ";

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

/// All that the node writes to, whichever it is; plain letters, with blanks between.
std::string directories_of(const inventory::Inventory& inventory, const Wanted& wanted) {
    std::set<std::string> all = {std::string(inventory::kStateDir)};
    for (const inventory::Node& node : inventory.nodes) {
        if (wanted.node && node.id != *wanted.node) continue;
        all.insert({node.install_dir, node.data_dir, node.log_dir});
    }
    return fmt::format("{}", fmt::join(all, " "));
}

/// What the script knows of this inventory; each value is one word of the shell but the cluster, whose letters are plain.
std::map<std::string, std::string> script_values(const inventory::Inventory& inventory,
                                                 const Wanted& wanted) {
    std::string bundle(kBundleFile);
    std::string url;
    std::string sha256;
    if (const auto* image = std::get_if<InImage>(&wanted.programs)) {
        bundle = image->path;
        sha256 = image->sha256;
    } else if (const auto* from = std::get_if<FromUrl>(&wanted.programs)) {
        url = from->url;
        sha256 = from->sha256;
    } else {
        sha256 = agent_api::sha256_hex(std::get<Embedded>(wanted.programs).bundle);
    }
    const auto wait = wanted.wait.count();
    return {
        {"CLUSTER", inventory.cluster},
        {"BUNDLE", shell_quoted(bundle)},
        {"URL", shell_quoted(url)},
        {"SHA_DIGITS", shell_quoted(sha256)},
        {"DIRECTORIES", shell_quoted(directories_of(inventory, wanted))},
        {"NODE", shell_quoted(wanted.node ? to_string(*wanted.node) : "")},
        {"PHONE_HOME", shell_quoted(wanted.phone_home)},
        {"WAIT", wait % 1000 == 0 ? fmt::format("{}s", wait / 1000) : fmt::format("{}ms", wait)},
    };
}

std::string file(std::string_view path, std::string_view mode, std::string_view content) {
    return fmt::format(
        "  - path: {}\n    permissions: \"{}\"\n    content: |\n{}", path, mode, block(content));
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
    if (!wanted.phone_home.empty()) {
        ZK_CHECK(check_url("the URL to phone home to", wanted.phone_home));
    }
    const auto values = script_values(inventory, wanted);
    ZK_TRY(const std::string script, inventory::fill_template(kFirstBootScript, values));
    ZK_TRY(const std::string unit, inventory::fill_template(inventory::kJoinUnitTemplate, values));
    std::string text =
        "#cloud-config\n# " + inventory.cluster + ", " +
        (wanted.node ? "server " + to_string(*wanted.node) : "the same for all servers") +
        ". Written by zkprov cloud-init.\nwrite_files:\n";
    text += file(kInventoryFile, "0644", inventory_for_nodes(inventory));
    if (const auto* embedded = std::get_if<Embedded>(&wanted.programs)) {
        text += fmt::format(
            "  - path: {}\n    permissions: \"0600\"\n    encoding: gz+b64\n    content: {}\n",
            kBundleFile,
            encode_base64(gzip(embedded->bundle)));
    }
    text += file(kScriptFile, "0755", script);
    text += file(kUnitFile, "0644", unit);
    // Last: who finds the unit enabled finds all that it needs.
    text += file(kDropInFile, "0644", kDropIn);
    return text + fmt::format("runcmd:\n  - [sh, {}]\n", kScriptFile);
}

}  // namespace zk::cloud_init
