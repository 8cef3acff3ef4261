// How several client loops may read the one tree: runs each way for a while and tells what it costs. Usage: see usage().
// docs/decisions/0009 is what came of it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "loops/core_side.h"
#include "loops/loop_side.h"
#include "loops/shared.h"

namespace zk::loops {
namespace {

const std::map<std::string, Variant> kVariants = {{"slots", Variant::slots},
                                                  {"served", Variant::served},
                                                  {"plain", Variant::plain},
                                                  {"barrier", Variant::barrier},
                                                  {"versions", Variant::versions},
                                                  {"posted", Variant::posted}};
const std::map<std::string, Broken> kBroken = {{"none", Broken::none},
                                               {"publish", Broken::publish},
                                               {"hear", Broken::hear},
                                               {"enter_watch", Broken::enter_watch},
                                               {"stop", Broken::stop}};

[[noreturn]] void usage(const char* wrong) {
    std::fprintf(stderr,
                 "loops_bench: %s\n"
                 "usage: loops_bench [--variant slots|served|plain|barrier|versions|posted|all]\n"
                 "                   [--loops N,..] [--writes PERCENT,..]\n"
                 "                   [--rounds N] [--seconds S] [--depth READS] [--sessions N] "
                 "[--znodes N]\n"
                 "                   [--pairs PERCENT]: of the writes, as write, read, write\n"
                 "                   [--broken publish|hear|enter_watch|stop]\n"
                 "Exit code 1: a session was shown something out of order.\n",
                 wrong);
    std::exit(2);
}

struct Figures {
    double reads_per_s, writes_per_s, loop_us, core_us, all_us, lock_us, lock_us_p99, stop_us,
        stops_per_s, batch;
    std::int64_t faults;
};

double quantile_us(std::vector<std::int64_t> ns, double part) {
    if (ns.empty()) return 0;
    const auto at =
        ns.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(ns.size() - 1));
    std::nth_element(ns.begin(), at, ns.end());
    return static_cast<double>(*at) / 1e3;
}

Figures run(const Options& options) {
    Shared shared(options);
    CoreSide core(shared);
    std::vector<std::unique_ptr<LoopSide>> loops;
    for (std::uint32_t i = 0; i < options.loops; ++i) {
        loops.push_back(std::make_unique<LoopSide>(shared, i, core.root(), core.version()));
    }
    for (const auto& loop : loops) shared.loops.push_back(loop.get());
    std::vector<std::thread> threads;
    const auto begin = std::chrono::steady_clock::now();
    threads.emplace_back([&] { core.run(); });
    for (auto& loop : loops) threads.emplace_back([&loop] { loop->run(); });
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    shared.ended = true;
    shared.to_core.end();
    for (std::size_t i = 0; i < options.loops; ++i) shared.doors[i].mail.end();
    for (std::thread& thread : threads) thread.join();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

    LoopSide::Figures sum;
    for (const auto& loop : loops) {
        const LoopSide::Figures& f = loop->figures();
        sum.reads += f.reads;
        sum.writes += f.writes;
        sum.cpu_ns += f.cpu_ns;
        sum.change_before_event += f.change_before_event;
        sum.change_missed += f.change_missed;
        sum.read_after_next_write += f.read_after_next_write;
        sum.own_write_missed += f.own_write_missed;
    }
    if (sum.faults() > 0) {
        std::printf(
            "faults: change_before_event=%lld change_missed=%lld read_after_next_write=%lld "
            "own_write_missed=%lld\n",
            static_cast<long long>(sum.change_before_event),
            static_cast<long long>(sum.change_missed),
            static_cast<long long>(sum.read_after_next_write),
            static_cast<long long>(sum.own_write_missed));
    }
    const CoreSide::Figures& c = core.figures();
    const auto each = [](std::int64_t ns, std::int64_t count) {
        return count == 0 ? 0.0 : static_cast<double>(ns) / 1e3 / static_cast<double>(count);
    };
    return {.reads_per_s = static_cast<double>(sum.reads) / seconds,
            .writes_per_s = static_cast<double>(c.txns) / seconds,
            .loop_us = each(sum.cpu_ns, sum.reads + sum.writes),
            .core_us = each(c.cpu_ns, c.txns),
            .all_us = each(sum.cpu_ns + c.cpu_ns, sum.reads + sum.writes),
            .lock_us = quantile_us(c.lock_waits, 0.5),
            .lock_us_p99 = quantile_us(c.lock_waits, 0.99),
            .stop_us = quantile_us(c.stop_waits, 0.5),
            .stops_per_s = static_cast<double>(c.stop_waits.size()) / seconds,
            .batch = c.turns == 0 ? 0 : static_cast<double>(c.txns) / static_cast<double>(c.turns),
            .faults = sum.faults()};
}

/// "median (min..max)"
std::string spread(const std::vector<Figures>& rounds, double Figures::*field, const char* format) {
    std::vector<double> values;
    for (const Figures& figures : rounds) values.push_back(figures.*field);
    std::sort(values.begin(), values.end());
    std::string text;
    const auto put = [&](const char* before, double value) {
        char digits[32];
        std::snprintf(digits, sizeof digits, format, value);
        text += before;
        text += digits;
    };
    put("", values[values.size() / 2]);
    put(" (", values.front());
    put("..", values.back());
    return text + ")";
}

void report(const char* name, const Options& options, const std::vector<Figures>& rounds) {
    std::vector<Figures> thousands = rounds;
    for (Figures& figures : thousands) {
        figures.reads_per_s /= 1000;
        figures.writes_per_s /= 1000;
    }
    std::printf(
        "%2u%% %zu %-8s | %-18s | %-18s | %-18s | %-18s | %-18s | %-18s | %-18s | %-18s | %-18s | "
        "%5.1f\n",
        options.writes_percent,
        options.loops,
        name,
        spread(thousands, &Figures::reads_per_s, "%.0f").c_str(),
        spread(thousands, &Figures::writes_per_s, "%.1f").c_str(),
        spread(rounds, &Figures::loop_us, "%.2f").c_str(),
        spread(rounds, &Figures::core_us, "%.2f").c_str(),
        spread(rounds, &Figures::all_us, "%.2f").c_str(),
        spread(rounds, &Figures::lock_us, "%.1f").c_str(),
        spread(rounds, &Figures::lock_us_p99, "%.0f").c_str(),
        spread(rounds, &Figures::stops_per_s, "%.0f").c_str(),
        spread(rounds, &Figures::stop_us, "%.0f").c_str(),
        rounds[rounds.size() / 2].batch);
    std::fflush(stdout);
}

std::vector<unsigned> numbers(const std::string& list) {
    std::vector<unsigned> found;
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        found.push_back(
            static_cast<unsigned>(std::strtoul(list.substr(at, end - at).c_str(), nullptr, 10)));
        at = end + 1;
    }
    return found;
}

