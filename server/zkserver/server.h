// One server: its rooms, built in order, started, and stopped in reverse.
// Shell. One loop runs core, clients and peers (a server alone has none); the log and the snapshot file have a thread each,
// and with clientLoops above 1 each loop of clients has one, too.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "ensemble/zoo_cfg.h"
#include "zkserver/options.h"

namespace zk::zkserver {

/// A configuration that was read, with the place it came from.
struct Configuration {
    ensemble::ServerConfig config;
    ServerId my_id;    ///< 0 of a server alone, whatever the file myid says, as Apache's
    std::string file;  ///< path of zoo.cfg, or where else it came from
    std::string text;  ///< of zoo.cfg; empty: there is none

    [[nodiscard]] bool standalone() const { return !config.replicated(); }
};

/// Reads zoo.cfg and myid into a fresh `configuration`. The error names file and line and says what
/// to do; the warnings of what was read before it are in `configuration` then, too.
/// `properties` count where the file does not hold their keys.
Result<> load_configuration(const std::string& path,
                            const std::vector<ensemble::Property>& properties,
                            Configuration& configuration);
/// The configuration of a server alone that was started without a zoo.cfg.
Configuration configuration_of(const AloneArguments& arguments);

/// Exit codes of zkserver; Apache's numbers, whose server ends with 1 where data are damaged.
enum class ExitCode {
    stopped = 0,                ///< by SIGTERM or SIGINT
    failed = 1,                 ///< could not go on: client port taken, disk failed, ...
    invalid_configuration = 2,  ///< command line, zoo.cfg or myid
    data_directory = 3,         ///< dataDir or dataLogDir in use, not writable, missing or damaged
    peer_port = 14,             ///< quorum or election port cannot be bound
};

struct Failure {
    ExitCode code = ExitCode::failed;
    Error error;
};

/// Runs a server until SIGTERM or SIGINT (nullopt) or until it cannot go on. Recovers the database
/// first.
std::optional<Failure> run(Configuration configuration, Log log);

}  // namespace zk::zkserver
