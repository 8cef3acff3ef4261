// What a container starts with: which zoo.cfg counts, who the server is, and what is refused because data would be lost, or
// because somebody said something that the official image passes over in silence.
// Pure: what was found in the container goes in as text. In this order: choose_config, check_volumes, choose_id.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ensemble/zoo_cfg.h"
#include "image/environment.h"

namespace zk::image {

/// The zoo.cfg that a container has.
struct ConfigFile {
    std::string path;
    std::optional<std::string> text;  ///< nothing: there is none
    bool mounted = false;             ///< the file itself is a mount point
    bool named = false;               ///< the command line names it: it is never written
};

struct Settings {
    std::string path;
    bool generated = false;  ///< from the environment; else the file is somebody's own
    std::string text;
    ensemble::ServerConfig config;  ///< with what the properties say
};

/// Somebody's own file counts, and then every variable that says something else is refused. Otherwise the environment does.
Result<Settings> choose_config(const Wanted& wanted, const ConfigFile& file);

/// Refuses directories that go with the container. `data_dir` and `log_dir` are those of `settings` without links.
Result<> check_volumes(const Settings& settings,
                       const std::string& data_dir,
                       const std::string& log_dir,
                       const std::vector<std::string>& mount_points);

struct Identity {
    ServerId id;
    bool write = false;  ///< into a new file myid; else it is there
};

/// `myid`: what the file in dataDir holds; nothing: there is none. Fills in what of `settings` depends on the id.
Result<Identity> choose_id(const Wanted& wanted,
                           Settings& settings,
                           const std::optional<std::string>& myid);

}  // namespace zk::image
