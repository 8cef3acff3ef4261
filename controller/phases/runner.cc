#include "phases/runner.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/check.h"
#include "base/log.h"
#include "inventory/render.h"
#include "phases/gather.h"
#include "phases/parallel.h"
#include "phases/roll.h"
#include "phases/run_report.h"
#include "playbook/playbook.h"

namespace zk::phases {
namespace {

using playbook::PhaseKind;
using playbook::Playbook;

constexpr milliseconds kStatusLimit{20000};
constexpr milliseconds kControlLimit{90000};

Playbook recipe(std::string_view name) {
    auto playbook = playbook::builtin_playbook(name);
    ZK_ASSERT(playbook.has_value());  // a test reads every built-in recipe
    return *std::move(playbook);
}

/// The run of apply, plan or replace-node: connect, gather, check, plan, and then push, roll and
/// gate.
class ChangeRun {
  public:
    ChangeRun(std::string command,
              std::optional<ServerId> replaced,
              const inventory::Inventory& inventory,
              const RunSettings& settings,
              Console& console)
        : command_(std::move(command)),
          replaced_(replaced),
          inventory_(inventory),
          settings_(settings),
          console_(console),
          playbook_(recipe(replaced ? "replace-node" : "apply")),
          hosts_(make_hosts(inventory)),
          lock_(inventory.cluster, command_, hosts_, settings, console) {}

    /// Connects, and keeps other runs away until finish(). A plan alone needs no lock.
    std::optional<Stop> take_lock();

    /// The plan, or why there is none. Nothing is changed. REQUIRES: connect() found nothing.
    std::optional<Stop> make_plan();
    std::optional<Stop> connect();
    /// Carries out the plan.
    std::optional<Stop> carry_out();
    /// Tells the end in the form that was asked for, and closes the links.
    ExitCode finish(const std::optional<Stop>& stop, ExitCode success = ExitCode::done);

    [[nodiscard]] const plan::Plan& plan() const { return plan_; }
    [[nodiscard]] std::string plan_text(plan::Detail detail) const {
        return format_plan(plan_, inventory_, detail);
    }
    /// Shows the plan before it is carried out.
    void tell_plan() {
        std::string text = plan_text(settings_.verbose ? plan::Detail::all : plan::Detail::changes);
        text.pop_back();  // say() ends the line
        console_.say(text);
    }

  private:
    std::optional<Stop> gather();
    std::optional<Stop> check();
    std::optional<Stop> decide();
    std::optional<Stop> confirm();
    std::optional<Stop> confirm_no_change();
    std::optional<Stop> confirm_end();
    /// For replace-node: goes on without the hosts that failed, except the one to be replaced.
    void leave_out_failed();
    plan::Decision decision() const;
    std::optional<Stop> take(plan::Decision decision);
    [[nodiscard]] LinkDeadline deadline(PhaseKind kind) const {
        return settings_.deadline_for(playbook_.limit_of(kind).value_or(milliseconds(60000)));
    }

