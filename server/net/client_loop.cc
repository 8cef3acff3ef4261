#include "net/client_loop.h"

#include <chrono>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "clocks/clocks.h"

namespace zk::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
/// A buffer that grew for one large reply is not kept for ever.
constexpr std::size_t kKeptBytesMax = 256 * 1024;
constexpr std::chrono::seconds kTick{1};
/// How long a client may take to close its side after we have closed ours.
constexpr std::chrono::seconds kLinger{2};
/// Asio's epoll reactor asks for this many events at once.
constexpr std::size_t kEventsPerTurn = 128;
/// How much of a client is read while its answers do not get out: its pings, not its next million
/// requests.
constexpr std::size_t kReadBehindMax = kReadBytes;

}  // namespace

/// One connection.
class ClientLoop::Link final : public StreamUser, public std::enable_shared_from_this<Link> {
  public:
    Link(ClientLoop& owner,
         std::unique_ptr<Stream> own_stream,
         frontend::ConnectionId own_id,
         std::string own_address)
        : stream(std::move(own_stream)),
          id(own_id),
          address(std::move(own_address)),
          owner_(owner) {}

    void on_readable() override {
        read_waits = false;
        owner_.readable(shared_from_this());
    }
    void on_writable() override {
        write_waits = false;
        owner_.writable(shared_from_this());
    }
    [[nodiscard]] bool reads() const {
        return may_read && !(write_waits && read_behind >= kReadBehindMax);
    }

    std::unique_ptr<Stream> stream;
    const frontend::ConnectionId id;
    const std::string address;
    Bytes writing;             ///< taken from the frontend
    std::size_t written = 0;   ///< of `writing`
    bool rests = true;         ///< nothing was written since the last tick
    bool write_waits = false;  ///< for the stream to take more
    bool read_waits = false;   ///< for something to read
    /// Read since a write began to wait and not surely used: requests that the frontend holds.
    std::size_t read_behind = 0;
    bool may_read = true;
    bool shut = false;  ///< our side is closed; the client's is read until it ends too
    bool ended = false;

  private:
    ClientLoop& owner_;
};

ClientLoop::ClientLoop(asio::io_context& io,
                       frontend::Settings settings,
                       const tree::DataTree& tree,
                       TreeSlot& slot,
                       Doors doors,
                       Log log)
    : io_(io),
      number_(settings.loop),
      doors_(doors),
      slot_(slot),
      turn_(std::move(settings), tree, std::move(log)),
      tick_(io),
      read_buffer_(kReadBytes) {}

ClientLoop::~ClientLoop() { stop(); }

void ClientLoop::stop() {
    if (std::exchange(stopped_, true)) return;
    tick_.stop();
    for (auto& [id, link] : links_) {
        link->ended = true;
        link->stream->close();
    }
    links_.clear();
}

void ClientLoop::tick_later() {
    tick_.set(kTick, [this] { tick_after(2 + links_.size() / kEventsPerTurn); });
}

/// What lies in the sockets is heard before the time: behind a stop of the process it may be what a
/// deadline waits for. The reactor gives out a limited number of sockets at a time.
void ClientLoop::tick_after(std::size_t turns) {
    if (turns > 0) {
        asio::post(io_, [this, turns] {
            if (!stopped_) tick_after(turns - 1);
        });
        return;
    }
    tick();
    tick_later();
}

void ClientLoop::tick() {
    const Instant now = clocks::steady_now();
    while (!lingering_.empty() && lingering_.front().until <= now) {
        if (const LinkPtr link = lingering_.front().link.lock()) end(link);
        lingering_.pop_front();
    }
    for (const auto& [id, link] : links_) {
        if (std::exchange(link->rests, true) && !link->write_waits) Bytes().swap(link->writing);
    }
    {
        const Reading reading(slot_);
        turn_.tick(now);
    }
    flush();
}

// ---- connections

void ClientLoop::take_in(std::unique_ptr<Stream> stream, frontend::ConnectionId id) {
    asio::dispatch(io_, [this, stream = std::move(stream), id]() mutable {
        if (!stopped_) began(std::move(stream), id);
    });
}

void ClientLoop::began(std::unique_ptr<Stream> stream, frontend::ConnectionId id) {
    const frontend::Peer peer{stream->remote().address().to_string(), stream->remote().port()};
    const auto link = std::make_shared<Link>(*this, std::move(stream), id, peer.address);
    links_.emplace(id, link);
    {
        const Reading reading(slot_);
        turn_.opened(id, peer, clocks::steady_now());
    }
    wait_readable(link);
}

void ClientLoop::wait_readable(const LinkPtr& link) {
    if (link->read_waits || link->ended) return;
    link->read_waits = true;
    link->stream->await_readable(link);
}

/// Reads once: what is left in the kernel waits for its turn behind other connections.
void ClientLoop::readable(const LinkPtr& link) {
    if (link->shut) return drain_before_close(link);
    if (!link->reads()) return;
    const Stream::Moved moved = link->stream->read(read_buffer_);
    if (moved.later()) return wait_readable(link);
    if (moved.error) return end(link);
    if (link->write_waits) link->read_behind += moved.bytes;
    {
        const Reading reading(slot_);
        turn_.received(link->id, ByteView(read_buffer_.data(), moved.bytes), clocks::steady_now());
    }
    flush();
    if (!link->ended && link->reads()) wait_readable(link);
}

