#include "sim/marks.h"

#include <sstream>

namespace zk::sim {

Marks parse_marks(std::string_view text) {
    Marks marks;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string kind, mark, why;
        if (!(words >> kind) || kind.starts_with('#')) continue;
        words >> mark;
        std::getline(words, why);
        const bool known = kind == "sim" || kind == "unit" || kind == "rare";
        if (!known || mark.empty() || (kind == "unit" && why.empty())) {
            marks.errors.push_back("not a mark: " + line);
            continue;
        }
        marks.classes[mark] = kind == "sim"    ? MarkClass::sim
                              : kind == "unit" ? MarkClass::unit
                                               : MarkClass::rare;
    }
    return marks;
}

std::vector<std::string> complaints(const Marks& marks, const std::set<std::string>& hit) {
    std::vector<std::string> all = marks.errors;
    for (const auto& [mark, kind] : marks.classes) {
        if (kind == MarkClass::sim && !hit.contains(mark)) all.push_back("not hit: " + mark);
    }
    for (const std::string& mark : hit) {
        if (!marks.classes.contains(mark)) all.push_back("not in the list: " + mark);
    }
    return all;
}

}  // namespace zk::sim
