// The agent of one node: resident, one session with a controller, or what this node says of itself (options.cc).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nss.h>
#include <string>
#include <unistd.h>

#include "agent_api/node_health.h"
#include "agent_host/host_facts.h"
#include "agent_host/state_dir.h"
#include "agent_options/options.h"
#include "agent_serve/health.h"
#include "agent_serve/resident.h"
#include "agent_serve/session.h"
#include "agent_serve/start_leave.h"
#include "base/log.h"
#include "command_line/help.h"
#include "join_commands.h"

namespace {

constexpr int kUsageError = 2;
constexpr int kMustNotStart = 9;           // systemd/zkprov-start.conf.in waits for it
constexpr unsigned kMayStartTimeS = 20;    // a server must not wait for an agent that hangs
constexpr std::size_t kHistoryShown = 10;  // --json has all

using zk::agent_options::parse_options;
using zk::agent_options::program;
using zk::agent_options::Verb;

int fail_usage(const std::string& why) {
    std::fprintf(stderr, "zkprov-agent: %s\n", why.c_str());
    return kUsageError;
}

int print_help(const std::string& topic) {
    const auto page = zk::command_line::help(program(), topic);
    if (!page.has_value()) return fail_usage(page.error().words);
    std::fputs(page->c_str(), stdout);
    return EXIT_SUCCESS;
}

int run(const zk::agent_host::StateDir& state) {
    const zk::Log log = zk::stderr_log(zk::LogLevel::info);
    const auto ended = zk::agent_serve::Resident(state, log).run();
    if (ended.has_value()) return EXIT_SUCCESS;
    log.error("agent.ended why={}", ended.error().message());
    return EXIT_FAILURE;
}

int may_start(const zk::agent_host::StateDir& state) {
    ::alarm(kMayStartTimeS);
    const auto refused =
        zk::agent_serve::refuse_start_now(state, zk::stderr_log(zk::LogLevel::off));
    if (!refused) return EXIT_SUCCESS;
    std::fprintf(stderr, "zkprov-agent: the server must not start: %s\n", refused->c_str());
    return kMustNotStart;
}

std::string words_of(const zk::agent_api::VoteHealth& vote) {
    std::string text = "server " + to_string(vote.leader);
    if (vote.epoch) text += ", epoch " + to_string(*vote.epoch);
    if (vote.zxid) text += ", zxid " + to_string(*vote.zxid);
    if (vote.round) text += ", round " + std::to_string(*vote.round);
    return text;
}

void print_findings(const zk::agent_api::NodeHealth& health) {
    for (const zk::agent_api::Finding& finding : health.findings) {
        const std::string since =
            finding.since == zk::WallMs() ? "" : ", since " + zk::utc_text(finding.since);
        std::printf("- %s (%s %s%s)\n",
                    finding.words.c_str(),
                    std::string(to_string(finding.level)).c_str(),
                    finding.id.c_str(),
                    since.c_str());
    }
    // A resident agent of an older version tells only words.
    if (!health.findings.empty()) return;
    for (const std::string& reason : health.reasons) std::printf("- %s\n", reason.c_str());
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
        const auto* const cause = cause_of(health, entry);
        std::printf("%s %s: %s%s\n",
                    back == 1 ? "since" : "before, from",
                    zk::utc_text(entry.at).c_str(),
                    words_of(entry).c_str(),
                    cause == nullptr ? "" : (": " + cause->words).c_str());
    }
    print_findings(health);
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    // As in zkserver: static, so no name service module of this host may be loaded.
    __nss_configure_lookup("hosts", "files dns");
    if (argc == 1) {
        std::fputs(usage(program()).c_str(), stderr);
        return kUsageError;
    }
    const auto options = parse_options({argv + 1, argv + argc});
    if (!options.has_value()) return fail_usage(options.error().words);
    if (options->verb == Verb::help) return print_help(options->help_topic);
    if (options->verb == Verb::version) {
        std::printf("zkprov-agent %s\n", zk::agent_host::agent_version().c_str());
        return EXIT_SUCCESS;
    }
    const zk::agent_host::StateDir state(options->state_dir);
    switch (options->verb) {
        case Verb::run:
            return run(state);
        case Verb::connect:
            return zk::agent_serve::serve_stdio(state, STDIN_FILENO, STDOUT_FILENO);
        case Verb::status:
            return status(state, options->json);
        case Verb::may_start:
            return may_start(state);
        case Verb::join:
            return zk::zkprov_agent::join(*options);
        case Verb::join_status:
            return zk::zkprov_agent::join_status(*options);
        case Verb::help:
        case Verb::version:
            break;
    }
    return kUsageError;
}
