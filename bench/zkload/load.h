// The run: all sessions in one thread and one epoll, through their stages; what is counted between
// two moments of it.
#pragma once

#include <cstdint>
#include <vector>

#include "zkload/cpu_meter.h"
#include "zkload/options.h"
#include "zkload/session.h"

namespace zk::load {

/// Of one server process.
struct CpuUsed {
    pid_t pid = 0;
    double us = 0;
    double error_us = 0;
    std::int64_t user_ticks = 0;
    std::int64_t system_ticks = 0;
};

struct Measured {
    double seconds = 0;
    Tally total;
    std::vector<Tally> sessions;
    std::vector<CpuUsed> servers;
    double own_us = 0;

    [[nodiscard]] std::uint64_t operations() const {
        return total.reads.count() + total.writes.count();
    }
};

/// Runs the load and gives what was measured; ends the program when an answer is wrong.
/// `at`: the servers that sessions go to, in turn.
Measured run(const Options& options, const std::vector<Endpoint>& at);

}  // namespace zk::load
