#include "cli/completion.h"

#include <algorithm>

#include "cli/commands.h"
#include "cli/node_path.h"

namespace zk::cli {
namespace {

void keep(Completion& to, std::string_view word, std::string candidate) {
    if (candidate.compare(0, word.size(), word) == 0) to.candidates.push_back(std::move(candidate));
}

void complete_path(Completion& to, std::string_view word, const ChildrenOf& children) {
    if (word.empty()) return keep(to, word, "/");
    const auto slash = word.rfind('/');
    if (word.front() != '/') return;
    const std::string parent(slash == 0 ? "/" : word.substr(0, slash));
    for (const auto& name : children(parent)) keep(to, word, child_of(parent, name));
}

}  // namespace

std::string Completion::common(std::string_view line) const {
    if (candidates.empty()) return std::string(line.substr(from));
    std::string text = candidates.front();
    for (const auto& other : candidates) {
        const auto differ =
            std::mismatch(text.begin(), text.end(), other.begin(), other.end()).first;
        text.erase(differ, text.end());
    }
    return text;
}

Completion complete(std::string_view line, const ChildrenOf& children) {
    Completion result;
    const auto blank = line.find_last_of(" \t");
    result.from = blank == std::string_view::npos ? 0 : blank + 1;
    const auto word = line.substr(result.from);
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos || start >= result.from) {
        for (const auto& spec : commands()) keep(result, word, std::string(spec.name));
    } else {
        const auto end = line.find_first_of(" \t", start);
        const auto name = line.substr(start, end - start);
        const auto* spec = find_command(name);
        if (!spec) return result;
        if (word.substr(0, 1) == "-") {
            for (const auto& option : spec->options) {
                keep(result, word, "-" + std::string(option.name));
            }
        } else if (spec->verb == Verb::print_watches) {
            keep(result, word, "on");
            keep(result, word, "off");
        } else if (spec->verb == Verb::help) {
            for (const auto& known : commands()) keep(result, word, std::string(known.name));
        } else if (spec->kind == Operands::path) {
            complete_path(result, word, children);
        }
    }
    std::sort(result.candidates.begin(), result.candidates.end());
    return result;
}

}  // namespace zk::cli
