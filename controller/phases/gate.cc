#include "phases/gate.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/core.h>

#include "agent_api/agent_errc.h"
#include "base/log.h"
#include "phases/copy_progress.h"
#include "phases/parallel.h"
#include "threads/mutex.h"

namespace zk::phases {
namespace {

constexpr milliseconds kProbeTimeout{5000};
constexpr int kConflictsSure = 2;
constexpr std::chrono::seconds kToldEach{10};

/// A znode's name that no user has.
std::string probe_path() {
    std::random_device random;
    return fmt::format("/zkprov-probe-{:08x}{:08x}", random(), random());
}

class Gate {
  public:
    Gate(Run& run, const GateRequest& request) : run_(run), request_(request) {}
    std::optional<Stop> wait(LinkDeadline deadline);

  private:
    [[nodiscard]] bool all_in_sync() const;
    /// Whether a node that is waited for is not that node: waiting makes it none.
    [[nodiscard]] bool has_conflict() const;
    [[nodiscard]] Stop conflict_stop() const;
    /// Why a probe write did not commit; empty when all did.
    std::string probe();
    /// Whether it goes on waiting: as long as the recipe lets it, and as long as a copy makes progress.
    bool may_wait(LinkDeadline deadline);
    void tell_progress(CopyProgress::Time now);

    Run& run_;
    const GateRequest& request_;
    CopyProgress progress_;
    CopyProgress::Time told_at_{};
};

bool Gate::all_in_sync() const {
    return run_.verdict.leader && std::ranges::all_of(request_.in_sync, [&](ServerId id) {
               const status::NodeVerdict* const node = run_.verdict.find(id);
               return node != nullptr && node->in_sync;
           });
}

bool Gate::has_conflict() const {
    return std::ranges::any_of(request_.in_sync, [&](ServerId id) {
        const status::NodeVerdict* const node = run_.verdict.find(id);
        return node != nullptr && node->conflict && !node->in_sync;
    });
}

Stop Gate::conflict_stop() const {
    Stop stop;
    stop.code = run_.changes.any() ? ExitCode::partly : ExitCode::preflight;
    for (const ServerId id : request_.in_sync) {
        const status::NodeVerdict* const node = run_.verdict.find(id);
        if (node == nullptr || !node->conflict || node->in_sync) continue;
        stop.messages.push_back(
            fmt::format("node {} ({}): {}", id, node->host, node->conflict->words));
    }
    stop.messages.emplace_back("next: correct that, then run the command again");
    return stop;
}

std::string Gate::probe() {
    threads::Mutex mutex;
    std::string wrong;
    for_all(run_.hosts, [&](Host& host) {
        const bool asked = std::ranges::count(request_.probe_from, host.node->id) > 0;
        if (!asked || !host.connected()) return;
        agent_api::ProbeWrite probe;
        probe.path = probe_path();
        probe.timeout_ms = kProbeTimeout.count();
        const auto done = host.talk->probe(probe, deadline_in(kProbeTimeout * 2));
        if (done && done->committed) return;
        // Neither a broken link nor an agent that cannot do it gets better by asking again.
        const bool hopeless =
            !done && agent_api::agent_errc(done.error()) != agent_api::AgentErrc::failed;
        if (hopeless) host.failure = done.error();
        const threads::Lock lock(mutex);
        wrong += fmt::format("{}{}: a probe write did not commit: {}",
                             wrong.empty() ? "" : "; ",
                             name_of(*host.node),
                             done ? done->words : done.error().words);
    });
    return wrong;
}

bool Gate::may_wait(LinkDeadline deadline) {
    const auto now = std::chrono::steady_clock::now();
    progress_.look(run_.verdict, request_.in_sync, now);
    tell_progress(now);
    const auto next = now + run_.settings.health_interval;
    if (next < deadline) return true;
    const auto& whole = run_.settings.deadline;
    return progress_.goes_on(now) && (!whole || next < *whole);
}

void Gate::tell_progress(CopyProgress::Time now) {
    const std::string words = progress_.words(now);
    if (run_.console.live()) return run_.console.show(words);
    if (words.empty() || now - told_at_ < kToldEach) return;
    told_at_ = now;
    run_.console.say(words);
}

std::optional<Stop> Gate::wait(LinkDeadline deadline) {
    std::string probe_problem;
    int conflicts = 0;
    while (true) {
        const LinkDeadline look = deadline_in(milliseconds(10000));
        const bool over = std::chrono::steady_clock::now() >= deadline;  // and a copy goes on
        // A question that is cut off ends its link, which a node that is gone back from still needs.
        ask_health(run_.hosts, over || run_.move ? look : std::min(deadline, look));
        run_.verdict = status::judge(run_.inventory, statuses_of(run_.hosts));
        if (all_in_sync()) {
            probe_problem = probe();
            if (probe_problem.empty()) return std::nullopt;
        }
        // One look may have met a server that was just being replaced.
        conflicts = has_conflict() ? conflicts + 1 : 0;
        if (conflicts >= kConflictsSure) return conflict_stop();
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        const bool lost = std::ranges::any_of(run_.hosts, [&](const Host& host) {
            return host.failure && request_.in_sync.contains(host.node->id);
        });
        if (lost || !may_wait(deadline)) break;
        std::this_thread::sleep_for(run_.settings.health_interval);
    }
    Stop stop;
    stop.code = ExitCode::gate;
    stop.messages.emplace_back("the ensemble did not become healthy in time");
    for (const std::string& reason : run_.verdict.reasons) stop.messages.push_back(reason);
    if (!probe_problem.empty()) stop.messages.push_back(probe_problem);
    stop.messages.emplace_back("next: zkprov status, and the server's log on the node");
    return stop;
}

}  // namespace

std::optional<Stop> wait_at_gate(Run& run, const GateRequest& request, LinkDeadline deadline) {
    auto stop = Gate(run, request).wait(deadline);
    run.console.show("");
    return stop;
}

}  // namespace zk::phases
