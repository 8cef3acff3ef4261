// zkprov wipe: one server is stopped, and its data and logs go to quarantine on its host.
#include <algorithm>

#include <fmt/core.h>

#include "agent_api/agent_errc.h"
#include "base/log.h"
#include "phases/control.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;

constexpr milliseconds kLookLimit{20000};
constexpr milliseconds kWipeLimit{90000};

class Wipe {
  public:
    Wipe(Run& run, const WipeRequest& request)
        : run_(run), request_(request), host_(*run.find(request.node)) {}

    std::optional<Stop> run() {
        if (auto stop = prepare()) return stop;
        if (auto stop = check_quorum()) return stop;
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        if (auto stop = run_.renew_lock()) return unchanged(*stop);
        return move_data();
    }

  private:
    /// Its host is there, the run has its lock, and all that answer have told how they are.
    std::optional<Stop> prepare() {
        connect_all(run_.hosts, run_.settings, kLookLimit);
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        if (auto stop = run_.lock.take()) return stop;
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        if (auto stop = run_.lock.check_majority()) return stop;
        ask_health(run_.hosts, run_.settings.deadline_for(kLookLimit));
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        if (auto stop = stop_for_others(run_)) return unchanged(*stop);
        return std::nullopt;
    }

    /// The others have to be able to go on, and to bring it up to date again.
    std::optional<Stop> check_quorum() {
        const auto verdict = status::judge(run_.inventory, statuses_of(run_.hosts));
        const auto others = std::ranges::count_if(verdict.nodes, [&](const auto& node) {
            return node.in_sync && node.status.id != request_.node;
        });
        const std::size_t needed = verdict.majority();
        if (static_cast<std::size_t>(others) >= needed) return std::nullopt;
        const std::string why =
            fmt::format("without {} {} of {} voters {} in sync, and {} are needed",
                        name_of(*host_.node),
                        others,
                        verdict.voters,
                        others == 1 ? "is" : "are",
                        needed);
        if (request_.quorum_loss == QuorumLoss::accepted) {
            run_.console.say(why + ": the ensemble will not serve");
            return std::nullopt;
        }
        Stop stop{ExitCode::quorum, {why + " for the ensemble to serve"}};
        stop.messages.emplace_back(
            "next: bring the others up (zkprov status tells what is wrong), or say "
            "--accept-quorum-loss if the ensemble may stop serving");
        return unchanged(stop);
    }

    std::optional<Stop> move_data() {
        const auto done = control_host(
            run_, host_, agent_api::ControlAction::wipe, run_.settings.deadline_for(kWipeLimit));
        if (done.has_value()) {
            const std::string back =
                run_.inventory.nodes.size() == 1
                    ? "nobody else has them; a backup, or what was moved aside, brings them back"
                    : fmt::format("zkprov replace-node {} brings it back", request_.node);
            run_.outcome = fmt::format("{}: server {} is stopped and has no data any more; {}",
                                       run_.inventory.cluster,
                                       request_.node,
                                       back);
            return std::nullopt;
        }
        host_.failure = done.error();
        Stop stop = *stop_for_failures(run_.hosts);
        if (was_refused(done.error())) return unchanged(stop);
        stop.code = ExitCode::partly;
        stop.messages.emplace_back(
            "the server may be stopped by now, and its data moved or not; nothing is deleted. "
            "Look (zkprov status), and run the command again");
        return stop;
    }

    /// The agent said no before it began.
    static bool was_refused(const Error& error) {
        const auto code = agent_api::agent_errc(error);
        return code == AgentErrc::unsafe || code == AgentErrc::busy ||
               code == AgentErrc::lock_lost || code == AgentErrc::not_found ||
               code == AgentErrc::unsupported;
    }

    Run& run_;
    const WipeRequest& request_;
    Host& host_;
};

}  // namespace

ExitCode run_wipe(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  const WipeRequest& request) {
    Run run("wipe", Mode::change, request.node, inventory, settings, console);
    const std::string question = fmt::format(
        "This stops the server of {} and moves its data and logs away on its host; nothing is "
        "deleted. Type the ensemble's name to go on: ",
        name_of(*run.find(request.node)->node));
    std::optional<Stop> stop = confirm(inventory, console, request.confirmed, question);
    if (!stop) stop = Wipe(run, request).run();
    return end_run(run, stop, ExitCode::done);
}

}  // namespace zk::phases
