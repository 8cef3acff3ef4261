#include "phases/watched_hosts.h"

#include <algorithm>
#include <utility>

namespace zk::phases {
namespace {

constexpr milliseconds kAskLimit{8000};
constexpr milliseconds kLookForInterrupt{50};

/// Dials when there is no connection, and asks.
status::NodeStatus ask_host(Host& host, const RunSettings& settings) {
    std::vector<Host> one(1);
    if (host.connected()) {
        one.front() = std::move(host);
    } else {
        one.front().node = host.node;
        connect_all(one, settings, kAskLimit);
    }
    ask_health(one, settings.deadline_for(kAskLimit));
    auto statuses = statuses_of(one);
    host = std::move(one.front());
    return std::move(statuses.front());
}

}  // namespace

WatchedHosts::WatchedHosts(const inventory::Inventory& inventory,
                           const RunSettings& settings,
                           milliseconds counts_for)
    : settings_(settings), counts_for_(counts_for) {
    for (Host& host : make_hosts(inventory)) {
        hosts_.emplace_back();
        hosts_.back().id = host.node->id;
        hosts_.back().host = std::move(host);
    }
    for (Watched& watched : hosts_)
        watched.thread = std::thread([this, &watched] { work(watched); });
}

WatchedHosts::~WatchedHosts() {
    {
        const threads::Lock lock(mutex_);
        ends_ = true;
        changed_.notify_all();
    }
    for (Watched& watched : hosts_) {
        watched.thread.join();
        if (watched.host.talk) watched.host.talk->close();
    }
}

void WatchedHosts::work(Watched& watched) {
    for (;;) {
        {
            threads::Lock lock(mutex_);
            while (!watched.asked && !ends_) changed_.wait(lock);
            if (ends_) return;
        }
        status::NodeStatus said = ask_host(watched.host, settings_);
        const threads::Lock lock(mutex_);
        watched.said = std::move(said);
        watched.said_at = Clock::now();
        watched.asked = false;
        changed_.notify_all();
    }
}

void WatchedHosts::ask() {
    const threads::Lock lock(mutex_);
    for (Watched& watched : hosts_) {
        if (watched.asked) continue;
        watched.asked = true;
        watched.asked_at = Clock::now();
    }
    changed_.notify_all();
}

void WatchedHosts::wait(LinkDeadline until) {
    threads::Lock lock(mutex_);
    while (std::ranges::any_of(hosts_, &Watched::asked) && Clock::now() < until &&
           !settings_.is_interrupted()) {
        changed_.wait_until(lock, std::min(until, deadline_in(kLookForInterrupt)));
    }
}

status::NodeStatus WatchedHosts::status_of(const Watched& watched) const {
    status::NodeStatus status;
    status.id = watched.id;
    status.silence = "has not answered yet";
    if (watched.said) status = *watched.said;
    if (!watched.asked) return status;
    const auto ms_since = [](Clock::time_point at) {
        const auto past = std::chrono::duration_cast<milliseconds>(Clock::now() - at);
        return static_cast<std::uint64_t>(past.count());
    };
    const std::uint64_t asked_s = ms_since(watched.asked_at) / 1000;
    if (!status.health) {
        if (watched.said && asked_s > 1) {
            status.silence += "; asked again for " + std::to_string(asked_s) + " s";
        }
        return status;
    }
    const std::uint64_t age_ms = ms_since(watched.said_at);
    status.health->age_ms += age_ms;
    if (age_ms <= static_cast<std::uint64_t>(counts_for_.count())) return status;
    status.silence = "its last answer is " + std::to_string(age_ms / 1000) + " s old";
    status.health.reset();
    return status;
}

std::vector<status::NodeStatus> WatchedHosts::statuses() const {
    const threads::Lock lock(mutex_);
    std::vector<status::NodeStatus> statuses;
    for (const Watched& watched : hosts_) statuses.push_back(status_of(watched));
    return statuses;
}

}  // namespace zk::phases
