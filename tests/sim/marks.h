// The list of coverage marks (marks.txt) and what a run of the simulator owes it.
// Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace zk::sim {

/// sim: every run of all of CI's seeds must hit it. unit: only unit tests can reach it, for the reason in the list.
/// rare: long runs must hit it, and a unit test.
enum class MarkClass { sim, unit, rare };

struct Marks {
    std::map<std::string, MarkClass> classes;
    std::vector<std::string> errors;  ///< lines that are no mark
};
/// A line each: "class mark [why]"; '#' begins a comment.
Marks parse_marks(std::string_view text);

/// Words on each required mark that was not hit, and each mark that the list does not know.
std::vector<std::string> complaints(const Marks& marks, const std::set<std::string>& hit);

}  // namespace zk::sim
