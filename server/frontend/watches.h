// All watches of one client loop, and whom a change is told.
// Pure. Lives on its client loop. Four kinds: what reads leave (data and exists watches, child
// watches) fires once; what addWatch leaves stays until it is removed or its connection ends. A
// connection may have several kinds at one path, and hears of a change once all the same.
// Source: ZooKeeper 3.9 DataTree, WatchManager, WatchStats; docs/PROTOCOL.md 1.4.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/watch_table.h"
#include "jute/codes.h"

namespace zk::frontend {

class Watches {
  public:
    enum class Kind {
        data,        ///< of getData, and of exists, also on a missing node
        child,       ///< of getChildren
        persistent,  ///< as both of these, again and again
        recursive,   ///< of the node and all below it: all but what children watches tell
    };

    void add(Kind kind, std::string_view path, ConnectionId connection);
    /// removeWatches: false if the connection has none of this type at `path`.
    bool remove(WatcherType type, std::string_view path, ConnectionId connection);
    /// checkWatches.
    [[nodiscard]] bool contains(WatcherType type,
                                std::string_view path,
                                ConnectionId connection) const;
    void remove_connection(ConnectionId connection);

    /// Whom the creation, change or end of the node at `path` is told. Each connection once; what
    /// fires once is gone behind it.
    std::vector<ConnectionId> node_changed(std::string_view path);
    /// Who has child watches on a node that has ended, without those who were `told` that already.
    std::vector<ConnectionId> rest_of_deleted(std::string_view path,
                                              const std::vector<ConnectionId>& told);
    /// Whom it is told that children of `path` came or went.
    std::vector<ConnectionId> children_changed(std::string_view path);

    /// Every watch of data and existence, what addWatch has set included: by path, and there in the order in which they
    /// were set, once for each connection.
    template <class Visit>
    void each_data_watch(const Visit& visit) const;

    [[nodiscard]] bool empty() const { return size() == 0; }
    /// As Apache's server counts them: a persistent one is in two tables.
    [[nodiscard]] std::size_t size() const;
    /// What all of them cost, about.
    [[nodiscard]] std::size_t bytes() const;
    /// The one of `connections` whose watches cost most.
    [[nodiscard]] std::optional<ConnectionId> largest(
        std::span<const ConnectionId> connections) const;

  private:
    static constexpr std::size_t kKinds = 4;
    WatchTable& table(Kind kind) { return tables_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const WatchTable& table(Kind kind) const {
        return tables_[static_cast<std::size_t>(kind)];
    }
    void forget_length(std::string_view path);

    std::array<WatchTable, kKinds> tables_;
    /// How many recursive watches have paths of this length: only such ancestors are looked up.
    std::map<std::size_t, std::size_t> recursive_lengths_;
};

template <class Visit>
void Watches::each_data_watch(const Visit& visit) const {
    std::map<std::string_view, std::vector<ConnectionId>> by_path;
    const std::array kinds = {Kind::data, Kind::persistent, Kind::recursive};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        table(kinds[i]).each([&](std::string_view path, ConnectionId connection) {
            const auto has = [&](Kind kind) { return table(kind).contains(path, connection); };
            if (std::none_of(kinds.data(), kinds.data() + i, has))
                by_path[path].push_back(connection);
        });
    }
    for (const auto& [path, ids] : by_path) {
        for (const ConnectionId id : ids) visit(path, id);
    }
}

}  // namespace zk::frontend
