#include "survey/container.h"

#include <algorithm>
#include <vector>

#include "ensemble/ensemble_config.h"
#include "image/environment.h"
#include "survey/survey.h"

namespace zk::survey {
namespace {

using agent_api::ContainerSurvey;
using agent_api::RunningContainer;

constexpr std::int64_t kOfEnvironment = -1;
constexpr std::string_view kMainClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

std::string variable(const RunningContainer& container, std::string_view name) {
    const auto found = container.environment.find(name);
    return found == container.environment.end() ? std::string() : found->second;
}

/// "/usr/local/bin/zkServer.sh" is zkServer.sh.
bool is_started_by(const RunningContainer& container, std::string_view program) {
    return std::ranges::any_of(container.words, [&](const std::string& word) {
        return word == program || word.ends_with("/" + std::string(program));
    });
}

/// Our image without its process.
bool is_our_image(const RunningContainer& container) {
    return is_started_by(container, "zkserver-entry") || is_started_by(container, "zkserver");
}

/// As zkEnv.sh and zkServer.sh put the words of a JVM together.
void read_java_variables(const RunningContainer& container, agent_api::ServerSurvey& server) {
    std::vector<std::string> words = {"java"};
    const std::string heap = variable(container, "ZK_SERVER_HEAP");
    if (!heap.empty()) words.push_back("-Xmx" + heap + "m");
    for (const std::string_view name : {"SERVER_JVMFLAGS", "JVMFLAGS"}) {
        const std::string flags = variable(container, name);
        for (std::size_t at = 0; at < flags.size();) {
            const std::size_t end = std::min(flags.find_first_of(" \t\n", at), flags.size());
            if (end > at) words.push_back(flags.substr(at, end - at));
            at = end + 1;
        }
    }
    words.emplace_back(kMainClass);
    words.emplace_back("/conf/zoo.cfg");
    auto read = read_command(words);
    if (!read) return;
    server.heap = read->heap;
    server.jvm_flags = std::move(read->jvm_flags);
    server.properties = std::move(read->properties);
}

void read_process(const agent_api::ServerSurvey& process, agent_api::ServerSurvey& server) {
    server.flavor = process.flavor;
    server.pid = process.pid;
    server.user = process.user;
    server.program = process.program;
    server.version = process.version;
    server.heap = process.heap;
    server.jvm_flags = process.jvm_flags;
    server.properties = process.properties;
}

/// What was added since `first` stands in no line of a file.
void mark_as_variables(std::size_t first, agent_api::ServerSurvey& server) {
    for (std::size_t i = first; i < server.settings.size(); ++i) {
        server.settings[i].line = kOfEnvironment;
    }
}

/// As the container's start would write it.
void read_variables(const image::Wanted& wanted, agent_api::ServerSurvey& server) {
    read_settings(image::zoo_cfg_text(wanted), "the environment", server);
    mark_as_variables(0, server);
}

/// Our server has them beside its zoo.cfg; Apache's among the flags of its JVM.
void read_properties(const image::Wanted& wanted, agent_api::ServerSurvey& server) {
    const std::size_t first = server.settings.size();
    std::string text;
    for (const ensemble::Property& property : wanted.properties) {
        if (server.setting(property.key) != nullptr) continue;
        text += property.key + "=" + property.value + "\n";
    }
    read_settings(text, "the environment", server);
    mark_as_variables(first, server);
}

void read_conf(const Beside& beside, RunningContainer& container) {
    ContainerSurvey& told = container.told;
    agent_api::ServerSurvey& server = told.server;
    const auto wanted = image::read_environment(container.environment);
    if (wanted.has_value()) told.my_id = wanted->my_id;
    const bool own_file = beside.zoo_cfg && !image::is_generated(*beside.zoo_cfg);
    if (own_file) {
        read_settings(*beside.zoo_cfg, server.conf_path, server);
    } else if (wanted.has_value()) {
        read_variables(*wanted, server);
    } else {
        server.conf_failure = wanted.error().message();
    }
    if (server.flavor != agent_api::Flavor::zkserver || !wanted.has_value()) return;
    read_properties(*wanted, server);
    for (const std::string& warning : wanted->warnings) {
        // A flag of a JVM that is not there may be a password all the same.
        if (warning.find("JVMFLAGS") == std::string::npos) told.more.push_back(warning);
    }
}

std::string layout_failure(const Beside& beside, const RunningContainer& container) {
    const std::string conf = conf_file_of(container);
    if (beside.process != nullptr) {
        const std::string& there = beside.process->conf_path;
        if (there == conf) return {};
        return there.empty()
                   ? "its server was started without a zoo.cfg"
                   : "its server reads " + there + ", and that of the official image " + conf;
    }
    if (is_started_by(container, "zkServer.sh") || is_our_image(container)) return {};
    return "it is started by " + container.words.front() +
           ", and the official image by zkServer.sh";
}

/// Volumes are directories of the host; what lies in none has none there.
void read_places(ContainerSurvey& told) {
    agent_api::ServerSurvey& server = told.server;
    const auto* const data = server.setting("dataDir");
    const auto* const logs = server.setting("dataLogDir");
    if (data == nullptr || data->value.empty()) return;
    server.data_dir = host_path(told, data->value);
    const bool apart = logs != nullptr && !logs->value.empty();
    server.log_dir = apart ? host_path(told, logs->value) : server.data_dir;
}

}  // namespace

std::string conf_file_of(const RunningContainer& container) {
    const std::string directory = variable(container, "ZOO_CONF_DIR");
    return (directory.empty() ? "/conf" : directory) + "/zoo.cfg";
}

bool runs_server(const RunningContainer& container, const Beside& beside) {
    if (beside.process != nullptr || !container.told.cluster.empty()) return true;
    for (const std::string_view client : {"zkCli.sh", "zkcli", "zkdata"}) {
        if (is_started_by(container, client)) return false;
    }
    if (is_started_by(container, "zkServer.sh") || beside.zoo_cfg) return true;
    return !variable(container, "ZOO_MY_ID").empty() || !variable(container, "ZOO_SERVERS").empty();
}

void read_container(const Beside& beside, RunningContainer& container) {
    agent_api::ServerSurvey& server = container.told.server;
    server.container = true;
    server.conf_path = conf_file_of(container);
    container.told.unknown_layout = layout_failure(beside, container);
    if (beside.process != nullptr) {
        read_process(*beside.process, server);
    } else if (is_our_image(container)) {
        server.flavor = agent_api::Flavor::zkserver;
    } else {
        read_java_variables(container, server);
    }
    read_conf(beside, container);
    read_places(container.told);
}

}  // namespace zk::survey
