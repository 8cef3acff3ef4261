// What Tab can put behind a line that is being typed. Pure: which children a node has is asked of whoever knows.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zk::cli {

/// The children of a node; empty when it has none, or nobody knows.
using ChildrenOf = std::function<std::vector<std::string>(const std::string& path)>;

struct Completion {
    std::size_t from = 0;  ///< where in the line the word begins that the candidates replace
    std::vector<std::string> candidates;  ///< whole words, sorted
    /// The longest text that all candidates begin with; the word itself when there are none.
    [[nodiscard]] std::string common(std::string_view line) const;
};

/// Commands for the first word, options for a word with a dash, on and off, commands behind help, and paths where the
/// command takes one. `children` is called at most once.
Completion complete(std::string_view line, const ChildrenOf& children);

}  // namespace zk::cli
