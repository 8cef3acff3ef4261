#include "frontend/watches.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::frontend {
namespace {

/// Of each connection its first place stays.
void keep_first(std::vector<ConnectionId>& ids) {
    if (ids.size() < 2) return;
    std::vector<std::pair<ConnectionId, std::size_t>> sorted;
    sorted.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) sorted.emplace_back(ids[i], i);
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::size_t> again;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i].first == sorted[i - 1].first) again.push_back(sorted[i].second);
    }
    if (again.empty()) return;
    std::sort(again.begin(), again.end());
    std::size_t kept = 0;
    auto skip = again.begin();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (skip != again.end() && *skip == i) {
            ++skip;
        } else {
            ids[kept++] = ids[i];
        }
    }
    ids.resize(kept);
}

/// The kinds of watches that a type names.
std::span<const Watches::Kind> kinds_of(WatcherType type) {
    using enum Watches::Kind;
    static constexpr std::array kAll = {child, data, persistent, recursive};
    switch (type) {
        case WatcherType::children:
            return std::span(kAll).subspan(0, 1);
        case WatcherType::data:
            return std::span(kAll).subspan(1, 1);
        case WatcherType::persistent:
            return std::span(kAll).subspan(2, 1);
        case WatcherType::persistent_recursive:
            return std::span(kAll).subspan(3, 1);
        case WatcherType::any:
            return kAll;
    }
    return {};
}

}  // namespace

void Watches::add(Kind kind, std::string_view path, ConnectionId connection) {
    if (!table(kind).add(path, connection)) return;
    if (kind == Kind::recursive) ++recursive_lengths_[path.size()];
}

void Watches::forget_length(std::string_view path) {
    const auto length = recursive_lengths_.find(path.size());
    ZK_ASSERT(length != recursive_lengths_.end());
    if (--length->second == 0) recursive_lengths_.erase(length);
}

bool Watches::remove(WatcherType type, std::string_view path, ConnectionId connection) {
    bool removed = false;
    for (const Kind kind : kinds_of(type)) {
        if (!table(kind).remove(path, connection)) continue;
        removed = true;
        if (kind == Kind::recursive) forget_length(path);
    }
    return removed;
}

bool Watches::contains(WatcherType type, std::string_view path, ConnectionId connection) const {
    const auto kinds = kinds_of(type);
    return std::any_of(kinds.begin(), kinds.end(), [&](Kind kind) {
        return table(kind).contains(path, connection);
    });
}

void Watches::remove_connection(ConnectionId connection) {
    for (const Kind kind : {Kind::data, Kind::child, Kind::persistent}) {
        table(kind).remove_connection(connection);
    }
    table(Kind::recursive).remove_connection(connection, [this](std::string_view path) {
        forget_length(path);
    });
}

std::vector<ConnectionId> Watches::node_changed(std::string_view path) {
    std::vector<ConnectionId> told = table(Kind::data).take(path);
    const std::size_t once = told.size();
    table(Kind::persistent).collect(path, told);
    for (const auto& [length, count] : recursive_lengths_) {
        if (length > path.size()) break;
        // "/" is above all others, whatever comes behind its one character; "" is not.
        const bool inside = length > 1 && length < path.size() && path[length] != '/';
        if (length == 0 || inside) continue;
        table(Kind::recursive).collect(path.substr(0, length), told);
    }
    if (told.size() > once) keep_first(told);
    return told;
}

std::vector<ConnectionId> Watches::rest_of_deleted(std::string_view path,
                                                   const std::vector<ConnectionId>& told) {
    std::vector<ConnectionId> rest = table(Kind::child).take(path);
    if (rest.empty()) return rest;
    std::vector<ConnectionId> sorted = told;
    std::sort(sorted.begin(), sorted.end());
    std::erase_if(rest, [&sorted](ConnectionId id) {
        return std::binary_search(sorted.begin(), sorted.end(), id);
    });
    return rest;
}

std::vector<ConnectionId> Watches::children_changed(std::string_view path) {
    std::vector<ConnectionId> told = table(Kind::child).take(path);
    const std::size_t once = told.size();
    table(Kind::persistent).collect(path, told);
    if (told.size() > once) keep_first(told);
    return told;
}

std::size_t Watches::size() const {
    return table(Kind::data).size() + table(Kind::child).size() +
           2 * table(Kind::persistent).size() + table(Kind::recursive).size();
}

std::size_t Watches::bytes() const {
    std::size_t bytes = 0;
    for (const WatchTable& table : tables_) bytes += table.bytes();
    return bytes;
}

std::optional<ConnectionId> Watches::largest(std::span<const ConnectionId> connections) const {
    std::optional<ConnectionId> found;
    std::size_t most = 0;
    for (const ConnectionId id : connections) {
        std::size_t bytes = 0;
        for (const WatchTable& table : tables_) bytes += table.bytes_of(id);
        if (bytes <= most) continue;
        most = bytes;
        found = id;
    }
    return found;
}

}  // namespace zk::frontend
