#include "status/table.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"

namespace zk::status {
namespace {

std::size_t width_of(const std::string& text) {
    // Continuation bytes of UTF-8 take no column.
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const std::string& title : header) widths.push_back(width_of(title));
    for (const auto& row : rows) {
        ZK_ASSERT(row.size() == header.size());
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    }
    std::string text;
    const auto add = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            line.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add(header);
    for (const auto& row : rows) add(row);
    return text;
}

std::string format_age(long long seconds) {
    if (seconds < 0) return "-";
    const auto part = [](long long number, const char* unit) {
        return std::to_string(number) + unit;
    };
    if (seconds < 60) return part(seconds, "s");
    if (seconds < 3600) return part(seconds / 60, "m ") + part(seconds % 60, "s");
    if (seconds < 86400) return part(seconds / 3600, "h ") + part(seconds % 3600 / 60, "m");
    return part(seconds / 86400, "d ") + part(seconds % 86400 / 3600, "h");
}

}  // namespace zk::status
