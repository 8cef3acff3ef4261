// JVM flags as operators give them to Apache's scripts: the properties among them that are keys of a zoo.cfg here.
// Pure. Apache's scripts leave the splitting to the shell, which knows no quotes there: words end at blanks.
// Source: ZooKeeper zkServer.sh, zkEnv.sh, QuorumPeerConfig.parseProperties; docs/PROVISIONING.md 1.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "ensemble/properties.h"

namespace zk::image {

struct JavaFlags {
    /// Keys of zoo.cfg, each once: a later flag takes the place of an earlier one.
    std::vector<ensemble::Property> properties;
    std::optional<LogLevel> log_level;
    std::vector<std::string> warnings;
};

/// Reads the words of `flags` behind those that `into` has already. `variable` is named in warnings.
void read_java_flags(std::string_view flags, std::string_view variable, JavaFlags& into);

/// Words between blanks of any kind.
std::vector<std::string_view> words_of(std::string_view text);

/// Of "DEBUG,CONSOLE", as log4j takes it; nothing where it begins with no level.
std::optional<LogLevel> log4j_level(std::string_view text);

}  // namespace zk::image
