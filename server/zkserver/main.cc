// zkserver: a ZooKeeper server. `zkserver path/to/zoo.cfg`, or `zkserver PORT DATADIR`, runs in the foreground and logs to
// stderr. Exit codes: zkserver/server.h. One file is all that a host needs: called zkcli or zkCli.sh it is the client of the
// command line, called zkdata it looks at data files.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nss.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "base/log.h"
#include "command_line/help.h"
#include "zkcli/program.h"
#include "zkdata_program/program.h"
#include "zkserver/options.h"
#include "zkserver/server.h"
#include "zkserver/version.h"

namespace {

using zk::zkserver::Options;

constexpr int kInvalid = static_cast<int>(zk::zkserver::ExitCode::invalid_configuration);

int fail_usage(const std::string& why) {
    std::fprintf(stderr,
                 "zkserver: %s\n%s",
                 why.c_str(),
                 zk::command_line::usage(zk::zkserver::program()).c_str());
    return kInvalid;
}

/// Until the server takes these signals itself. The first process of a container hears none that it does not ask for, and
/// reading a large database takes a while; what is on the disk then is as a power cut would leave it, or better.
void end_at_once(int) { ::_exit(0); }

int print_help() {
    std::fputs(zk::command_line::help(zk::zkserver::program(), {})->c_str(), stdout);
    return 0;
}

int run_server(const std::vector<std::string>& words) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, end_at_once);
    std::signal(SIGINT, end_at_once);
    const auto options = zk::zkserver::parse_options(words);
    if (!options.has_value()) return fail_usage(options.error().words);
    if (options->what == Options::What::help) return print_help();
    if (options->what == Options::What::version) {
        std::printf("zkserver %s\n", zk::zkserver::kVersion);
        return 0;
    }

    zk::zkserver::Configuration configuration;
    zk::Result<> loaded = zk::ok();
    if (options->alone) {
        configuration = zk::zkserver::configuration_of(*options->alone);
    } else {
        loaded = zk::zkserver::load_configuration(
            options->config_path, options->properties, configuration);
    }
    std::vector<std::string>& warnings = configuration.config.warnings;
    warnings.insert(warnings.end(), options->warnings.begin(), options->warnings.end());
    const bool check_only = options->what == Options::What::check;
    if (check_only || !loaded.has_value()) {
        for (const std::string& warning : warnings) {
            std::fprintf(stderr, "zkserver: warning: %s\n", warning.c_str());
        }
    }
    if (!loaded.has_value()) {
        std::fprintf(stderr, "zkserver: %s\n", loaded.error().message().c_str());
        return kInvalid;
    }
    if (check_only) {
        std::printf("%s: configuration can be used by %s\n",
                    configuration.file.c_str(),
                    configuration.standalone()
                        ? "a server alone (standalone)"
                        : ("server." + to_string(configuration.my_id)).c_str());
        return 0;
    }
    const zk::Log log = zk::stderr_log(options->level);
    const auto failure = zk::zkserver::run(std::move(configuration), log);
    if (!failure) return 0;
    const int code = static_cast<int>(failure->code);
    log.error("server.failed exit={} why=\"{}\"", code, failure->error.message());
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    // A static program must not load a name service module of its host, which belongs to another
    // libc: /etc/hosts and DNS are in here.
    __nss_configure_lookup("hosts", "files dns");
    std::string_view name = argc > 0 ? argv[0] : "";
    name.remove_prefix(name.rfind('/') + 1);  // without a slash: npos + 1, which is 0
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (name == "zkcli" || name == "zkCli.sh") return zk::zkcli::run_program(words);
    if (name == "zkdata") return zk::zkdata_program::run(words);
    return run_server(words);
}
