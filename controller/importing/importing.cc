#include "importing/importing.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "importing/found_container.h"
#include "importing/found_node.h"
#include "importing/inventory_text.h"
#include "inventory/ranges.h"
#include "inventory/yaml_reader.h"

namespace zk::importing {
namespace {

using ensemble::Member;

constexpr std::string_view kStandardCluster = "zookeeper";

std::string members_text(const std::map<ServerId, Member>& members) {
    std::string text;
    for (const auto& [sid, member] : members) {
        text += (text.empty() ? "" : ", ") + to_string(sid) + "=" +
                inventory::before_port(member.host) + ":" + std::to_string(member.quorum_port) +
                ":" + std::to_string(member.election_port);
    }
    return text.empty() ? "none, it runs alone" : text;
}

/// The nodes together: whether they are one ensemble, and all of it.
class Ensemble {
  public:
    explicit Ensemble(std::vector<FoundNode>& nodes) : nodes_(nodes) {}

    std::vector<std::string> check() {
        check_runtimes();
        check_ids();
        check_members();
        check_flavors();
        check_clusters();
        if (wrong_.empty()) check_all_there();
        return std::move(wrong_);
    }

  private:
    /// Containers of two bridges are on two hosts, or cannot reach each other.
    void check_runtimes() {
        const FoundNode& first = nodes_.front();
        for (const FoundNode& node : nodes_) {
            if (node.container.has_value() != first.container.has_value()) {
                wrong_.push_back(first.place + " and " + node.place +
                                 ": one runs in a container, the other does not; an inventory has "
                                 "one way for all nodes");
            } else if (node.container && (node.container->network != first.container->network ||
                                          (first.in_bridge() && node.host != first.host))) {
                wrong_.push_back(first.place + " and " + node.place +
                                 ": their containers are in different networks; zkprov's are in "
                                 "one bridge of one host, or each in its host's own network");
            }
        }
    }

    void check_ids() {
        std::map<ServerId, const FoundNode*> first;
        for (const FoundNode& node : nodes_) {
            const auto [at, is_new] = first.emplace(node.sid, &node);
            if (is_new) continue;
            wrong_.push_back(at->second->place + " and " + node.place + ": both are server " +
                             to_string(node.sid) +
                             "; one of them is named twice, belongs to another ensemble, or has "
                             "the wrong myid");
        }
    }

    static bool same_place(const Member& one, const Member& other) {
        return ensemble::may_be_same_host(one.host, other.host) &&
               one.quorum_port == other.quorum_port && one.election_port == other.election_port;
    }

    void check_members() {
        const FoundNode& first = nodes_.front();
        for (const FoundNode& node : nodes_) {
            const bool same =
                std::ranges::equal(first.members, node.members, [](const auto& a, const auto& b) {
                    return a.first == b.first && same_place(a.second, b.second);
                });
            // Two that run alone are two ensembles.
            if (same && (!node.members.empty() || nodes_.size() == 1)) continue;
            if (&node == &first && same) continue;
            wrong_.push_back(first.place + " and " + node.place +
                             ": they are not of one ensemble, or disagree on its members: " +
                             members_text(first.members) + "; " + members_text(node.members) +
                             (node.container ? ". Name the containers of one ensemble (--container)"
                                             : ". Name the hosts of one ensemble") +
                             ", and make its zoo.cfg files agree");
        }
    }

    void check_flavors() {
        for (const FoundNode& node : nodes_) {
            if (node.flavor == nodes_.front().flavor) continue;
            wrong_.push_back(nodes_.front().place + " and " + node.place +
                             ": one runs Apache's server, the other zkprov's own; an inventory has "
                             "one of them for all nodes");
        }
    }

    void check_clusters() {
        for (const FoundNode& node : nodes_) {
            if (node.own == nodes_.front().own && node.cluster == nodes_.front().cluster) continue;
            const auto name = [](const FoundNode& each) {
                return each.own ? "zkprov's ensemble " + each.cluster : "none of zkprov's";
            };
            wrong_.push_back(nodes_.front().place + " and " + node.place + ": they belong to " +
                             name(nodes_.front()) + " and " + name(node) +
                             "; apply the inventory that there is first");
        }
    }

