#include "net/client_loop.h"

#include <chrono>
#include <utility>

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
                       ClientLoopSettings settings,
                       const tree::DataTree& tree,
                       CorePort& core,
                       ServerPort& server,
                       Log log)
    : io_(io),
      core_(core),
      server_(server),
      log_(log),
      turn_(settings.frontend, tree, log),
      admission_(settings.admission),
      listener_(io,
                {.host = settings.address, .port = settings.port, .backlog = settings.backlog},
                {.event = "clients",
                 .port = "the client port",
                 .where = "clientPort in zoo.cfg, or clientPortAddress"},
                {},
                *this,
                log),
      tick_(io),
      read_buffer_(kReadBytes) {}

ClientLoop::~ClientLoop() { stop(); }

Result<std::uint16_t> ClientLoop::open() {
    ZK_TRY(const std::uint16_t port, listener_.open_now());
    tick_later();
    return port;
}

void ClientLoop::stop() {
    if (std::exchange(stopped_, true)) return;
    listener_.close();
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
    turn_.tick(now);
    flush();
}

void ClientLoop::on_connection(std::unique_ptr<Stream> stream) {
    const std::uint16_t port = stream->remote().port();
    const std::string address = stream->remote().address().to_string();
    const frontend::Admission::Answer answer = admission_.enter(address, clocks::steady_now());
    if (!answer.limit.empty()) {
        ++refused_;
        if (answer.refused_to_tell > 0) {
            log_.warn("clients.too_many peer={} limit={} refused={}",
                      address,
                      answer.limit,
                      answer.refused_to_tell);
        }
        return;  // closes it
    }
    const frontend::ConnectionId id = next_id_++;
    const auto link = std::make_shared<Link>(*this, std::move(stream), id, address);
    links_.emplace(id, link);
    turn_.opened(id, frontend::Peer{address, port}, clocks::steady_now());
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
    turn_.received(link->id, ByteView(read_buffer_.data(), moved.bytes), clocks::steady_now());
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

void ClientLoop::hear(const tree::DataTree* tree, std::span<request::ToFrontend> messages) {
    if (stopped_) return;
    turn_.post(tree, messages);
    turn_.hear(clocks::steady_now());
}

void ClientLoop::flush() {
    if (flushing_) return;  // the outer call goes on until nothing is left
    flushing_ = true;
    while (true) {
        while (const auto asked = turn_.next_word()) {
            const std::string text = server_.four_letter(asked->word, asked->argument);
            turn_.answer_word(asked->connection, text, clocks::steady_now());
        }
        for (request::ToCore& message : turn_.requests()) core_.post(std::move(message));
        turn_.requests().clear();
        const auto id = turn_.next_socket();
        if (!id) break;
        const auto found = links_.find(*id);
        if (found != links_.end()) serve(LinkPtr(found->second));
    }
    flushing_ = false;
    if (!turn_.has_more() || resumes_) return;
    resumes_ = true;
    asio::post(io_, [this] {
        resumes_ = false;
        if (stopped_) return;
        turn_.resume(clocks::steady_now());
        flush();
    });
}

/// Writes what there is for one connection, as far as its socket takes it, and does what it is told.
void ClientLoop::serve(const LinkPtr& link) {
    if (link->write_waits) return end(link);  // it is given out meanwhile only to close at once
    link->writing.clear();
    link->written = 0;
    const frontend::Orders orders = turn_.take(link->id, link->writing);
    if (orders.close == frontend::Close::at_once) return end(link);
    if (link->writing.empty()) {
        link->read_behind = 0;  // whatever could be answered has been
        return obey(link, orders);
    }
    const bool whole = write_some(link);
    if (link->ended) return;
    // Not before everything has been written.
    obey(link, {whole ? orders.close : frontend::Close::no, orders.read});
    if (whole && !link->ended) turn_.written(link->id, clocks::steady_now());
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
    if (link->writing.capacity() > kKeptBytesMax) link->writing = Bytes();
    return true;
}

void ClientLoop::writable(const LinkPtr& link) {
    if (!write_some(link) || link->ended) return;
    turn_.written(link->id, clocks::steady_now());
    flush();
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
    admission_.left(link->address);
    turn_.closed(link->id, clocks::steady_now());
    flush();
}

}  // namespace zk::net
