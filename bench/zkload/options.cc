#include "zkload/options.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <getopt.h>
#include <iterator>
#include <utility>

#include "zkload/fail.h"

namespace zk::load {
namespace {

constexpr const char* kUsage =
    "zkload --servers ADDRESS:PORT[,...] [options]: load on a ZooKeeper ensemble, every answer "
    "checked\n"
    "  --at WHERE          spread (each server in turn, default), leader, follower, or a place in "
    "the list, from 1\n"
    "                      (leader and follower ask each server `srvr`)\n"
    "  --op NAME           set (default), get, mixed (half set, half get), exists, create, churn "
    "(create, then delete),\n"
    "                      delete (needs --count; the nodes are made before)\n"
    "  --sessions N        sessions, a connection each (1)\n"
    "  --depth D           requests under way in each session (1)\n"
    "  --bursts            send D requests, wait for all answers, again; else an answer is "
    "followed by the next request\n"
    "  --value BYTES       size of a znode's data (100)\n"
    "  --shared            one znode for all sessions; else each has its own\n"
    "  --warmup SECONDS    load before the measurement (1)\n"
    "  --seconds SECONDS   length of the measurement (5)\n"
    "  --count N           measure N operations instead\n"
    "  --pids PID[,...]    the servers' processes: their processor time per operation\n"
    "  --json              one line of JSON instead of one for people\n"
    "or: zkload --serve-floor PORT [--value BYTES]: a server on 127.0.0.1 that answers and does "
    "nothing, for comparison\n";

[[noreturn]] void usage(int code) {
    std::fputs(kUsage, code == 0 ? stdout : stderr);
    std::exit(code);
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t from = 0;
    while (from <= text.size()) {
        const std::size_t comma = std::min(text.find(',', from), text.size());
        if (comma > from) parts.push_back(text.substr(from, comma - from));
        from = comma + 1;
    }
    return parts;
}

std::int64_t integer(const std::string& text, std::int64_t min, std::int64_t max) {
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || errno != 0 || value < min || value > max) {
        fail("'" + text + "' is not a number from " + std::to_string(min) + " to " +
             std::to_string(max));
    }
    return value;
}

double seconds(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= 0 && value <= 86400)) {
        fail("'" + text + "' is not a number of seconds");
    }
    return value;
}

std::vector<Endpoint> endpoints(const std::string& text) {
    std::vector<Endpoint> found;
    for (const std::string& part : split(text)) {
        const std::size_t colon = part.rfind(':');
        if (colon == std::string::npos) fail("'" + part + "' is not ADDRESS:PORT");
        found.push_back(
            {.address = part.substr(0, colon),
             .port = static_cast<std::uint16_t>(integer(part.substr(colon + 1), 1, 65535))});
    }
    return found;
}

constexpr std::pair<const char*, Operation> kOperations[] = {{"set", Operation::set},
                                                             {"get", Operation::get},
                                                             {"mixed", Operation::mixed},
                                                             {"exists", Operation::exists},
                                                             {"create", Operation::create},
                                                             {"churn", Operation::churn},
                                                             {"delete", Operation::remove}};

Operation operation(const std::string& text) {
    for (const auto& [name, value] : kOperations) {
        if (text == name) return value;
    }
    fail("no operation '" + text + "'; see --help");
}

enum Letter {
    at = 1,
    bursts,
    count,
    depth,
    help,
    json,
    op,
    pids,
    seconds_,
    serve_floor,
    servers,
    sessions,
    shared,
    value,
    warmup
};
constexpr option kLong[] = {{"at", required_argument, nullptr, at},
                            {"bursts", no_argument, nullptr, bursts},
                            {"count", required_argument, nullptr, count},
                            {"depth", required_argument, nullptr, depth},
                            {"help", no_argument, nullptr, help},
                            {"json", no_argument, nullptr, json},
                            {"op", required_argument, nullptr, op},
                            {"pids", required_argument, nullptr, pids},
                            {"seconds", required_argument, nullptr, seconds_},
                            {"serve-floor", required_argument, nullptr, serve_floor},
                            {"servers", required_argument, nullptr, servers},
                            {"sessions", required_argument, nullptr, sessions},
                            {"shared", no_argument, nullptr, shared},
                            {"value", required_argument, nullptr, value},
                            {"warmup", required_argument, nullptr, warmup},
                            {nullptr, 0, nullptr, 0}};

void take(Options& options, int letter, const std::string& argument) {
    switch (letter) {
        case at:
            options.at = argument;
            break;
        case bursts:
            options.bursts = true;
            break;
        case count:
            options.count = integer(argument, 1, 1'000'000'000);
            break;
        case depth:
            options.depth = static_cast<int>(integer(argument, 1, 100'000));
            break;
        case help:
            usage(0);
        case json:
            options.json = true;
            break;
        case op:
            options.operation = operation(argument);
            break;
        case pids:
            for (const std::string& pid : split(argument)) {
                options.pids.push_back(static_cast<pid_t>(integer(pid, 1, 1 << 30)));
            }
            break;
        case seconds_:
            options.seconds = seconds(argument);
            break;
        case serve_floor:
            options.serve_floor = static_cast<std::uint16_t>(integer(argument, 1, 65535));
            break;
        case servers:
            options.servers = endpoints(argument);
            break;
        case sessions:
            options.sessions = static_cast<int>(integer(argument, 1, 9999));
            break;
        case shared:
            options.shared = true;
            break;
        case value:
            options.value_bytes = static_cast<int>(integer(argument, 0, 1'000'000));
            break;
        case warmup:
            options.warmup_s = seconds(argument);
            break;
        default:
            usage(2);
    }
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    for (int letter = 0; (letter = getopt_long(argc, argv, "", kLong, nullptr)) != -1;) {
        take(options, letter, optarg == nullptr ? "" : optarg);
    }
    if (optind != argc || (options.servers.empty() && options.serve_floor == 0)) usage(2);
    if (options.operation == Operation::remove) {
        if (options.count == 0) fail("--op delete needs --count: that many znodes are made first");
        options.warmup_s = 0;
    }
    return options;
}

const char* to_string(Operation operation) {
    for (const auto& [name, value] : kOperations) {
        if (operation == value) return name;
    }
    return "";
}

}  // namespace zk::load
