// Watches of one kind in one client loop: which connections wait for which paths.
// Pure. Lives on its client loop. A watch belongs to a connection, not to its session.
// Invariant: a connection appears once per path.
// Source: ZooKeeper WatchManager.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace zk::frontend {

using ConnectionId = std::uint64_t;

/// One table. What its watches mean, and whether they fire once only, is for the caller (watches.h).
class WatchTable {
  public:
    /// What a watch costs beside the bytes of its path, about.
    static constexpr std::size_t kWatchBytes = 256;

    /// Sets a watch. Setting the same one twice is the same as once; then false.
    bool add(std::string_view path, ConnectionId connection);
    /// Takes all watches at `path` out of the table: their connections, in the order in which they
    /// were set.
    std::vector<ConnectionId> take(std::string_view path);
    /// Appends the connections that watch `path`, in the same order. Their watches stay.
    void collect(std::string_view path, std::vector<ConnectionId>& out) const;
    /// Forgets one watch. False if there is none.
    bool remove(std::string_view path, ConnectionId connection);
    /// Forgets what `connection` waits for, and gives each path to `forgotten`.
    template <class Forgotten>
    void remove_connection(ConnectionId connection, const Forgotten& forgotten);
    void remove_connection(ConnectionId connection) {
        remove_connection(connection, [](std::string_view) {});
    }

    /// Gives every path with each of its connections to `visit`, a path at a time.
    template <class Visit>
    void each(const Visit& visit) const {
        for (const auto& [path, queue] : watchers_) {
            for (const ConnectionId connection : queue) visit(std::string_view(path), connection);
        }
    }

    [[nodiscard]] bool contains(std::string_view path, ConnectionId connection) const;
    /// How many watches are set.
    [[nodiscard]] std::size_t size() const { return size_; }
    /// What they cost; each pays for its path, though paths are kept once.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t bytes_of(ConnectionId connection) const;

    // Each call costs a constant for each watch that it sets, takes, forgets or names, however many
    // connections watch the same path.

  private:
    struct PathHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view path) const {
            return std::hash<std::string_view>{}(path);
        }
    };
    /// Connections in the order in which they set their watch.
    using Queue = std::list<ConnectionId>;
    using Watchers = std::unordered_map<std::string, Queue, PathHash, std::equal_to<>>;
    /// A connection's place in a path's queue.
    struct Place {
        Queue* queue = nullptr;
        Queue::iterator at;
    };
    /// What one connection waits for.
    struct Own {
        /// By key of `watchers_`; keys and queues keep their address as long as their entry lives.
        std::unordered_map<const std::string*, Place> places;
        std::size_t bytes = 0;
    };
    static std::size_t cost(std::string_view path) { return kWatchBytes + path.size(); }

    Watchers watchers_;
    std::unordered_map<ConnectionId, Own> own_;
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
};

template <class Forgotten>
void WatchTable::remove_connection(ConnectionId connection, const Forgotten& forgotten) {
    const auto own = own_.find(connection);
    if (own == own_.end()) return;
    for (const auto& [path, place] : own->second.places) {
        forgotten(std::string_view(*path));
        place.queue->erase(place.at);
        --size_;
        if (place.queue->empty()) watchers_.erase(watchers_.find(*path));
    }
    bytes_ -= own->second.bytes;
    own_.erase(own);
}

}  // namespace zk::frontend
