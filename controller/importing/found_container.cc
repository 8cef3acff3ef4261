#include "importing/found_container.h"

#include <algorithm>
#include <array>
#include <map>

#include "agent_api/container_survey.h"
#include "agent_api/subnet.h"

namespace zk::importing {
namespace {

using agent_api::ContainerSurvey;
using agent_api::HostSurvey;
using agent_api::MountSurvey;
using agent_api::NetworkDriver;

constexpr std::string_view kData = "/data";
constexpr std::string_view kDatalog = "/datalog";
constexpr std::string_view kWayOfVolumes =
    "; zkprov's containers have both in a directory of the host: stop the container, move its "
    "files, and "
    "run it with -v DIR/data:/data -v DIR/datalog:/datalog";

/// An address that means the server itself.
bool is_own_word(const std::string& host) {
    return host == "0.0.0.0" || host == "::" || host == "localhost" || host == "127.0.0.1";
}

class ContainerReader {
  public:
    ContainerReader(const SurveyedHost& host, const ContainerSurvey& told)
        : host_(host), told_(told) {}

    Result<FoundNode> read() {
        const std::string place = "container " + told_.name + " on " + host_.host;
        if (!told_.cluster.empty()) return read_own(place);
        if (!told_.unknown_layout.empty()) {
            return Error(Errc::invalid,
                         place + ": " + told_.unknown_layout +
                             "; only containers that are laid out as the official image's are "
                             "imported. To leave it out name the others (--container)");
        }
        ZK_TRY(node_, read_contained(host_.host, place, told_));
        container_.engine = host_.survey.engine;
        container_.image = told_.image;
        container_.name = told_.name;
        read_network();
        read_volumes();
        read_ports();
        read_restart();
        read_rights();
        if (wrong_.empty()) {
            node_.container = container_;
            return std::move(node_);
        }
        std::string words;
        for (const std::string& line : wrong_) {
            words += (words.empty() ? "" : "\n") + place + ": " + line;
        }
        return Error(Errc::invalid, std::move(words));
    }

  private:
    void refuse(std::string words) { wrong_.push_back(std::move(words)); }
    void comment(const std::string& words) {
        node_.comments.push_back("server " + to_string(node_.sid) + ": " + words);
    }

    [[nodiscard]] Result<FoundNode> read_own(const std::string& place) const {
        if (told_.applied) return read_applied(host_.host, place, *told_.applied);
        return Error(Errc::invalid,
                     place + ": zkprov made it (" + told_.cluster + ", server " + told_.sid +
                         "), and this host has no record of what was applied; with transport: "
                         "local its inventory is on this host");
    }

    // ---- network ------------------------------------------------------------------------------

    void read_network() {
        const std::string& mode = told_.network;
        if (mode == "host") return read_host_network();
        if (mode == "default" || mode == "bridge") return read_standard_network();
        if (mode.empty() || mode == "none" || mode.starts_with("container:")) {
            return refuse("its network is " + (mode.empty() ? "not known" : mode) +
                          ", in which zkprov's containers cannot be");
        }
        const auto found =
            std::ranges::find(host_.survey.networks, mode, &agent_api::SubnetFact::name);
        if (found == host_.survey.networks.end() || found->driver != "bridge" ||
            !agent_api::parse_subnet(found->subnet)) {
            return refuse("its network " + mode +
                          " is no bridge with an IPv4 subnet, and zkprov's containers are in such "
                          "a one or in the host's own");
        }
        container_.network = {NetworkDriver::bridge, mode, found->subnet, found->gateway};
        read_address();
    }

    void read_host_network() {
        container_.network.driver = NetworkDriver::host;
        name_own_line(host_.host);
        if (is_own_word(node_.member_host)) node_.member_host = host_.host;
    }

    void read_standard_network() {
        if (node_.members.size() > 1) {
            return refuse(
                "it is in the engine's default network, where no address is fixed; make "
                "the ensemble's own (docker network create --subnet), with --ip for "
                "each container, or let it use the host's (--network host)");
        }
        node_.member_host = host_.host;
    }

