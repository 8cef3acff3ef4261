// Text in columns, as wide as they need to be.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zk::status {

/// Rows of equal length under a header; the columns are two blanks apart and nothing trails.
/// Widths count UTF-8 characters.
std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);
/// The same within `columns`: those named in `less` are left out one after the other until it fits; then lines are cut.
std::string format_narrow_table(std::vector<std::string> header,
                                std::vector<std::vector<std::string>> rows,
                                const std::vector<std::string_view>& less,
                                std::size_t columns);
/// Lines of at most `columns`, broken between words; all but the first begin with two blanks.
std::string wrap(std::string_view text, std::size_t columns);

}  // namespace zk::status