    void check_all_there() {
        std::string missing;
        for (const auto& [sid, member] : nodes_.front().members) {
            const bool there = std::ranges::any_of(
                nodes_, [&sid = sid](const FoundNode& node) { return node.sid == sid; });
            if (there) continue;
            missing += (missing.empty() ? "" : ", ") + std::string("server ") + to_string(sid) +
                       " (" + member.host + ")";
        }
        if (missing.empty()) return;
        wrong_.push_back("the ensemble has members on hosts that were not named: " + missing +
                         (nodes_.front().container
                              ? "; name all of its hosts, and start its containers that do not run"
                              : "; name all of its hosts"));
    }

    std::vector<FoundNode>& nodes_;
    std::vector<std::string> wrong_;
};

/// For ensembles that zkprov did not install.
std::string free_install_dir(const std::vector<SurveyedHost>& hosts) {
    for (const std::string_view candidate : kInstallDirs) {
        const bool taken = std::ranges::any_of(hosts, [&](const SurveyedHost& host) {
            return std::ranges::find(host.survey.existing, candidate) != host.survey.existing.end();
        });
        if (!taken) return std::string(candidate);
    }
    return {};
}

Result<std::vector<FoundNode>> read_nodes(const SurveyedHost& host,
                                          const ImportSettings& settings) {
    if (!settings.engine.empty() && !host.survey.engine_failure.empty()) {
        return Error(Errc::invalid, host.host + ": " + host.survey.engine_failure);
    }
    if (are_in_containers(host, settings)) return read_containers(host, settings);
    ZK_TRY(auto node, read_node(host));
    std::vector<FoundNode> nodes;
    nodes.push_back(std::move(node));
    return nodes;
}

Error error_of(const std::vector<std::string>& lines) {
    std::string words;
    for (const std::string& line : lines) words += (words.empty() ? "" : "\n") + line;
    return {Errc::invalid, std::move(words)};
}

}  // namespace

Result<std::string> make_inventory(const std::vector<SurveyedHost>& hosts,
                                   const ImportSettings& settings) {
    std::vector<std::string> wrong;
    std::vector<FoundNode> nodes;
    for (const SurveyedHost& host : hosts) {
        auto found = read_nodes(host, settings);
        if (found.has_value()) {
            std::ranges::move(*found, std::back_inserter(nodes));
        } else {
            wrong.push_back(found.error().words);
        }
    }
    if (!wrong.empty()) return error_of(wrong);
    if (nodes.empty()) return Error(Errc::invalid, "no host was named");
    wrong = Ensemble(nodes).check();
    if (!wrong.empty()) return error_of(wrong);
    std::ranges::sort(nodes, {}, &FoundNode::sid);
    const std::string install_dir = free_install_dir(hosts);
    for (FoundNode& node : nodes) {
        auto address = inventory::read_address(node.member_host);
        if (!address.has_value()) {
            return Error(Errc::invalid, node.place + ": " + address.error().words);
        }
        node.member_host = *std::move(address);
        if (!node.own && !node.container) node.install_dir = install_dir;
    }
    if (nodes.front().install_dir.empty()) {
        return Error(
            Errc::invalid,
            "there is no directory for zkprov's own files: " + std::string(kInstallDirs.back()) +
                " and others before it exist already; move one of them away");
    }
    std::string cluster = settings.cluster;
    if (nodes.front().own) {
        if (!cluster.empty() && cluster != nodes.front().cluster) {
            return Error(Errc::invalid,
                         "zkprov's ensemble there is called " + nodes.front().cluster +
                             ", which cannot be changed; leave --cluster out");
        }
        cluster = nodes.front().cluster;
    }
    if (cluster.empty()) cluster = kStandardCluster;
    std::string text = inventory_text(nodes, settings, cluster);
    // What was written has to be an inventory, and it says best why it is none.
    inventory::Diagnostics diagnostics("the inventory that describes it");
    if (!inventory::read_inventory(text, "/", diagnostics)) {
        return Error(
            Errc::invalid,
            "what runs there cannot be an inventory of this version:\n" + diagnostics.format_all());
    }
    return text;
}

}  // namespace zk::importing
