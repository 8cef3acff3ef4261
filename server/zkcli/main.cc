// zkcli: a client of ZooKeeper for the command line, with the commands of Apache's zkCli.sh.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/options.h"
#include "zkcli/shell.h"
#include "zkcli/version.h"

int main(int argc, char** argv) {
    using namespace zk;
    const std::vector<std::string> words(argv + 1, argv + argc);
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
        std::printf("zkcli %s, built on %s\n", zkcli::kVersion, zkcli::kBuiltOn);
        return 0;
    }
    // A reader that is gone ("zkcli ... | head") is an error of a write, and so is a server.
    std::signal(SIGPIPE, SIG_IGN);
    return zkcli::Shell(*std::move(options)).run();
}
