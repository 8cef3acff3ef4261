// zkserver: a ZooKeeper server. `zkserver path/to/zoo.cfg` runs in the foreground and logs to
// stderr. Exit codes: zkserver/server.h.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nss.h>
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

constexpr int kInvalid = static_cast<int>(zk::zkserver::ExitCode::invalid_configuration);

int fail_usage(const std::string& why) {
    std::fprintf(stderr, "zkserver: %s\n%s", why.c_str(), std::string(kUsage).c_str());
    return kInvalid;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    // A static program must not load a name service module of its host, which belongs to another
    // libc: /etc/hosts and DNS are in here.
    __nss_configure_lookup("hosts", "files dns");
    std::string config_path;
    bool check_only = false;
    zk::LogLevel level = zk::LogLevel::info;
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--version") {
            std::printf("zkserver %s\n", zk::zkserver::kVersion);
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

    zk::zkserver::Configuration configuration;
    const auto loaded = zk::zkserver::load_configuration(config_path, configuration);
    if (check_only || !loaded.has_value()) {
        for (const std::string& warning : configuration.config.warnings) {
            std::fprintf(stderr, "zkserver: warning: %s\n", warning.c_str());
        }
    }
    if (!loaded.has_value()) {
        std::fprintf(stderr, "zkserver: %s\n", loaded.error().message().c_str());
        return kInvalid;
    }
    if (check_only) {
        std::printf("%s: configuration can be used by server.%s\n",
                    config_path.c_str(),
                    to_string(configuration.my_id).c_str());
        return 0;
    }
    const zk::Log log = zk::stderr_log(level);
    const auto failure = zk::zkserver::run(std::move(configuration), log);
    if (!failure) return 0;
    const int code = static_cast<int>(failure->code);
    log.error("server.failed exit={} why=\"{}\"", code, failure->error.message());
    return code;
}
