// A line of the shell, cut into words. Pure.
// Source: Apache's shell as seen from outside: blanks part words; a word that begins with ' or " ends at the next one of
// its kind and may hold blanks; nothing escapes; a quote inside a word is part of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zk::cli {

/// Errors: Errc::invalid for a quote that nothing ends (Apache's shell drops it silently).
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace zk::cli
