#include "agent_host/containers.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <sstream>
#include <thread>

#include "agent_api/agent_errc.h"
#include "agent_api/subnet.h"
#include "agent_host/posix.h"
#include "engine/engine.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::ContainerFacts;
using agent_api::ContainerSpec;
using agent_api::from_agent_error;
using agent_api::SubnetFact;
using engine::Container;
using engine::Engine;

constexpr const char* kNewContainer = ".zkprov-new";
constexpr int kLastLines = 4;
constexpr int kNetworkLooks = 50;
constexpr auto kNetworkPause = std::chrono::milliseconds(200);
constexpr std::int64_t kSignalBase =
    128;                    // an exit code above it: ended by the signal that is the rest
constexpr int kExited = 1;  // as waitid() has it
constexpr int kKilled = 2;

constexpr std::size_t kImagesRemembered = 8;
constexpr std::size_t kImageRecordBytesMax = 4096;

/// Which archive an image was loaded from: the archive's digest and the image's id, a line each, the newest first. More than
/// one, for a node may go back to the image before.
std::string image_record(const StateDir& state) { return state.file("image"); }

struct LoadedImage {
    std::string archive;
    std::string id;
};
std::vector<LoadedImage> loaded_images(const StateDir& state) {
    std::vector<LoadedImage> images;
    const auto text = read_file(image_record(state), kImageRecordBytesMax);
    if (!text.has_value()) return images;
    std::istringstream words(*text);
    for (LoadedImage each; words >> each.archive >> each.id;) images.push_back(each);
    return images;
}

std::string loaded_from(const StateDir& state, const std::string& image_id) {
    for (const LoadedImage& each : loaded_images(state)) {
        if (each.id == image_id) return each.archive;
    }
    return {};
}

Result<> remember_image(const StateDir& state, const LoadedImage& image) {
    std::string record = image.archive + " " + image.id + "\n";
    std::size_t kept = 1;
    for (const LoadedImage& each : loaded_images(state)) {
        if (each.id == image.id || kept++ >= kImagesRemembered) continue;
        record += each.archive + " " + each.id + "\n";
    }
    return replace_file(image_record(state), record, FileOptions());
}

// Where every image of a server has them.
constexpr std::string_view kDataTarget = "/data";
constexpr std::string_view kLogTarget = "/datalog";

bool runs(const Container& container) {
    return container.status == "running" || container.status == "paused" ||
           container.status == "restarting";
}

/// A running container, none of this node's, that may write to its data or its log; empty: none.
Result<std::string> data_user(Engine& docker, const ContainerSpec& spec) {
    ZK_TRY(const auto running, docker.running());
    for (const engine::Listed& each : running) {
        for (const agent_api::BindSpec& bind : spec.binds) {
            if (bind.target != kDataTarget && bind.target != kLogTarget) continue;
            const bool uses = std::any_of(
                each.written.begin(), each.written.end(), [&](const std::string& written) {
                    // What has no place on the host, as a file system in memory, is named by nothing.
                    return !written.empty() &&
                           (lies_inside(written, bind.source) || lies_inside(bind.source, written));
                });
            if (!uses) continue;
            ZK_TRY(const auto user, docker.container(each.name));
            if (user && !engine::owned(*user, spec)) return each.name;
        }
    }
    return std::string();
}

Result<> fill_facts(const ContainerSpec& spec, const StateDir& state, ContainerFacts& facts) {
    Engine docker(spec.engine);
    ZK_TRY(const auto version, docker.version());
    facts.engine = version.engine + ", API " + version.api;
    ZK_TRY(const auto image, docker.image_id(spec.image));
    if (image) {
        facts.image_id = *image;
        facts.archive_sha256 = loaded_from(state, *image);
    }
    ZK_TRY(const auto container, docker.container(spec.name));
    if (container) {
        facts.exists = true;
        facts.ours = engine::owned(*container, spec);
        if (facts.ours) {
            facts.spec_hash = container->label(agent_api::kSpecLabel);
            facts.flavor = container->label(agent_api::kFlavorLabel);
            facts.container_image_id = container->image_id;
            facts.image = container->image;
            // Whatever an engine says of that name, it keeps nobody from asking for another one.
            if (!facts.image.empty()) {
                const auto now = docker.image_id(facts.image);
                if (now.has_value()) facts.image_now = now->value_or("");
            }
            if (runs(*container)) facts.host_ports = container->host_ports;
        } else {
            facts.holder = engine::owner_words(*container);
        }
    }
    if (!facts.ours || !runs(*container)) {
        ZK_TRY(facts.data_user, data_user(docker, spec));
    }
    ZK_TRY(facts.networks, docker.networks());
    if (const auto routes = read_file("/proc/net/route"); routes.has_value()) {
        facts.routes = parse_routes(*routes);
    }
    return ok();
}

