// Reads one entry of a zoo.cfg as its row in the table of keys says. Private to the room.
// Pure. Source: docs/PROVISIONING.md 1.2.
#pragma once

#include <string>

#include "base/result.h"
#include "ensemble/properties.h"
#include "ensemble/zoo_cfg.h"

namespace zk::ensemble {

/// Reads one entry into `config`. Errors come without a place. `warning` is filled when the key has
/// no effect, or another one than its words say.
Result<> read_zoo_cfg_key(const Property& property, ServerConfig& config, std::string& warning);

}  // namespace zk::ensemble
