// The sockets of one client loop: reads and writes them for one Frontend. Decides nothing about requests.
// Shell, Asio, on one io_context, which is the core's when a server has no more than this loop, and else a thread's own. Not
// thread-safe, but for what says so. One write per connection and turn; a read buffer is shared, so that an idle connection
// costs little memory.
//
// All of the frontend's turn is guarded by the loop's slot in the tree lock: held in each call, not while a socket is read
// or written. So the core, which holds all slots while it changes the tree, may put mail in, and hear it in the loop's
// place.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "frontend/turn.h"
#include "net/alarm.h"
#include "net/client_door.h"
#include "net/ports.h"
#include "net/stream.h"
#include "net/tree_lock.h"
#include "request/request.h"
#include "tree/data_tree.h"

namespace zk::net {

class ClientLoop final {
  public:
    /// Whom a loop speaks to. All of them outlive it.
    struct Doors {
        RequestPort& core;
        WordPort& words;
        ClientDoor& clients;
    };
    /// `tree` is the core's, until it is told of another. `slot` is that of this loop.
    ClientLoop(boost::asio::io_context& io,
               frontend::Settings settings,
               const tree::DataTree& tree,
               TreeSlot& slot,
               Doors doors,
               Log log);
    ~ClientLoop();
    ClientLoop(const ClientLoop&) = delete;
    ClientLoop& operator=(const ClientLoop&) = delete;

    [[nodiscard]] boost::asio::io_context& io() { return io_; }
    /// Begins to tick. Before the loop's thread runs, or on it.
    void start() { tick_later(); }
    /// Closes all connections; no callback is called any more. On the loop's thread, or behind its end.
    void stop();

    /// Any thread: a connection that was let in.
    void take_in(std::unique_ptr<Stream> stream, frontend::ConnectionId id);
    /// Any thread: hears the mail, writes, and passes on what clients ask; at once on the loop's own thread.
    void wake();

    // ---- for the core, which holds all slots

    [[nodiscard]] TreeSlot& slot() ZK_RETURN_CAPABILITY(slot_) { return slot_; }
    [[nodiscard]] frontend::Turn& turn() ZK_REQUIRES(slot_) { return turn_; }
    /// Mail was put in. True: there is some to be heard.
    bool published() ZK_REQUIRES(slot_);
    void hear() ZK_REQUIRES(slot_);
    /// Any thread: all mail that was published has been heard.
    [[nodiscard]] bool has_heard() const { return !has_mail_.load(std::memory_order_acquire); }

  private:
    class Link;
    using LinkPtr = std::shared_ptr<Link>;

    void began(std::unique_ptr<Stream> stream, frontend::ConnectionId id);
    void wait_readable(const LinkPtr& link);
    void readable(const LinkPtr& link);
    void writable(const LinkPtr& link);
    void written(const LinkPtr& link);
    void drain_before_close(const LinkPtr& link);
    void flush();
    bool do_next();
    void ask_word(frontend::FourLetterAsked asked);
    void serve(const LinkPtr& link, frontend::Orders orders);
    /// Writes as much as the socket takes. False: the rest goes on when it is writable.
    bool write_some(const LinkPtr& link);
    void obey(const LinkPtr& link, frontend::Orders orders);
    void end(const LinkPtr& link);
    void tick();
    void tick_later();
    void tick_after(std::size_t turns);

    boost::asio::io_context& io_;
    const std::uint32_t number_;
    Doors doors_;
    TreeSlot& slot_;
    frontend::Turn turn_ ZK_GUARDED_BY(slot_);
    Alarm tick_;
    std::unordered_map<frontend::ConnectionId, LinkPtr> links_;
    struct Lingering {
        Instant until;
        std::weak_ptr<Link> link;
    };
    std::deque<Lingering> lingering_;  ///< shut by us, not yet by the client; oldest first
    std::vector<char> read_buffer_;
    std::vector<request::ToCore> asking_;  ///< taken from the turn; empty between calls
    std::atomic<bool> has_mail_ = false;   ///< as the turn says; changes while the slot is held
    std::atomic<bool> woken_ = false;      ///< and has not come to it
    bool stopped_ = false;
    bool resumes_ = false;   ///< a turn for those who cost too much is on its way
    bool has_more_ = false;  ///< such a turn is wanted
    bool flushing_ = false;
};

}  // namespace zk::net
