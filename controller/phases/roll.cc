#include "phases/roll.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/core.h>

#include "agent_api/agent_errc.h"
#include "base/plain_line.h"
#include "phases/hook.h"
#include "phases/move.h"
#include "phases/parallel.h"
#include "threads/mutex.h"

namespace zk::phases {
namespace {

using playbook::HookPoint;
using playbook::PhaseKind;

std::string describe(const plan::NodeStep& step) {
    return std::string(to_string(step.action)) + (step.restarts ? ", restarts the server" : "");
}

std::string seconds_since(LinkDeadline start) {
    const auto took = std::chrono::steady_clock::now() - start;
    return fmt::format("{:.1f} s", std::chrono::duration<double>(took).count());
}

/// The step of this host in the wave, or nullptr.
const plan::NodeStep* step_of(const Host& host, const plan::Wave& wave) {
    const auto step = std::ranges::find(wave.nodes, host.node->id, &plan::NodeStep::id);
    return step == wave.nodes.end() ? nullptr : &*step;
}

}  // namespace

std::optional<Stop> Roll::run(const plan::Plan& plan) {
    for (const Host& host : run_.hosts) {
        if (run_.gathered.at(host.node->id).actual.in_sync) expected_.insert(host.node->id);
    }
    plan_ = &plan;
    if (run_.move) {
        for (const ServerId id : run_.move->nodes) moving_[id];
    }
    if (plan.waves.empty()) return tell_memories(plan);
    for (const plan::Wave& wave : plan.waves) {
        if (auto stop = run_wave(wave, &wave == &plan.waves.back())) return stop;
    }
    return std::nullopt;
}

// A hook may take its time, and the proof of the lock holds for seconds: so all hooks of a wave run
// before its checks or after its gate, and nothing runs between the checks and the steps.
std::optional<Stop> Roll::run_wave(const plan::Wave& wave, bool is_last) {
    ++wave_number_;
    if (run_.settings.is_interrupted()) return run_.interrupted_stop();
    if (auto stop = run_hooks(HookPoint::before_wave, wave)) return stop;
    if (auto stop = run_hooks(HookPoint::before_node, wave)) return stop;
    if (auto stop = make_sure(wave)) return stop;
    const auto joins = [](const plan::NodeStep& step) { return step.action == plan::Action::join; };
    if (is_last || std::ranges::any_of(wave.nodes, joins)) {
        if (auto stop = tell_memories(*plan_)) return stop;
    }
    auto failed = apply_wave(wave);
    if (!failed) failed = gate_behind(wave, is_last);
    if (failed && run_.move) return go_back(wave, *std::move(failed));
    if (failed) return failed;
    note_moves(wave, {});
    if (auto stop = run_hooks(HookPoint::after_node, wave)) return stop;
    return run_hooks(HookPoint::after_wave, wave);
}

std::optional<Stop> Roll::make_sure(const plan::Wave& wave) {
    if (!expected_.empty()) {
        GateRequest request;
        request.in_sync = expected_;
        if (auto stop = wait_at_gate(run_, request, deadline(PhaseKind::gate))) return stop;
    }
    if (auto stop = look_at(wave)) return stop;
    return run_.renew_lock();
}

std::optional<Stop> Roll::look_at(const plan::Wave& wave) {
    const LinkDeadline until = deadline(PhaseKind::gather);
    threads::Mutex mutex;
    Stop stop;
    for_all(run_.hosts, [&](Host& host) {
        const plan::NodeStep* const step = step_of(host, wave);
        if (step == nullptr || !host.connected()) return;
        const GatheredNode& node = run_.gathered.at(host.node->id);
        const auto now = look_again(host, node, *step, run_.settings, until);
        if (!now) {
            host.failure = now.error();
            return;
        }
        const std::string difference = plan::difference(node.actual, *now);
        if (difference.empty()) return;
        const threads::Lock lock(mutex);
        stop.messages.push_back(name_of(*host.node) + ": " + difference);
    });
    if (auto failed = stop_for_failures(run_.hosts)) {
        if (run_.changes.any()) failed->code = ExitCode::partly;
        return failed;
    }
    if (stop.messages.empty()) return std::nullopt;
    stop.code = run_.changes.any() ? ExitCode::partly : ExitCode::preflight;
    stop.messages.emplace_back(
        "the plan was made for something else, so it is not carried on; somebody else is at work "
        "on "
        "these hosts. Run the command again");
    return stop;
}

std::optional<Stop> Roll::tell_memories(const plan::Plan& plan) {
    if (told_ || plan.memories.empty()) return std::nullopt;
    const LinkDeadline until = deadline(PhaseKind::roll);
    for_all(run_.hosts, [&](Host& host) {
        const auto found = plan.memories.find(host.node->id);
        if (found == plan.memories.end() || !host.connected()) return;
        const agent_api::NodeSpec& spec = run_.gathered.at(host.node->id).spec;
        const auto done =
            host.talk->remember({spec.cluster, spec.generation, found->second}, until);
        if (!done) {
            host.failure = done.error();
            return;
        }
        if (run_.settings.verbose) run_.console.say(name_of(*host.node) + ": " + *done);
    });
    told_ = true;
    if (auto stop = stop_for_failures(run_.hosts)) {
        if (run_.changes.any()) stop->code = ExitCode::partly;
        if (!plan.is_empty()) stop->messages.emplace_back("no node was made anew");
        return stop;
    }
    return run_.renew_lock();
}

std::optional<Stop> Roll::apply_wave(const plan::Wave& wave) {
    run_.console.say(wave.why);
    const LinkDeadline until = deadline(PhaseKind::roll);
    for_all(run_.hosts, [&](Host& host) {
        if (const auto* const step = step_of(host, wave)) apply_node(host, *step, until);
    });
    auto stop = stop_for_failures(run_.hosts);
    if (!stop) return std::nullopt;
    if (run_.changes.any()) {
        stop->code = ExitCode::partly;
        stop->messages.emplace_back(
            "some nodes were changed; correct the cause and run the command again, it goes on");
    }
    return stop;
}

void Roll::apply_node(Host& host, const plan::NodeStep& step, LinkDeadline until) {
    const std::string name = name_of(*host.node);
    const auto start = std::chrono::steady_clock::now();
    run_.console.say(fmt::format("{}: {}", name, describe(step)));
    const auto moving = moving_.find(step.id);
    const auto on_event = [&](const agent_api::Event& event) {
        if (moving != moving_.end() && event.step == "stop-server" && !moving->second.stopped) {
            moving->second.stopped = std::chrono::steady_clock::now();
        }
        if (event.state == agent_api::StepState::failed) {
            run_.console.say(fmt::format("{}: {} failed: {}", name, event.step, event.words));
        } else if (run_.settings.verbose && event.state == agent_api::StepState::done) {
            run_.console.say(fmt::format("{}: {}: {}", name, event.step, event.words));
        }
    };
    agent_api::ApplyDone reached;
    const GatheredNode& node = run_.gathered.at(step.id);
    const auto message =
        apply_message(node, formation_of(step), leave_for(node.actual, run_.settings), Dry::no);
    const auto done = host.talk->apply(message, until, on_event, &reached);
    NodeChanges& changes = run_.changes.of(step.id);
    changes.changed = std::ranges::any_of(reached.steps, &agent_api::StepReport::done);
    changes.restarted = reached.restarts_server && changes.changed;
    for (const agent_api::StepReport& each : reached.steps) {
        const std::size_t at = each.words.find("; ");
        if (moving == moving_.end() || !each.done || each.step != "copy-data") continue;
        if (at != std::string::npos) moving->second.copy = each.words.substr(at + 2);
    }
    if (!done) {
        host.failure = done.error();
        // A link that broke mid-way says nothing about how far the agent came.
        if (!agent_api::agent_errc(done.error())) changes.changed = true;
        return;
    }
    run_.console.say(fmt::format("{}: done, {} step{}, {}",
                                 name,
                                 done->steps.size(),
                                 done->steps.size() == 1 ? "" : "s",
                                 seconds_since(start)));
}

std::optional<Stop> Roll::gate_behind(const plan::Wave& wave, bool is_last) {
    GateRequest request;
    for (const plan::NodeStep& step : wave.nodes) {
        expected_.insert(step.id);
        request.probe_from.push_back(step.id);
    }
    request.in_sync = expected_;
    auto stop = wait_at_gate(run_, request, deadline(PhaseKind::gate));
    if (stop && !is_last) {
        stop->messages.emplace_back("the nodes of later waves were not touched");
    }
    return stop;
}

void Roll::note_moves(const plan::Wave& wave, const std::string& gone_back) {
    for (const plan::NodeStep& step : wave.nodes) {
        const auto found = moving_.find(step.id);
        if (found == moving_.end()) continue;
        migration::NodeMove move{step.id, milliseconds(0), found->second.copy, gone_back};
        if (found->second.stopped) {
            move.away = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() -
                                                                 *found->second.stopped);
        }
        run_.console.say(name_of(*run_.inventory.find(step.id)) +
                         (gone_back.empty() ? ": moved" : ": has its old server again"));
        run_.move->report.moves.push_back(std::move(move));
    }
}

