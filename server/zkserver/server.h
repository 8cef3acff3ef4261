// One server: its rooms, built in order, started, and stopped in reverse.
// Shell. One loop runs core, clients and peers; the log and the snapshot file have a thread each.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "ensemble/zoo_cfg.h"

namespace zk::server {

/// A configuration that was read, with the place it came from.
struct Configuration {
    ensemble::ServerConfig config;
    ServerId my_id;
    std::string file;  ///< path of zoo.cfg
};

/// Reads zoo.cfg and myid. The error names file and line and says what to do.
Result<Configuration> load_configuration(const std::string& path);

/// Runs a server until SIGTERM or SIGINT (ok) or until it cannot go on (the error). Recovers the database first.
Result<> run(Configuration configuration, Log log);

}  // namespace zk::server
