#include "agent_host/server_survey.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <unistd.h>

#include <sys/utsname.h>

#include "agent_host/accounts.h"
#include "agent_host/container_survey.h"
#include "agent_host/host_facts.h"
#include "agent_host/ports.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "agent_host/server_probe.h"
#include "agent_host/systemd.h"
#include "base/numbers.h"
#include "server_commands/server_commands.h"
#include "survey/survey.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::OutsideServer;
using agent_api::ServerSurvey;

constexpr std::size_t kCommandBytesMax = 1UL << 20;
constexpr std::size_t kConfigBytesMax = 1UL << 20;
constexpr std::size_t kServersMax = 64;
constexpr auto kSystemdPatience = std::chrono::seconds(5);
constexpr auto kProbePatience = std::chrono::milliseconds(1500);

std::string text_of(const std::string& path, std::size_t bytes_max = kCommandBytesMax) {
    auto text = read_file(path, bytes_max);
    return text.has_value() ? *std::move(text) : std::string();
}

std::string link_of(const std::string& path) {
    constexpr std::string_view kGone = " (deleted)";
    std::error_code code;
    std::string target = fs::read_symlink(path, code).string();
    if (target.ends_with(kGone)) target.resize(target.size() - kGone.size());
    return code ? std::string() : target;
}

/// The number behind `name` in /proc/PID/status.
std::int64_t number_after(const std::string& status, std::string_view name) {
    const std::size_t at = status.find("\n" + std::string(name) + ":");
    if (at == std::string::npos) return 0;
    std::string_view rest = std::string_view(status).substr(at + name.size() + 2);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::int64_t number = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return number;
}

std::string name_of_process(const std::string& proc, std::int64_t pid) {
    std::string name = text_of(proc + "/" + std::to_string(pid) + "/comm", 4096);
    while (!name.empty() && name.back() == '\n') name.pop_back();
    return name;
}

class Process {
  public:
    Process(std::int64_t pid, const std::string& proc)
        : proc_(proc), dir_(proc + "/" + std::to_string(pid)) {
        survey_.pid = pid;
    }

    std::optional<ServerSurvey> look() {
        auto read = survey::read_command(
            server_commands::words_of(text_of(dir_ + "/cmdline", kCommandBytesMax)));
        if (!read) return std::nullopt;
        read->pid = survey_.pid;
        survey_ = *std::move(read);
        look_at_process();
        look_at_files();
        return std::move(survey_);
    }

  private:
    /// A path as the process means it.
    [[nodiscard]] std::string in_its_place(const std::string& path) const {
        if (path.empty() || path.starts_with('/')) return path;
        const std::string directory = link_of(dir_ + "/cwd");
        return directory.empty() ? path : directory + "/" + path;
    }

    void look_at_process() {
        const std::string status = "\n" + text_of(dir_ + "/status", 65536);
        survey_.user = owner_name(static_cast<std::uint32_t>(number_after(status, "Uid")),
                                  static_cast<std::uint32_t>(number_after(status, "Gid")));
        survey_.user = survey_.user.substr(0, survey_.user.find(':'));
        survey_.parent = number_after(status, "PPid");
        if (survey_.parent != 0) survey_.parent_name = name_of_process(proc_, survey_.parent);
        const std::string cgroup = text_of(dir_ + "/cgroup", 65536);
        survey_.container = survey::is_container(cgroup);
        survey_.unit = survey::unit_in(cgroup);
        // "java" alone was looked for in PATH.
        if (!survey_.program.starts_with('/')) {
            const std::string program = link_of(dir_ + "/exe");
            if (!program.empty()) survey_.program = program;
        }
    }

    void look_at_files() {
        const bool alone = survey_.conf_path.empty();
        if (alone) {
            survey_.conf_failure = "it was started without a zoo.cfg";
        } else {
            survey_.conf_path = in_its_place(survey_.conf_path);
            const auto text = read_file(survey_.conf_path, kConfigBytesMax);
            if (text.has_value()) {
                survey::read_settings(*text, survey_.conf_path, survey_);
            } else {
                survey_.conf_failure = text.error().message();
            }
        }
        if (const auto* dynamic = survey_.setting("dynamicConfigFile")) {
            survey_.dynamic_path = in_its_place(dynamic->value);
            const auto text = read_file(survey_.dynamic_path, kConfigBytesMax);
            if (text.has_value()) {
                survey::read_settings(*text, survey_.dynamic_path, survey_);
            } else {
                survey_.conf_failure = text.error().message();
            }
        }
        if (const auto* data = survey_.setting("dataDir")) survey_.data_dir = data->value;
        const auto* const logs = survey_.setting("dataLogDir");
        survey_.log_dir = logs == nullptr || logs->value.empty() ? survey_.data_dir : logs->value;
        if (survey_.data_dir.empty()) return;
        survey_.data_dir = real_path(in_its_place(survey_.data_dir));
        survey_.log_dir = real_path(in_its_place(survey_.log_dir));
        survey_.data = read_data_fact(survey_.data_dir, survey_.log_dir);
    }