Error foreign(const Container& container) {
    return from_agent_error({AgentErrc::identity_conflict,
                             "the container " + container.name + " is " +
                                 engine::owner_words(container) +
                                 "; it is not touched: give the node another name (container) in "
                                 "the inventory, or rename that one"});
}

/// Nothing: there is none. Errors: it is somebody else's.
Result<std::optional<Container>> own_container(Engine& docker,
                                               const ContainerSpec& spec,
                                               const std::string& name) {
    ZK_TRY(auto container, docker.container(name));
    if (container && !engine::owned(*container, spec)) return foreign(*container);
    return container;
}

Result<> end_container(Engine& docker, const Container& container) {
    if (runs(container)) ZK_CHECK(docker.stop(container.id));
    return docker.remove(container.id);
}

std::string active_word(const Container& container) {
    if (container.status == "running" || container.status == "paused") return "active";
    if (container.status == "restarting") return "activating";
    const bool fell = container.status == "exited" && container.exit_code != 0 &&
                      (container.restart.empty() || container.restart == "no" ||
                       container.restart == "on-failure");
    return fell || container.status == "dead" ? "failed" : "inactive";
}

std::uint32_t hex_word(const std::string& text) {
    std::uint32_t word = 0;
    std::from_chars(text.data(), text.data() + text.size(), word, 16);
    // Addresses in /proc/net are in the order of the wire, read as a number of this machine.
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap32(word);
    return word;
}

}  // namespace

ContainerFacts container_facts(const ContainerSpec& spec, const StateDir& state) {
    ContainerFacts facts;
    const auto filled = fill_facts(spec, state, facts);
    if (filled.has_value()) return facts;
    ContainerFacts nothing;
    nothing.failure = filled.error().message();
    return nothing;
}

Result<UnitState> container_state(const ContainerSpec& spec, std::chrono::milliseconds patience) {
    UnitState unit;
    unit.name = spec.name;
    unit.active = "missing";
    Engine docker(spec.engine, patience);
    ZK_TRY(const auto container, docker.container(spec.name));
    if (!container || !engine::owned(*container, spec)) return unit;
    unit.active = active_word(*container);
    unit.sub = container->status;
    unit.enabled = !container->restart.empty() && container->restart != "no";
    unit.main_pid = container->pid;
    unit.restarts = container->restarts;
    unit.exit_status = container->exit_code;
    if (unit.main_pid == 0) {
        unit.exit_code = container->exit_code > kSignalBase ? kKilled : kExited;
        if (unit.exit_code == kKilled) unit.exit_status -= kSignalBase;
    }
    if (container->killed_for_memory) unit.result = "oom-kill";
    return unit;
}

std::string container_last_words(const ContainerSpec& spec) {
    return Engine(spec.engine).last_words(spec.name, kLastLines);
}

Result<> load_container_image(const ContainerSpec& spec, const StateDir& state) {
    const std::string archive = state.blob_file(spec.archive_sha256);
    if (!exists(archive)) {
        return from_agent_error(
            {AgentErrc::not_found, "the image's archive was not sent to this host"});
    }
    Engine docker(spec.engine);
    ZK_CHECK(docker.load_image(archive));
    ZK_TRY(const auto image, docker.image_id(spec.image));
    if (!image) {
        return from_agent_error({AgentErrc::invalid,
                                 "docker.archive holds no image by the name " + spec.image +
                                     "; correct docker.image in the inventory, or the archive"});
    }
    return remember_image(state, {spec.archive_sha256, *image});
}

