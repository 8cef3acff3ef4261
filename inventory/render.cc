#include "inventory/render.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "agent_api/digest.h"
#include "agent_api/node_facts.h"
#include "ensemble/config_keys.h"
#include "ensemble/zoo_cfg.h"
#include "inventory/ranges.h"
#include "inventory/unit_templates.h"

namespace zk::inventory {
namespace {

using agent_api::DirectorySpec;
using agent_api::FileKind;
using agent_api::FileSpec;
using agent_api::NodeSpec;

constexpr std::size_t kDigestDigits = 12;

/// What was rendered must be a file that starts the server: the same questions as zkserver asks.
Result<> check_zoo_cfg(const std::string& text, const Node& node) {
    const std::string name = "zoo.cfg of node " + to_string(node.id);
    ZK_TRY(auto config, ensemble::parse_zoo_cfg(text, name));
    ZK_CHECK(ensemble::check_supported(config, name));
    ZK_CHECK(ensemble::set_identity(config, node.id, name));
    return ensemble::check_client_port(config, node.id, name);
}

enum class ServerUnit { ours, apache, none };

Result<> add_units(NodeSpec& spec, ServerUnit server, const std::string& state_dir) {
    std::map<std::string, std::string> values = template_values(spec);
    values["SERVER_PATH"] = spec.server_path();
    values["AGENT_PATH"] = spec.resident_agent_path();
    values["STATE_DIR"] = state_dir;
    const auto add = [&](const std::string& unit, std::string_view text) -> Result<> {
        ZK_TRY(auto file,
               filled_file(std::string(kUnitDir) + unit, 0644, FileKind::unit, text, values));
        spec.files.push_back(std::move(file));
        return ok();
    };
    if (server == ServerUnit::ours) ZK_CHECK(add(spec.server_unit, kServerUnitTemplate));
    ZK_CHECK(add(spec.agent_unit, kAgentUnitTemplate));
    if (server == ServerUnit::none) return ok();
    // Beside the unit and not in it: a server does not restart because of who may start it.
    return add(spec.server_unit + ".d/zkprov-start.conf", kStartConditionTemplate);
}

/// The server's user need have no name on the engine's host. What zkprov writes only zkprov changes.
void add_container(const Inventory& inventory, const Node& node, NodeSpec& spec) {
    spec.manager = agent_api::Manager::docker;
    spec.container = container_of(inventory, node);
    if (!inventory.docker->archive.empty()) spec.container->archive_sha256 = spec.release.sha256;
    spec.server_unit = node.container;
    const bool units = inventory.transport == Transport::ssh;
    spec.agent_unit = "zkprov-agent-" + spec.cluster + "-" + to_string(spec.sid) + ".service";
    if (units) spec.agent_path = spec.install_dir + "/bin/zkprov-agent";
    spec.address = in_bridge(inventory) ? node.host : "127.0.0.1";
    const std::string root = "0:0";
    const std::string& server = spec.container->user;
    spec.directories = {DirectorySpec{spec.install_dir, 0755, root},
                        DirectorySpec{spec.install_dir + "/conf", 0755, root},
                        DirectorySpec{spec.data_dir, 0750, server},
                        DirectorySpec{spec.log_dir, 0750, server},
                        DirectorySpec{spec.install_dir + "/logs", 0750, server}};
}

/// Whose file the server only reads.
std::string reader_of(const NodeSpec& spec) {
    if (!spec.container) return spec.user.empty() ? "" : "root:" + spec.group;
    return "0" + spec.container->user.substr(spec.container->user.find(':'));
}

void add_directories(NodeSpec& spec) {
    const bool own_user = !spec.user.empty();
    const std::string root = own_user ? "root:root" : "";
    const std::string server = own_user ? spec.user + ":" + spec.group : "";
    spec.directories = {
        DirectorySpec{spec.install_dir, 0755, root},
        DirectorySpec{spec.install_dir + "/bin", 0755, root},
        DirectorySpec{spec.install_dir + "/conf", 0755, root},
        DirectorySpec{spec.data_dir, 0750, server},
    };
    if (spec.log_dir != spec.data_dir) {
        spec.directories.push_back(DirectorySpec{spec.log_dir, 0750, server});
    }
}

}  // namespace

agent_api::MemberSpec member_of(const Inventory& inventory, const Node& node) {
    agent_api::MemberSpec member;
    member.sid = node.id;
    member.host = node.host;
    member.client_port = node.ports.client;
    const bool all_addresses = node.http.address == "0.0.0.0" || node.http.address == "::";
    const bool loopback = node.http.address.starts_with("127.") || node.http.address == "::1";
    const bool one_machine = inventory.transport == Transport::local || in_bridge(inventory);
    if (node.http.port == 0 || (loopback && !one_machine)) return member;
    const std::string& machine = in_bridge(inventory) ? node.ssh.host : node.host;
    member.http_address = all_addresses ? machine : node.http.address;
    member.http_port = node.http.port;
    return member;
}

Result<std::string> fill_template(std::string_view text,
                                  const std::map<std::string, std::string>& values) {
    constexpr std::string_view kNameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    std::string filled;
    while (true) {
        const std::size_t open = text.find('@');
        filled += text.substr(0, open);
        if (open == std::string_view::npos) return filled;
        text.remove_prefix(open + 1);
        const std::size_t length = std::min(text.find_first_not_of(kNameLetters), text.size());
        if (length == 0) {  // systemd's own, as in @system-service
            filled += '@';
            continue;
        }
        const std::string name(text.substr(0, length));
        const auto value = values.find(name);
        if (length == text.size() || text[length] != '@' || value == values.end()) {
            return Error(Errc::invalid, "a unit template names @" + name + "@, which has no value");
        }
        filled += value->second;
        text.remove_prefix(length + 1);
    }
}

std::map<std::string, std::string> template_values(const NodeSpec& spec) {
    return {{"CLUSTER", spec.cluster},
            {"SID", to_string(spec.sid)},
            {"USER", spec.user},
            {"GROUP", spec.group},
            {"INSTALL_DIR", spec.install_dir},
            {"DATA_DIR", spec.data_dir},
            {"LOG_DIR", spec.log_dir},
            {"CONF_PATH", spec.conf_path}};
}

Result<FileSpec> filled_file(std::string path,
                             std::uint32_t mode,
                             FileKind kind,
                             std::string_view text,
                             const std::map<std::string, std::string>& values) {
    FileSpec file;
    file.path = std::move(path);
    file.mode = mode;
    file.owner = "root:root";
    file.kind = kind;
    ZK_TRY(file.content, fill_template(text, values));
    return file;
}

std::string state_dir_of(const Inventory& inventory, const Node& node) {
    if (inventory.transport == Transport::local) return node.install_dir + "/agent";
    if (!inventory.docker) return std::string(kStateDir);
    // One host may have several.
    return std::string(kStateDir) + "/" + inventory.cluster + "-" + to_string(node.id);
}

Result<> check_agents(const Inventory& inventory) {
    if (inventory.nodes.size() == 1) return ok();
    for (const Node& node : inventory.nodes) {
        if (member_of(inventory, node).http_port != 0) continue;
        return Error(Errc::invalid,
                     "the agent of node " + to_string(node.id) +
                         " answers no other node, and without a controller that is how nodes find "
                         "each other; write agent: {http: {listen: node}} into the inventory");
    }
    return ok();
}

std::string render_zoo_cfg(const Inventory& inventory, const Node& node) {
    std::map<std::string_view, std::string_view> given(node.config.begin(), node.config.end());
    std::map<std::string_view, std::string_view> own;
    for (const ensemble::ConfigKey* key : ensemble::config_keys()) {
        if (key->zkprov_writes.empty()) continue;
        (key->set_by == ensemble::SetBy::user ? given : own).emplace(key->name, key->zkprov_writes);
    }
    // One node is a server alone: no elections, no ports for others. Of several each waits for a majority.
    const bool alone = inventory.nodes.size() == 1;
    if (alone) own["standaloneEnabled"] = "true";
    if (inventory.apache) {
        own["4lw.commands.whitelist"] = kApacheWords;
        own.erase("db.autocreate");  // in its unit
        std::erase_if(given, [](const auto& entry) { return is_property_only(entry.first); });
    }
    std::string text = "# " + inventory.cluster + ", server " + to_string(node.id) +
                       ". Written by zkprov apply, which overwrites changes made here.\n";
    const auto line = [&](std::string_view key, std::string_view value) {
        text.append(key).append("=").append(value).append("\n");
    };
    std::optional<agent_api::ContainerSpec> container;
    if (inventory.docker) container = container_of(inventory, node);
    line("dataDir", container ? path_in(*container, node.data_dir) : node.data_dir);
    line("dataLogDir", container ? path_in(*container, node.log_dir) : node.log_dir);
    line("clientPort", std::to_string(node.ports.client));
    if (inventory.transport == Transport::local && !inventory.docker)
        line("clientPortAddress", node.host);
    for (const auto& keys : {given, own}) {
        for (const auto& [key, value] : keys) line(key, value);
    }
    if (alone) return text;
    for (const Node& member : inventory.nodes) {
        line("server." + to_string(member.id),
             fmt::format(
                 "{}:{}:{}", before_port(member.host), member.ports.peer, member.ports.election));
    }
    return text;
}

std::string members_digest(const Inventory& inventory) {
    std::string members;
    for (const Node& node : inventory.nodes) {
        members += fmt::format("{}={}:{}:{}\n",
                               node.id.value(),
                               before_port(node.host),
                               node.ports.peer,
                               node.ports.election);
    }
    return agent_api::sha256_hex(members).substr(0, kDigestDigits);
}

std::string new_generation(const Inventory& inventory, std::int64_t wall_ms) {
    return fmt::format("{:x}-{}", wall_ms, members_digest(inventory));
}

std::string digest_in_generation(std::string_view generation) {
    const std::size_t dash = generation.rfind('-');
    if (dash == std::string_view::npos || generation.size() - dash - 1 != kDigestDigits) return {};
    return std::string(generation.substr(dash + 1));
}

Result<NodeSpec> render_node(const Inventory& inventory,
                             const Node& node,
                             const agent_api::ReleaseSpec& release,
                             const std::string& generation,
                             const std::optional<agent_api::Incarnation>& incarnation) {
    const bool local = inventory.transport == Transport::local;
    NodeSpec spec;
    spec.cluster = inventory.cluster;
    spec.generation = generation;
    spec.incarnation = incarnation;
    spec.sid = node.id;
    spec.host = node.host;
    spec.manager = local ? agent_api::Manager::supervised : agent_api::Manager::systemd;
    spec.formation = agent_api::Formation::join;
    if (!local && !inventory.docker) spec.user = kServerUser;
    spec.group = spec.user;
    spec.install_dir = node.install_dir;
    spec.data_dir = node.data_dir;
    spec.log_dir = node.log_dir;
    spec.conf_path = node.install_dir + "/conf/zoo.cfg";
    spec.release = release;
    spec.address = local ? node.host : "127.0.0.1";
    spec.client_port = node.ports.client;
    spec.peer_port = node.ports.peer;
    spec.election_port = node.ports.election;
    spec.http_address = node.http.address;
    spec.http_port = node.http.port;
    for (const Node& member : inventory.nodes) {
        spec.members.push_back(member_of(inventory, member));
    }
    spec.members_digest = members_digest(inventory);
    if (inventory.docker) {
        add_container(inventory, node, spec);
    } else {
        add_directories(spec);
    }

    const std::string zoo_cfg = render_zoo_cfg(inventory, node);
    ZK_CHECK(check_zoo_cfg(zoo_cfg, node));
    const std::string server_reads = reader_of(spec);
    spec.files.push_back(FileSpec{spec.conf_path, 0640, server_reads, zoo_cfg, FileKind::config});
    spec.files.push_back(FileSpec{
        node.data_dir + "/myid", 0640, server_reads, to_string(node.id) + "\n", FileKind::config});
    const agent_api::DataOwner owner{spec.cluster, spec.sid, spec.generation, incarnation};
    spec.files.push_back(FileSpec{node.data_dir + "/" + std::string(agent_api::kDataOwnerFile),
                                  0640,
                                  server_reads,
                                  agent_api::to_json(owner) + "\n",
                                  FileKind::plain});
    if (inventory.docker) {
        if (inventory.apache) {
            spec.release.flavor = agent_api::Flavor::apache;
            add_apache_logging(spec);
        }
        if (spec.agent_is_unit()) {
            ZK_CHECK(add_units(spec, ServerUnit::none, state_dir_of(inventory, node)));
        }
    } else if (inventory.apache) {
        std::map<std::string, std::string> properties = node.config;
        std::erase_if(properties, [](const auto& entry) { return !is_property_only(entry.first); });
        const ApacheLine* const line = apache_line(release.version);
        if (line == nullptr) {
            return Error(Errc::invalid, "Apache ZooKeeper " + release.version + " is not known");
        }
        spec.java = inventory.apache->java;
        spec.java_least = line->java_least;
        spec.release.flavor = agent_api::Flavor::apache;
        ZK_CHECK(add_apache_files(inventory, properties, spec));
        ZK_CHECK(add_units(spec, ServerUnit::apache, state_dir_of(inventory, node)));
    } else if (!local) {
        for (const Script& script : kScripts) {
            spec.files.push_back(FileSpec{spec.install_dir + "/bin/" + std::string(script.name),
                                          0755,
                                          "root:root",
                                          std::string(script.text),
                                          FileKind::plain});
        }
        ZK_CHECK(add_units(spec, ServerUnit::ours, state_dir_of(inventory, node)));
    }
    ZK_CHECK(agent_api::validate(spec));
    return spec;
}

}  // namespace zk::inventory
