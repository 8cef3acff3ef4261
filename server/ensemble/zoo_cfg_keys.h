// The keys of zoo.cfg one by one: which are read, which are refused and why. Private to the room.
// Pure. Source: operations facts 1.2, 1.3, 1.5.
#pragma once

#include <string>

#include "base/result.h"
#include "ensemble/properties.h"
#include "ensemble/zoo_cfg.h"

namespace zk::ensemble {

/// Reads one entry into `config`. Errors come without a place. `warning` is filled when the key has
/// no effect.
Result<> read_zoo_cfg_key(const Property& property, ServerConfig& config, std::string& warning);

}  // namespace zk::ensemble