int main_of(int argc, char** argv) {
    std::map<std::string, std::string> given = {{"variant", "all"},
                                                {"loops", "1,2,3"},
                                                {"writes", "0,10,50"},
                                                {"rounds", "5"},
                                                {"seconds", "0.5"},
                                                {"depth", "8"},
                                                {"sessions", "32"},
                                                {"znodes", "100000"},
                                                {"broken", "none"},
                                                {"pairs", "2"}};
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name.rfind("--", 0) != 0 || given.count(name.substr(2)) == 0)
            usage(("unknown option " + name).c_str());
        if (++i == argc) usage((name + " needs a value").c_str());
        given[name.substr(2)] = argv[i];
    }
    const auto number = [&](const char* name) {
        return std::strtoul(given[name].c_str(), nullptr, 10);
    };
    if (given["variant"] != "all" && kVariants.count(given["variant"]) == 0)
        usage("unknown variant");
    if (kBroken.count(given["broken"]) == 0) usage("unknown rule");
    Options options;
    options.broken = kBroken.at(given["broken"]);
    options.seconds = std::strtod(given["seconds"].c_str(), nullptr);
    options.depth = number("depth");
    options.sessions = number("sessions");
    options.pairs_percent = static_cast<unsigned>(number("pairs"));
    options.znodes = number("znodes");
    std::int64_t faults = 0;
    std::printf(
        "                | reads/s, thousands | txns/s, thousands  | loops' CPU us/op   | "
        "core's CPU us/txn  | all CPU us/op"
        "      | lock wait us p50   | lock wait us p99   | stops/s            | stop us p50        "
        "| txns/turn\n");
    for (const unsigned writes : numbers(given["writes"])) {
        for (const unsigned loops : numbers(given["loops"])) {
            options.writes_percent = writes;
            options.loops = loops;
            std::map<std::string, std::vector<Figures>> rounds;
            for (std::size_t round = 0; round < number("rounds"); ++round) {
                for (const auto& [name, variant] : kVariants) {
                    if (given["variant"] != "all" && given["variant"] != name) continue;
                    options.variant = variant;
                    rounds[name].push_back(run(options));
                    faults += rounds[name].back().faults;
                }
            }
            for (const auto& [name, figures] : rounds) report(name.c_str(), options, figures);
        }
    }
    if (faults > 0) std::printf("FAULTS: %lld\n", static_cast<long long>(faults));
    return faults > 0 ? 1 : 0;
}

}  // namespace
}  // namespace zk::loops

int main(int argc, char** argv) { return zk::loops::main_of(argc, argv); }