Result<> make_container_network(const ContainerSpec& spec) {
    Engine docker(spec.engine);
    const auto made = docker.make_network(spec);
    if (made.has_value()) return ok();
    const auto there = [&](const SubnetFact& network) {
        return network.name == spec.network.name && network.subnet == spec.network.subnet;
    };
    // The agent of another node was quicker. An engine holds the addresses of a network before it tells of it.
    for (int look = 0; look < kNetworkLooks; ++look) {
        if (look > 0) std::this_thread::sleep_for(kNetworkPause);
        ZK_TRY(const auto networks, docker.networks());
        if (std::any_of(networks.begin(), networks.end(), there)) return ok();
    }
    return made.error();
}

Result<> make_node_container(const agent_api::NodeSpec& spec) {
    const ContainerSpec& wanted = *spec.container;
    Engine docker(wanted.engine);
    const std::string aside = wanted.name + kNewContainer;
    ZK_TRY(const auto left_over, own_container(docker, wanted, aside));
    if (left_over) ZK_CHECK(end_container(docker, *left_over));
    ZK_TRY(const auto old, own_container(docker, wanted, wanted.name));
    ZK_CHECK(docker.make_container(wanted, aside, spec.generation));
    ZK_TRY(const auto made, own_container(docker, wanted, aside));
    if (!made) return Error(Errc::failed, "the container " + aside + " is gone already");
    if (old) ZK_CHECK(end_container(docker, *old));
    return docker.rename(made->id, wanted.name);
}

Result<> start_node_container(const ContainerSpec& spec) {
    Engine docker(spec.engine);
    ZK_TRY(const auto container, own_container(docker, spec, spec.name));
    if (!container) {
        return from_agent_error(
            {AgentErrc::not_found,
             "there is no container " + spec.name + " on this host; zkprov apply makes it"});
    }
    ZK_TRY(const std::string user, data_user(docker, spec));
    if (!user.empty()) {
        return from_agent_error({AgentErrc::unsafe,
                                 "the container " + user + " runs on the data of " + spec.name +
                                     ", and is not this node's; stop it first"});
    }
    return docker.start(container->id);
}

Result<std::string> other_user_of_data(const ContainerSpec& spec,
                                       std::chrono::milliseconds patience) {
    Engine docker(spec.engine, patience);
    return data_user(docker, spec);
}

Result<> stop_node_container(const ContainerSpec& spec) {
    Engine docker(spec.engine);
    ZK_TRY(const auto container, own_container(docker, spec, spec.name));
    return container && runs(*container) ? docker.stop(container->id) : ok();
}

Result<std::vector<std::string>> own_containers(const ContainerSpec& spec) {
    Engine docker(spec.engine);
    std::vector<std::string> names;
    for (const std::string& name : {spec.name + kNewContainer, spec.name}) {
        ZK_TRY(const auto container, docker.container(name));
        if (container && engine::owned(*container, spec)) names.push_back(name);
    }
    return names;
}

Result<> remove_own_container(const ContainerSpec& spec, const std::string& name) {
    Engine docker(spec.engine);
    ZK_TRY(const auto container, own_container(docker, spec, name));
    return container ? end_container(docker, *container) : ok();
}

Result<bool> has_own_network(const ContainerSpec& spec) {
    if (spec.network.driver != agent_api::NetworkDriver::bridge) return false;
    Engine docker(spec.engine);
    ZK_TRY(const auto cluster, docker.network_cluster(spec.network.name));
    return cluster && !cluster->empty() && *cluster == spec.label(agent_api::kClusterLabel);
}

Result<> remove_own_network(const ContainerSpec& spec) {
    ZK_TRY(const bool ours, has_own_network(spec));
    return ours ? Engine(spec.engine).remove_network(spec.network.name) : ok();
}

std::vector<SubnetFact> parse_routes(const std::string& text) {
    std::vector<SubnetFact> routes;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string interface, destination, gateway, skipped, mask;
        words >> interface >> destination >> gateway;
        for (int i = 0; i < 4; ++i) words >> skipped;
        words >> mask;
        const std::uint32_t bits = hex_word(mask);
        if (!words || bits == 0) continue;
        const agent_api::Subnet subnet{hex_word(destination) & bits,
                                       static_cast<std::uint32_t>(std::popcount(bits))};
        routes.push_back({interface, "", to_string(subnet), ""});
    }
    return routes;
}

}  // namespace zk::agent_host
