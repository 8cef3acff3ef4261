#include "frontend/watch_table.h"

#include "base/check.h"

namespace zk::frontend {

void WatchTable::add(std::string_view path, ConnectionId connection) {
    auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) {
        watchers = watchers_.emplace(std::string(path), Queue()).first;
    }
    const auto [place, is_new] = places_of_[connection].try_emplace(&*watchers);
    if (!is_new) return;
    place->second = watchers->second.insert(watchers->second.end(), connection);
    ++size_;
}

std::vector<ConnectionId> WatchTable::take(std::string_view path) {
    if (watchers_.empty()) return {};
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return {};
    for (const ConnectionId connection : watchers->second) {
        const auto places = places_of_.find(connection);
        ZK_ASSERT(places != places_of_.end() && places->second.erase(&*watchers) == 1);
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
    for (const auto& [entry, place] : places->second) {
        ZK_ASSERT(*place == connection);
        entry->second.erase(place);
        --size_;
        if (entry->second.empty()) watchers_.erase(watchers_.find(entry->first));
    }
    places_of_.erase(places);
}

bool WatchTable::contains(std::string_view path, ConnectionId connection) const {
    const auto watchers = watchers_.find(path);
    if (watchers == watchers_.end()) return false;
    const auto places = places_of_.find(connection);
    if (places == places_of_.end()) return false;
    // The key is only compared.
    auto* entry = const_cast<Watchers::value_type*>(&*watchers);
    return places->second.contains(entry);
}

}  // namespace zk::frontend
