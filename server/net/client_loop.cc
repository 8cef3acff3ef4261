#include "net/client_loop.h"

#include <chrono>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include "base/check.h"
#include "clocks/clocks.h"
#include "net/endpoints.h"

namespace zk::net {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
/// A buffer that grew for one large reply is not kept for ever.
constexpr std::size_t kKeptBytesMax = 256 * 1024;
constexpr std::chrono::seconds kTick{1};
/// How long a client may take to close its side after we have closed ours.
constexpr std::chrono::seconds kLinger{2};
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Asio's epoll reactor asks for this many events at once.
constexpr std::size_t kEventsPerTurn = 128;
/// How much of a client is read while its answers do not get out: its pings, not its next million
/// requests.
constexpr std::size_t kReadBehindMax = kReadBytes;
/// Connections that come while a limit holds are logged this often.
constexpr std::chrono::seconds kRefusalsLogged{10};

std::string textual(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

Error bind_error(const error_code& code, const std::string& address, std::uint16_t port) {
    const std::string place = (address.empty() ? std::string("all addresses") : address) +
                              ", port " + std::to_string(port);
    std::string words = "the client port cannot be opened on " + place;
    if (code == asio::error::address_in_use) {
        words +=
            ": another process listens there (see `ss -ltnp`); stop it, or change clientPort in "
            "zoo.cfg";
    } else if (code == asio::error::access_denied) {
        words += ": ports below 1024 need more rights; change clientPort in zoo.cfg";
    } else if (code == boost::system::errc::address_not_available) {
        words += ": this host does not have that address; correct clientPortAddress in zoo.cfg";
    }
    return {code, words};
}

}  // namespace

/// One socket.
struct ClientLoop::Link {
    Link(Socket own_socket, frontend::ConnectionId own_id, std::string own_address)
        : socket(std::move(own_socket)), id(own_id), address(std::move(own_address)) {}
    Socket socket;
    frontend::ConnectionId id;
    std::string address;
    Bytes writing;             ///< taken from the frontend
    std::size_t written = 0;   ///< of `writing`
    bool write_waits = false;  ///< for the socket to become writable
    bool read_waits = false;   ///< for the socket to become readable
    /// Read since a write began to wait and not surely used: requests that the frontend holds.
    std::size_t read_behind = 0;
    bool may_read = true;
    bool shut = false;  ///< our side is closed; the client's is read until it ends too
    bool ended = false;

