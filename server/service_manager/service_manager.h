// What a service tells systemd, and how often it has to show that it lives. Without systemd nothing of it does anything.
// Shell. Thread-safe as long as nobody changes the environment.
// Source: sd_notify(3), sd_watchdog_enabled(3).
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace zk::service_manager {

/// READY=1: started. For a unit of Type=notify.
void tell_ready();
/// STOPPING=1: on its way to its end.
void tell_stopping();
/// WATCHDOG=1: still alive. To be said at least every watchdog_interval().
void tell_alive();

/// Half of the unit's WatchdogSec, which is how often a service should show that it lives; nothing where nobody watches.
std::optional<Duration> watchdog_interval();

}  // namespace zk::service_manager
