#include "sim/history.h"

#include <charconv>

namespace zk::sim {
namespace {
std::int64_t value_of(const tree::DataTree& tree, const std::string& path) {
    const tree::Node* node = tree.find(path);
    return node == nullptr ? 0 : number_in(node->data().value_or(""));
}
}  // namespace

std::string register_path(int number) { return "/r" + std::to_string(number); }

std::int64_t number_in(ByteView data) {
    std::int64_t value = 0;
    std::from_chars(data.data(), data.data() + data.size(), value);
    return value;
}

std::int64_t History::acknowledged(int number) const {
    const auto found = registers_.find(number);
    return found == registers_.end() ? 0 : found->second.acknowledged;
}

std::string History::check(const tree::DataTree& tree) const {
    for (const std::string& path : created_) {
        if (tree.find(path) == nullptr) return "lost " + path + ", whose create was acknowledged";
    }
    for (const auto& [path, made] : pairs_) {
        const bool a = tree.find(path + "a") != nullptr;
        const bool b = tree.find(path + "b") != nullptr;
        if (a != b) return "has half of the multi " + path;
        if (made && !a) return "lost the multi " + path + ", which was acknowledged";
    }
    for (const auto& [number, one] : registers_) {
        const std::int64_t value = value_of(tree, register_path(number));
        if (value < one.acknowledged || value > one.tried) {
            return register_path(number) + " holds " + std::to_string(value) + ", but " +
                   std::to_string(one.acknowledged) + " was acknowledged and " +
                   std::to_string(one.tried) + " tried last";
        }
    }
    const std::int64_t counter = value_of(tree, kCounterPath);
    if (counter < raised_ || counter > raised_ + perhaps_raised_) {
        return kCounterPath + " holds " + std::to_string(counter) + " after " +
               std::to_string(raised_) + " acknowledged increments and " +
               std::to_string(perhaps_raised_) + " unanswered ones";
    }
    for (const std::string& path : gone_) {
        if (tree.find(path) != nullptr) return "still has " + path + ", whose session was closed";
    }
    return {};
}

}  // namespace zk::sim
