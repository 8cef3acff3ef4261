// Text in columns, as wide as they need to be.
// Pure.
#pragma once

#include <string>
#include <vector>

namespace zk::status {

/// Rows of equal length under a header; the columns are two blanks apart and nothing trails.
/// Widths count UTF-8 characters.
std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);
/// "3d 4h", "5h 12m", "7m 3s", "12s"; "-" for less than nothing.
std::string format_age(long long seconds);

}  // namespace zk::status
