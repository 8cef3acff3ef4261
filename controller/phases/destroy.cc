// zkprov destroy: the ensemble is taken away from its hosts (docs/decisions/0016). All that may refuse does so before the
// first change. Then three rounds: all servers stop, the leader last; all but the records goes, on all hosts at once; the
// records and the agents go. A run that is cut off is repeated: what is gone already is passed over.
#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "phases/control.h"
#include "phases/parallel.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

using agent_api::KeptThing;
using agent_api::RemovalReport;
using agent_api::RemovalRequest;
using agent_api::RemovalStage;

constexpr milliseconds kRemovalLook{20000};
constexpr milliseconds kRemovalStop{120000};  // an agent gives systemd 90 s
constexpr milliseconds kRemovalRest{300000};  // deleting large data takes its time

class Destroy {
  public:
    Destroy(Run& run, const DestroyRequest& request) : run_(run), request_(request) {
        for (const Host& host : run.hosts) reports_[host.node->id];
    }

    std::optional<Stop> run() {
        if (auto stop = reach()) return unchanged(*stop);
        if (auto stop = look()) return unchanged(*stop);
        if (request_.dry_run) {
            announce();
            return std::nullopt;
        }
        if (has_work_) {
            if (auto stop = stop_servers()) return stop;
            if (auto stop = everywhere(RemovalStage::remove)) return stop;
        }
        if (auto stop = everywhere(RemovalStage::leave)) return stop;
        run_.outcome = outcome();
        return std::nullopt;
    }
    /// Those that were left alone are part of what is reported.
    void bring_back_skipped() {
        for (Host& host : skipped_) run_.hosts.push_back(std::move(host));
        std::ranges::sort(run_.hosts, {}, [](const Host& host) { return host.node->id; });
    }

  private:
    std::optional<Stop> reach() {
        connect_all(run_.hosts, run_.settings, kRemovalLook);
        if (auto stop = settle_failures()) return stop;
        if (!request_.dry_run) {
            if (auto stop = run_.lock.take()) return stop;
            if (auto stop = settle_failures()) return stop;
        }
        ask_health(run_.hosts, run_.settings.deadline_for(kRemovalLook));
        return settle_failures();
    }

    /// Sets aside what cannot be reached, where that is allowed. Nothing has been changed so far.
    std::optional<Stop> settle_failures() {
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        if (request_.unreachable == Unreachable::skipped) {
            const auto is_reached = [](const Host& host) {
                return !host.failure || exit_code_of(*host.failure) != ExitCode::unreachable;
            };
            const auto away =
                std::stable_partition(run_.hosts.begin(), run_.hosts.end(), is_reached);
            for (auto host = away; host != run_.hosts.end(); ++host) {
                host->silence = reason_of(*host);
                run_.console.say(name_of(*host->node) + " is left alone: " + host->silence);
                skipped_.push_back(std::move(*host));
            }
            run_.hosts.erase(away, run_.hosts.end());
        }
        if (run_.hosts.empty()) {
            return Stop{ExitCode::unreachable, {"none of the hosts can be reached"}};
        }
        auto stop = stop_for_failures(run_.hosts);
        if (stop && stop->code == ExitCode::unreachable) {
            stop->messages.emplace_back(
                "next: bring the host back, or say --skip-unreachable to leave it as it is");
        }
        return stop;
    }

    std::optional<Stop> look() {
        if (auto stop = stop_for_others(run_)) return stop;
        for_all(run_.hosts, [this](Host& host) { ask(host, RemovalStage::look, kRemovalLook); });
        if (auto stop = settle_failures()) return stop;
        for (const Host& host : run_.hosts) {
            const RemovalReport& report = reports_.at(host.node->id);
            has_work_ = has_work_ || report.installed || !report.removed.empty();
        }
        return std::nullopt;
    }

    RemovalRequest request_for(const inventory::Node& node, RemovalStage stage) const {
        RemovalRequest request;
        request.stage = stage;
        request.cluster = run_.inventory.cluster;
        request.sid = node.id;
        request.install_dir = node.install_dir;
        request.data_dir = node.data_dir;
        request.log_dir = node.log_dir;
        request.delete_data = request_.data == DataFate::deleted;
        request.own_program = run_.inventory.transport == inventory::Transport::ssh;
        return request;
    }

    /// On the host's thread; its own report is all that it touches.
    void ask(Host& host, RemovalStage stage, milliseconds limit) {
        const auto told =
            host.talk->remove(request_for(*host.node, stage), run_.settings.deadline_for(limit));
        if (!told) {
            host.failure = told.error();
            return;
        }
        RemovalReport& report = reports_.at(host.node->id);
        if (stage == RemovalStage::look) report = *told;
        if (stage == RemovalStage::look || stage == RemovalStage::stop) return;
        // From here on it is said what was done, and not what would be.
        if (stage == RemovalStage::remove) {
            report.removed.clear();
            report.kept.clear();
        }
        report.removed.insert(report.removed.end(), told->removed.begin(), told->removed.end());
        report.kept.insert(report.kept.end(), told->kept.begin(), told->kept.end());
    }

    /// Followers by their ids, the leader last: there is no election on the way.
    std::vector<Host*> in_order() {
        std::vector<Host*> order;
        for (Host& host : run_.hosts) order.push_back(&host);
        std::ranges::stable_sort(order, {}, [](const Host* host) {
            return host->health && host->health->role == agent_api::Role::leader;
        });
        return order;
    }