    std::string command_;
    std::optional<ServerId> replaced_;
    const inventory::Inventory& inventory_;
    const RunSettings& settings_;
    Console& console_;
    Playbook playbook_;
    std::vector<Host> hosts_;
    RunLock lock_;
    plan::Plan plan_;
    std::string outcome_;  ///< one sentence for people
};

std::optional<Stop> ChangeRun::make_plan() {
    using Step = std::optional<Stop> (ChangeRun::*)();
    for (const Step step : {&ChangeRun::gather, &ChangeRun::check, &ChangeRun::decide}) {
        if (settings_.is_interrupted()) {
            return Stop{ExitCode::interrupted, {"interrupted; nothing was changed"}};
        }
        if (auto stop = (this->*step)()) return stop;
    }
    if (!settings_.is_interrupted()) return std::nullopt;
    return Stop{ExitCode::interrupted, {"interrupted; nothing was changed"}};
}

std::optional<Stop> ChangeRun::take_lock() {
    if (auto stop = lock_.take()) return stop;
    leave_out_failed();
    auto stop = stop_for_failures(hosts_);
    if (!stop) return lock_.check_majority();
    stop->messages.emplace_back("nothing was changed");
    return stop;
}

std::optional<Stop> ChangeRun::connect() {
    connect_all(hosts_, settings_, playbook_.limit_of(PhaseKind::connect).value_or(kStatusLimit));
    leave_out_failed();
    auto stop = stop_for_failures(hosts_);
    if (stop) stop->messages.emplace_back("nothing was changed");
    return stop;
}

void ChangeRun::leave_out_failed() {
    if (!replaced_) return;
    for (Host& host : hosts_) {
        if (!host.failure || host.node->id == *replaced_) continue;
        host.silence = reason_of(host);
        console_.say(name_of(*host.node) + " is left out: " + host.silence);
        host.failure.reset();
        host.talk.reset();
    }
}

std::optional<Stop> ChangeRun::gather() {
    // The formation is not known yet; nothing that is gathered depends on it.
    const std::string unknown_generation = inventory::new_generation(inventory_, 0);
    if (auto done = render_all(hosts_, inventory_, settings_, unknown_generation); !done) {
        return Stop{ExitCode::invalid, {done.error().words}};
    }
    gather_all(hosts_, inventory_, deadline(PhaseKind::gather));
    await_election(hosts_, inventory_, settings_, [this](const auto& line) { console_.say(line); });
    leave_out_failed();
    if (auto stop = stop_for_failures(hosts_)) {
        stop->messages.emplace_back("nothing was changed");
        return stop;
    }
    const auto known = plan::known_generation(inventory_, actuals_of(hosts_));
    const std::string generation =
        known ? *known : inventory::new_generation(inventory_, wall_ms_now());
    const auto done = render_all(hosts_, inventory_, settings_, generation);
    if (!done) return Stop{ExitCode::invalid, {done.error().words}};
    return std::nullopt;
}

std::optional<Stop> ChangeRun::check() {
    Stop stop;
    stop.code = ExitCode::preflight;
    for (const plan::Finding& finding :
         plan::preflight(inventory_, actuals_of(hosts_), settings_.machine, replaced_)) {
        const inventory::Node* const node = finding.node ? inventory_.find(*finding.node) : nullptr;
        const std::string text = (node == nullptr ? "" : name_of(*node) + ": ") + finding.words;
        if (finding.level == plan::Finding::Level::warning) {
            console_.say("warning: " + text);
        } else {
            stop.messages.push_back(text);
        }
    }
    if (stop.messages.empty()) return std::nullopt;
    stop.messages.emplace_back("nothing was changed");
    return stop;
}

plan::Decision ChangeRun::decision() const {
    const auto actuals = actuals_of(hosts_);
    return replaced_ ? plan_replace(inventory_, *replaced_, actuals)
                     : plan_apply(inventory_, actuals);
}

std::optional<Stop> ChangeRun::take(plan::Decision decision) {
    if (const auto* const refusal = std::get_if<plan::Refusal>(&decision)) {
        const bool quorum = refusal->kind == plan::Refusal::Kind::quorum;
        return Stop{quorum ? ExitCode::quorum : ExitCode::preflight,
                    {"refused: " + refusal->words}};
    }
    plan_ = std::get<plan::Plan>(std::move(decision));
    return std::nullopt;
}

/// Twice: who forms and who joins depends on the facts alone, and the agents must know it to say
/// what they would do.
std::optional<Stop> ChangeRun::decide() {
    if (auto stop = take(decision())) return stop;
    dry_run_all(hosts_, plan_, deadline(PhaseKind::plan));
    leave_out_failed();
    if (auto stop = stop_for_failures(hosts_)) {
        stop->messages.emplace_back("nothing was changed");
        return stop;
    }
    return take(decision());
}

std::optional<Stop> ChangeRun::confirm() {
    if (plan_.restarts() == 0 || settings_.yes) return std::nullopt;
    const std::string what = fmt::format("{} running server{} will be restarted",
                                         plan_.restarts(),
                                         plan_.restarts() == 1 ? "" : "s");
    if (!console_.can_ask()) {
        return Stop{ExitCode::invalid,
                    {what + ", and there is nobody to ask: this needs --yes. Nothing was changed"}};
    }
    if (console_.ask(what + ". Go on?")) return std::nullopt;
    return Stop{ExitCode::interrupted, {"not confirmed; nothing was changed"}};
}

std::optional<Stop> ChangeRun::carry_out() {
    if (plan_.is_empty()) return confirm_no_change();
    if (auto stop = confirm()) return stop;
    Roll roll(inventory_, playbook_, settings_, console_, hosts_, lock_);
    if (auto stop = roll.run(plan_)) return stop;
    if (auto stop = confirm_end()) return stop;
    const status::EnsembleVerdict& verdict = roll.verdict();
    const auto changed = std::ranges::count_if(hosts_, &Host::changed);
    outcome_ = fmt::format(
        "{}: {} node{} changed; leader {}, {} of {} voters in sync, a probe write "
        "was committed",
        inventory_.cluster,
        changed,
        changed == 1 ? "" : "s",
        verdict.leader ? to_string(*verdict.leader) : "?",
        verdict.voters_in_sync,
        verdict.voters);
    return std::nullopt;
}

/// Asks once more what is true: success is told of what holds at the end, whoever else was at work meanwhile.
std::optional<Stop> ChangeRun::confirm_end() {
    Stop stop;
    stop.code = ExitCode::partly;
    gather_all(hosts_, inventory_, deadline(PhaseKind::gather));
    dry_run_all(hosts_, plan::Plan{}, deadline(PhaseKind::plan));
    for (const Host& host : hosts_) {
        if (!host.silence.empty()) continue;  // left out since before the first change
        if (host.failure) {
            stop.messages.push_back(name_of(*host.node) + ": " + reason_of(host));
            continue;
        }
        for (const std::string& step : host.actual.change.steps) {
            stop.messages.push_back(name_of(*host.node) + ": " + step);
        }
    }
    if (stop.messages.empty()) return std::nullopt;
    stop.messages.emplace_back(
        "all steps were done, but this does not hold any more: somebody else changes these hosts, or a server has fallen. "
        "Run the command again");
    return stop;
}

/// Nothing to change, but is it well? A server may still be on its way.
std::optional<Stop> ChangeRun::confirm_no_change() {
    GateRequest request;
    for (const Host& host : hosts_) {
        if (host.connected()) request.in_sync.insert(host.node->id);
    }
    Roll roll(inventory_, playbook_, settings_, console_, hosts_, lock_);
    if (auto stop = roll.gate(request)) {
        stop->messages.insert(stop->messages.begin(), "no change, nothing was restarted, but:");
        return stop;
    }
    outcome_ =
        fmt::format("{}: no change, nothing was restarted; leader {}, {} of {} voters in sync",
                    inventory_.cluster,
                    to_string(*roll.verdict().leader),
                    roll.verdict().voters_in_sync,
                    roll.verdict().voters);
    return std::nullopt;
}

ExitCode ChangeRun::finish(const std::optional<Stop>& stop, ExitCode success) {
    const ExitCode code = stop ? stop->code : success;
    const auto errors = stop ? stop->messages : std::vector<std::string>();
    for (const std::string& message : errors) console_.say(message);
    if (settings_.stats || settings_.verbose) {
        for (const std::string& line : cost_lines(hosts_)) console_.say(line);
    }
    if (console_.json()) {
        console_.data(run_json(command_, inventory_, hosts_, &plan_, errors, code));
    } else if (!stop && !outcome_.empty()) {
        console_.data(outcome_ + "\n");
    }
    lock_.release();
    for_all(hosts_, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

/// apply and replace-node.
ExitCode change(ChangeRun& run, bool tell_empty_plan) {
    for (const auto step : {&ChangeRun::connect, &ChangeRun::take_lock, &ChangeRun::make_plan}) {
        if (auto stop = (run.*step)()) return run.finish(stop);
    }
    if (tell_empty_plan || !run.plan().is_empty()) run.tell_plan();
    return run.finish(run.carry_out());
}

}  // namespace

ExitCode run_apply(const inventory::Inventory& inventory,
                   const RunSettings& settings,
                   Console& console) {
    ChangeRun run("apply", std::nullopt, inventory, settings, console);
    return change(run, false);
}

ExitCode run_plan(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  ChangesCode changes_code) {
    ChangeRun run("plan", std::nullopt, inventory, settings, console);
    if (auto stop = run.connect()) return run.finish(stop);
    if (auto stop = run.make_plan()) return run.finish(stop);
    if (!console.json()) console.data(run.plan_text(plan::Detail::all));
    const bool changes = changes_code == ChangesCode::yes && !run.plan().is_empty();
    return run.finish(std::nullopt, changes ? ExitCode::changes : ExitCode::done);
}

ExitCode run_replace(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     ServerId id) {
    ChangeRun run("replace-node", id, inventory, settings, console);
    return change(run, true);
}

ExitCode run_status(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kStatusLimit);
    ask_health(hosts, settings.deadline_for(kStatusLimit));
    const auto verdict = status::judge(inventory, statuses_of(hosts));
    ExitCode code = ExitCode::unknown;
    switch (verdict.verdict) {
        case status::Verdict::healthy:
            code = ExitCode::done;
            break;
        case status::Verdict::degraded:
            code = ExitCode::degraded;
            break;
        case status::Verdict::no_quorum:
            code = ExitCode::no_quorum;
            break;
        case status::Verdict::unknown:
            code = ExitCode::unknown;
            break;
    }
    console.data(console.json() ? report_json(verdict, static_cast<int>(code))
                                : format_report(verdict, console.colours()));
    if (settings.stats || settings.verbose) {
        for (const std::string& line : cost_lines(hosts)) console.say(line);
    }
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

namespace {

/// Nothing on a host that holds another node is started or stopped.
std::optional<Stop> stop_for_others(const std::vector<Host>& hosts,
                                    const inventory::Inventory& inventory) {
    Stop stop;
    stop.code = ExitCode::preflight;
    for (const Host& host : hosts) {
        if (!host.health) continue;
        const std::string other = status::other_identity(inventory, host.node->id, *host.health);
        if (!other.empty()) stop.messages.push_back(name_of(*host.node) + ": " + other);
    }
    if (stop.messages.empty()) return std::nullopt;
    return stop;
}

std::optional<Stop> control_all(std::vector<Host>& hosts,
                                const RunSettings& settings,
                                Console& console,
                                agent_api::ControlAction action) {
    const LinkDeadline deadline = settings.deadline_for(kControlLimit);
    for_all(hosts, [&](Host& host) {
        auto done = host.talk->control(action, deadline);
        if (!done) {
            host.failure = done.error();
            return;
        }
        host.changed = true;
        console.say(name_of(*host.node) + ": " +
                    (done->empty() ? std::string(to_string(action)) : *done));
    });
    auto stop = stop_for_failures(hosts);
    if (stop && std::ranges::any_of(hosts, &Host::changed)) stop->code = ExitCode::partly;
    return stop;
}

}  // namespace

namespace {

/// All hosts are there, locked, and those that are meant.
std::optional<Stop> prepare_control(std::vector<Host>& hosts,
                                    const inventory::Inventory& inventory,
                                    const RunSettings& settings,
                                    RunLock& lock) {
    connect_all(hosts, settings, kStatusLimit);
    std::optional<Stop> stop = stop_for_failures(hosts);
    if (!stop) stop = lock.take();
    if (!stop) stop = stop_for_failures(hosts);
    if (!stop) {
        ask_health(hosts, settings.deadline_for(kStatusLimit));
        stop = stop_for_failures(hosts);
    }
    if (!stop) stop = stop_for_others(hosts, inventory);
    if (!stop && settings.is_interrupted()) stop = Stop{ExitCode::interrupted, {"interrupted"}};
    if (!stop) stop = lock.renew();
    if (!stop) stop = stop_for_failures(hosts);
    const bool said = stop && stop->messages.back().find("nothing was changed") != std::string::npos;
    if (stop && !said) stop->messages.emplace_back("nothing was changed");
    return stop;
}

}  // namespace

ExitCode run_control(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     agent_api::ControlAction action) {
    const std::string command(to_string(action));
    std::vector<Host> hosts = make_hosts(inventory);
    RunLock lock(inventory.cluster, command, hosts, settings, console);
    std::optional<Stop> stop = prepare_control(hosts, inventory, settings, lock);
    if (!stop) {
        stop = control_all(hosts, settings, console, action);
    }
    const ExitCode code = stop ? stop->code : ExitCode::done;
    const auto errors = stop ? stop->messages : std::vector<std::string>();
    for (const std::string& message : errors) console.say(message);
    if (console.json()) {
        console.data(run_json(command, inventory, hosts, nullptr, errors, code));
    } else if (!stop) {
        console.data(inventory.cluster + ": " +
                     (action == agent_api::ControlAction::stop ? "stopped" : "started") + "\n");
    }
    lock.release();
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

void report_stop(Console& console, const std::string& command, const Stop& stop) {
    for (const std::string& message : stop.messages) console.say(message);
    if (console.json()) {
        console.data(status::error_json(command, stop.messages, static_cast<int>(stop.code)));
    }
}

}  // namespace zk::phases
