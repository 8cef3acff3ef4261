#include "zkcli/program.h"

#include <csignal>
#include <cstdio>

#include "cli/options.h"
#include "zkcli/shell.h"
#include "zkcli/version.h"

namespace zk::zkcli {

int run_program(const std::vector<std::string>& words) {
    auto options = cli::read_options(words);
    if (!options.has_value()) {
        std::fprintf(stderr, "zkcli: %s\n", options.error().words.c_str());
        return 1;
    }
    if (options->what == cli::Options::What::help) {
        std::fputs(cli::options_help().c_str(), stdout);
        return 0;
    }
    if (options->what == cli::Options::What::version) {
        std::printf("zkcli %s, built on %s\n", kVersion, kBuiltOn);
        return 0;
    }
    // A reader that is gone ("zkcli ... | head") is an error of a write, and so is a server.
    std::signal(SIGPIPE, SIG_IGN);
    return Shell(*std::move(options)).run();
}

}  // namespace zk::zkcli
