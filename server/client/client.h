// A small asynchronous client of any ZooKeeper server, for our own tools: probe writes, health
// probes, tests. Shell, Asio. Lives on the thread of its executor; any number of requests may be in
// flight, answers come in order. One connection to one server: the caller decides where to go next
// when it ends (client/session.h is a client that knows several). Notifications are ignored, because
// nothing here sets a watch. Source: facts of the client protocol (handshake, headers, reserved xids); zookeeper.jute.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "jute/protocol.h"

namespace zk::client {

struct ClientOptions {
    std::string host = "127.0.0.1";  ///< IP address or name
    std::uint16_t port = 2181;
    std::chrono::milliseconds session_timeout{10000};  ///< asked for; the server may clamp it
    std::chrono::milliseconds connect_timeout{5000};   ///< TCP and handshake
    std::chrono::milliseconds request_timeout{10000};  ///< of each request
    SessionId session;       ///< 0: a new session; else the one to go on with
    Bytes password;          ///< of `session`
    Zxid last_zxid_seen;     ///< a server behind it refuses the connection
    bool read_only = false;  ///< a server without a quorum will do, too
    /// A ping without an answer for a third of the session's timeout ends the connection, so that
    /// there is time to go on elsewhere. Without it the ping has `request_timeout`, too.
    bool leaves_silent_server = false;
};

/// What came back of one request. A client's mistake (no node, bad version) is `error`, not a
/// failed Result.
template <class T>
struct Reply {
    ErrorCode error = ErrorCode::ok;
    Zxid zxid;
    T value{};  ///< meaningful when error is ok
    [[nodiscard]] bool ok() const { return error == ErrorCode::ok; }
};
struct Nothing {};
struct NodeData {
    jute::Buffer data;
    jute::Stat stat;
};

/// ACL world:anyone, all rights.
jute::AclList open_acl();

class Connection;

/// Failed Results are operating errors: Errc::timeout, Errc::closed (the connection ended; a write
/// in flight may or may not have happened), Errc::refused (the session is gone).
class Client {
  public:
    Client(boost::asio::any_io_executor executor, ClientOptions options);
    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;

    /// Dials and opens or re-attaches the session. Once per client.
    boost::asio::awaitable<Result<>> connect();

    boost::asio::awaitable<Result<Reply<std::string>>> create(std::string path,
                                                              jute::Buffer data,
                                                              CreateMode mode);
    boost::asio::awaitable<Result<Reply<Nothing>>> remove(std::string path, std::int32_t version);
    boost::asio::awaitable<Result<Reply<jute::Stat>>> exists(std::string path);
    boost::asio::awaitable<Result<Reply<NodeData>>> get_data(std::string path);
    boost::asio::awaitable<Result<Reply<jute::Stat>>> set_data(std::string path,
                                                               jute::Buffer data,
                                                               std::int32_t version);
    boost::asio::awaitable<Result<Reply<std::vector<std::string>>>> get_children(std::string path);
    /// Afterwards reads through this connection see at least what was committed before.
    boost::asio::awaitable<Result<Reply<Nothing>>> sync(std::string path);
    boost::asio::awaitable<Result<Reply<Nothing>>> ping();
    /// Ends the session and the connection.
    boost::asio::awaitable<Result<>> close();
    /// Drops the connection; the session lives on until its timeout.
    void disconnect();

    [[nodiscard]] SessionId session() const;
    [[nodiscard]] const Bytes& password() const;
    [[nodiscard]] std::chrono::milliseconds negotiated_timeout() const;
    /// Newest zxid of any answer.
    [[nodiscard]] Zxid last_zxid() const;
    [[nodiscard]] bool connected() const;

  private:
    std::shared_ptr<Connection> connection_;
};

}  // namespace zk::client
