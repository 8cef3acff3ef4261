#include "phases/run_lock.h"

#include <algorithm>

#include <fmt/core.h>

#include "phases/parallel.h"

namespace zk::phases {
namespace {

using agent_api::LockAction;
using agent_api::LockHolder;
using agent_api::LockRequest;
using agent_api::LockState;
using Clock = std::chrono::steady_clock;
using Verdict = run_lock::EnsembleLock::Round;

constexpr milliseconds kAnswerTime{10000};
constexpr milliseconds kReleaseTime{2000};
constexpr milliseconds kRetryInterval{200};
constexpr int kRoundsMax = 3;

}  // namespace

std::string words_of(const LockHolder& holder, std::int64_t held_ms) {
    if (holder.command.empty()) return "another run of zkprov";
    return fmt::format("{}@{} (pid {}{}{}): zkprov {}, since {} ({} s)",
                       holder.user,
                       holder.host,
                       holder.pid,
                       holder.from.empty() ? "" : ", from ",
                       holder.from,
                       holder.command,
                       utc_text(holder.since),
                       std::max<std::int64_t>(held_ms, 0) / 1000);
}

struct RunLock::Round {
    Verdict verdict = Verdict::lost;
    std::size_t confirmed = 0;
    std::vector<std::string> denied;  ///< a sentence for each node that holds it no more
};

RunLock::RunLock(std::string cluster,
                 std::string command,
                 std::vector<Host>& hosts,
                 const Changes& changes,
                 const RunSettings& settings,
                 Console& console)
    : holder_(settings.person),
      hosts_(hosts),
      changes_(changes),
      settings_(settings),
      console_(console),
      rules_(hosts.size(), settings.lock_limits) {
    holder_.cluster = std::move(cluster);
    holder_.command = std::move(command);
}

RunLock::~RunLock() = default;

std::optional<Stop> RunLock::take() {
    const LinkDeadline give_up =
        settings_.deadline_for(std::max(settings_.lock_timeout, settings_.lock_grace));
    bool told = false;
    while (const auto refusal = try_take()) {
        release();
        if (settings_.is_interrupted()) {
            return Stop{ExitCode::interrupted, {"interrupted; nothing was changed"}};
        }
        if (Clock::now() + kRetryInterval >= give_up) return busy_stop(*refusal);
        if (!told && settings_.lock_timeout > milliseconds(0) && refusal->state.holder) {
            told = true;
            console_.say("waiting for " + words_of(*refusal->state.holder, refusal->state.held_ms));
        }
        std::this_thread::sleep_for(kRetryInterval);
    }
    return std::nullopt;
}

// In the order of the ids, so that of two runs which meet one has to give way and one has not.
std::optional<RunLock::Refusal> RunLock::try_take() {
    std::vector<Host*> order;
    for (Host& host : hosts_) order.push_back(&host);
    std::ranges::sort(order, {}, [](const Host* host) { return host->node->id; });
    LockRequest request;
    request.action = LockAction::take;
    request.holder = holder_;
    rules_ = run_lock::EnsembleLock(hosts_.size(), settings_.lock_limits);
    for (Host* const host : order) {
        if (!host->connected()) continue;
        const auto state = host->talk->lock(request, settings_.deadline_for(kAnswerTime));
        if (!state) {
            host->failure = state.error();
        } else if (state->yours) {
            add_member(*host, *state);
        } else {
            return Refusal{host, *state};
        }
    }
    return std::nullopt;
}

void RunLock::add_member(Host& host, const LockState& state) {
    rules_.granted(state.number);
    const threads::Lock lock(mutex_);
    members_.push_back(host.talk);
    if (beats_.joinable()) return;
    beats_ = std::jthread([this](const std::stop_token& stop) { keep_alive(stop); });
}

Stop RunLock::busy_stop(const Refusal& refusal) const {
    Stop stop;
    stop.code = ExitCode::busy;
    const LockState& state = refusal.state;
    stop.messages.push_back(
        fmt::format("{} is being changed by {}",
                    name_of(*refusal.host->node),
                    state.holder ? words_of(*state.holder, state.held_ms) : "another run"));
    stop.messages.emplace_back(
        "nothing was changed; wait for it with --lock-timeout 10m, or look: zkprov lock show");
    return stop;
}

std::optional<Stop> RunLock::check_majority() const {
    if (rules_.has_majority()) return std::nullopt;
    return Stop{ExitCode::unreachable,
                {"fewer than a majority of the nodes can be locked against other runs of zkprov; "
                 "nothing was changed"}};
}

RunLock::Round RunLock::ask_all(LockAction action) {
    LockRequest request;
    request.action = action;
    request.number = rules_.number();
    std::vector<std::shared_ptr<Conversation>> members;
    {
        const threads::Lock lock(mutex_);
        members = members_;
    }
    Round round;
    threads::Mutex mutex;
    const auto began = Clock::now();
    for_all(hosts_, [&](Host& host) {
        const bool member = std::ranges::count(members, host.talk) > 0;
        if (!member || !host.connected()) return;
        const auto state = host.talk->lock(request, settings_.deadline_for(kAnswerTime));
        const threads::Lock lock(mutex);
        if (!state) {
            host.failure = state.error();
        } else if (state->yours) {
            ++round.confirmed;
        } else {
            round.denied.push_back(name_of(*host.node) +
                                   ": this run changes nothing more: " + state->lost);
        }
    });
    round.verdict = rules_.judge(round.confirmed,
                                 round.denied.size(),
                                 std::chrono::duration_cast<Duration>(Clock::now() - began));
    return round;
}

std::optional<Stop> RunLock::renew() {
    for (int tries = 0; tries < kRoundsMax; ++tries) {
        const Round round = ask_all(numbered_ ? LockAction::check : LockAction::number);
        if (round.verdict == Verdict::lost) return lost_stop(round);
        numbered_ = true;
        // Who calls stops for them.
        if (std::ranges::any_of(hosts_,
                                [](const Host& host) { return host.failure.has_value(); })) {
            return std::nullopt;
        }
        if (!settled_ && rules_.settling(round.confirmed)) {
            if (auto stop = settle(round.confirmed)) return stop;
            continue;
        }
        settled_ = true;
        if (round.verdict == Verdict::holds) return std::nullopt;
    }
    return Stop{
        ExitCode::unreachable,
        {"the nodes answer too slowly to be sure that no other zkprov changes them; this run "
         "changes nothing more"}};
}

std::optional<Stop> RunLock::settle(std::size_t confirmed) {
    const Duration time = *rules_.settling(confirmed) + milliseconds(1);
    settled_ = true;
    console_.say(
        fmt::format("{} of {} nodes answer; waiting {} s, for what a run that was cut off may "
                    "have sent to the others",
                    confirmed,
                    hosts_.size(),
                    (to_ms(time) + 999) / 1000));
    if (wait(time)) return std::nullopt;
    return Stop{ExitCode::interrupted, {"interrupted; nothing was changed"}};
}

bool RunLock::wait(Duration time) {
    const auto until = Clock::now() + time;
    while (Clock::now() < until) {
        if (settings_.is_interrupted()) return false;
        std::this_thread::sleep_for(
            std::min<Clock::duration>(kRetryInterval, until - Clock::now()));
    }
    return true;
}

Stop RunLock::lost_stop(const Round& round) const {
    Stop stop;
    const bool changed = changes_.any();
    stop.code = changed                ? ExitCode::partly
                : round.denied.empty() ? ExitCode::unreachable
                                       : ExitCode::busy;
    stop.messages = round.denied;
    if (stop.messages.empty()) {
        stop.messages.emplace_back(
            "fewer than a majority of the nodes answer, so that another zkprov could change them; "
            "this run changes nothing more");
    }
    for (const Host& host : hosts_) {
        if (host.failure) stop.messages.push_back(name_of(*host.node) + ": " + reason_of(host));
    }
    stop.messages.emplace_back(changed
                                   ? "some nodes were changed; run the command again, it goes on"
                                   : "nothing was changed");
    return stop;
}

void RunLock::release() {
    std::vector<std::shared_ptr<Conversation>> members;
    {
        const threads::Lock lock(mutex_);
        members.swap(members_);
    }
    LockRequest request;
    request.action = LockAction::release;
    // A link that does not carry this any more ends, and the lock with it.
    for_all(members, [&](const std::shared_ptr<Conversation>& member) {
        (void)member->lock(request, deadline_in(kReleaseTime));
    });
}

void RunLock::keep_alive(const std::stop_token& stop) {
    threads::Lock lock(mutex_);
    while (!stop.stop_requested()) {
        // Woken only by the request to stop.
        wake_.wait_for(lock, stop, settings_.lock_limits.beat, [] { return false; });
        const auto members = members_;
        lock.unlock();
        for (const auto& member : members) member->beat();
        lock.lock();
    }
}

}  // namespace zk::phases
