// The client port: accepts, reads and writes sockets for one Frontend. Decides nothing about
// requests. Shell, Asio, on one io_context; not thread-safe. One write per connection and turn; a
// read buffer is shared, so that an idle connection costs little memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "frontend/admission.h"
#include "frontend/turn.h"
#include "net/alarm.h"
#include "net/listener.h"
#include "net/ports.h"
#include "request/outcome.h"
#include "request/request.h"
#include "tree/data_tree.h"

namespace zk::net {

struct ClientLoopSettings {
    std::string address;  ///< clientPortAddress; empty: all addresses, IPv6 too where there is any
    std::uint16_t port = 2181;  ///< clientPort; 0: the kernel picks
    int backlog = -1;           ///< clientPortListenBacklog; -1: the system's largest
    frontend::Admission::Limits admission;
    frontend::Settings frontend;
};

class ClientLoop final : public ClientPort, private ListenerUser {
  public:
    /// `tree` is the core's, until hear() brings another. What clients ask goes to `core`; `server` answers
    /// four-letter words. All of them outlive the loop.
    ClientLoop(boost::asio::io_context& io,
               ClientLoopSettings settings,
               const tree::DataTree& tree,
               CorePort& core,
               ServerPort& server,
               Log log);
    ~ClientLoop() override;

    /// Binds and begins to accept. The error names address and port and says what to do. Gives the
    /// port.
    Result<std::uint16_t> open();
    void hear(const tree::DataTree* tree, std::span<request::ToFrontend> messages) override;
    void flush() override;
    /// Closes the port and all connections; no callback is called any more.
    void stop();

    [[nodiscard]] const frontend::Frontend& frontend() const { return turn_.frontend(); }
    void reset_statistics() {
        turn_.reset_statistics();
        refused_ = 0;
    }
    /// Connections that were refused for a limit.
    [[nodiscard]] std::int64_t refused() const { return refused_; }
    void reset_connection_statistics() { turn_.reset_connection_statistics(); }

  private:
    class Link;
    using LinkPtr = std::shared_ptr<Link>;

    void on_connection(std::unique_ptr<Stream> stream) override;
    void on_listen_failed(const Error&) override {}
    void wait_readable(const LinkPtr& link);
    void readable(const LinkPtr& link);
    void writable(const LinkPtr& link);
    void drain_before_close(const LinkPtr& link);
    void serve(const LinkPtr& link);
    /// Writes as much as the socket takes. False: the rest goes on when it is writable.
    bool write_some(const LinkPtr& link);
    void obey(const LinkPtr& link, frontend::Orders orders);
    void end(const LinkPtr& link);
    void tick();
    void tick_later();
    void tick_after(std::size_t turns);

    boost::asio::io_context& io_;
    CorePort& core_;
    ServerPort& server_;
    Log log_;
    frontend::Turn turn_;
    frontend::Admission admission_;
    Listener listener_;
    Alarm tick_;
    std::unordered_map<frontend::ConnectionId, LinkPtr> links_;
    frontend::ConnectionId next_id_ = 1;
    struct Lingering {
        Instant until;
        std::weak_ptr<Link> link;
    };
    std::deque<Lingering> lingering_;  ///< shut by us, not yet by the client; oldest first
    std::vector<char> read_buffer_;
    std::int64_t refused_ = 0;
    bool stopped_ = false;
    bool resumes_ = false;  ///< a turn for those who cost too much is on its way
    bool flushing_ = false;
};

}  // namespace zk::net
