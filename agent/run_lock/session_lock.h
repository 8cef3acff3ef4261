// The agent's side of the run lock: when a session holds it, when it has lost it, and which changes
// it may make. Pure: the time and the recorded fencing number in, answers out. The lock itself is the
// kernel's (agent_host/state_dir); this says when a session must let go of it. docs/decisions/0008
// has the argument, tests/run_lock/model.cc goes through all schedules.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace zk::run_lock {

struct LockLimits {
    /// Without a word of its controller a session keeps the lock so long.
    Duration silence = std::chrono::seconds(12);
    /// A change may begin so long after a check on its node.
    Duration proof = std::chrono::seconds(5);
    /// The answers of a round of checks count when they came within this time.
    Duration round = std::chrono::seconds(4);
    /// So often a controller that waits says a word.
    Duration beat = std::chrono::seconds(2);
};

/// Why a session may not change its node.
enum class Denial {
    not_held,   ///< it never took the lock, or gave it back
    revoked,    ///< somebody took it away, by a higher number
    silent,     ///< its controller was not heard for too long
    no_number,  ///< its run has recorded no number here
    old_check,  ///< its run last made sure of the lock too long ago
};
/// As a part of a sentence on the run.
std::string_view words_of(Denial denial);

class SessionLock {
  public:
    explicit SessionLock(LockLimits limits) : limits_(limits) {}

    /// The kernel's lock was obtained; `recorded` is the node's fencing number.
    void taken(Instant now, std::uint64_t recorded);
    /// Given back, or lost for the reason that look() told.
    void released(Denial why = Denial::not_held);
    [[nodiscard]] bool held() const { return held_; }
    /// Why it is not held.
    [[nodiscard]] Denial lost() const { return lost_; }

    /// The controller said something.
    void heard(Instant now) { heard_ = now; }
    /// Why the lock must be given up now; nothing while it may be kept. Asked before each message and
    /// each second. REQUIRES: held().
    [[nodiscard]] std::optional<Denial> look(Instant now, std::uint64_t recorded) const;

    /// Whether `number` may be recorded as this run's. REQUIRES: held(), look() found nothing.
    [[nodiscard]] bool may_number(std::uint64_t number, std::uint64_t recorded) const;
    /// It was recorded, durably; `now` is from before that. Counts as a check.
    void numbered(Instant now, std::uint64_t number);
    void checked(Instant now) { checked_ = now; }
    /// Why no change may begin now.
    [[nodiscard]] std::optional<Denial> may_change(Instant now, std::uint64_t recorded) const;

    /// The recorded number with which the lock is kept.
    [[nodiscard]] std::uint64_t expected() const { return number_.value_or(found_); }
    [[nodiscard]] Instant heard_at() const { return heard_; }
    [[nodiscard]] std::optional<Instant> checked_at() const { return checked_; }
    [[nodiscard]] std::optional<std::uint64_t> own_number() const { return number_; }

  private:
    LockLimits limits_;
    bool held_ = false;
    Denial lost_ = Denial::not_held;
    Instant heard_;
    std::uint64_t found_ = 0;  ///< the number that was recorded when the lock was taken
    std::optional<std::uint64_t> number_;
    std::optional<Instant> checked_;
};

}  // namespace zk::run_lock
