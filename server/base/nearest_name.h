// "Did you mean": the known name that a mistyped word is nearest to. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zk {

/// The name of `names` nearest to `word`, when it is near enough to be what was meant; else empty.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace zk