    const std::string& proc_;
    std::string dir_;
    ServerSurvey survey_;
};

/// A process may have been started from a unit and be none of its own: a shell of an SSH session is in ssh.service.
void check_unit(ServerSurvey& survey) {
    if (survey.unit.empty()) return;
    const auto states = unit_states({survey.unit}, kSystemdPatience);
    const bool own = states.has_value() && states->front().active != "missing" &&
                     (states->front().main_pid == survey.pid || states->front().main_pid == 0);
    if (!own) survey.unit.clear();
}

std::uint16_t client_port_of(const ServerSurvey& survey) {
    const auto* const port = survey.setting("clientPort");
    if (port == nullptr) return 0;
    return parse_number<std::uint16_t>(port->value).value_or(0);
}

void ask(ServerSurvey& survey) {
    const std::uint16_t port = client_port_of(survey);
    if (port == 0) return;
    const auto answer = probe_server("127.0.0.1", port, kProbePatience);
    if (!answer.answered) return;
    const auto mode = answer.srvr.find("Mode");
    survey.role = mode == answer.srvr.end() ? "looking" : mode->second;
    const auto version = answer.srvr.find("Zookeeper version");
    if (survey.version.empty() && version != answer.srvr.end()) {
        survey.version = version->second.substr(0, version->second.find_first_of("-, "));
    }
}

}  // namespace

std::optional<ServerSurvey> survey_process(std::int64_t pid, const std::string& proc) {
    return Process(pid, proc).look();
}

std::vector<ServerSurvey> survey_servers(const std::string& proc) {
    std::vector<ServerSurvey> found;
    std::error_code code;
    for (fs::directory_iterator entry(proc, code), end; !code && entry != end;
         entry.increment(code)) {
        const auto pid = parse_number(entry->path().filename().string());
        if (!pid || found.size() == kServersMax) continue;
        if (auto survey = survey_process(*pid, proc)) found.push_back(*std::move(survey));
    }
    std::ranges::sort(found, {}, &ServerSurvey::pid);
    return found;
}

Result<agent_api::HostSurvey> survey_host(const agent_api::SurveyRequest& request,
                                          const StateDir& state) {
    agent_api::HostSurvey host;
    utsname names{};
    if (::uname(&names) == 0) host.hostname = names.nodename;
    host.uid = ::geteuid();
    host.systemd = runs_systemd();
    host.servers = survey_servers();
    for (ServerSurvey& survey : host.servers) {
        if (host.systemd) check_unit(survey);
        ask(survey);
    }
    host.engine = request.engine;
    survey_containers(state, "/proc", host);
    ZK_TRY(host.applied, state.load_spec());
    for (const std::string& directory : request.directories) {
        if (exists(directory)) host.existing.push_back(directory);
    }
    return host;
}

std::optional<OutsideServer> find_outside_server(const NodePlace& node) {
    const auto listeners = listeners_on({node.client_port}, node.unit_pid);
    if (!listeners.has_value()) return std::nullopt;
    for (const Listener& listener : *listeners) {
        if (listener.pid == 0) continue;
        auto survey = survey_process(listener.pid);
        if (!survey || survey->data_dir != real_path(node.data_dir) ||
            survey->log_dir != real_path(node.log_dir)) {
            continue;
        }
        if (listener.pid == node.unit_pid &&
            (!node.own_conf || survey->conf_path == *node.own_conf)) {
            continue;
        }
        check_unit(*survey);
        OutsideServer outside;
        outside.pid = survey->pid;
        if (const auto info = process_info(survey->pid)) outside.start_ticks = info->id.start_ticks;
        outside.program = listener.program;
        outside.user = survey->user;
        outside.unit = survey->unit;
        outside.parent = survey->parent;
        outside.parent_name = survey->parent_name;
        outside.container = survey->container;
        outside.flavor = to_string(survey->flavor);
        outside.conf_path = survey->conf_path;
        outside.members = survey::members_of(*survey);
        return outside;
    }
    return std::nullopt;
}

}  // namespace zk::agent_host
