#include "importing/docker_text.h"

#include "importing/inventory_text.h"
#include "importing/most_common.h"
#include "inventory/docker.h"

namespace zk::importing {
namespace {

using agent_api::NetworkDriver;

constexpr std::string_view kAside = ".before-zkprov";

/// The directory that holds one with this node's own name; empty: it has another name.
std::string holder_of(const FoundNode& node) {
    const std::string name = "/zk" + to_string(node.sid);
    const std::string& directory = node.container->directory;
    return directory.ends_with(name) ? directory.substr(0, directory.size() - name.size())
                                     : std::string();
}

}  // namespace

DockerText::DockerText(const std::vector<FoundNode>& nodes, const std::string& cluster)
    : nodes_(nodes), cluster_(cluster) {
    image_ = most_common<std::string>(nodes,
                                      [](const FoundNode& node) { return node.container->image; });
    restart_ = most_common<std::string>(
        nodes, [](const FoundNode& node) { return node.container->restart; });
    directory_ = most_common<std::string>(nodes, holder_of);
    if (directory_.empty()) directory_ = "/data/zookeeper/" + cluster;
    host_port_ = container(0).host_port;
    if (host_port_ == 0) host_port_ = inventory::DockerSettings().host_port;
}

std::vector<std::string> DockerText::way_over() {
    return {
        "# zkprov plan says what would be added; zkprov apply --adopt adds it and restarts no "
        "container;",
        "# zkprov apply --take-over then puts zkprov's own containers, on the same directories, "
        "network and",
        "# ports, in the place of these, one by one. These stay, stopped, as NAME" +
            std::string(kAside) + "."};
}

std::vector<std::string> DockerText::section() const {
    const inventory::DockerSettings standard;
    const FoundContainer& first = container(0);
    std::vector<std::string> lines = {"runtime: docker", "docker:", "  image: " + scalar(image_)};
    if (first.engine != standard.engine) lines.push_back("  engine: " + scalar(first.engine));
    if (directory_ != "/data/zookeeper/" + cluster_) {
        lines.push_back("  directory: " + scalar(directory_));
    }
    if (restart_ != standard.restart) {
        // A bare one would be a word of YAML.
        lines.push_back("  restart: " + (restart_ == "no" ? "\"no\"" : scalar(restart_)));
    }
    const auto& network = first.network;
    if (network.driver != NetworkDriver::host && host_port_ != standard.host_port) {
        lines.push_back("  host_port: " + std::to_string(host_port_));
    }
    if (network.driver == NetworkDriver::host) lines.emplace_back("  network: { driver: host }");
    if (network.driver == NetworkDriver::bridge) {
        std::string words = "  network: { name: " + scalar(network.name) +
                            ", driver: bridge, subnet: " + scalar(network.subnet);
        if (!network.gateway.empty()) words += ", gateway: " + scalar(network.gateway);
        lines.push_back(words + " }");
    }
    return lines;
}

std::vector<std::string> DockerText::node_lines(std::size_t index) const {
    const FoundNode& node = nodes_[index];
    const FoundContainer& found = *node.container;
    const bool in_hosts = found.network.driver == NetworkDriver::host;
    std::vector<std::string> lines = {"    host: " +
                                      scalar(in_hosts ? node.member_host : node.host)};
    if (in_hosts && node.host != node.member_host) {
        lines.push_back("    ssh: { host: " + scalar(node.host) + " }");
    }
    if (node.in_bridge()) lines.push_back("    address: " + scalar(found.address));
    if (found.name != cluster_ + "-" + to_string(node.sid)) {
        lines.push_back("    container: " + scalar(found.name));
    }
    if (found.directory != directory_ + "/zk" + to_string(node.sid)) {
        lines.push_back("    directory: " + scalar(found.directory));
    }
    if (!in_hosts && found.host_port != 0 && found.host_port != host_port_ + index) {
        lines.push_back("    host_port: " + std::to_string(found.host_port));
    }
    return lines;
}

std::vector<std::string> DockerText::left_out() const {
    std::vector<std::string> lines;
    for (const FoundNode& node : nodes_) {
        const std::string server = "server " + to_string(node.sid) + ": ";
        const std::string why = ", is another one than the others'; an inventory has one for all";
        if (node.container->image != image_) {
            lines.push_back(server + "its image, " + node.container->image + why);
        }
        if (node.container->restart != restart_) {
            lines.push_back(server + "its restart policy, " + node.container->restart + why);
        }
    }
    return lines;
}

}  // namespace zk::importing
