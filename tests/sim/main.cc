// The simulator by hand (options.cc). Runs seeds from --seed on; a failure prints the line that repeats it and ends with 1.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <malloc.h>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "base/check.h"
#include "command_line/help.h"
#include "sim/marks.h"
#include "sim/options.h"
#include "sim/world.h"

namespace {
using zk::sim::FaultKind;
using zk::sim::Options;

struct Sum {
    std::uint64_t seeds = 0, failed = 0, steps = 0, acknowledged = 0, elections = 0;
    zk::Duration lasted{}, settled_max{};
    zk::sim::PerFault<std::uint64_t> faults;
    std::map<std::string_view, std::uint64_t> shapes;
};

int fail_usage(const std::string& why) {
    std::fprintf(
        stderr, "sim: %s\n%s", why.c_str(), zk::command_line::usage(zk::sim::program()).c_str());
    return 2;
}

int print_help() {
    std::fputs(zk::command_line::help(zk::sim::program(), {})->c_str(), stdout);
    return 0;
}

void list_names() {
    std::printf("shapes:");
    for (const auto name : zk::sim::shape_names()) std::printf(" %s", std::string(name).c_str());
    std::printf("\nfaults:");
    for (const auto name : zk::sim::kFaultNames) std::printf(" %s", std::string(name).c_str());
    std::printf("\n");
}

zk::sim::WorldOptions world_options(const Options& options, std::uint64_t seed) {
    zk::sim::WorldOptions world;
    world.seed = seed;
    world.shape = options.shape.empty() ? zk::sim::shape_of(seed)
                                        : *zk::sim::shape_named(options.shape, seed);
    if (options.servers) world.shape.servers = static_cast<int>(*options.servers);
    if (options.clients) world.shape.clients = static_cast<int>(*options.clients);
    if (options.seconds) world.shape.chaos = std::chrono::seconds(*options.seconds);
    if (options.stream) world.shape.stream_snapshots = true;
    for (const FaultKind kind : options.without) world.shape.weights[kind] = 0;
    world.trace = options.trace;
    return world;
}

bool run_seed(const Options& options, std::uint64_t seed, Sum& sum) {
    const auto world = world_options(options, seed);
    auto report = zk::sim::World(world).run();
    if (options.twice && report.failure.empty()) {
        const auto again = zk::sim::World(world).run();
        if (again.fingerprint != report.fingerprint)
            report.failure = "runs differently the second time";
    }
    ++sum.seeds;
    sum.steps += report.steps;
    sum.acknowledged += report.acknowledged;
    sum.elections += report.elections;
    sum.lasted += report.lasted;
    sum.settled_max = std::max(sum.settled_max, report.settled_after);
    ++sum.shapes[world.shape.name];
    for (std::size_t i = 0; i < zk::sim::kFaultKinds; ++i) sum.faults.of[i] += report.faults.of[i];
    if (report.failure.empty()) return true;
    ++sum.failed;
    const std::string shape(world.shape.name);
    std::printf("FAILED sim --seed %llu%s   # %s: %s\n",
                static_cast<unsigned long long>(seed),
                options.as_words.c_str(),
                shape.c_str(),
                report.failure.c_str());
    std::fflush(stdout);
    return false;
}

using Count = unsigned long long;

// Lines of "sum name value", for scripts/sim-night to add up.
void print_sum(const Sum& sum, double seconds) {
    const auto line = [](const std::string& name, std::uint64_t value) {
        std::printf("sum %s %llu\n", name.c_str(), static_cast<Count>(value));
    };
    line("seeds", sum.seeds);
    line("failed", sum.failed);
    line("virtual_s", static_cast<std::uint64_t>(zk::to_ms(sum.lasted) / 1000));
    line("steps", sum.steps);
    line("writes", sum.acknowledged);
    line("elections", sum.elections);
    line("cpu_ms", static_cast<std::uint64_t>(seconds * 1000));
    for (std::size_t i = 0; i < zk::sim::kFaultKinds; ++i) {
        line("fault." + std::string(zk::sim::kFaultNames[i]), sum.faults.of[i]);
    }
    for (const auto& [name, count] : sum.shapes) line("shape." + std::string(name), count);
    std::printf(
        "%llu seeds, %llu failed: %.1f a second and core, %.2f virtual hours, settled within %lld "
        "ms\n",
        static_cast<Count>(sum.seeds),
        static_cast<Count>(sum.failed),
        static_cast<double>(sum.seeds) / seconds,
        static_cast<double>(zk::to_ms(sum.lasted)) / 3'600'000,
        static_cast<long long>(zk::to_ms(sum.settled_max)));
}

int check_marks(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", path.c_str());
        return 2;
    }
    const auto all = zk::sim::complaints(zk::sim::parse_marks(text.str()), zk::covered_marks());
    for (const std::string& words : all) std::printf("MARK %s\n", words.c_str());
    return all.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = zk::sim::parse_options({argv + 1, argv + argc});
    if (!options.has_value()) return fail_usage(options.error().words);
    if (options->what == Options::What::help) return print_help();
    if (options->what == Options::What::list) return list_names(), 0;
    // Worlds come and go: their memory need not go back to the system in between.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    Sum sum;
    const std::clock_t began = std::clock();
    for (std::uint64_t i = 0; i < options->count; ++i) {
        if (!run_seed(*options, options->seed + i, sum) && !options->go_on) break;
    }
    const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    print_sum(sum, std::max(seconds, 0.001));
    if (options->marks) {
        for (const auto& mark : zk::covered_marks()) std::printf("covered %s\n", mark.c_str());
    }
    const int marks = options->required_marks.empty() ? 0 : check_marks(options->required_marks);
    return sum.failed != 0 ? 1 : marks;
}
