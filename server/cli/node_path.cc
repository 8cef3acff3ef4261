#include "cli/node_path.h"

#include <algorithm>

namespace zk::cli {

Result<> check_path(std::string_view path, bool sequential) {
    if (sequential) {
        const std::string numbered = std::string(path) + "1";
        return check_path(numbered);
    }
    const auto wrong = [](std::string words) { return Error(Errc::invalid, std::move(words)); };
    if (path.empty()) return wrong("Path length must be > 0");
    if (path.front() != '/') return wrong("Path must start with / character");
    if (path.size() == 1) return ok();
    if (path.back() == '/') return wrong("Path must not end with / character");
    const auto invalid = [&](const std::string& reason, std::size_t at) {
        return wrong("Invalid path string \"" + std::string(path) + "\" caused by " + reason +
                     " @" + std::to_string(at));
    };
    std::size_t at = 1;
    while (at <= path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto name = path.substr(at, end - at);
        if (name.empty()) return invalid("empty node name specified", at);
        if (name == "." || name == "..") return invalid("relative paths not allowed", end - 1);
        for (std::size_t i = 0; i < name.size(); ++i) {
            const auto byte = static_cast<unsigned char>(name[i]);
            if (byte < 0x20 || byte == 0x7f) return invalid("invalid character", at + i);
        }
        at = end + 1;
    }
    return ok();
}

std::string child_of(std::string_view path, std::string_view name) {
    return (path == "/" ? std::string("/") : std::string(path) + "/") + std::string(name);
}

}  // namespace zk::cli
