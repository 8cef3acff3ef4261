// The agent of one node.
//
// run: resident; watches the server and answers on the state directory's socket.
// connect --stdio: one session with a controller on standard input and output.
// status: what this node says of itself.
//
// All take --state-dir DIR; without it /var/lib/zkprov.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nss.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "agent_api/node_health.h"
#include "agent_host/host_facts.h"
#include "agent_host/state_dir.h"
#include "agent_serve/health.h"
#include "agent_serve/resident.h"
#include "agent_serve/session.h"
#include "base/log.h"

namespace {

constexpr int kUsageError = 2;
constexpr std::size_t kHistoryShown = 10;  // --json has all

constexpr const char* kUsage =
    "usage: zkprov-agent run [--state-dir DIR]\n"
    "       zkprov-agent connect --stdio [--state-dir DIR]\n"
    "       zkprov-agent status [--json] [--state-dir DIR]\n"
    "       zkprov-agent --version\n";

struct Options {
    std::string command;
    std::string state_dir = "/var/lib/zkprov";
    bool stdio = false;
    bool json = false;
};

bool parse(const std::vector<std::string_view>& arguments, Options& options) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--state-dir" && i + 1 < arguments.size()) {
            options.state_dir = arguments[++i];
        } else if (argument == "--stdio") {
            options.stdio = true;
        } else if (argument == "--json") {
            options.json = true;
        } else if (options.command.empty() && !argument.starts_with("-")) {
            options.command = argument;
        } else {
            std::fprintf(
                stderr, "zkprov-agent: unknown argument %s\n", std::string(argument).c_str());
            return false;
        }
    }
    while (options.state_dir.size() > 1 && options.state_dir.ends_with('/')) {
        options.state_dir.pop_back();
    }
    if (!options.state_dir.starts_with('/')) {
        std::fprintf(stderr, "zkprov-agent: --state-dir needs an absolute path\n");
        return false;
    }
    return true;
}

int run(const zk::agent_host::StateDir& state) {
    const zk::Log log = zk::stderr_log(zk::LogLevel::info);
    const auto ended = zk::agent_serve::Resident(state, log).run();
    if (ended.has_value()) return EXIT_SUCCESS;
    log.error("agent.ended why={}", ended.error().message());
    return EXIT_FAILURE;
}

std::string words_of(const zk::agent_api::VoteHealth& vote) {
    std::string text = "server " + to_string(vote.leader);
    if (vote.epoch) text += ", epoch " + to_string(*vote.epoch);
    if (vote.zxid) text += ", zxid " + to_string(*vote.zxid);
    if (vote.round) text += ", round " + std::to_string(*vote.round);
    return text;
}

int status(const zk::agent_host::StateDir& state, bool json) {
    const auto health = zk::agent_serve::node_health(state);
    if (json) {
        std::printf("%s\n", zk::agent_api::to_json(health).c_str());
        return EXIT_SUCCESS;
    }
    std::printf("server %s of %s: %s, %s\n",
                to_string(health.sid).c_str(),
                health.cluster.c_str(),
                std::string(to_string(health.verdict)).c_str(),
                std::string(to_string(health.role)).c_str());
    if (health.leader) std::printf("leader: %s\n", to_string(*health.leader).c_str());
    if (health.epoch) std::printf("epoch: %s\n", to_string(*health.epoch).c_str());
    if (health.zxid) std::printf("zxid: %s\n", to_string(*health.zxid).c_str());
    if (health.vote) std::printf("vote: %s\n", words_of(*health.vote).c_str());
    const std::size_t shown = std::min(health.history.size(), kHistoryShown);
    for (std::size_t back = 1; back <= shown; ++back) {
        const auto& entry = health.history[health.history.size() - back];
        std::printf("%s %s: %s\n",
                    back == 1 ? "since" : "before, from",
                    zk::utc_text(entry.at).c_str(),
                    words_of(entry).c_str());
    }
    for (const std::string& reason : health.reasons) std::printf("- %s\n", reason.c_str());
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    // As in zkserver: static, so no name service module of this host may be loaded.
    __nss_configure_lookup("hosts", "files dns");
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    if (arguments.size() == 1 && arguments[0] == "--version") {
        std::printf("zkprov-agent %s\n", zk::agent_host::agent_version().c_str());
        return EXIT_SUCCESS;
    }
    if (arguments.size() == 1 && arguments[0] == "--help") {
        std::fputs(kUsage, stdout);
        return EXIT_SUCCESS;
    }
    Options options;
    if (!parse(arguments, options)) return kUsageError;
    const zk::agent_host::StateDir state(options.state_dir);
    if (options.command == "run") return run(state);
    if (options.command == "connect" && options.stdio) {
        return zk::agent_serve::serve_stdio(state, STDIN_FILENO, STDOUT_FILENO);
    }
    if (options.command == "status") return status(state, options.json);
    std::fputs(kUsage, stderr);
    return kUsageError;
}
