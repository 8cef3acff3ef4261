#include "survey/survey.h"

#include <algorithm>
#include <array>
#include <map>

#include "ensemble/config_keys.h"
#include "ensemble/ensemble_config.h"
#include "ensemble/properties.h"
#include "server_commands/server_commands.h"

namespace zk::survey {
namespace {

using agent_api::Flavor;
using agent_api::ServerSurvey;
using agent_api::SettingSurvey;

constexpr std::string_view kJavaPrefix = "zookeeper.";
constexpr std::string_view kMember = "server.";
constexpr std::size_t kSettingsMax = 2000;
constexpr std::size_t kValueBytesMax = 4096;

bool may_be_secret(std::string_view text) {
    constexpr std::array<std::string_view, 5> kWords = {
        "passw", "secret", "token", "credential", "superdigest"};
    const std::string small = ensemble::lower(text);
    return std::ranges::any_of(
        kWords, [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

SettingSurvey setting(std::string_view key, std::string_view value, std::int64_t line) {
    SettingSurvey found;
    found.key = key.substr(0, kValueBytesMax);
    found.line = line;
    std::string_view name = key;
    if (name.starts_with(kJavaPrefix)) name.remove_prefix(kJavaPrefix.size());
    found.secret = ensemble::is_secret(key) || ensemble::is_secret(name) || may_be_secret(key);
    if (!found.secret) found.value = value.substr(0, kValueBytesMax);
    return found;
}

void read_flag(const std::string& word, ServerSurvey& survey) {
    constexpr std::string_view kHeap = "-Xmx";
    const std::size_t equals = word.find('=');
    if (word.starts_with("-D")) {
        const std::string key = word.substr(2, equals == std::string::npos ? equals : equals - 2);
        const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
        survey.properties.push_back(setting(key, value, 0));
        const bool secret = survey.properties.back().secret;
        survey.jvm_flags.push_back(secret ? "-D" + survey.properties.back().key + "=***" : word);
    } else if (word.starts_with(kHeap)) {
        survey.heap = word.substr(kHeap.size());
    } else if (may_be_secret(word)) {
        survey.properties.push_back(setting(word.substr(0, equals), "", 0));
        survey.properties.back().secret = true;
        survey.properties.back().value.clear();
        survey.jvm_flags.push_back(word.substr(0, equals) + "=***");
    } else {
        survey.jvm_flags.push_back(word);
    }
}

/// The parts of a cgroup's path, outermost first.
std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0) parts.push_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return parts;
}

/// Of each line of /proc/PID/cgroup that systemd made: the path behind the second colon.
std::vector<std::string_view> systemd_paths(std::string_view cgroup) {
    std::vector<std::string_view> paths;
    while (!cgroup.empty()) {
        const std::size_t end = std::min(cgroup.find('\n'), cgroup.size());
        const std::string_view line = cgroup.substr(0, end);
        cgroup.remove_prefix(std::min(end + 1, cgroup.size()));
        const std::size_t first = line.find(':');
        const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        if (controllers.empty() || controllers == "name=systemd") {
            paths.push_back(line.substr(second + 1));
        }
    }
    return paths;
}

}  // namespace

std::optional<ServerSurvey> read_command(const std::vector<std::string>& words) {
    ServerSurvey survey;
    auto command = server_commands::apache_server(words);
    if (!command) {
        command = server_commands::own_server(words);
        if (!command) return std::nullopt;
        survey.flavor = Flavor::zkserver;
    }
    survey.program = command->program;
    survey.conf_path = command->config_file;
    survey.data_dir = command->data_dir;
    survey.version = server_commands::version_in(command->class_path);
    for (const std::string& flag : command->flags) read_flag(flag, survey);
    return survey;
}

void read_settings(std::string_view text, std::string_view file, ServerSurvey& survey) {
    const auto lines = ensemble::read_properties(text, file);
    if (!lines.has_value()) {
        survey.conf_failure = lines.error().message();
        return;
    }
    for (const ensemble::Property& line : *lines) {
        if (survey.settings.size() == kSettingsMax) {
            survey.conf_failure = std::string(file) + " has more entries than any zoo.cfg";
            return;
        }
        survey.settings.push_back(setting(line.key, line.value, line.line));
    }
}

std::string unit_in(std::string_view cgroup) {
    constexpr std::string_view kService = ".service";
    for (const std::string_view path : systemd_paths(cgroup)) {
        const auto parts = parts_of(path);
        // Below user.slice a user's own systemd may have made it.
        if (std::ranges::find(parts, std::string_view("user.slice")) != parts.end()) continue;
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            if (part->ends_with(kService)) return std::string(*part);
        }
    }
    return {};
}

bool is_container(std::string_view cgroup) {
    constexpr std::array<std::string_view, 6> kSigns = {
        "/docker/", "docker-", "libpod", "kubepods", "containerd", "/lxc/"};
    return std::ranges::any_of(systemd_paths(cgroup), [&](std::string_view path) {
        return std::ranges::any_of(
            kSigns, [&](std::string_view sign) { return path.find(sign) != path.npos; });
    });
}

std::vector<std::string> members_of(const ServerSurvey& survey) {
    std::map<ServerId, ensemble::Member> members;
    for (const SettingSurvey& each : survey.settings) {
        if (!each.key.starts_with(kMember)) continue;
        const auto sid = ensemble::parse_server_id(each.key.substr(kMember.size()));
        if (!sid.has_value()) continue;
        auto member = ensemble::parse_member(*sid, each.value);
        if (member.has_value()) members[*sid] = *std::move(member);
    }
    std::vector<std::string> lines;
    for (const auto& [sid, member] : members) {
        const bool bare = member.host.find(':') == std::string::npos;
        lines.push_back(to_string(sid) + "=" + (bare ? member.host : "[" + member.host + "]") +
                        ":" + std::to_string(member.quorum_port) + ":" +
                        std::to_string(member.election_port));
    }
    return lines;
}

}  // namespace zk::survey
