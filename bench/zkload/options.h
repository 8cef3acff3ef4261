// The command line of zkload.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zk::load {

enum class Operation { set, get, mixed, exists, create, churn, remove };

struct Endpoint {
    std::string address;  ///< numeric
    std::uint16_t port = 0;
};

struct Options {
    std::vector<Endpoint> servers;
    /// "spread", "leader", "follower" or a number: the place in `servers`, from 1.
    std::string at = "spread";
    Operation operation = Operation::set;
    int sessions = 1;
    int depth = 1;
    int value_bytes = 100;
    bool shared = false;
    /// Send `depth` requests, wait for all answers, again; else each answer makes room for the next
    /// request at once.
    bool bursts = false;
    double warmup_s = 1;
    double seconds = 5;
    /// Operations to measure; 0: measure for `seconds`.
    std::int64_t count = 0;
    std::vector<pid_t> pids;
    bool json = false;
    /// Be the floor's server on this port instead (floor.h).
    std::uint16_t serve_floor = 0;
};

/// Exits with the usage on a mistake, and for --help.
Options parse_options(int argc, char** argv);
const char* to_string(Operation operation);

}  // namespace zk::load
