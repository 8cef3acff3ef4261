// How long something has been so, for people.
// Pure.
#pragma once

#include <string>

namespace zk::ensemble_judge {

/// "3d 4h", "5h 12m", "7m 3s", "12s"; "-" for less than nothing.
std::string format_age(long long seconds);

}  // namespace zk::ensemble_judge
