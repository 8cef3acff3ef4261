// Paths as they are typed: what is wrong with one, in the words of Apache's client. Pure.
// Source: PathUtils.validatePath. What only a server refuses (code points) is left to it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zk::cli {

/// `sequential`: a number will be put behind it, so it may end with "/". Errors: Errc::invalid.
Result<> check_path(std::string_view path, bool sequential = false);
/// "/a/b" for "/a" and "b"; "/b" for "/" and "b".
std::string child_of(std::string_view path, std::string_view name);

}  // namespace zk::cli
