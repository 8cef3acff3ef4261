// One TCP connection of a client: frames out in order, answers matched to requests in order.
// Shell, Asio. Lives on the thread of its executor; kept alive by whoever waits on it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "client/client.h"
#include "jute/frame.h"
#include "jute/protocol.h"

namespace zk::client {

/// The header and the bytes behind it.
struct RawReply {
    jute::ReplyHeader header;
    Bytes body;
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(const boost::asio::any_io_executor& executor, ClientOptions options);

    /// Called with the header of an answer, before any frame behind it is looked at: a watch that
    /// a read has set is known before its event comes.
    using OnAnswer = std::function<void(const jute::ReplyHeader&)>;

    boost::asio::awaitable<Result<>> connect();
    /// Sends `op` with `body` and waits for its answer.
    boost::asio::awaitable<Result<RawReply>> request(OpCode op, Bytes body, OnAnswer heard = {});
    void shut(Error why);
    /// Why the connection is no more; nothing while it is, or is to come.
    [[nodiscard]] const std::optional<Error>& ended() const { return ended_; }

    /// Called for each watch event; without it they are ignored.
    std::function<void(const jute::WatcherEvent&)> on_event;
    /// Called once, when an open connection has ended.
    std::function<void()> on_end;

    ClientOptions options;
    jute::ConnectResponse session;
    Zxid last_zxid;
    bool open = false;
    bool read_only = false;  ///< the server has no quorum and serves reads only

  private:
    struct Pending {
        Pending(const boost::asio::any_io_executor& executor, Xid request_xid)
            : timer(executor), xid(request_xid) {}
        boost::asio::steady_timer timer;
        Xid xid;
        OnAnswer heard;
        std::optional<Result<RawReply>> answer;
    };

    boost::asio::awaitable<Result<>> dial();
    boost::asio::awaitable<Result<>> handshake();
    boost::asio::awaitable<Result<Bytes>> read_first_frame();
    boost::asio::awaitable<void> read_loop();
    boost::asio::awaitable<void> ping_loop();
    boost::asio::awaitable<Result<RawReply>> ask(OpCode op,
                                                 Bytes body,
                                                 OnAnswer heard,
                                                 std::chrono::milliseconds timeout);
    void take_frame(ByteView frame);
    std::shared_ptr<Pending> take_pending(Xid xid);
    Xid xid_for(OpCode op);
    void send(Bytes frame);
    void write_on();

    boost::asio::any_io_executor executor_;
    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer idle_timer_;
    jute::FrameDecoder decoder_;
    std::deque<std::shared_ptr<Pending>> pending_;
    Bytes outbox_;
    Bytes in_flight_;
    bool writing_ = false;
    std::int32_t next_xid_ = 1;
    std::optional<Error> ended_;
};

}  // namespace zk::client
