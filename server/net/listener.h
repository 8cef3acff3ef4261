// A port of this server: binds, says why not in words that name the way out, and accepts. The same for
// all three ports. Shell, Asio, on one io_context; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "ensemble/ensemble_config.h"
#include "net/alarm.h"
#include "net/plain_stream.h"

namespace zk::net {

struct ListenPlace {
    std::string host;        ///< address or name; empty: all addresses, IPv6 too where there is any
    std::uint16_t port = 0;  ///< 0: the kernel picks
    int backlog = -1;        ///< -1: the system's largest
};

/// How a port is spoken of.
struct ListenWords {
    std::string event;  ///< of the log: "quorum_port"
    std::string port;   ///< "the quorum port"
    std::string where;  ///< what says its address: "this server's server.N line"
};

struct ListenTries {
    int count = 1;  ///< 0: for ever
    Duration pause = std::chrono::seconds(1);
};

/// What becomes of a port.
class ListenerUser {
  public:
    ListenerUser() = default;
    ListenerUser(const ListenerUser&) = delete;
    ListenerUser& operator=(const ListenerUser&) = delete;
    virtual ~ListenerUser() = default;

    virtual void on_connection(std::unique_ptr<Stream> stream) = 0;
    /// Where the connection is to live that on_connection() follows with; null: on the listener's io_context.
    virtual boost::asio::io_context* next_home() { return nullptr; }
    /// No try was successful. May come from within open().
    virtual void on_listen_failed(const Error& error) = 0;
};

class Listener {
  public:
    /// `user` outlives it.
    Listener(boost::asio::io_context& io,
             ListenPlace place,
             ListenWords words,
             StreamTuning tuning,
             ListenerUser& user,
             Log log);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// Binds now and accepts; a name is looked up on this thread. Gives the port, or the reason.
    Result<std::uint16_t> open_now();
    /// Binds and accepts as soon as that is possible; a name is looked up without blocking. Of the failures
    /// the first and the last are logged.
    void open(ListenTries tries);
    /// Binds and lets go: whether it can be had, before it is needed. A name that does not resolve now may do
    /// so then, and is no failure.
    void check(ListenTries tries);
    /// Lets the port go; nothing is called any more. Idempotent; open() may follow.
    void close();
    [[nodiscard]] bool is_open() const { return state_ != nullptr; }

  private:
    struct State;
    void bind_later(int attempt);
    void bound(int attempt, boost::system::error_code error);
    void failed(int attempt, boost::system::error_code error);
    void listening();
    void accept_next();
    [[nodiscard]] boost::system::error_code bind(const boost::asio::ip::tcp::endpoint& at);
    [[nodiscard]] Error words_for(boost::system::error_code error) const;
    [[nodiscard]] std::string place() const;

    boost::asio::io_context& io_;
    const ListenPlace place_;
    const ListenWords words_;
    const StreamTuning tuning_;
    ListenerUser& user_;
    Log log_;
    std::shared_ptr<State> state_;  ///< of the port that is open or tried
};

}  // namespace zk::net