Stop Roll::go_back(const plan::Wave& wave, Stop why) {
    // Whoever interrupts it, or takes its lock, wants nothing more of it: the next run goes on.
    if (why.code == ExitCode::interrupted || why.code == ExitCode::busy) return why;
    bool all = true;
    bool any = false;
    for (const plan::NodeStep& step : wave.nodes) {
        const agent_api::NodeSpec* const before = way_back(run_, step.id);
        // Or by a run that was cut off, and does not serve since.
        const bool moved =
            moving_.contains(step.id) || (step.action == plan::Action::start && !moving_.empty());
        if (before == nullptr || !moved || !run_.changes.of(step.id).changed) continue;
        any = true;
        Host& host = *run_.find(step.id);
        const auto failed = go_back(host, *before);
        if (!failed) continue;
        all = false;
        why.messages.push_back(name_of(*host.node) + ": it does not have its old server again:");
        why.messages.insert(why.messages.end(), failed->messages.begin(), failed->messages.end());
    }
    if (!any) return why;
    const std::string reason = why.messages.empty() ? std::string() : why.messages.front();
    if (all) {
        note_moves(wave, reason);
        why.code = ExitCode::gate;
        why.messages.emplace_back(
            "that node has its old server again, with its data as they are now, and is in sync; "
            "the nodes before it keep the new one, which serves beside the old. Correct the cause "
            "and run the command again, or migrate back");
        return why;
    }
    why.code = ExitCode::partly;
    why.messages.emplace_back(
        "next: zkprov status; then run the command again, which goes on, or, with the other flavor "
        "in the inventory, migrate back");
    return why;
}

