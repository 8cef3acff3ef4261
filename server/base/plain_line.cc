#include "base/plain_line.h"

#include <cstddef>

namespace zk {
namespace {

/// Length of the well-formed, printable UTF-8 character that `text` begins with; 0: it does not.
std::size_t printable_length(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xc0U) != 0x80) return 0;
    }
    // U+0080 to U+009F steer terminals as well; the other bounds are those of RFC 3629.
    const unsigned char second = byte(1);
    const bool steers = first == 0xc2 && second < 0xa0;
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    return steers || overlong || beyond ? 0 : length;
}

}  // namespace

std::string plain_line(std::string_view words) {
    while (!words.empty() && (words.back() == '\n' || words.back() == '\r')) words.remove_suffix(1);
    std::string line;
    while (!words.empty()) {
        std::size_t length = printable_length(words);
        if (length > 0) {
            line += words.substr(0, length);
        } else {
            length = 1;
            if (words.front() == '\n') {
                line += " / ";
            } else if (words.front() == '\t') {
                line += ' ';
            } else if (words.front() != '\r') {
                line += '?';
            }
        }
        words.remove_prefix(length);
    }
    return line;
}

}  // namespace zk
