// Watches of one client loop: which connections wait for which paths.
// Pure. Lives on its client loop. Events come in zxid order, before any newer read is served.
// A watch belongs to a connection, not to its session, and fires at most once.
// Invariant: a connection appears once per path and table.
// Source: ZooKeeper WatchManager, DataTree.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace zk::frontend {

using ConnectionId = std::uint64_t;

/// One table of one-shot watches. ZooKeeper has two: data (and exists) watches, and child watches.
class WatchTable {
  public:
    /// Sets a watch. Setting the same one twice is the same as once.
    void add(std::string_view path, ConnectionId connection);
    /// Takes all watches at `path` out of the table: their connections, in the order in which they
    /// were set.
    std::vector<ConnectionId> take(std::string_view path);
    /// Forgets what `connection` waits for.
    void remove_connection(ConnectionId connection);

    [[nodiscard]] bool contains(std::string_view path, ConnectionId connection) const;
    /// How many watches are set.
    [[nodiscard]] std::size_t size() const { return size_; }

    // Each call costs a constant for each watch that it sets, takes or forgets, however many
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
    /// By key of `watchers_`; keys and queues keep their address as long as their entry lives.
    using Places = std::unordered_map<const std::string*, Place>;

    Watchers watchers_;
    std::unordered_map<ConnectionId, Places> places_of_;
    std::size_t size_ = 0;
};

}  // namespace zk::frontend
