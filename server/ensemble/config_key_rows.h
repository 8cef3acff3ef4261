// The parts of the table of config_keys.h. Private to the room.
#pragma once

#include <span>

#include "ensemble/config_keys.h"

namespace zk::ensemble {

std::span<const ConfigKey> honoured_keys();
/// Honoured, too: the other half, of who may do what.
std::span<const ConfigKey> access_keys();
std::span<const ConfigKey> refused_keys();
std::span<const ConfigKey> keys_without_effect();

}  // namespace zk::ensemble
