// `zkprov lock show` and `zkprov lock break`.
#include <algorithm>
#include <thread>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "phases/control.h"
#include "phases/parallel.h"
#include "phases/run_lock.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

namespace json = boost::json;
using agent_api::LockAction;
using agent_api::LockHolder;
using agent_api::LockState;

constexpr milliseconds kLimit{20000};
constexpr milliseconds kLookInterval{200};

/// What each host answered, in their order; nothing for those that failed.
using States = std::vector<std::optional<LockState>>;

States ask(std::vector<Host>& hosts,
           const RunSettings& settings,
           LockAction action,
           const LockHolder& holder = {}) {
    const LinkDeadline deadline = settings.deadline_for(kLimit);
    States states(hosts.size());
    for_all(hosts, [&](Host& host) {
        if (!host.connected()) return;
        agent_api::LockRequest request;
        request.action = action;
        request.holder = holder;
        auto state = host.talk->lock(request, deadline);
        if (state) {
            states[static_cast<std::size_t>(&host - hosts.data())] = *std::move(state);
        } else {
            host.failure = state.error();
        }
    });
    return states;
}

std::string line_of(const Host& host, const std::optional<LockState>& state) {
    const std::string name = name_of(*host.node) + ": ";
    if (!state) return name + (host.failure ? reason_of(host) : "no answer");
    if (!state->holder) return name + "free";
    return name + words_of(*state->holder, state->held_ms);
}

json::object object_of(const Host& host, const std::optional<LockState>& state) {
    json::object object;
    object["id"] = host.node->id.value();
    object["host"] = json::string(host.node->host);
    if (host.failure) object["error"] = json::string(reason_of(host));
    if (!state) return object;
    object["number"] = state->number;
    object["held"] = state->holder.has_value();
    if (!state->holder) return object;
    object["holder"] = json::parse(agent_api::to_json(*state->holder));
    object["held_ms"] = state->held_ms;
    return object;
}

ExitCode finish(const inventory::Inventory& inventory,
                std::vector<Host>& hosts,
                const States& states,
                Console& console,
                const std::string& command,
                ExitCode code) {
    if (console.json()) {
        json::object document;
        document["schema"] = "zkprov.lock/1";
        document["command"] = json::string(command);
        document["cluster"] = json::string(inventory.cluster);
        document["exit_code"] = static_cast<int>(code);
        json::array nodes;
        for (std::size_t i = 0; i < hosts.size(); ++i) {
            nodes.push_back(object_of(hosts[i], states[i]));
        }
        document["nodes"] = std::move(nodes);
        console.data(json::serialize(document) + "\n");
    } else {
        std::string text;
        for (std::size_t i = 0; i < hosts.size(); ++i) text += line_of(hosts[i], states[i]) + "\n";
        console.data(text);
    }
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

std::optional<LockHolder> first_holder(const States& states) {
    for (const auto& state : states) {
        if (state && state->holder) return state->holder;
    }
    return std::nullopt;
}

bool has_it(const States& states, const LockHolder& run) {
    return std::ranges::any_of(states, [&](const auto& state) {
        return state && state->holder && agent_api::is_same_run(*state->holder, run);
    });
}

/// The sessions of the run look each second; a change that is under way is brought to its end first.
States await_gone(std::vector<Host>& hosts, const RunSettings& settings, const LockHolder& run) {
    const LinkDeadline deadline = settings.deadline_for(std::chrono::seconds(5));
    States states = ask(hosts, settings, LockAction::show);
    while (has_it(states, run) && std::chrono::steady_clock::now() + kLookInterval < deadline) {
        std::this_thread::sleep_for(kLookInterval);
        states = ask(hosts, settings, LockAction::show);
    }
    return states;
}

}  // namespace

ExitCode run_lock_show(const inventory::Inventory& inventory,
                       const RunSettings& settings,
                       Console& console) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kLimit);
    const States states = ask(hosts, settings, LockAction::show);
    const auto failures = stop_for_failures(hosts);
    return finish(
        inventory, hosts, states, console, "lock show", failures ? failures->code : ExitCode::done);
}

ExitCode run_lock_break(const inventory::Inventory& inventory,
                        const RunSettings& settings,
                        Console& console,
                        const std::string& confirmed) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kLimit);
    States states = ask(hosts, settings, LockAction::show);
    ExitCode code = ExitCode::done;
    if (const auto run = first_holder(states)) {
        for (std::size_t i = 0; i < hosts.size(); ++i) console.say(line_of(hosts[i], states[i]));
        if (auto stop = confirm(inventory,
                                console,
                                confirmed,
                                "The run that holds the lock can change nothing more after its "
                                "present step. Type the ensemble's name to take the lock away: ")) {
            report_stop(console, "lock break", *stop);
            return stop->code;
        }
        // Also where it holds nothing: there it may be about to.
        const States revoked = ask(hosts, settings, LockAction::revoke, *run);
        states = await_gone(hosts, settings, *run);
        if (has_it(states, *run)) {
            console.say(
                "a step of that run is under way; it ends by itself, and nothing follows it");
            code = ExitCode::busy;
        }
        // A node that does not answer takes what was sent to it for so long.
        if (std::ranges::any_of(revoked, [](const auto& state) { return !state.has_value(); })) {
            const auto& limits = settings.lock_limits;
            std::this_thread::sleep_for(limits.proof + limits.round);
            console.say("the lock was taken away on the nodes that answer");
            code = ExitCode::partly;
        }
    } else if (const auto failures = stop_for_failures(hosts)) {
        code = failures->code;
    }
    return finish(inventory, hosts, states, console, "lock break", code);
}

}  // namespace zk::phases