    std::optional<Stop> stop_servers() {
        for (Host* const host : in_order()) {
            if (auto stop = before_change()) return stop;
            begin_change(*host);
            ask(*host, RemovalStage::stop, kRemovalStop);
            if (auto stop = after_change()) return stop;
            if (!reports_.at(host->node->id).installed) continue;
            run_.console.say(name_of(*host->node) + ": the server is stopped");
        }
        return std::nullopt;
    }

    std::optional<Stop> everywhere(RemovalStage stage) {
        if (auto stop = before_change()) return stop;
        for (const Host& host : run_.hosts) begin_change(host);
        for_all(run_.hosts, [this, stage](Host& host) { ask(host, stage, kRemovalRest); });
        for (const Host& host : run_.hosts) note(host);
        return after_change();
    }

    /// An agent whose answer does not come may have done it.
    void begin_change(const Host& host) {
        const RemovalReport& report = reports_.at(host.node->id);
        if (report.installed || !report.removed.empty()) {
            run_.changes.of(host.node->id).changed = true;
        }
    }

    std::optional<Stop> before_change() {
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        auto stop = run_.renew_lock();
        if (stop && !run_.changes.any()) stop = unchanged(*stop);
        return stop;
    }

    std::optional<Stop> after_change() {
        auto stop = stop_for_failures(run_.hosts);
        if (!stop) return stop;
        if (!run_.changes.any()) return unchanged(*stop);
        stop->code = ExitCode::partly;
        stop->messages.emplace_back(
            "some of it is gone or stopped; run the command again, it goes on");
        return stop;
    }

    void note(const Host& host) {
        const RemovalReport& report = reports_.at(host.node->id);
        if (!has_work_ || host.failure || report.removed.empty()) return;
        NodeChanges& changes = run_.changes.of(host.node->id);
        changes.words = "removed: " + joined(report.removed);
        for (const KeptThing& kept : report.kept) {
            changes.words += "; stays: " + kept.what + " (" + kept.why + ")";
        }
    }

    static std::string joined(const std::vector<std::string>& all) {
        std::string text;
        for (const std::string& each : all) text += (text.empty() ? "" : ", ") + each;
        return text;
    }

    /// Of a dry run.
    void announce() {
        std::string text = has_work_ ? run_.inventory.cluster + ": destroy would remove\n"
                                     : nothing_there() + "\n";
        for (const Host& host : run_.hosts) {
            const RemovalReport& report = reports_.at(host.node->id);
            const std::string name = name_of(*host.node);
            for (const std::string& each : report.removed) text += "  " + name + ": " + each + "\n";
        }
        text += stays();
        text.pop_back();
        run_.outcome = text;
        for (const Host& host : run_.hosts) {
            const RemovalReport& report = reports_.at(host.node->id);
            if (!report.removed.empty()) {
                run_.changes.of(host.node->id).words = "would remove: " + joined(report.removed);
            }
        }
    }

    [[nodiscard]] std::string nothing_there() const {
        return run_.inventory.cluster + ": nothing of it is installed on its hosts";
    }

    [[nodiscard]] std::string stays() const {
        std::string text;
        for (const Host& host : run_.hosts) {
            for (const KeptThing& kept : reports_.at(host.node->id).kept) {
                text +=
                    fmt::format("  {} keeps {}: {}\n", name_of(*host.node), kept.what, kept.why);
            }
        }
        for (const Host& host : skipped_) {
            text += fmt::format("  {} was left alone, with all that is there: {}\n",
                                name_of(*host.node),
                                host.silence);
        }
        return text;
    }

    [[nodiscard]] std::string outcome() const {
        std::string text = has_work_ ? fmt::format("{}: destroyed on {} host{}\n",
                                                   run_.inventory.cluster,
                                                   run_.hosts.size(),
                                                   run_.hosts.size() == 1 ? "" : "s")
                                     : nothing_there() + "\n";
        text += stays();
        text.pop_back();
        return text;
    }

    Run& run_;
    const DestroyRequest& request_;
    std::map<ServerId, RemovalReport> reports_;
    std::vector<Host> skipped_;
    bool has_work_ = false;
};

std::string question_of(const inventory::Inventory& inventory, DataFate data) {
    return fmt::format(
        "This stops {} and removes its servers from {} host{}{}. Type the ensemble's name to go "
        "on: ",
        inventory.cluster,
        inventory.nodes.size(),
        inventory.nodes.size() == 1 ? "" : "s",
        data == DataFate::deleted ? ", with all data: nothing brings them back"
                                  : "; the data stay");
}

}  // namespace

ExitCode run_destroy(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     const DestroyRequest& request) {
    Run run("destroy", Mode::change, std::nullopt, inventory, settings, console);
    std::optional<Stop> stop;
    if (!request.dry_run) {
        stop = confirm(inventory, console, request.confirmed, question_of(inventory, request.data));
    }
    if (stop) return end_run(run, stop, ExitCode::done);
    Destroy destroy(run, request);
    stop = destroy.run();
    destroy.bring_back_skipped();
    return end_run(run, stop, ExitCode::done);
}

}  // namespace zk::phases
