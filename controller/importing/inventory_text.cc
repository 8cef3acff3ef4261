#include "importing/inventory_text.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "importing/docker_text.h"
#include "importing/most_common.h"
#include "inventory/apache.h"

namespace zk::importing {
namespace {

constexpr std::string_view kStandardDir = "/usr/local/zookeeper";
constexpr std::uint16_t kHttpPort = 9180;

using Keys = std::vector<std::pair<std::string, std::string>>;

class Writer {
  public:
    Writer(const std::vector<FoundNode>& nodes, const ImportSettings& settings)
        : nodes_(nodes), settings_(settings) {}

    std::string write(const std::string& cluster) {
        if (nodes_.front().container) docker_.emplace(nodes_, cluster);
        write_head();
        line("schema: zkprov/1");
        line("cluster: " + scalar(cluster));
        write_ssh();
        if (docker_) write_lines(docker_->section());
        write_server();
        write_agent();
        write_nodes();
        write_left_out();
        return std::move(text_);
    }

  private:
    void line(const std::string& words) { text_ += words + "\n"; }
    void write_lines(const std::vector<std::string>& lines) {
        for (const std::string& each : lines) line(each);
    }

    void write_head() {
        std::string hosts;
        std::set<std::string> told;
        for (const FoundNode& node : nodes_) {
            if (told.insert(node.host).second) hosts += (hosts.empty() ? "" : ", ") + node.host;
        }
        line("# Written by zkprov import, from what runs on " + hosts + ".");
        const bool own = std::ranges::all_of(nodes_, &FoundNode::own);
        if (own) return;
        if (docker_) return write_lines(DockerText::way_over());
        line(
            "# zkprov plan says what would be added; zkprov apply --adopt adds it and restarts no");
        line(
            "# server; zkprov apply --take-over then restarts them one by one under zkprov's "
            "unit.");
    }

    void write_ssh() {
        const inventory::SshLogin& ssh = settings_.ssh;
        Keys keys;
        if (!ssh.user.empty()) keys.emplace_back("user", scalar(ssh.user));
        if (ssh.port_given) keys.emplace_back("port", std::to_string(ssh.port));
        if (ssh.keys.size() == 1) keys.emplace_back("key", scalar(ssh.keys.front()));
        if (ssh.keys.size() > 1) {
            std::string list;
            for (const std::string& key : ssh.keys)
                list += (list.empty() ? "" : ", ") + scalar(key);
            keys.emplace_back("keys", "[" + list + "]");
        }
        if (!ssh.known_hosts.empty()) keys.emplace_back("known_hosts", scalar(ssh.known_hosts));
        if (!ssh.jump.empty()) keys.emplace_back("jump", scalar(ssh.jump));
        if (!ssh.config.empty()) keys.emplace_back("config", scalar(ssh.config));
        if (ssh.client == inventory::SshClient::openssh) keys.emplace_back("client", "openssh");
        if (ssh.client == inventory::SshClient::libssh2) keys.emplace_back("client", "libssh2");
        write_map("ssh", keys, "");
    }

    void write_map(const std::string& name, const Keys& keys, const std::string& indent) {
        if (keys.empty()) return;
        line(indent + name + ":");
        for (const auto& [key, value] : keys) line(indent + "  " + key + ": " + value);
    }

    // ---- server -------------------------------------------------------------------------------------------------------

    void write_server() {
        const bool apache = nodes_.front().flavor == agent_api::Flavor::apache;
        const std::size_t before = text_.size();
        line("server:");
        if (apache) write_apache();
        common_ = places_of(nodes_.front());
        for (auto& [key, value] : common_) {
            value = most_common<std::string>(
                nodes_, [&key = key](const FoundNode& node) { return find(places_of(node), key); });
        }
        for (const auto& [key, value] : common_) {
            if (value != standard_of(key)) line("  " + key + ": " + scalar(value));
        }
        common_config_ = config_of_all();
        if (!common_config_.empty()) write_config(common_config_, "  ");
        // Nothing but defaults.
        if (text_.ends_with("server:\n")) text_.resize(before);
    }

