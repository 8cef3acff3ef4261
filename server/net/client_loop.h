// The client port: accepts, reads and writes sockets for one Frontend. Decides nothing about
// requests. Shell, Asio, on one io_context; not thread-safe. One write per connection and turn; a
// read buffer is shared, so that an idle connection costs little memory. TCP only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/result.h"
#include "frontend/turn.h"
#include "request/outcome.h"
#include "request/request.h"
#include "tree/data_tree.h"

namespace zk::net {

struct ClientLoopSettings {
    std::string address;  ///< clientPortAddress; empty: all addresses, IPv6 too where there is any
    std::uint16_t port = 2181;             ///< clientPort; 0: the kernel picks
    int backlog = -1;                      ///< clientPortListenBacklog; -1: the system's largest
    int connections_per_address_max = 60;  ///< maxClientCnxns; 0: no limit
    int connections_max = 0;               ///< maxCnxns; 0: no limit
    /// Connections for which there are file descriptors, when other rooms keep theirs; 0: unknown.
    int descriptors_max = 0;
    frontend::Settings frontend;
};

class ClientLoop {
  public:
    /// Where messages for the core go; the callee takes them out of the vector, which is cleared
    /// afterwards.
    using ToCore = std::function<void(std::vector<request::ToCore>&)>;
    /// The raw text that answers a four-letter word.
    using FourLetter = std::function<std::string(std::string_view word)>;

    /// `tree` is the core's; see set_tree.
    ClientLoop(boost::asio::io_context& io,
               ClientLoopSettings settings,
               const tree::DataTree& tree,
               ToCore to_core,
               FourLetter four_letter,
               Log log);
    ~ClientLoop();
    ClientLoop(const ClientLoop&) = delete;
    ClientLoop& operator=(const ClientLoop&) = delete;

    /// Binds and begins to accept. The error names address and port and says what to do. Gives the
    /// port.
    Result<std::uint16_t> open();
    /// Everything the core has said, in its order, is heard; nothing is written yet. `tree`: the core has another one
    /// since then, or null.
    void hear(const tree::DataTree* tree, std::span<request::ToFrontend> messages);
    /// Writes what clients are to be told, and passes on what they ask.
    void flush();
    /// Closes the port and all connections; no callback is called any more.
    void stop();

    [[nodiscard]] const frontend::Frontend& frontend() const { return turn_.frontend(); }

  private:
    using Socket = boost::asio::ip::tcp::socket;
    struct Link;
    using LinkPtr = std::shared_ptr<Link>;

    Result<> listen();
    void accept_next();
    void accepted(Socket socket);
    [[nodiscard]] const char* limit_reached(int from_there) const;
    void log_refusal(const std::string& address, const char* limit);
    void wait_readable(const LinkPtr& link);
    void readable(const LinkPtr& link);
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
    ClientLoopSettings settings_;
    ToCore to_core_;
    FourLetter four_letter_;
    Log log_;
    frontend::Turn turn_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer tick_timer_;
    boost::asio::steady_timer accept_timer_;
    std::unordered_map<frontend::ConnectionId, LinkPtr> links_;
    std::map<std::string, int> connections_of_;  ///< open ones, by peer address
    frontend::ConnectionId next_id_ = 1;
    std::int64_t refusals_ = 0;               ///< since the last that was logged
    std::optional<Instant> refusals_logged_;  ///< when
    struct Lingering {
        Instant until;
        std::weak_ptr<Link> link;
    };
    std::deque<Lingering> lingering_;  ///< shut by us, not yet by the client; oldest first
    std::vector<char> read_buffer_;
    bool stopped_ = false;
    bool flushing_ = false;
};

}  // namespace zk::net
