// The simulator by hand: sim --seed 7 [--count 100] [--servers 3] [--seconds 30] [--stream]
// [--trace] Runs seeds from --seed on; a failure prints its seed and ends with 1. With --trace:
// every server's log lines in virtual time.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "sim/world.h"

int main(int argc, char** argv) {
    zk::sim::WorldOptions options;
    std::uint64_t seed = 1;
    std::uint64_t count = 1;
    bool marks = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto number = [&]() -> long { return i + 1 < argc ? std::atol(argv[++i]) : 0; };
        if (argument == "--seed") {
            seed = static_cast<std::uint64_t>(number());
        } else if (argument == "--count") {
            count = static_cast<std::uint64_t>(number());
        } else if (argument == "--servers") {
            options.servers = static_cast<int>(number());
        } else if (argument == "--seconds") {
            options.chaos = std::chrono::seconds(number());
        } else if (argument == "--stream") {
            options.stream_snapshots = true;
        } else if (argument == "--trace") {
            options.trace = true;
        } else if (argument == "--marks") {
            marks = true;
        } else {
            std::fprintf(
                stderr,
                "usage: sim --seed N [--count N] [--servers N] [--seconds N] [--stream] [--trace] "
                "[--marks]\n");
            return 2;
        }
    }
    std::uint64_t acknowledged = 0;
    int crashes = 0, partitions = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        options.seed = seed + i;
        zk::sim::World world(options);
        const zk::sim::Report report = world.run();
        acknowledged += report.acknowledged;
        crashes += report.crashes;
        partitions += report.partitions;
        if (!report.failure.empty()) {
            std::printf("seed %llu FAILED: %s\n  again: sim --seed %llu --servers %d --seconds %ld%s --trace\n",
                        static_cast<unsigned long long>(options.seed),
                        report.failure.c_str(),
                        static_cast<unsigned long long>(options.seed),
                        options.servers,
                        static_cast<long>(zk::to_ms(options.chaos) / 1000),
                        options.stream_snapshots ? " --stream" : "");
            return 1;
        }
    }
    std::printf("%llu seeds: %llu writes acknowledged, %d crashes, %d partitions, nothing lost\n",
                static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(acknowledged),
                crashes,
                partitions);
    if (marks) {
        for (const auto& mark : zk::covered_marks()) std::printf("covered %s\n", mark.c_str());
    }
    return 0;
}
