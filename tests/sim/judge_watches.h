// Judge of watches: each fires once, in the order of the history, before any newer answer on its connection, and none is
// left behind. Pure. O(log n) for each observation; a connection's watches go with it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "jute/protocol.h"
#include "sim/replay.h"

namespace zk::sim {

class WatchJudge {
  public:
    using Complain = std::function<void(const std::string&)>;
    enum class Table { data, child };  ///< exists watches are data watches

    WatchJudge(Replay& replay, Complain complain);

    /// What the connection may read decides which events it is told. Before its first watch.
    void open(std::uint64_t connection, std::string name, std::vector<jute::AuthId> auth);
    void close(std::uint64_t connection);
    /// The connection was answered at `zxid`: whatever changed up to there must have been told.
    void answered(std::uint64_t connection, Zxid zxid);
    /// A read answered at `zxid` set a watch. After answered().
    void set(std::uint64_t connection, Table table, const std::string& path, Zxid zxid);
    /// `zxid`: of the header, where it is to be judged: that of the change, or -1 where setWatches tells it.
    void event(std::uint64_t connection,
               const jute::WatcherEvent& event,
               std::optional<Zxid> zxid = {});
    /// Between these two, events are those that setWatches owes at once.
    void catching_up(std::uint64_t connection);
    /// setWatches was answered at `zxid`.
    void caught_up(std::uint64_t connection, const jute::SetWatchesRequest& request, Zxid zxid);

  private:
    struct Watch {
        Zxid set_at;
        std::optional<ModelChange> due;
    };
    struct Connection {
        std::string name;
        std::vector<jute::AuthId> auth;
        std::map<std::string, Watch> watches[2];
        std::set<std::tuple<Zxid, Table, std::string>> due;
        std::optional<std::vector<std::pair<EventType, std::string>>> catching_up;
    };
    void changed(Table table, const std::string& path, const ModelChange& change);
    void becomes_due(Connection& connection,
                     Table table,
                     const std::string& path,
                     const ModelChange& change);
    void take(std::uint64_t id, Connection& connection, Table table, const std::string& path);

    Replay& replay_;
    Complain complain_;
    std::map<std::uint64_t, Connection> connections_;
    /// Watches whose path has not changed yet.
    std::map<std::string, std::set<std::uint64_t>> waiting_[2];
};

}  // namespace zk::sim
