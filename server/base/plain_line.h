// Words that come from another machine, made fit for a terminal and for JSON.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace zk {

/// `words` on one line: line ends become " / ", and control characters and bytes that are not UTF-8
/// become '?', so that a host can neither steer the reader's terminal nor spoil a document.
std::string plain_line(std::string_view words);

}  // namespace zk
