#include "data_users/command_lines.h"

#include <algorithm>
#include <array>

#include "ensemble/properties.h"

namespace zk::data_users {
namespace {
constexpr std::array<std::string_view, 2> kMainClasses = {
    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    "org.apache.zookeeper.server.ZooKeeperServerMain"};
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
    return command;
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

}  // namespace zk::data_users