    void read_address() {
        if (told_.address.empty())
            return refuse("the engine tells no address of it in its network");
        container_.address = told_.address;
        name_own_line(told_.address);
        for (auto& [sid, member] : node_.members) {
            if (const auto address = address_of(member.host); !address.empty()) {
                member.host = address;
            }
        }
        const auto own = node_.members.find(node_.sid);
        if (own != node_.members.end() && own->second.host != told_.address) {
            return refuse(
                "the others reach it at " + own->second.host + ", and its address in " +
                told_.network + " is " + told_.address +
                "; zkprov's containers of a bridge reach each other there. Several Docker "
                "hosts use the hosts' own network (--network host)");
        }
        node_.member_host = told_.address;
        if (told_.fixed_address) return;
        comment(
            "its address " + told_.address +
            " was chosen by the engine, and zkprov's are fixed, which an engine allows only in a "
            "network that was made with --subnet");
    }

    /// A server may write 0.0.0.0 for itself.
    void name_own_line(const std::string& address) {
        const auto own = node_.members.find(node_.sid);
        if (own != node_.members.end() && is_own_word(own->second.host)) own->second.host = address;
    }
    /// Of a container of this network by a name of it; empty: none has that name.
    [[nodiscard]] std::string address_of(const std::string& name) const {
        for (const ContainerSurvey& each : host_.survey.containers) {
            if (each.network != told_.network) continue;
            if (each.name == name || std::ranges::find(each.aliases, name) != each.aliases.end()) {
                return each.address;
            }
        }
        return {};
    }

    // ---- volumes ------------------------------------------------------------------------------

    [[nodiscard]] std::string setting(std::string_view key) const {
        const auto* const found = told_.server.setting(key);
        return found == nullptr ? std::string() : found->value;
    }

    void read_volumes() {
        const std::string data = setting("dataDir");
        const std::string logs = setting("dataLogDir");
        if (data.empty()) return refuse("its zoo.cfg has no dataDir");
        if (logs.empty() || logs == data) {
            return refuse("its transaction logs lie in " + data + " with its snapshots" +
                          std::string(kWayOfVolumes) + ", and dataLogDir=/datalog");
        }
        if (!is_directory_of_host(data) || !is_directory_of_host(logs)) return;
        node_.data_dir = agent_api::host_path(told_, data);
        node_.log_dir = agent_api::host_path(told_, logs);
        const bool ends = node_.data_dir.ends_with(kData) && node_.log_dir.ends_with(kDatalog);
        const std::string directory =
            node_.data_dir.substr(0, node_.data_dir.size() - (ends ? kData.size() : 0));
        if (!ends || directory.empty() || node_.log_dir != directory + std::string(kDatalog)) {
            return refuse("its data lie in " + node_.data_dir + " and its logs in " +
                          node_.log_dir + ", which are no DIR/data and DIR/datalog" +
                          std::string(kWayOfVolumes));
        }
        if (!told_.server.data.unreadable.empty()) refuse(told_.server.data.unreadable);
        container_.directory = directory;
        node_.install_dir = directory;
        note_other_volumes(data, logs);
    }

    bool is_directory_of_host(const std::string& inside) {
        const MountSurvey* const mount = agent_api::mount_of(told_, inside);
        if (mount != nullptr && mount->is_bind()) return true;
        const std::string where = mount == nullptr ? " is in no volume, and goes with the container"
                                  : mount->is_nameless()
                                      ? " is in a volume without a name"
                                      : " is in the engine's volume " + mount->name;
        refuse("its " + inside + where + std::string(kWayOfVolumes));
        return false;
    }

    void note_other_volumes(const std::string& data, const std::string& logs) {
        const std::string conf = container_.directory + "/conf";
        for (const MountSurvey& mount : told_.mounts) {
            if (mount.target == data || mount.target == logs || !mount.is_bind()) continue;
            const std::string words = "its " + mount.target + " is " + mount.source;
            if (mount.target == "/logs") {
                if (mount.source != container_.directory + "/logs") {
                    comment(words + "; zkprov's is " + container_.directory + "/logs");
                }
            } else if (told_.server.conf_path.starts_with(mount.target)) {
                comment(words + "; zkprov writes its zoo.cfg to " + conf +
                        ", over one that is there");
            } else {
                comment(words + ", a volume that no inventory has");
            }
        }
    }

    // ---- the rest -----------------------------------------------------------------------------

