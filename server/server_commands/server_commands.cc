#include "server_commands/server_commands.h"

#include <algorithm>
#include <array>

#include "ensemble/properties.h"

namespace zk::server_commands {
namespace {

constexpr std::array<std::string_view, 2> kMainClasses = {
    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    "org.apache.zookeeper.server.ZooKeeperServerMain"};

bool is_class_path(std::string_view word) {
    return word == "-cp" || word == "-classpath" || word == "--class-path";
}

void read_flags(const std::vector<std::string>& words,
                std::vector<std::string>::const_iterator main_class,
                ServerCommand& command) {
    if (main_class == words.begin()) return;
    command.program = words.front();
    for (auto word = words.begin() + 1; word != main_class; ++word) {
        if (!is_class_path(*word)) {
            command.flags.push_back(*word);
        } else if (word + 1 != main_class) {
            command.class_path = *++word;
        }
    }
}

}  // namespace

std::optional<ServerCommand> apache_server(const std::vector<std::string>& words) {
    const auto main_class = std::ranges::find_if(words, [](const std::string& word) {
        return std::ranges::find(kMainClasses, std::string_view(word)) != kMainClasses.end();
    });
    if (main_class == words.end()) return std::nullopt;
    const std::vector<std::string> arguments(main_class + 1, words.end());
    ServerCommand command;
    if (arguments.size() == 1) command.config_file = arguments.front();
    if (arguments.size() > 1) command.data_dir = arguments[1];
    read_flags(words, main_class, command);
    return command;
}

/// Options of zkserver that take a value and leave it a server.
constexpr std::array<std::string_view, 3> kServesWith = {
    "--property", "--java-flags", "--log-level"};

std::optional<ServerCommand> own_server(const std::vector<std::string>& words) {
    if (words.empty()) return std::nullopt;
    const std::string_view program = words.front();
    const std::size_t slash = program.rfind('/');
    const auto name = slash == std::string_view::npos ? program : program.substr(slash + 1);
    if (name != "zkserver") return std::nullopt;
    ServerCommand command;
    command.program = program;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (!word.starts_with('-')) {
            if (word.empty() || !command.config_file.empty()) return std::nullopt;
            command.config_file = word;
            continue;
        }
        const std::size_t equals = word.find('=');
        if (!std::ranges::count(kServesWith, word.substr(0, equals))) return std::nullopt;
        if (equals == std::string_view::npos) ++i;
    }
    if (command.config_file.empty()) return std::nullopt;
    return command;
}

std::vector<std::string> words_of(std::string_view cmdline) {
    std::vector<std::string> words;
    while (!cmdline.empty()) {
        const std::size_t end = std::min(cmdline.find('\0'), cmdline.size());
        words.emplace_back(cmdline.substr(0, end));
        cmdline.remove_prefix(std::min(end + 1, cmdline.size()));
    }
    return words;
}

std::vector<std::string> directories_of(std::string_view zoo_cfg) {
    std::vector<std::string> found;
    const auto properties = ensemble::read_properties(zoo_cfg, "zoo.cfg");
    if (!properties.has_value()) return found;
    for (const ensemble::Property& property : *properties) {
        if (property.key == "dataDir" || property.key == "dataLogDir")
            found.push_back(property.value);
    }
    return found;
}

std::string version_in(std::string_view class_path) {
    constexpr std::string_view kBegin = "zookeeper-";
    constexpr std::string_view kEnd = ".jar";
    while (!class_path.empty()) {
        const std::size_t end = std::min(class_path.find(':'), class_path.size());
        std::string_view name = class_path.substr(0, end);
        class_path.remove_prefix(std::min(end + 1, class_path.size()));
        name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
        if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) continue;
        name.remove_prefix(kBegin.size());
        if (name.size() <= kEnd.size()) continue;
        name.remove_suffix(kEnd.size());
        // zookeeper-jute-3.8.4.jar is another one.
        if (name.front() >= '0' && name.front() <= '9') return std::string(name);
    }
    return {};
}

}  // namespace zk::server_commands
