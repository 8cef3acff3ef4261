#include "cli/words.h"

#include <algorithm>

namespace zk::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(kBlanks, at)) != std::string_view::npos) {
        const char first = line[at];
        if (first != '"' && first != '\'') {
            const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
            words.emplace_back(line.substr(at, end - at));
            at = end;
            continue;
        }
        const auto end = line.find(first, at + 1);
        if (end == std::string_view::npos) {
            return Error(Errc::invalid,
                         std::string("the quote ") + first + " of \"" +
                             std::string(line.substr(at + 1)) +
                             "\" has no end; put the word between two of the other kind if it "
                             "begins with one");
        }
        words.emplace_back(line.substr(at + 1, end - at - 1));
        at = end + 1;
    }
    return words;
}

}  // namespace zk::cli