    void read_ports() {
        for (const agent_api::PortSurvey& port : told_.ports) {
            const std::string words =
                std::to_string(port.host_port) + ":" + std::to_string(port.port);
            if (port.port != node_.ports.client || container_.host_port != 0) {
                comment("its published port " + words +
                        "; an inventory publishes that for clients");
            } else if (!port.address.empty()) {
                refuse("clients reach it at " + port.address + " of its host only (-p " +
                       port.address + ":" + words +
                       "), and zkprov publishes at all addresses; publish it so first");
            } else {
                container_.host_port = port.host_port;
            }
        }
        if (container_.host_port != 0 || container_.network.driver == NetworkDriver::host) return;
        comment("it publishes no port for clients, and zkprov's does (host_port)");
    }

    void read_restart() {
        container_.restart = told_.restart.empty() ? "no" : told_.restart;
        if (told_.restarts_max == 0) return;
        comment("it is started again " + std::to_string(told_.restarts_max) +
                " times at most; zkprov's without an end");
    }

    void read_rights() {
        constexpr std::array<std::string_view, 6> kUsers = {
            "", "1000", "1000:1000", "zookeeper", "root", "0"};
        if (std::ranges::find(kUsers, told_.user) == kUsers.end()) {
            comment("it runs as " + told_.user +
                    "; zkprov's as 1000:1000, whose its files have to be (chown -R)");
        }
        for (const std::string& network : told_.other_networks) {
            comment("it is in the network " + network + ", too; zkprov's are in one");
        }
        for (const std::string& words : told_.more) comment(words);
    }

    const SurveyedHost& host_;
    const ContainerSurvey& told_;
    FoundNode node_;
    FoundContainer container_;
    std::vector<std::string> wrong_;
};

/// Those that are meant, in the order of their names.
std::vector<const ContainerSurvey*> chosen_of(const HostSurvey& survey,
                                              const ImportSettings& settings) {
    const bool of_cluster =
        !settings.cluster.empty() &&
        std::ranges::find(survey.containers, settings.cluster, &ContainerSurvey::cluster) !=
            survey.containers.end();
    std::vector<const ContainerSurvey*> chosen;
    for (const ContainerSurvey& each : survey.containers) {
        const auto& names = settings.containers;
        if (!names.empty() && std::ranges::find(names, each.name) == names.end()) continue;
        if (names.empty() && of_cluster && each.cluster != settings.cluster) continue;
        chosen.push_back(&each);
    }
    return chosen;
}

/// Servers that run beside the containers that are meant; all others may be left out by naming these.
std::vector<std::string> others_on(const SurveyedHost& host) {
    std::vector<std::string> wrong;
    for (const agent_api::ServerSurvey& server : host.survey.servers) {
        const bool known =
            std::ranges::any_of(host.survey.containers, [&](const ContainerSurvey& each) {
                return each.server.pid == server.pid || each.pid == server.pid;
            });
        if (known) continue;
        wrong.push_back(host.host + ": the server with the process " + std::to_string(server.pid) +
                        (server.container ? " runs in a container that the engine at " +
                                                host.survey.engine + " does not tell of"
                                          : std::string(" runs on the host itself")) +
                        ", others in containers; name those that are meant (--container)");
    }
    return wrong;
}

}  // namespace

bool are_in_containers(const SurveyedHost& host, const ImportSettings& settings) {
    if (!settings.containers.empty()) return true;
    return !host.survey.applied && !host.survey.containers.empty();
}

Result<std::vector<FoundNode>> read_containers(const SurveyedHost& host,
                                               const ImportSettings& settings) {
    const auto chosen = chosen_of(host.survey, settings);
    std::vector<std::string> wrong;
    if (chosen.empty()) {
        const std::string& failure = host.survey.engine_failure;
        wrong.push_back(
            host.host + ": " +
            (failure.empty() ? "no container of these names runs a ZooKeeper server" : failure));
    }
    if (settings.containers.empty()) wrong = others_on(host);
    std::vector<FoundNode> nodes;
    for (const ContainerSurvey* container : chosen) {
        auto node = ContainerReader(host, *container).read();
        if (node.has_value()) {
            nodes.push_back(*std::move(node));
        } else {
            wrong.push_back(node.error().words);
        }
    }
    if (wrong.empty()) return nodes;
    std::string words;
    for (const std::string& line : wrong) words += (words.empty() ? "" : "\n") + line;
    return Error(Errc::invalid, std::move(words));
}

}  // namespace zk::importing