std::optional<Stop> Roll::go_back(Host& host, const agent_api::NodeSpec& before) {
    const auto stopped_by = [&](const Error& error) {
        return Stop{ExitCode::partly, {error.message()}};
    };
    if (host.failure && !agent_api::agent_errc(*host.failure)) return stopped_by(*host.failure);
    host.failure.reset();
    run_.console.say(name_of(*host.node) + ": goes back to its old server");
    if (auto stop = run_.renew_lock()) return stop;
    agent_api::Apply message;
    message.spec = before;
    message.spec.formation = agent_api::Formation::join;
    const auto done = host.talk->apply(message, deadline(PhaseKind::roll), nullptr);
    if (!done) return stopped_by(done.error());
    GateRequest request;
    expected_.insert(host.node->id);
    request.in_sync = expected_;
    request.probe_from = {host.node->id};
    return wait_at_gate(run_, request, deadline(PhaseKind::gate));
}

std::optional<Stop> Roll::run_hooks(HookPoint point, const plan::Wave& wave) {
    if (!run_.playbook.hooks.contains(point)) return std::nullopt;
    const bool of_nodes = point == HookPoint::before_node || point == HookPoint::after_node;
    std::string ids;
    std::string hosts;
    for (const plan::NodeStep& step : wave.nodes) {
        const inventory::Node& node = *run_.inventory.find(step.id);
        if (of_nodes) {
            auto stop = run_hooks(point, name_of(node), to_string(node.id), node.host);
            if (stop) return stop;
            continue;
        }
        ids += (ids.empty() ? "" : " ") + to_string(node.id);
        hosts += (hosts.empty() ? "" : " ") + node.host;
    }
    if (of_nodes) return std::nullopt;
    return run_hooks(point, fmt::format("wave {}", wave_number_), ids, hosts);
}

std::optional<Stop> Roll::run_hooks(HookPoint point,
                                    const std::string& name,
                                    const std::string& ids,
                                    const std::string& hosts) {
    const std::string prefix = name + ": " + std::string(to_string(point)) + ": ";
    const std::map<std::string, std::string> variables = {
        {"ZKPROV_ENSEMBLE", run_.inventory.cluster},
        {"ZKPROV_HOOK", std::string(to_string(point))},
        {"ZKPROV_HOST", hosts},
        {"ZKPROV_NODE", ids},
        {"ZKPROV_WAVE", std::to_string(wave_number_)}};
    for (const playbook::Hook& hook : run_.playbook.hooks.at(point)) {
        run_.console.say(prefix + plain_line(hook.text));
        const auto done =
            run_hook(hook,
                     variables,
                     run_.settings.deadline_for(hook.limit),
                     run_.settings.interrupted,
                     [&](const std::string& line) { run_.console.say(prefix + line); });
        if (done) continue;
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        Stop stop;
        stop.code = run_.changes.any() ? ExitCode::partly : ExitCode::preflight;
        stop.messages.push_back(prefix + "the hook " + done.error().words);
        stop.messages.emplace_back(
            run_.changes.any()
                ? "some nodes were changed; correct the cause and run the command again, it goes on"
                : "no server was touched; correct the cause and run the command again");
        return stop;
    }
    return std::nullopt;
}

}  // namespace zk::phases
