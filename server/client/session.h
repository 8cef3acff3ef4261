// A client that lives as long as its session: it knows all servers of an ensemble, goes to the next
// one when a connection ends, keeps its identities and watches, and says what happened by events.
// Shell, Asio. Lives on the thread of its executor, which somebody has to run: pings and the way
// back depend on it. Paths are below the chroot of the connect string, both ways.
// Source: ZooKeeper ClientCnxn (order of what a new server is told), StaticHostProvider.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "client/client.h"
#include "client/connect_string.h"
#include "jute/client_protocol.h"

namespace zk::client {

struct SessionOptions {
    ConnectString where;
    std::chrono::milliseconds session_timeout{30000};   ///< asked for; the server may clamp it
    std::chrono::milliseconds connect_timeout{5000};    ///< TCP and handshake, of each server
    std::chrono::milliseconds request_timeout{120000};  ///< of an answer from a server that pings
    std::chrono::milliseconds pause{1000};              ///< after all servers were tried in vain
    bool read_only = false;                             ///< a server without a quorum will do, too
    bool in_order = false;  ///< servers in the order of the text; else shuffled, to spread clients
};

enum class SessionState { connecting, connected, connected_read_only, closed, auth_failed };

struct Event {
    jute::EventKind kind{};
    jute::KeeperState state{};
    std::string path;  ///< empty for `kind` none
};

struct AclAndStat {
    jute::AclList acl;
    jute::Stat stat;
};
struct ChildrenAndStat {
    std::vector<std::string> children;
    jute::Stat stat;
};
struct NewNode {
    std::string path;
    jute::Buffer data;
    jute::AclList acl;
    CreateMode mode{};
    std::int64_t ttl_ms = 0;  ///< only for modes with one
};
/// What reconfig is asked for: members that come and go, or all of them. Lists are comma separated.
struct Reconfiguration {
    jute::NullableString joining, leaving, members;
    std::int64_t version = -1;  ///< of the configuration that it starts from; -1 any
};
enum class Watch { no, yes };

/// Failed Results are operating errors: Errc::closed (no connection, or it ended: a write in flight
/// may or may not have happened), Errc::timeout, Errc::refused (the session is over).
class Session {
  public:
    using OnEvent = std::function<void(const Event&)>;
    template <class T>
    using Answer = boost::asio::awaitable<Result<Reply<T>>>;

    /// `on_event` is told of changes of the state and of watch events, between turns of the loop or
    /// within calls. It must not end the session.
    Session(boost::asio::any_io_executor executor, SessionOptions options, OnEvent on_event);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Begins to connect, in the background.
    void start();
    /// Until a server has taken the session, or all were tried in vain. Requests wait like that, too.
    boost::asio::awaitable<Result<>> ready();
    /// The same, trying on until the time is up.
    boost::asio::awaitable<Result<>> ready_within(std::chrono::milliseconds timeout);
    /// Ends the session; its ephemerals are gone afterwards. Does not wait for a server that is away.
    boost::asio::awaitable<void> close();

    [[nodiscard]] SessionState state() const;
    [[nodiscard]] SessionId id() const;
    /// The server that has the session, or that is being tried.
    [[nodiscard]] const ServerAddress& server() const;

    Answer<std::string> create(NewNode node);
    Answer<Nothing> remove(std::string path, std::int32_t version);
    Answer<jute::Stat> exists(std::string path, Watch watch = Watch::no);
    Answer<NodeData> get_data(std::string path, Watch watch = Watch::no);
    /// Of /zookeeper/config, whatever the chroot.
    Answer<NodeData> get_config(Watch watch = Watch::no);
    Answer<jute::Stat> set_data(std::string path, jute::Buffer data, std::int32_t version);
    Answer<AclAndStat> get_acl(std::string path);
    Answer<jute::Stat> set_acl(std::string path, jute::AclList acl, std::int32_t version);
    Answer<ChildrenAndStat> get_children(std::string path, Watch watch = Watch::no);
    Answer<Nothing> sync(std::string path);
    /// Of this session, below the path.
    Answer<std::vector<std::string>> get_ephemerals(std::string path);
    Answer<std::int32_t> get_all_children_number(std::string path);
    Answer<std::vector<jute::ClientInfo>> who_am_i();
    Answer<NodeData> reconfig(Reconfiguration wanted);
    /// All of them or none, in order; whatever their versions. The error is the first one's that
    /// failed, and `value` says which it was.
    Answer<std::size_t> remove_all(std::vector<std::string> paths);
    /// Counts for later requests, on every connection of this session. A wrong one ends it.
    Answer<Nothing> add_auth(std::string scheme, Bytes auth);
    Answer<Nothing> add_watch(std::string path, AddWatchMode mode);
    /// ErrorCode::no_watcher: this session has none of the kind there. With `local` a server that is
    /// away, or says no, does not matter.
    Answer<Nothing> remove_watches(std::string path, WatcherType kind, bool local);

  private:
    struct Core;
    Answer<NodeData> get_at(std::string full, Watch watch);

    std::shared_ptr<Core> core_;
};

}  // namespace zk::client
