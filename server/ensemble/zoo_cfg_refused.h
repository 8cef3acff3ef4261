// Keys of Apache's server that switch on what this server does not have. Private to the room.
// Pure. Source: operations facts 1.3, 1.5.
#pragma once

#include <string>

#include "base/result.h"
#include "ensemble/properties.h"

namespace zk::ensemble {

/// True when `property` is such a key and leaves the feature off; `warning` is filled when the value looks as if it were
/// meant to switch it on. An error when it does switch it on, false for any other key.
Result<bool> leaves_feature_off(const Property& property, std::string& warning);

}  // namespace zk::ensemble
