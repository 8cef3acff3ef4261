// The run lock as a run of zkprov holds it: taken on the nodes' agents one after the other, kept by a
// word every two seconds, made sure of before each change. Shell. What it needs of how many nodes is
// run_lock/ensemble_lock; docs/decisions/0008 has the argument. The runner's thread owns it; a thread
// of its own says the words.
#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "phases/changes.h"
#include "phases/fleet.h"
#include "run_lock/ensemble_lock.h"
#include "threads/mutex.h"

namespace zk::phases {

/// "ana@ops1 (pid 4711, from 10.0.0.5): zkprov apply, since 2026-11-28 19:20:11 UTC (32 s)".
std::string words_of(const agent_api::LockHolder& holder, std::int64_t held_ms);

class RunLock {
  public:
    /// `hosts`: those of the run, connected or not, and `changes` what it has done to them; both outlive
    /// this.
    RunLock(std::string cluster,
            std::string command,
            std::vector<Host>& hosts,
            const Changes& changes,
            const RunSettings& settings,
            Console& console);
    ~RunLock();
    RunLock(const RunLock&) = delete;
    RunLock& operator=(const RunLock&) = delete;

    /// Takes it on all connected hosts, or says who has it (ExitCode::busy). Waits for it as long as
    /// settings.lock_timeout, and a moment for the end of a run that was just cut off. Failures stay
    /// with their hosts.
    std::optional<Stop> take();
    /// After the failures were looked at: whether a majority of all nodes granted it.
    std::optional<Stop> check_majority() const;
    /// Before each change: makes sure of it. The first time it gives the run its number. Failures
    /// stay with their hosts.
    std::optional<Stop> renew();
    /// Gives it back, so that the next run need not wait for the links to end.
    void release();

  private:
    struct Round;
    struct Refusal {
        const Host* host = nullptr;
        agent_api::LockState state;
    };

    /// Who is in the way; nothing when all that answered granted it.
    std::optional<Refusal> try_take();
    void add_member(Host& host, const agent_api::LockState& state);
    Round ask_all(agent_api::LockAction action);
    std::optional<Stop> settle(std::size_t confirmed);
    bool wait(Duration time);  ///< false: interrupted
    [[nodiscard]] Stop busy_stop(const Refusal& refusal) const;
    [[nodiscard]] Stop lost_stop(const Round& round) const;
    void keep_alive(const std::stop_token& stop);

    agent_api::LockHolder holder_;
    std::vector<Host>& hosts_;
    const Changes& changes_;
    const RunSettings& settings_;
    Console& console_;
    run_lock::EnsembleLock rules_;
    bool numbered_ = false;
    bool settled_ = false;

    threads::Mutex mutex_;
    std::vector<std::shared_ptr<Conversation>> members_ ZK_GUARDED_BY(mutex_);
    std::condition_variable_any wake_;  ///< with mutex_
    std::jthread beats_;
};

}  // namespace zk::phases
