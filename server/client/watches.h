// The watches of one session, as its client keeps them: which events belong to a watch, which watch
// an event ends, and what a new server has to be told. Paths are absolute: a chroot is not known here.
// Decides only, touches nothing. Source: ZooKeeper ZKWatchManager, ClientCnxn.primeConnection.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "jute/client_protocol.h"

namespace zk::client {

/// One request that tells a server of watches; `op` is setWatches or setWatches2.
struct WatchesAgain {
    OpCode op = OpCode::set_watches;
    Bytes body;
};

class Watches {
  public:
    void add_data(const std::string& path) { data_.insert(path); }
    /// Of a node that is not there yet.
    void add_exist(const std::string& path) { exist_.insert(path); }
    void add_child(const std::string& path) { child_.insert(path); }
    void add(const std::string& path, AddWatchMode mode);

    /// Whether somebody waits for this event. Watches that it ends are gone afterwards.
    bool take(EventType type, const std::string& path);
    /// Whether there is a watch of `kind` at the path.
    [[nodiscard]] bool has(const std::string& path, WatcherType kind) const;
    /// Takes the watches of `kind` away and says what is then told: one event for each sort.
    std::vector<jute::EventKind> remove(const std::string& path, WatcherType kind);
    /// Requests for a server that does not know the watches, in order. What happened after `seen` is
    /// told by events. A request is bounded at about 128 KiB: a server refuses large ones.
    [[nodiscard]] std::vector<WatchesAgain> again(Zxid seen) const;
    [[nodiscard]] bool empty() const;
    void clear() { *this = Watches(); }

  private:
    [[nodiscard]] bool covered(EventType type, const std::string& path) const;

    std::set<std::string> data_, exist_, child_, persistent_, recursive_;
};

}  // namespace zk::client
