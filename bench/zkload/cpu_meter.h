// Processor time of other processes, all their threads together, and of this one.
#pragma once

#include <cstdint>
#include <ctime>
#include <vector>

#include <sys/types.h>

namespace zk::load {

struct CpuReading {
    std::int64_t ns = 0;  ///< user and system together
    /// Of /proc/PID/stat, 10 ms each: good for the share of user time only.
    std::int64_t user_ticks = 0;
    std::int64_t system_ticks = 0;
};

/// One process. The kernel's CPU clock of the process counts nanoseconds; where it is not to be
/// had, the ticks of /proc/PID/stat serve, and exact() is false.
class CpuMeter {
  public:
    explicit CpuMeter(pid_t pid);
    [[nodiscard]] CpuReading read() const;
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool exact() const { return exact_; }
    /// The most by which a difference of two readings may be wrong.
    [[nodiscard]] double error_us() const;

  private:
    pid_t pid_;
    clockid_t clock_{};
    bool exact_ = false;
};

/// Processor time of this process.
std::int64_t own_cpu_ns();

}  // namespace zk::load
