#include "status/table.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"

namespace zk::status {
namespace {

bool begins_character(char c) {
    // Continuation bytes of UTF-8 take no column.
    return (c & 0xc0) != 0x80;
}
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}
/// The bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (!begins_character(text[at])) continue;
        if (columns == 0) break;
        --columns;
    }
    return at;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
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

std::string format_narrow_table(std::vector<std::string> header,
                                std::vector<std::vector<std::string>> rows,
                                const std::vector<std::string_view>& less,
                                std::size_t columns) {
    std::string text = format_table(header, rows);
    const auto fits = [&] {
        const auto lines = lines_of(text);
        return std::ranges::all_of(
            lines, [&](std::string_view line) { return width_of(line) <= columns; });
    };
    for (const std::string_view title : less) {
        if (fits()) break;
        const auto found = std::ranges::find(header, title);
        if (found == header.end()) continue;
        const auto index = found - header.begin();
        header.erase(found);
        for (auto& row : rows) row.erase(row.begin() + index);
        text = format_table(header, rows);
    }
    std::string cut;
    for (const std::string_view line : lines_of(text)) {
        cut.append(line.substr(0, bytes_of(line, columns))).append("\n");
    }
    return cut;
}

std::string wrap(std::string_view text, std::size_t columns) {
    constexpr std::size_t kIndent = 2;
    std::string lines;
    std::size_t room = columns;
    while (width_of(text) > room) {
        std::size_t end = bytes_of(text, room);
        const std::size_t blank = text.rfind(' ', end);
        if (blank != std::string_view::npos && blank > 0) end = blank;
        lines.append(text.substr(0, end)).append("\n").append(kIndent, ' ');
        text.remove_prefix(end);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        room = columns > kIndent ? columns - kIndent : 1;
    }
    return lines.append(text).append("\n");
}

}  // namespace zk::status
