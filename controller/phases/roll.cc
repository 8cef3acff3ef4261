#include "phases/roll.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/core.h>

#include "base/log.h"
#include "phases/parallel.h"

namespace zk::phases {
namespace {

constexpr milliseconds kProbeTimeout{5000};
constexpr int kConflictsSure = 2;

using playbook::PhaseKind;

/// A znode's name that no user has.
std::string probe_path() {
    std::random_device random;
    return fmt::format("/zkprov-probe-{:08x}{:08x}", random(), random());
}

std::string describe(const plan::NodeStep& step) {
    return std::string(to_string(step.action)) + (step.restarts ? ", restarts the server" : "");
}

std::string seconds_since(LinkDeadline start) {
    const auto took = std::chrono::steady_clock::now() - start;
    return fmt::format("{:.1f} s", std::chrono::duration<double>(took).count());
}

}  // namespace

milliseconds Roll::limit(PhaseKind kind) const {
    return playbook_.limit_of(kind).value_or(milliseconds(60000));
}

Host* Roll::find(ServerId id) {
    const auto found =
        std::ranges::find_if(hosts_, [&](const Host& host) { return host.node->id == id; });
    return found == hosts_.end() ? nullptr : &*found;
}

bool Roll::anything_changed() const { return std::ranges::any_of(hosts_, &Host::changed); }

Stop Roll::interrupted_stop() const {
    Stop stop;
    stop.code = ExitCode::interrupted;
    stop.messages.emplace_back(anything_changed()
                                   ? "interrupted between two steps; run the command again to go on"
                                   : "interrupted; nothing was changed");
    return stop;
}

std::optional<Stop> Roll::run(const plan::Plan& plan) {
    if (settings_.is_interrupted()) return interrupted_stop();
    if (auto stop = renew_lock()) return stop;
    if (auto stop = push(plan)) {
        stop->messages.emplace_back("no server was touched");
        return stop;
    }
    std::set<ServerId> expected;
    for (const Host& host : hosts_) {
        if (host.actual.in_sync) expected.insert(host.node->id);
    }
    for (const plan::Wave& wave : plan.waves) {
        if (settings_.is_interrupted()) return interrupted_stop();
        if (auto stop = make_sure(wave, expected)) return stop;
        if (auto stop = apply_wave(wave)) return stop;
        GateRequest request;
        for (const plan::NodeStep& step : wave.nodes) {
            expected.insert(step.id);
            request.probe_from.push_back(step.id);
        }
        request.in_sync = expected;
        if (auto stop = gate(request)) {
            const bool more = &wave != &plan.waves.back();
            if (more) stop->messages.emplace_back("the nodes of later waves were not touched");
            return stop;
        }
    }
    return std::nullopt;
}

std::optional<Stop> Roll::push(const plan::Plan& plan) {
    const LinkDeadline deadline = settings_.deadline_for(limit(PhaseKind::push));
    for_all(hosts_, [&](Host& host) {
        if (plan.find(host.node->id) == nullptr || !host.connected()) return;
        if (host.facts.release_sha256 == settings_.release->server.sha256) return;
        const auto pushed =
            host.talk->push(settings_.release->server, host.spec.install_dir, deadline);
        if (!pushed) {
            host.failure = pushed.error();
        } else if (*pushed) {
            console_.say(fmt::format("{}: zkserver sent", name_of(*host.node)));
        }
    });
    return stop_for_failures(hosts_);
}

void Roll::apply_node(Host& host, const plan::NodeStep& step, LinkDeadline deadline) {
    const std::string name = name_of(*host.node);
    const auto start = std::chrono::steady_clock::now();
    console_.say(fmt::format("{}: {}", name, describe(step)));
    const auto on_event = [&](const agent_api::Event& event) {
        if (event.state == agent_api::StepState::failed) {
            console_.say(fmt::format("{}: {} failed: {}", name, event.step, event.words));
        } else if (settings_.verbose && event.state == agent_api::StepState::done) {
            console_.say(fmt::format("{}: {}: {}", name, event.step, event.words));
        }
    };
    agent_api::ApplyDone reached;
    const auto done =
        host.talk->apply(apply_message(host, &step, false), deadline, on_event, &reached);
    host.changed = std::ranges::any_of(reached.steps, &agent_api::StepReport::done);
    host.restarted = reached.restarts_server && host.changed;
    if (!done) {
        host.failure = done.error();
        // A link that broke mid-way says nothing about how far the agent came.
        if (!agent_errc(done.error())) host.changed = true;
        return;
    }
    console_.say(fmt::format("{}: done, {} step{}, {}",
                             name,
                             done->steps.size(),
                             done->steps.size() == 1 ? "" : "s",
                             seconds_since(start)));
}

std::optional<Stop> Roll::renew_lock() {
    auto stop = lock_.renew();
    if (!stop) stop = stop_for_failures(hosts_);
    if (stop && anything_changed()) stop->code = ExitCode::partly;
    return stop;
}

std::optional<Stop> Roll::make_sure(const plan::Wave& wave, const std::set<ServerId>& expected) {
    if (!expected.empty()) {
        GateRequest request;
        request.in_sync = expected;
        if (auto stop = gate(request)) return stop;
    }
    const LinkDeadline deadline = settings_.deadline_for(limit(PhaseKind::gather));
    std::mutex mutex;
    Stop stop;
    for_all(hosts_, [&](Host& host) {
        const auto step = std::ranges::find(wave.nodes, host.node->id, &plan::NodeStep::id);
        if (step == wave.nodes.end() || !host.connected()) return;
        const auto now = look_again(host, *step, deadline);
        if (!now) {
            host.failure = now.error();
            return;
        }
        const std::string difference = plan::difference(host.actual, *now);
        if (difference.empty()) return;
        const std::lock_guard lock(mutex);
        stop.messages.push_back(name_of(*host.node) + ": " + difference);
    });
    if (auto failed = stop_for_failures(hosts_)) {
        if (anything_changed()) failed->code = ExitCode::partly;
        return failed;
    }
    if (stop.messages.empty()) return renew_lock();
    stop.code = anything_changed() ? ExitCode::partly : ExitCode::preflight;
    stop.messages.emplace_back(
        "the plan was made for something else, so it is not carried on; somebody else is at work on "
        "these hosts. Run the command again");
    return stop;
}

std::optional<Stop> Roll::apply_wave(const plan::Wave& wave) {
    console_.say(wave.why);
    const LinkDeadline deadline = settings_.deadline_for(limit(PhaseKind::roll));
    for_all(hosts_, [&](Host& host) {
        const auto step = std::ranges::find(wave.nodes, host.node->id, &plan::NodeStep::id);
        if (step != wave.nodes.end()) apply_node(host, *step, deadline);
    });
    auto stop = stop_for_failures(hosts_);
    if (!stop) return std::nullopt;
    if (anything_changed()) {
        stop->code = ExitCode::partly;
        stop->messages.emplace_back(
            "some nodes were changed; correct the cause and run the command again, it goes on");
    }
    return stop;
}

bool Roll::all_in_sync(const GateRequest& request) const {
    return verdict_.leader && std::ranges::all_of(request.in_sync, [&](ServerId id) {
               const status::NodeVerdict* const node = verdict_.find(id);
               return node != nullptr && node->in_sync;
           });
}

bool Roll::has_conflict(const GateRequest& request) const {
    return std::ranges::any_of(request.in_sync, [&](ServerId id) {
        const status::NodeVerdict* const node = verdict_.find(id);
        return node != nullptr && node->conflict && !node->in_sync;
    });
}

Stop Roll::conflict_stop(const GateRequest& request) const {
    Stop stop;
    stop.code = anything_changed() ? ExitCode::partly : ExitCode::preflight;
    for (const ServerId id : request.in_sync) {
        const status::NodeVerdict* const node = verdict_.find(id);
        if (node == nullptr || !node->conflict || node->in_sync) continue;
        stop.messages.push_back(
            fmt::format("node {} ({}): {}", id, node->host, node->conflict->words));
    }
    stop.messages.emplace_back("next: correct that, then run the command again");
    return stop;
}

std::string Roll::probe(const GateRequest& request) {
    std::mutex mutex;
    std::string wrong;
    for_all(hosts_, [&](Host& host) {
        const bool asked = std::ranges::count(request.probe_from, host.node->id) > 0;
        if (!asked || !host.connected()) return;
        agent_api::ProbeWrite probe;
        probe.path = probe_path();
        probe.timeout_ms = kProbeTimeout.count();
        const auto done = host.talk->probe(probe, deadline_in(kProbeTimeout * 2));
        if (done && done->committed) return;
        // Neither a broken link nor an agent that cannot do it gets better by asking again.
        const bool hopeless = !done && agent_errc(done.error()) != agent_api::AgentErrc::failed;
        if (hopeless) host.failure = done.error();
        const std::lock_guard lock(mutex);
        wrong += fmt::format("{}{}: a probe write did not commit: {}",
                             wrong.empty() ? "" : "; ",
                             name_of(*host.node),
                             done ? done->words : done.error().words);
    });
    return wrong;
}

std::optional<Stop> Roll::gate(const GateRequest& request) {
    const LinkDeadline deadline = settings_.deadline_for(limit(PhaseKind::gate));
    std::string probe_problem;
    int conflicts = 0;
    while (true) {
        ask_health(hosts_, std::min(deadline, deadline_in(milliseconds(10000))));
        verdict_ = status::judge(inventory_, statuses_of(hosts_));
        if (all_in_sync(request)) {
            probe_problem = probe(request);
            if (probe_problem.empty()) return std::nullopt;
        }
        // One look may have met a server that was just being replaced.
        conflicts = has_conflict(request) ? conflicts + 1 : 0;
        if (conflicts >= kConflictsSure) return conflict_stop(request);
        if (settings_.is_interrupted()) return interrupted_stop();
        const bool lost = std::ranges::any_of(hosts_, [&](const Host& host) {
            return host.failure && request.in_sync.contains(host.node->id);
        });
        if (lost || std::chrono::steady_clock::now() + settings_.health_interval >= deadline) {
            break;
        }
        std::this_thread::sleep_for(settings_.health_interval);
    }
    Stop stop;
    stop.code = ExitCode::gate;
    stop.messages.emplace_back("the ensemble did not become healthy in time");
    for (const std::string& reason : verdict_.reasons) stop.messages.push_back(reason);
    if (!probe_problem.empty()) stop.messages.push_back(probe_problem);
    stop.messages.emplace_back("next: zkprov status, and the server's log on the node");
    return stop;
}

}  // namespace zk::phases