    void write_apache() {
        line("  flavor: apache");
        const std::string version =
            most_common<std::string>(nodes_, [](const FoundNode& node) { return node.version; });
        if (docker_) {
            // Its image holds it.
        } else if (settings_.tarball.empty()) {
            line("  # " +
                 (version.empty() ? std::string("The version is not known")
                                  : "Apache ZooKeeper " + version + " runs") +
                 ". A release cannot be taken from a host: fetch");
            line("  # apache-zookeeper-" + (version.empty() ? std::string("X") : version) +
                 "-bin.tar.gz of that version with its .sha512 and put it beside this file.");
            line("  tarball: apache-zookeeper-" + (version.empty() ? std::string("X") : version) +
                 "-bin.tar.gz");
        } else {
            line("  tarball: " + scalar(settings_.tarball));
        }
        const inventory::ApacheSettings standard;
        const auto java =
            one_for_all<std::string>("Java", [](const FoundNode& node) { return node.java; });
        if (!java.empty() && java != standard.java) line("  java: " + scalar(java));
        const auto heap =
            one_for_all<std::string>("-Xmx", [](const FoundNode& node) { return node.heap; });
        if (!heap.empty() && heap != standard.heap) line("  heap: " + scalar(heap));
        const auto flags = most_common<std::vector<std::string>>(
            nodes_, [](const FoundNode& node) { return node.jvm_flags; });
        for (const FoundNode& node : nodes_) {
            if (node.jvm_flags != flags) differs(node, "the flags of its JVM");
            if (node.version != version && !docker_) {
                differs(node, "its version, " + node.version);
            }
        }
        if (flags.empty()) return;
        line("  jvm_flags:");
        for (const std::string& flag : flags) line("    - " + scalar(flag));
    }

    /// An inventory has one for all nodes.
    template <class Value>
    Value one_for_all(const std::string& what,
                      const std::function<Value(const FoundNode&)>& value_of) {
        const Value common = most_common<Value>(nodes_, value_of);
        for (const FoundNode& node : nodes_) {
            if (value_of(node) != common) differs(node, what + ", " + value_of(node));
        }
        return common;
    }
    void differs(const FoundNode& node, const std::string& what) {
        left_out_.push_back("server " + to_string(node.sid) + ": " + what +
                            ", is another one than the others'; an inventory has one for all");
    }

    static Keys places_of(const FoundNode& node) {
        Keys places = {{"install_dir", node.install_dir},
                       {"data_dir", node.data_dir},
                       {"log_dir", node.log_dir},
                       {"client_port", std::to_string(node.ports.client)},
                       {"peer_port", std::to_string(node.ports.peer)},
                       {"election_port", std::to_string(node.ports.election)}};
        if (!node.container) return places;
        // Its directories are the container's, and one that has no address of its own has its host's port.
        places.erase(places.begin(), places.begin() + 3);
        if (node.container->network.driver == agent_api::NetworkDriver::standard) {
            places.erase(places.begin());
        }
        return places;
    }
    static std::string find(const Keys& keys, const std::string& key) {
        for (const auto& [name, value] : keys) {
            if (name == key) return value;
        }
        return {};
    }
    /// With the install_dir that all have.
    [[nodiscard]] std::string standard_of(const std::string& key) const {
        if (key == "install_dir") return std::string(kStandardDir);
        const std::string install = find(common_, "install_dir");
        if (key == "data_dir") return install + "/data";
        if (key == "log_dir") return install + "/logs";
        const inventory::Ports ports;
        if (key == "client_port") return std::to_string(ports.client);
        return std::to_string(key == "peer_port" ? ports.peer : ports.election);
    }

    /// Keys that every node has, each with its most common value.
    [[nodiscard]] std::map<std::string, std::string> config_of_all() const {
        std::map<std::string, std::string> common;
        for (const auto& [key, first] : nodes_.front().config) {
            const bool all = std::ranges::all_of(
                nodes_, [&key = key](const FoundNode& node) { return node.config.contains(key); });
            if (!all) continue;
            common[key] = most_common<std::string>(
                nodes_, [&key = key](const FoundNode& node) { return node.config.at(key); });
        }
        return common;
    }
    void write_config(const std::map<std::string, std::string>& config, const std::string& indent) {
        line(indent + "config:");
        for (const auto& [key, value] : config) line(indent + "  " + key + ": " + scalar(value));
    }

    // ---- agent and nodes -----------------------------------------------------------------------------------------------