    [[nodiscard]] bool reads() const {
        return may_read && !(write_waits && read_behind >= kReadBehindMax);
    }
};

ClientLoop::ClientLoop(asio::io_context& io,
                       ClientLoopSettings settings,
                       const tree::DataTree& tree,
                       ToCore to_core,
                       FourLetter four_letter,
                       Log log)
    : io_(io),
      settings_(std::move(settings)),
      to_core_(std::move(to_core)),
      four_letter_(std::move(four_letter)),
      log_(log),
      turn_(settings_.frontend, tree, log),
      acceptor_(io),
      tick_timer_(io),
      accept_timer_(io),
      read_buffer_(kReadBytes) {}

ClientLoop::~ClientLoop() { stop(); }

Result<std::uint16_t> ClientLoop::open() {
    ZK_CHECK(listen());
    const std::uint16_t port = acceptor_.local_endpoint().port();
    log_.info("clients.listening address={} port={}",
              settings_.address.empty() ? "*" : settings_.address,
              port);
    accept_next();
    tick_later();
    return port;
}

Result<> ClientLoop::listen() {
    const int backlog =
        settings_.backlog > 0 ? settings_.backlog : asio::socket_base::max_listen_connections;
    const std::string& address = settings_.address;
    error_code failed;
    if (address.empty()) {
        failed = listen_on_all(acceptor_, settings_.port, backlog);
    } else if (const auto numeric = numeric_endpoint(address, settings_.port)) {
        failed = listen_on(acceptor_, *numeric, backlog);
    } else {
        tcp::resolver resolver(io_);
        const auto found = resolver.resolve(address, std::to_string(settings_.port), failed);
        if (failed || found.empty()) {
            return Error(failed,
                         "clientPortAddress " + address +
                             " is neither an address nor a name that this host can resolve; "
                             "correct it in zoo.cfg");
        }
        failed = listen_on(acceptor_, ipv4_first(found).front(), backlog);
    }
    if (failed) return bind_error(failed, address, settings_.port);
    return ok();
}

void ClientLoop::stop() {
    if (std::exchange(stopped_, true)) return;
    error_code ignored;
    acceptor_.close(ignored);
    tick_timer_.cancel();
    accept_timer_.cancel();
    for (auto& [id, link] : links_) {
        link->ended = true;
        link->socket.close(ignored);
    }
    links_.clear();
}

void ClientLoop::tick_later() {
    tick_timer_.expires_after(kTick);
    tick_timer_.async_wait([this](const error_code& code) {
        if (code || stopped_) return;
        tick_after(2 + links_.size() / kEventsPerTurn);
    });
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

void ClientLoop::accept_next() {
    acceptor_.async_accept([this](const error_code& code, Socket socket) {
        if (stopped_) return;
        if (!code) {
            accepted(std::move(socket));
            return accept_next();
        }
        if (code == asio::error::operation_aborted) return;
        // Mostly "too many open files": the next ones wait in the backlog.
        log_.warn("clients.accept_failed why={}", code.message());
        accept_timer_.expires_after(kAcceptPause);
        accept_timer_.async_wait([this](const error_code& cancelled) {
            if (!cancelled && !stopped_) accept_next();
        });
    });
}

void ClientLoop::accepted(Socket socket) {
    error_code code;
    const tcp::endpoint peer = socket.remote_endpoint(code);
    if (code) return;  // gone again
    const std::string address = textual(peer.address());
    int& from_there = connections_of_[address];
    if (const char* limit = limit_reached(from_there)) {
        log_refusal(address, limit);
        if (from_there == 0) connections_of_.erase(address);
        socket.close(code);
        return;
    }
    ++from_there;
    socket.non_blocking(true, code);
    socket.set_option(tcp::no_delay(true), code);
    const frontend::ConnectionId id = next_id_++;
    const auto link = std::make_shared<Link>(std::move(socket), id, address);
    links_.emplace(id, link);
    turn_.opened(id, frontend::Peer{address, peer.port()}, clocks::steady_now());
    wait_readable(link);
}

/// The limit that leaves no room for one more connection, by the name of its setting.
const char* ClientLoop::limit_reached(int from_there) const {
    const auto reached = [](std::size_t count, int limit) {
        return limit > 0 && count >= static_cast<std::size_t>(limit);
    };
    if (reached(static_cast<std::size_t>(from_there), settings_.connections_per_address_max))
        return "maxClientCnxns";
    if (reached(links_.size(), settings_.connections_max)) return "maxCnxns";
    if (reached(links_.size(), settings_.descriptors_max)) return "open_files";
    return nullptr;
}

/// A client that comes back again and again must not fill the log.
void ClientLoop::log_refusal(const std::string& address, const char* limit) {
    ++refusals_;
    const Instant now = clocks::steady_now();
    if (refusals_logged_ && now - *refusals_logged_ < kRefusalsLogged) return;
    refusals_logged_ = now;
    log_.warn("clients.too_many peer={} limit={} refused={}",
              address,
              limit,
              std::exchange(refusals_, 0));
}

void ClientLoop::wait_readable(const LinkPtr& link) {
    if (link->read_waits || link->ended) return;
    link->read_waits = true;
    link->socket.async_wait(Socket::wait_read, [this, link](const error_code& code) {
        link->read_waits = false;
        if (link->ended || stopped_) return;
        if (code) return end(link);
        readable(link);
    });
}

/// Reads once: what is left in the kernel waits for its turn behind other connections.
void ClientLoop::readable(const LinkPtr& link) {
    if (link->shut) return drain_before_close(link);
    if (!link->reads()) return;
    error_code code;
    const std::size_t count = link->socket.read_some(asio::buffer(read_buffer_), code);
    if (code == asio::error::would_block || code == asio::error::interrupted)
        return wait_readable(link);
    if (code) return end(link);
    if (link->write_waits) link->read_behind += count;
    turn_.received(link->id, ByteView(read_buffer_.data(), count), clocks::steady_now());
    flush();
    if (!link->ended && link->reads()) wait_readable(link);
}

/// The reply is out and our side shut. Closing while bytes of the client lie unread would reset the
/// connection and could destroy the reply on its way, so they are thrown away until the client
/// closes, too.
void ClientLoop::drain_before_close(const LinkPtr& link) {
    error_code code;
    link->socket.read_some(asio::buffer(read_buffer_), code);
    if (code && code != asio::error::would_block && code != asio::error::interrupted)
        return end(link);
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
            turn_.answer_word(asked->connection, four_letter_(asked->word), clocks::steady_now());
        }
        if (!turn_.requests().empty()) {
            to_core_(turn_.requests());
            turn_.requests().clear();
        }
        const auto id = turn_.next_socket();
        if (!id) break;
        const auto found = links_.find(*id);
        if (found != links_.end()) serve(LinkPtr(found->second));
    }
    flushing_ = false;
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
        error_code code;
        const auto rest = asio::buffer(link->writing.data() + link->written,
                                       link->writing.size() - link->written);
        link->written += link->socket.write_some(rest, code);
        if (code == asio::error::interrupted) continue;
        if (code == asio::error::would_block) {
            link->write_waits = true;
            link->socket.async_wait(Socket::wait_write, [this, link](const error_code& failed) {
                link->write_waits = false;
                if (link->ended || stopped_) return;
                if (failed) return end(link);
                if (!write_some(link)) return;
                if (link->ended) return;
                turn_.written(link->id, clocks::steady_now());
                flush();
            });
            return false;
        }
        if (code) {
            end(link);
            return true;
        }
    }
    if (link->writing.capacity() > kKeptBytesMax) link->writing = Bytes();
    return true;
}

void ClientLoop::obey(const LinkPtr& link, frontend::Orders orders) {
    if (orders.close == frontend::Close::after_flush && !link->shut) {
        error_code ignored;
        link->socket.shutdown(Socket::shutdown_send, ignored);
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
    error_code ignored;
    link->socket.close(ignored);
    links_.erase(link->id);
    const auto from_there = connections_of_.find(link->address);
    ZK_ASSERT(from_there != connections_of_.end());
    if (--from_there->second == 0) connections_of_.erase(from_there);
    turn_.closed(link->id, clocks::steady_now());
    flush();
}

}  // namespace zk::net
