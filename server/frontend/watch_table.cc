#include "frontend/watch_table.h"

#include <algorithm>

#include "base/check.h"

namespace zk::frontend {

void WatchTable::add(std::string_view path, ConnectionId connection) {
    auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) {
        watchers = watchers_.emplace(std::string(path), std::vector<ConnectionId>{}).first;
    }
    if (!paths_of_[connection].insert(&watchers->first).second) return;
    watchers->second.push_back(connection);
    ++size_;
}

std::vector<ConnectionId> WatchTable::take(std::string_view path) {
    if (watchers_.empty()) return {};
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return {};
    for (const ConnectionId connection : watchers->second) {
        const auto paths = paths_of_.find(connection);
        ZK_ASSERT(paths != paths_of_.end() && paths->second.erase(&watchers->first) == 1);
        if (paths->second.empty()) paths_of_.erase(paths);
    }
    std::vector<ConnectionId> taken = std::move(watchers->second);
    watchers_.erase(watchers);
    size_ -= taken.size();
    return taken;
}

void WatchTable::remove_connection(ConnectionId connection) {
    const auto paths = paths_of_.find(connection);
    if (paths == paths_of_.end()) return;
    for (const std::string* path : paths->second) {
        const auto watchers = watchers_.find(*path);
        ZK_ASSERT(watchers != watchers_.end());
        ZK_ASSERT(std::erase(watchers->second, connection) == 1);
        if (watchers->second.empty()) watchers_.erase(watchers);
        --size_;
    }
    paths_of_.erase(paths);
}

bool WatchTable::contains(std::string_view path, ConnectionId connection) const {
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return false;
    const auto paths = paths_of_.find(connection);
    return paths != paths_of_.end() && paths->second.contains(&watchers->first);
}

}  // namespace zk::frontend
