#include "frontend/connection_throttle.h"

#include <algorithm>
#include <cmath>

namespace zk::frontend {
namespace {

int times(int a, int b) {
    return static_cast<int>(std::min<std::int64_t>(std::int64_t{a} * b, INT32_MAX));
}

}  // namespace

ConnectionThrottle::ConnectionThrottle(const Settings& settings)
    : settings_(settings), random_(settings.seed | 1U) {
    // A global session costs no less than a local one, nor does one that comes back.
    settings_.global_weight = std::max(settings_.global_weight, settings_.local_weight);
    settings_.renew_weight = std::max(settings_.renew_weight, settings_.local_weight);
    if (settings_.weights) {
        settings_.tokens = times(settings_.tokens, settings_.global_weight);
        settings_.fill_count = times(settings_.fill_count, settings_.global_weight);
    }
    most_ = tokens_ = settings_.tokens;
}

bool ConnectionThrottle::admit(Session session, Instant now) {
    if (most_ == 0) return true;
    fill(now);
    if (settings_.freeze_time.count() != -1 && is_dropped(now)) return false;
    const int needed = weight_of(session);
    if (tokens_ < needed) return false;
    tokens_ -= needed;
    return true;
}

int ConnectionThrottle::weight_of(Session session) const {
    if (!settings_.weights) return 1;
    switch (session) {
        case Session::global:
            return settings_.global_weight;
        case Session::local:
            return settings_.local_weight;
        case Session::renewed:
            break;
    }
    return settings_.renew_weight;
}

void ConnectionThrottle::fill(Instant now) {
    if (!filled_) filled_ = now;
    const std::int64_t passed_ms = to_ms(now - *filled_);
    if (passed_ms <= settings_.fill_time.count()) return;
    filled_ = now;
    const double fresh = static_cast<double>(passed_ms) * settings_.fill_count /
                         static_cast<double>(settings_.fill_time.count());
    tokens_ = fresh >= most_ - tokens_ ? most_ : tokens_ + static_cast<int>(fresh);
}

bool ConnectionThrottle::is_dropped(Instant now) {
    if (!frozen_) frozen_ = now;
    if (to_ms(now - *frozen_) > settings_.freeze_time.count()) {
        const auto low = std::lround(most_ * settings_.decrease_ratio);
        if (deficit() == most_) {
            drop_ = std::min(drop_ + settings_.drop_increase, 1.0);
        } else if (deficit() <= low) {
            drop_ = std::max(drop_ - settings_.drop_decrease, 0.0);
        }
        frozen_ = now;
    }
    return random() < drop_;
}

// xorshift64*; from 0 up to 1.
double ConnectionThrottle::random() {
    random_ ^= random_ >> 12;
    random_ ^= random_ << 25;
    random_ ^= random_ >> 27;
    return static_cast<double>((random_ * 0x2545f4914f6cdd1dULL) >> 11) * 0x1p-53;
}

}  // namespace zk::frontend
