// Random numbers of the system, as text.
// Shell.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace zk::agent_host {

/// Two digits for each byte; at most 64 bytes. Errors: the system has none (getrandom(2)).
Result<std::string> random_hex(std::size_t bytes);
/// What names a state directory among all (docs/PROVISIONING.md 2.3).
Result<std::string> new_nonce();

}  // namespace zk::agent_host
