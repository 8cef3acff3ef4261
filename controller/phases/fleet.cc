#include "phases/fleet.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent_api/agent_errc.h"
#include "clocks/clocks.h"
#include "phases/parallel.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;

/// What a host says of itself on which zkprov has not installed anything.
agent_api::NodeHealth nothing_installed(const inventory::Node& node) {
    agent_api::NodeHealth health;
    health.sid = node.id;
    health.verdict = agent_api::NodeVerdict::down;
    health.role = agent_api::Role::down;
    health.reasons = {"nothing is installed here; run zkprov apply"};
    return health;
}

void look_at_clock(Host& host, WallMs asked, WallMs told) {
    const auto look = clock_offset::look_at_clock(asked, told, clocks::wall_now());
    if (look) host.clock.add(clocks::steady_now(), *look);
}

ExitCode exit_code_of_agent(AgentErrc code) {
    switch (code) {
        case AgentErrc::unsafe:
            return ExitCode::quorum;
        case AgentErrc::busy:
        case AgentErrc::lock_lost:
            return ExitCode::busy;
        case AgentErrc::failed:
        case AgentErrc::disk_full:
        case AgentErrc::port_taken:
        case AgentErrc::no_right:
        case AgentErrc::identity_conflict:
        case AgentErrc::invalid:
        case AgentErrc::unsupported:
        case AgentErrc::not_found:
        case AgentErrc::start_failed:
            return ExitCode::preflight;
    }
    return ExitCode::preflight;
}

ExitCode exit_code_of_link(LinkErrc code) {
    switch (code) {
        case LinkErrc::host_key_unknown:
        case LinkErrc::host_key_changed:
        case LinkErrc::host_key_unverifiable:
        case LinkErrc::login_refused:
        case LinkErrc::key_unusable:
        case LinkErrc::known_hosts:
            return ExitCode::login;
        case LinkErrc::sudo_refused:
        case LinkErrc::shell_refused:
        case LinkErrc::disk_full:
        case LinkErrc::wrong_arch:
        case LinkErrc::push_failed:
        case LinkErrc::agent_failed:
            return ExitCode::preflight;
        case LinkErrc::agent_missing:
        case LinkErrc::ssh_client:
            return ExitCode::invalid;
        case LinkErrc::no_common_algorithm:
        case LinkErrc::unreachable:
        case LinkErrc::timeout:
        case LinkErrc::protocol:
        case LinkErrc::closed:
            return ExitCode::unreachable;
    }
    return ExitCode::unreachable;
}

}  // namespace

LinkDeadline RunSettings::deadline_for(milliseconds limit) const {
    const LinkDeadline own = deadline_in(limit);
    return deadline ? std::min(own, *deadline) : own;
}

namespace {

const std::string kClearLine = "\r\x1b[2K";

}  // namespace

Console::Console(Write out,
                 Write err,
                 std::function<std::string(const std::string&)> ask,
                 bool json,
                 status::Colours colours,
                 bool live)
    : out_(std::move(out)),
      err_(std::move(err)),
      ask_(std::move(ask)),
      json_(json),
      colours_(colours),
      live_(live) {}

void Console::data(const std::string& text) {
    const threads::Lock lock(mutex_);
    out_(text);
}

bool Console::ask(const std::string& question) {
    const std::string answer = ask_(question + " [y/N] ");
    return answer == "y" || answer == "Y" || answer == "yes";
}

void Console::say(const std::string& line) {
    const threads::Lock lock(mutex_);
    err_((shown_ ? kClearLine : "") + line + "\n");
    shown_ = false;
}

void Console::show(const std::string& line) {
    const threads::Lock lock(mutex_);
    if (!live_ || (line.empty() && !shown_)) return;
    err_(kClearLine + line);
    shown_ = !line.empty();
}

std::string name_of(const inventory::Node& node) {
    if (node.id == ServerId()) return node.host;
    return "node " + to_string(node.id) + " (" + node.host + ")";
}

std::string reason_of(const Host& host) {
    const std::string& words =
        host.failure->words.empty() ? host.failure->message() : host.failure->words;
    const std::string name = name_of(*host.node) + ": ";
    return words.starts_with(name) ? words.substr(name.size()) : words;
}

std::vector<Host> make_hosts(const inventory::Inventory& inventory) {
    std::vector<Host> hosts;
    for (const inventory::Node& node : inventory.nodes) {
        Host host;
        host.node = &node;
        hosts.push_back(std::move(host));
    }
    return hosts;
}

void connect_all(std::vector<Host>& hosts, const RunSettings& settings, milliseconds limit) {
    connect_all(hosts,
                settings.open_link,
                {settings.deadline.value_or(LinkDeadline::max()), settings.deadline_for(limit)});
}

void connect_all(std::vector<Host>& hosts, const OpenLink& open_link, ConnectTimes times) {
    for_all(hosts, [&](Host& host) {
        auto link = open_link(*host.node, times.open);
        if (!link) {
            host.failure = link.error();
            return;
        }
        host.talk = std::make_shared<Conversation>(*std::move(link));
        if (const auto hello = host.talk->hello(times.hello); !hello) host.failure = hello.error();
    });
}

void ask_health(std::vector<Host>& hosts, LinkDeadline deadline) {
    for_all(hosts, [&](Host& host) {
        host.health.reset();
        if (!host.connected()) return;
        const WallMs asked = clocks::wall_now();
        auto health = host.talk->health(deadline);
        if (health) {
            look_at_clock(host, asked, health->wall_ms);
            host.health = *std::move(health);
        } else if (agent_api::agent_errc(health.error()) == AgentErrc::not_found) {
            host.health = nothing_installed(*host.node);
        } else {
            host.failure = health.error();
        }
    });
}

std::vector<status::NodeStatus> statuses_of(const std::vector<Host>& hosts) {
    std::vector<status::NodeStatus> statuses;
    for (const Host& host : hosts) {
        status::NodeStatus status;
        status.id = host.node->id;
        status.health = host.health;
        status.clock = host.clock.best(clocks::steady_now());
        status.silence = host.failure ? reason_of(host) : host.silence;
        if (status.silence.empty()) status.silence = "no answer";
        statuses.push_back(std::move(status));
    }
    return statuses;
}

ExitCode exit_code_of(const Error& error) {
    if (const auto code = agent_api::agent_errc(error)) return exit_code_of_agent(*code);
    if (const auto code = link_errc(error)) return exit_code_of_link(*code);
    return ExitCode::preflight;
}

std::optional<Stop> stop_for_failures(const std::vector<Host>& hosts) {
    // When hosts fail in different ways, the way that a person has to look at first.
    constexpr std::array kFirst = {ExitCode::unreachable,
                                   ExitCode::login,
                                   ExitCode::busy,
                                   ExitCode::quorum,
                                   ExitCode::preflight,
                                   ExitCode::invalid};
    Stop stop;
    std::size_t rank = kFirst.size();
    for (const Host& host : hosts) {
        if (!host.failure) continue;
        const std::string& words =
            host.failure->words.empty() ? host.failure->message() : host.failure->words;
        // What is wrong on this side (a key file, the release) is wrong for all hosts alike.
        if (std::ranges::find(stop.messages, words) == stop.messages.end()) {
            stop.messages.push_back(words);
        }
        const auto found = std::ranges::find(kFirst, exit_code_of(*host.failure));
        rank = std::min(rank, static_cast<std::size_t>(found - kFirst.begin()));
    }
    if (stop.messages.empty()) return std::nullopt;
    stop.code = rank < kFirst.size() ? kFirst[rank] : ExitCode::preflight;
    return stop;
}

}  // namespace zk::phases
