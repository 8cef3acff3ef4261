// zkserver: a ZooKeeper server. `zkserver path/to/zoo.cfg` runs in the foreground and logs to stderr.
// Exit codes: 0 stopped by a signal, 1 could not go on, 2 bad command line or configuration.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "zkserver/server.h"
#include "zkserver/version.h"

namespace {

constexpr std::string_view kUsage =
    "usage: zkserver [--log-level trace|debug|info|warn|error] ZOO_CFG\n"
    "       zkserver --check ZOO_CFG    reads the configuration and says whether it can be used\n"
    "       zkserver --version\n";

int fail_usage(const std::string& why) {
    std::fprintf(stderr, "zkserver: %s\n%s", why.c_str(), std::string(kUsage).c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::string config_path;
    bool check_only = false;
    zk::LogLevel level = zk::LogLevel::info;
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--version") {
            std::printf("zkserver %s\n", zk::server::kVersion);
            return 0;
        }
        if (argument == "--help" || argument == "-h") {
            std::printf("%s", std::string(kUsage).c_str());
            return 0;
        }
        if (argument == "--check") {
            check_only = true;
        } else if (argument == "--log-level") {
            if (++i == arguments.size() || !zk::parse_log_level(arguments[i], level)) {
                return fail_usage("--log-level needs one of trace, debug, info, warn, error");
            }
        } else if (argument.starts_with("-")) {
            return fail_usage("unknown option " + std::string(argument));
        } else if (config_path.empty()) {
            config_path = argument;
        } else {
            return fail_usage("more than one configuration file given");
        }
    }
    if (config_path.empty()) return fail_usage("no configuration file given");

    auto configuration = zk::server::load_configuration(config_path);
    if (!configuration.has_value()) {
        std::fprintf(stderr, "zkserver: %s\n", configuration.error().message().c_str());
        return 2;
    }
    if (check_only) {
        for (const std::string& warning : configuration->config.warnings) {
            std::fprintf(stderr, "zkserver: warning: %s\n", warning.c_str());
        }
        std::printf("%s: configuration can be used by server.%s\n",
                    config_path.c_str(),
                    to_string(configuration->my_id).c_str());
        return 0;
    }
    const zk::Log log = zk::stderr_log(level);
    const auto result = zk::server::run(std::move(*configuration), log);
    if (!result.has_value()) {
        log.error("server.failed why=\"{}\"", result.error().message());
        return 1;
    }
    return 0;
}