/// The reply is out and our side shut. Closing while bytes of the client lie unread would reset the
/// connection and could destroy the reply on its way, so they are thrown away until the client
/// closes, too.
void ClientLoop::drain_before_close(const LinkPtr& link) {
    const Stream::Moved moved = link->stream->read(read_buffer_);
    if (moved.error && !moved.later()) return end(link);
    wait_readable(link);
}

// ---- what the core says

bool ClientLoop::published() {
    has_mail_.store(turn_.has_mail(), std::memory_order_release);
    return turn_.has_mail();
}

void ClientLoop::hear() {
    turn_.hear(clocks::steady_now());
    has_mail_.store(false, std::memory_order_release);
}

void ClientLoop::wake() {
    if (woken_.exchange(true)) return;
    asio::dispatch(io_, [this] {
        woken_ = false;
        if (stopped_) return;
        {
            const Reading reading(slot_);
            hear();
        }
        flush();
    });
}

// ---- what is to be done

void ClientLoop::flush() {
    if (flushing_) return;  // the outer call goes on until nothing is left
    flushing_ = true;
    while (do_next()) {
    }
    flushing_ = false;
    if (!has_more_ || resumes_) return;
    resumes_ = true;
    asio::post(io_, [this] {
        resumes_ = false;
        if (stopped_) return;
        {
            const Reading reading(slot_);
            turn_.resume(clocks::steady_now());
        }
        flush();
    });
}

/// Takes the next thing that is to be done, and does it when the slot is free again. False: there was none.
bool ClientLoop::do_next() {
    std::optional<frontend::FourLetterAsked> word;
    std::optional<frontend::ConnectionId> socket;
    LinkPtr link;
    frontend::Orders orders;
    {
        const Reading reading(slot_);
        asking_.swap(turn_.requests());
        word = turn_.next_word();
        if (!word) socket = turn_.next_socket();
        const auto found = socket ? links_.find(*socket) : links_.end();
        if (found != links_.end()) link = found->second;
        if (link && !link->write_waits) {
            link->writing.clear();
            link->written = 0;
            link->rests = false;
            orders = turn_.take(link->id, link->writing);
        }
        has_more_ = turn_.has_more();
        has_mail_.store(turn_.has_mail(), std::memory_order_release);
    }
    doors_.core.ask(asking_);
    if (word) ask_word(*std::move(word));
    if (link) serve(link, orders);
    return word || socket;
}

void ClientLoop::ask_word(frontend::FourLetterAsked asked) {
    auto answer = [this, id = asked.connection](std::string text) {
        asio::dispatch(io_, [this, id, text = std::move(text)] {
            if (stopped_) return;
            {
                const Reading reading(slot_);
                turn_.answer_word(id, text, clocks::steady_now());
            }
            flush();
        });
    };
    doors_.words.four_letter(std::move(asked.word), std::move(asked.argument), std::move(answer));
}

/// Writes what was taken for one connection, as far as its socket takes it, and does what it is told.
void ClientLoop::serve(const LinkPtr& link, frontend::Orders orders) {
    if (link->write_waits) return end(link);  // it is given out meanwhile only to close at once
    if (orders.close == frontend::Close::at_once) return end(link);
    if (link->writing.empty()) {
        link->read_behind = 0;  // whatever could be answered has been
        return obey(link, orders);
    }
    const bool whole = write_some(link);
    if (link->ended) return;
    // Not before everything has been written.
    obey(link, {whole ? orders.close : frontend::Close::no, orders.read});
    if (whole && !link->ended) written(link);
}

bool ClientLoop::write_some(const LinkPtr& link) {
    while (link->written < link->writing.size()) {
        const ByteView rest = ByteView(link->writing).substr(link->written);
        const Stream::Moved moved = link->stream->write({&rest, 1});
        link->written += moved.bytes;
        if (moved.later()) {
            link->write_waits = true;
            link->stream->await_writable(link);
            return false;
        }
        if (moved.error) {
            end(link);
            return true;
        }
    }
    if (link->writing.capacity() > kKeptBytesMax) Bytes().swap(link->writing);
    return true;
}

void ClientLoop::writable(const LinkPtr& link) {
    if (!write_some(link) || link->ended) return;
    written(link);
    flush();
}

void ClientLoop::written(const LinkPtr& link) {
    const Reading reading(slot_);
    turn_.written(link->id, clocks::steady_now());
}

void ClientLoop::obey(const LinkPtr& link, frontend::Orders orders) {
    if (orders.close == frontend::Close::after_flush && !link->shut) {
        link->stream->end_writing();
        link->shut = true;
        lingering_.push_back(Lingering{clocks::steady_now() + kLinger, link});
        return wait_readable(link);
    }
    link->may_read = orders.read;
    if (link->reads()) wait_readable(link);
}

/// The socket's end, whoever wanted it.
void ClientLoop::end(const LinkPtr& link) {
    if (std::exchange(link->ended, true)) return;
    link->stream->close();
    links_.erase(link->id);
    doors_.clients.left(number_, link->address);
    {
        const Reading reading(slot_);
        turn_.closed(link->id, clocks::steady_now());
    }
    flush();
}

}  // namespace zk::net
