// The client port: accepts for all client loops of a server, on the core's loop. It counts connections and keeps the limits
// on them, gives each a number, and hands it to the loop that has the fewest.
// Shell, Asio, on one io_context; not thread-safe, but for left().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "frontend/admission.h"
#include "frontend/frontend.h"
#include "net/listener.h"

namespace zk::net {

class ClientLoop;

struct ClientDoorSettings {
    std::string address;  ///< clientPortAddress; empty: all addresses, IPv6 too where there is any
    std::uint16_t port = 2181;  ///< clientPort; 0: the kernel picks
    int backlog = -1;           ///< clientPortListenBacklog; -1: the system's largest
    bool keep_alive = false;    ///< clientTcpKeepAlive
    frontend::Admission::Limits admission;
};

class ClientDoor final : private ListenerUser {
  public:
    ClientDoor(boost::asio::io_context& io, const ClientDoorSettings& settings, Log log);

    /// In the order of their numbers; they outlive the last connection. Before open().
    void add(ClientLoop& loop) { rooms_.push_back({&loop}); }
    /// Binds and begins to accept. The error names address and port and says what to do. Gives the
    /// port.
    Result<std::uint16_t> open() { return listener_.open_now(); }
    void close() { listener_.close(); }

    /// Any thread: a connection of this loop has ended.
    void left(std::uint32_t loop, const std::string& address);

    /// Connections that were refused for a limit.
    [[nodiscard]] std::int64_t refused() const { return refused_; }
    void reset_refused() { refused_ = 0; }
    [[nodiscard]] std::vector<std::size_t> connections_by_loop() const;

  private:
    struct Room {
        ClientLoop* loop;
        std::size_t connections = 0;
    };

    void on_connection(std::unique_ptr<Stream> stream) override;
    void on_listen_failed(const Error&) override {}
    boost::asio::io_context* next_home() override;
    [[nodiscard]] Room& emptiest();

    boost::asio::io_context& io_;
    Log log_;
    frontend::Admission admission_;
    Listener listener_;
    std::vector<Room> rooms_;
    frontend::ConnectionId next_id_ = 1;
    std::int64_t refused_ = 0;
};

}  // namespace zk::net
