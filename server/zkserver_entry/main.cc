// zkserver-entry: the first process of our container image. It takes the environment of ZooKeeper's official image, makes
// zoo.cfg and myid of it, and becomes the server. Called zkServer.sh it is that script's words: the image has no shell.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

#include "zkserver_entry/server_script.h"

namespace {

constexpr int kNotFound = 127;

zk::image::Environment environment() {
    zk::image::Environment variables;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string text = *at;
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos) continue;
        variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

/// The first process of a container hears no signal that it does not ask for.
void end_at_once(int) { ::_exit(0); }

int execute(std::vector<std::string> program) {
    std::vector<char*> words;
    for (std::string& word : program) words.push_back(word.data());
    words.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    ::execvp(words[0], words.data());
    std::fprintf(
        stderr,
        "zkserver-entry: %s: %s; this image has zkServer.sh, zkCli.sh, zkserver, zkcli and "
        "zkdata, and no shell\n",
        words[0],
        std::strerror(errno));
    return kNotFound;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, end_at_once);
    std::signal(SIGINT, end_at_once);
    const std::vector<std::string> words(argv + 1, argv + argc);
    const bool is_script = argc > 0 && std::filesystem::path(argv[0]).filename() == "zkServer.sh";
    const zk::zkserver_entry::Outcome outcome =
        is_script ? zk::zkserver_entry::server_script(words, environment())
                  : zk::zkserver_entry::entry_point(words, environment());
    std::fflush(stdout);
    return outcome.program.empty() ? outcome.code : execute(outcome.program);
}
