#include "zkload/cpu_meter.h"

#include <cstdio>
#include <string>
#include <unistd.h>

#include "zkload/fail.h"

namespace zk::load {
namespace {

std::int64_t to_ns(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::int64_t tick_ns() { return 1'000'000'000 / sysconf(_SC_CLK_TCK); }

}  // namespace

CpuMeter::CpuMeter(pid_t pid) : pid_(pid) {
    timespec now{};
    exact_ = clock_getcpuclockid(pid, &clock_) == 0 && clock_gettime(clock_, &now) == 0;
    (void)read();  // A pid that does not exist is told before the load, not after it.
}

CpuReading CpuMeter::read() const {
    const std::string path = "/proc/" + std::to_string(pid_) + "/stat";
    char line[1024];
    std::FILE* file = std::fopen(path.c_str(), "r");
    const std::size_t size = file == nullptr ? 0 : std::fread(line, 1, sizeof line - 1, file);
    if (file != nullptr) std::fclose(file);
    line[size] = '\0';
    // The name of the program stands in parentheses and may hold anything; utime and stime are
    // fields 14 and 15.
    const std::string text(line, size);
    const std::size_t name_end = text.rfind(')');
    long long user = 0;
    long long system = 0;
    if (name_end == std::string::npos ||
        std::sscanf(text.c_str() + name_end + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld",
                    &user,
                    &system) != 2) {
        fail("no processor time of pid " + std::to_string(pid_) + ": is it a running process?");
    }
    CpuReading reading{
        .ns = (user + system) * tick_ns(), .user_ticks = user, .system_ticks = system};
    timespec now{};
    if (exact_) {
        if (clock_gettime(clock_, &now) != 0) fail("pid " + std::to_string(pid_) + " has ended");
        reading.ns = to_ns(now);
    }
    return reading;
}

double CpuMeter::error_us() const { return exact_ ? 1 : static_cast<double>(tick_ns()) / 1e3; }

std::int64_t own_cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return to_ns(now);
}

}  // namespace zk::load
