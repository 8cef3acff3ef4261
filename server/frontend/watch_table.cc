#include "frontend/watch_table.h"

#include "base/check.h"

namespace zk::frontend {

void WatchTable::add(std::string_view path, ConnectionId connection) {
    auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) {
        watchers = watchers_.emplace(std::string(path), Queue()).first;
    }
    const auto [place, is_new] = places_of_[connection].try_emplace(&watchers->first);
    if (!is_new) return;
    Queue& queue = watchers->second;
    place->second = Place{&queue, queue.insert(queue.end(), connection)};
    ++size_;
}

std::vector<ConnectionId> WatchTable::take(std::string_view path) {
    if (watchers_.empty()) return {};
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return {};
    for (const ConnectionId connection : watchers->second) {
        const auto places = places_of_.find(connection);
        ZK_ASSERT(places != places_of_.end() && places->second.erase(&watchers->first) == 1);
        if (places->second.empty()) places_of_.erase(places);
    }
    std::vector<ConnectionId> taken(watchers->second.begin(), watchers->second.end());
    watchers_.erase(watchers);
    size_ -= taken.size();
    return taken;
}

void WatchTable::remove_connection(ConnectionId connection) {
    const auto places = places_of_.find(connection);
    if (places == places_of_.end()) return;
    for (const auto& [path, place] : places->second) {
        ZK_ASSERT(*place.at == connection);
        place.queue->erase(place.at);
        --size_;
        if (place.queue->empty()) watchers_.erase(watchers_.find(*path));
    }
    places_of_.erase(places);
}

bool WatchTable::contains(std::string_view path, ConnectionId connection) const {
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return false;
    const auto places = places_of_.find(connection);
    return places != places_of_.end() && places->second.contains(&watchers->first);
}

}  // namespace zk::frontend
