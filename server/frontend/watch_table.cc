#include "frontend/watch_table.h"

#include "base/check.h"

namespace zk::frontend {

bool WatchTable::add(std::string_view path, ConnectionId connection) {
    auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) {
        watchers = watchers_.emplace(std::string(path), Queue()).first;
    }
    Own& own = own_[connection];
    const auto [place, is_new] = own.places.try_emplace(&watchers->first);
    if (!is_new) return false;
    Queue& queue = watchers->second;
    place->second = Place{&queue, queue.insert(queue.end(), connection)};
    ++size_;
    own.bytes += cost(path);
    bytes_ += cost(path);
    return true;
}

std::vector<ConnectionId> WatchTable::take(std::string_view path) {
    if (watchers_.empty()) return {};
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return {};
    for (const ConnectionId connection : watchers->second) {
        const auto own = own_.find(connection);
        ZK_ASSERT(own != own_.end() && own->second.places.erase(&watchers->first) == 1);
        own->second.bytes -= cost(path);
        if (own->second.places.empty()) own_.erase(own);
    }
    std::vector<ConnectionId> taken(watchers->second.begin(), watchers->second.end());
    watchers_.erase(watchers);
    size_ -= taken.size();
    bytes_ -= taken.size() * cost(path);
    return taken;
}

void WatchTable::collect(std::string_view path, std::vector<ConnectionId>& out) const {
    if (watchers_.empty()) return;
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return;
    out.insert(out.end(), watchers->second.begin(), watchers->second.end());
}

bool WatchTable::remove(std::string_view path, ConnectionId connection) {
    const auto watchers = watchers_.find(path);
    const auto own = own_.find(connection);
    if (watchers == watchers_.end() || own == own_.end()) return false;
    const auto place = own->second.places.find(&watchers->first);
    if (place == own->second.places.end()) return false;
    watchers->second.erase(place->second.at);
    own->second.places.erase(place);
    own->second.bytes -= cost(path);
    if (own->second.places.empty()) own_.erase(own);
    if (watchers->second.empty()) watchers_.erase(watchers);
    --size_;
    bytes_ -= cost(path);
    return true;
}

bool WatchTable::contains(std::string_view path, ConnectionId connection) const {
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return false;
    const auto own = own_.find(connection);
    return own != own_.end() && own->second.places.contains(&watchers->first);
}

std::size_t WatchTable::bytes_of(ConnectionId connection) const {
    const auto own = own_.find(connection);
    return own == own_.end() ? 0 : own->second.bytes;
}

}  // namespace zk::frontend
