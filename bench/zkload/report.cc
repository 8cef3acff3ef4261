#include "zkload/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace zk::load {
namespace {

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, pattern);
    std::vsnprintf(text, sizeof text, pattern, arguments);
    va_end(arguments);
    return text;
}

/// How equally the sessions were served.
struct Fairness {
    double slowest_of_fastest = 0;  ///< operations of the slowest session by those of the fastest
    double worst_p99_ms = 0;
};

Fairness fairness(const Measured& measured) {
    std::uint64_t least = ~std::uint64_t{0};
    std::uint64_t most = 0;
    Fairness found;
    for (const Tally& tally : measured.sessions) {
        LatencyHistogram both = tally.reads;
        both.merge(tally.writes);
        least = std::min(least, both.count());
        most = std::max(most, both.count());
        found.worst_p99_ms = std::max(found.worst_p99_ms, both.percentile_ms(0.99));
    }
    if (most > 0) found.slowest_of_fastest = static_cast<double>(least) / static_cast<double>(most);
    return found;
}

struct CpuSum {
    double us = 0;
    double error_us = 0;
    double user_share = 0;
};

CpuSum cpu_sum(const Measured& measured) {
    CpuSum sum;
    std::int64_t user = 0;
    std::int64_t system = 0;
    for (const CpuUsed& used : measured.servers) {
        sum.us += used.us;
        sum.error_us += used.error_us;
        user += used.user_ticks;
        system += used.system_ticks;
    }
    if (user + system > 0)
        sum.user_share = static_cast<double>(user) / static_cast<double>(user + system);
    return sum;
}

LatencyHistogram all(const Measured& measured) {
    LatencyHistogram both = measured.total.reads;
    both.merge(measured.total.writes);
    return both;
}

std::string latency_json(const LatencyHistogram& latency) {
    return format("{\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,\"mean_ms\":%.4f}",
                  latency.percentile_ms(0.5),
                  latency.percentile_ms(0.99),
                  latency.max_ms(),
                  latency.mean_ms());
}

}  // namespace

std::string report(const Options& options, const Measured& measured) {
    const LatencyHistogram latency = all(measured);
    const double count = static_cast<double>(std::max<std::uint64_t>(measured.operations(), 1));
    const Fairness fair = fairness(measured);
    std::string line = format("%s %dx%d %dB %s%s%s: %.0f ops/s",
                              to_string(options.operation),
                              options.sessions,
                              options.depth,
                              options.value_bytes,
                              options.at.c_str(),
                              options.shared ? " shared" : "",
                              options.bursts ? " bursts" : "",
                              static_cast<double>(measured.operations()) / measured.seconds);
    if (!measured.servers.empty()) {
        const CpuSum cpu = cpu_sum(measured);
        line += format("; servers' CPU %.2f us/op (+-%.2f, %.0f %% user:",
                       cpu.us / count,
                       cpu.error_us / count,
                       cpu.user_share * 100);
        for (const CpuUsed& used : measured.servers) line += format(" %.2f", used.us / count);
        line += ")";
    }
    line += format("; ms: p50 %.3f p99 %.3f max %.3f mean %.3f",
                   latency.percentile_ms(0.5),
                   latency.percentile_ms(0.99),
                   latency.max_ms(),
                   latency.mean_ms());
    line += format(
        "; slowest/fastest session %.2f, worst session's p99 %.3f ms; own CPU %.2f us/op; %.0f ops "
        "in %.2f s",
        fair.slowest_of_fastest,
        fair.worst_p99_ms,
        measured.own_us / count,
        static_cast<double>(measured.operations()),
        measured.seconds);
    return line;
}

std::string report_json(const Options& options, const Measured& measured) {
    const double count = static_cast<double>(std::max<std::uint64_t>(measured.operations(), 1));
    const Fairness fair = fairness(measured);
    const CpuSum cpu = cpu_sum(measured);
    std::string line = format(
        "{\"op\":\"%s\",\"sessions\":%d,\"depth\":%d,\"value_bytes\":%d,\"at\":\"%s\",\"shared\":%"
        "s,\"bursts\":%s",
        to_string(options.operation),
        options.sessions,
        options.depth,
        options.value_bytes,
        options.at.c_str(),
        options.shared ? "true" : "false",
        options.bursts ? "true" : "false");
    line += format(",\"operations\":%llu,\"seconds\":%.4f,\"ops_per_s\":%.2f",
                   static_cast<unsigned long long>(measured.operations()),
                   measured.seconds,
                   static_cast<double>(measured.operations()) / measured.seconds);
    line += ",\"latency\":" + latency_json(all(measured));
    line += ",\"reads\":" + latency_json(measured.total.reads) +
            ",\"writes\":" + latency_json(measured.total.writes);
    line += format(
        ",\"slowest_of_fastest\":%.4f,\"worst_session_p99_ms\":%.4f,\"own_cpu_us_per_op\":%.4f",
        fair.slowest_of_fastest,
        fair.worst_p99_ms,
        measured.own_us / count);
    line += format(
        ",\"cpu_us_per_op\":%.4f,\"cpu_error_us_per_op\":%.4f,\"cpu_user_share\":%.4f,\"servers\":"
        "[",
        cpu.us / count,
        cpu.error_us / count,
        cpu.user_share);
    for (std::size_t i = 0; i < measured.servers.size(); ++i) {
        const CpuUsed& used = measured.servers[i];
        line += format("%s{\"pid\":%d,\"cpu_us_per_op\":%.4f,\"cpu_s\":%.4f}",
                       i == 0 ? "" : ",",
                       static_cast<int>(used.pid),
                       used.us / count,
                       used.us / 1e6);
    }
    return line + "]}";
}

}  // namespace zk::load
