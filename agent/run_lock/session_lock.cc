#include "run_lock/session_lock.h"

namespace zk::run_lock {

std::string_view words_of(Denial denial) {
    switch (denial) {
        case Denial::not_held:
            return "it does not hold the lock of this ensemble";
        case Denial::revoked:
            return "its lock was taken away by zkprov lock break";
        case Denial::silent:
            return "it lost its lock: nothing was heard of it for too long; it was stopped, or its "
                   "connection hung";
        case Denial::no_number:
            return "it has not recorded its number here";
        case Denial::old_check:
            return "what it asked for came too late to be sure that it still holds its lock; it "
                   "was "
                   "stopped, or its connection hung";
    }
    return "?";
}

void SessionLock::taken(Instant now, std::uint64_t recorded) {
    held_ = true;
    heard_ = now;
    found_ = recorded;
    number_.reset();
    checked_.reset();
}

void SessionLock::released(Denial why) {
    held_ = false;
    lost_ = why;
    number_.reset();
    checked_.reset();
}

std::optional<Denial> SessionLock::look(Instant now, std::uint64_t recorded) const {
    if (recorded != expected()) return Denial::revoked;
    if (now - heard_ >= limits_.silence) return Denial::silent;
    return std::nullopt;
}

bool SessionLock::may_number(std::uint64_t number, std::uint64_t recorded) const {
    return number > recorded;
}

void SessionLock::numbered(Instant now, std::uint64_t number) {
    number_ = number;
    checked_ = now;
}

std::optional<Denial> SessionLock::may_change(Instant now, std::uint64_t recorded) const {
    if (!held_) return lost_;
    if (const auto why = look(now, recorded)) return why;
    if (!number_ || !checked_) return Denial::no_number;
    if (now - *checked_ > limits_.proof) return Denial::old_check;
    return std::nullopt;
}

}  // namespace zk::run_lock