    static std::string listen_of(const FoundNode& node) {
        if (node.http.port == 0) return "off";
        if (node.http.address == "127.0.0.1") return "loopback";
        const std::string& own = node.in_bridge() ? node.host : node.member_host;
        return node.http.address == own ? "node" : node.http.address;
    }
    static std::string agent_words(const FoundNode& node, std::uint16_t port) {
        const std::string listen = listen_of(node);
        if (listen == "off") return "off";
        std::string words = "{ http: { listen: " + scalar(listen);
        if (port != kHttpPort) words += ", port: " + std::to_string(port);
        return words + " } }";
    }
    /// As an inventory's own agent would have it: of containers of one host each has the next port.
    [[nodiscard]] std::string agent_of(const FoundNode& node) const {
        const auto before = node.in_bridge() ? &node - nodes_.data() : 0;
        return agent_words(node, static_cast<std::uint16_t>(node.http.port - before));
    }
    void write_agent() {
        common_agent_ = most_common<std::string>(
            nodes_, [this](const FoundNode& node) { return agent_of(node); });
        if (common_agent_ != "off") line("agent: " + common_agent_);
    }
    void write_own_agent(const FoundNode& node) {
        if (agent_of(node) == common_agent_) return;
        std::string words = agent_words(node, node.http.port);
        if (words == "off") words = "{ http: { listen: off } }";
        // Without a port it would be counted on from the first node's.
        if (node.in_bridge() && node.http.port == kHttpPort) {
            words.insert(words.find(" }"), ", port: " + std::to_string(kHttpPort));
        }
        line("    agent: " + words);
    }
    void write_host(const FoundNode& node) {
        if (docker_) {
            return write_lines(
                docker_->node_lines(static_cast<std::size_t>(&node - nodes_.data())));
        }
        line("    host: " + scalar(node.member_host));
        if (node.host != node.member_host) line("    ssh: { host: " + scalar(node.host) + " }");
    }

    void write_nodes() {
        line("nodes:");
        for (const FoundNode& node : nodes_) {
            line("  - id: " + to_string(node.sid));
            write_host(node);
            for (const auto& [key, value] : places_of(node)) {
                if (value != find(common_, key)) line("    " + key + ": " + scalar(value));
            }
            std::map<std::string, std::string> own = node.config;
            std::erase_if(own, [&](const auto& entry) {
                const auto common = common_config_.find(entry.first);
                return common != common_config_.end() && common->second == entry.second;
            });
            if (!own.empty()) write_config(own, "    ");
            write_own_agent(node);
        }
    }

    /// What several servers have alike is said once.
    void write_left_out() {
        std::vector<std::string> lines = left_out_;
        if (docker_) std::ranges::copy(docker_->left_out(), std::back_inserter(lines));
        for (const FoundNode& node : nodes_) {
            lines.insert(lines.end(), node.comments.begin(), node.comments.end());
        }
        std::vector<std::pair<std::string, std::string>> told;  // words, servers
        for (const std::string& each : lines) {
            constexpr std::string_view kServer = "server ";
            const std::size_t colon = each.find(": ");
            const std::string words = each.substr(colon + 2);
            const std::string server = each.substr(kServer.size(), colon - kServer.size());
            const auto known =
                std::ranges::find(told, words, &std::pair<std::string, std::string>::first);
            if (known == told.end()) {
                told.emplace_back(words, server);
            } else {
                known->second += ", " + server;
            }
        }
        if (told.empty()) return;
        line("");
        line("# Not taken over:");
        for (const auto& [words, servers] : told) {
            line(fmt::format("# server{} {}: {}",
                             servers.find(',') == std::string::npos ? "" : "s",
                             servers,
                             words));
        }
    }

    const std::vector<FoundNode>& nodes_;
    const ImportSettings& settings_;
    std::optional<DockerText> docker_;
    std::string text_;
    Keys common_;
    std::map<std::string, std::string> common_config_;
    std::string common_agent_;
    std::vector<std::string> left_out_;
};

}  // namespace

std::string scalar(const std::string& text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+@").find(c) != std::string_view::npos;
    };
    const bool begins = !text.empty() && text.front() != '-' && text.front() != '.' &&
                        text.front() != '@' && text.front() != '+';
    if (begins && std::ranges::all_of(text, plain)) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

std::string inventory_text(const std::vector<FoundNode>& nodes,
                           const ImportSettings& settings,
                           const std::string& cluster) {
    return Writer(nodes, settings).write(cluster);
}

}  // namespace zk::importing
