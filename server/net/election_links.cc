#include "net/election_links.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/check.h"
#include "base/limits.h"
#include "clocks/clocks.h"
#include "election/peer_silence.h"
#include "jute/frame.h"
#include "net/endpoints.h"
#include "net/member_addresses.h"
#include "net/name_lookups.h"
#include "net/peer_socket.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

/// First words of an initial message; a server of 3.4 sends its sid there.
constexpr std::int64_t kVersion1 = -65536;
constexpr std::int64_t kVersion2 = -65535;
constexpr std::int64_t kAnonymousObserver = std::numeric_limits<std::int64_t>::max();

constexpr auto kBindRetryDelay = std::chrono::seconds(1);
constexpr auto kAcceptRetryDelay = std::chrono::milliseconds(100);
/// Connections that have not said who they are. One more closes the oldest of them: a crowd that
/// says nothing must not keep a server out, which says its name at once.
constexpr int kHandshakesMax = 128;
/// Connected servers that are no members: each may ask, none may fill the memory. One more closes
/// the oldest.
constexpr std::size_t kStrangersMax = 32;
/// A dial of a server that could not be reached is a new one after this long: the kernel's own
/// repetitions of a SYN come later and later.
constexpr Duration kRedialTimeout = std::chrono::seconds(1);
constexpr auto kRedialPause = std::chrono::milliseconds(250);
/// A server is dialled again for this long after the last word for it; a search speaks each second.
constexpr Duration kRedialFor = std::chrono::seconds(3);
/// A dial that has taken longer is none that a call back may wait for.
constexpr Duration kDialIsSlow = std::chrono::milliseconds(300);

/// One connection after the initial message. Shared by its reader, its writer and the peer table.
struct Link {
    Link(ServerId peer, tcp::socket from, election::Origin where)
        : sid(peer), origin(where), socket(std::move(from)), wake(socket.get_executor()) {
        wake.expires_at(asio::steady_timer::time_point::max());
    }
    void close() {
        open = false;
        error_code ignored;
        socket.close(ignored);
        wake.cancel();
    }
    ServerId sid;
    election::Origin origin;
    tcp::socket socket;
    asio::steady_timer wake;  // cancelled when there is something to write
    bool open = true;
};

/// What we know of another server, connected or not.
struct Peer {
    std::optional<Bytes> waiting;    // newest message that was not handed to a connection
    std::optional<Bytes> last_sent;  // said again on the next connection
    std::shared_ptr<Link> link;
    bool dialling = false;
    bool impostor_told = false;  // once for each connection that stands
    Instant dial_began{};
    std::weak_ptr<tcp::socket> dial_socket;
    Instant last_said{};
    Instant linked{};
    election::PeerSilence silence;
    bool known_down = false;  // the last dial failed and that was logged
};

/// What an initial message says.
struct Caller {
    ServerId sid;
    std::string address;  // "host:port", of V2 several joined by '|'; empty for 3.4
};

/// Closes the socket when time is up, unless it is destroyed before.
class Deadline {
  public:
    Deadline(const std::shared_ptr<tcp::socket>& socket, Duration timeout)
        : timer_(socket->get_executor()) {
        timer_.expires_after(timeout);
        timer_.async_wait([weak = std::weak_ptr(socket)](error_code error) {
            const auto alive = weak.lock();
            error_code ignored;
            if (!error && alive) alive->close(ignored);
        });
    }

  private:
    asio::steady_timer timer_;
};

/// Bytes of our V1 initial message. They must go out in one write: Java reads the text with a
/// single read.
Bytes initial_message(ServerId my_id, const std::string& address) {
    Bytes message;
    append_be(message, kVersion1);
    append_be(message, my_id.value());
    append_be(message, static_cast<std::int32_t>(address.size()));
    return message + address;
}

/// "host:port" as Java writes it; nullopt for anything else and for wildcard addresses, which lead
/// nowhere.
std::optional<ensemble::HostPort> parse_advertised(std::string_view text) {
    text = text.substr(0, text.find('|'));
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string host(text.substr(0, colon));
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    unsigned port = 0;
    for (const char c : text.substr(colon + 1)) {
        if (c < '0' || c > '9' || port > 65535) return std::nullopt;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    error_code not_numeric;
    const auto address = asio::ip::make_address(host, not_numeric);
    const bool wildcard = !not_numeric && address.is_unspecified();
    if (host.empty() || wildcard || port == 0 || port > 65535) return std::nullopt;
    return ensemble::HostPort{std::move(host), static_cast<std::uint16_t>(port)};
}

}  // namespace

class ElectionLinks::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, ElectionLinkSettings settings, Log log, ElectionLinks& owner)
        : settings_(std::move(settings)),
          log_(std::move(log)),
          owner_(&owner),
          io_(io),
          acceptor_(io),
          pause_(io),
          addresses_(io, settings_.config) {
        const ensemble::Member* me = settings_.config.find(settings_.my_id);
        ZK_ASSERT(me != nullptr);
        my_address_ = me->election_address();
        hello_ = initial_message(settings_.my_id, to_string(my_address_));
    }

    void start() { asio::co_spawn(io_, listen(shared_from_this()), asio::detached); }

    void send(ServerId to, Bytes body) {
        ZK_ASSERT(to != settings_.my_id);
        ZK_ASSERT(!body.empty() &&
                  body.size() <= static_cast<std::size_t>(limits::kElectionFrameMax));
        const auto found = peers_.find(to);
        if (closed_ || (found == peers_.end() && !settings_.config.contains(to))) return;
        Peer& peer = found == peers_.end() ? peers_[to] : found->second;
        peer.waiting = std::move(body);
        peer.last_said = clocks::steady_now();
        if (peer.link && peer.silence.sent(peer.last_said)) {
            log_.debug("election_link.silent sid={}", to);
            drop_link(to);
        }
        if (peer.link) {
            peer.link->wake.cancel();
        } else if (const ensemble::Member* member = settings_.config.find(to)) {
            dial(to, member->election_address());
        }
    }

    void close() {
        closed_ = true;
        owner_ = nullptr;
        error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        addresses_.close();
        for (auto& [sid, peer] : peers_) {
            if (peer.link) peer.link->close();
        }
        for (const auto& weak : unnamed_) {
            if (const auto socket = weak.lock()) socket->close(ignored);
        }
        peers_.clear();
    }

  private:
    using Self = std::shared_ptr<Impl>;
    /// Without an error there is at least one endpoint.
    struct Resolved {
        error_code error;
        std::vector<tcp::endpoint> endpoints;
    };
    struct Dialled {
        error_code error;
        std::shared_ptr<tcp::socket> socket;
    };

    // Coroutines take the Impl as a parameter: it must live until they end, whoever drops the
    // links.

    static awaitable<void> listen(Self self) {
        const int attempts = self->settings_.bind_retries;
        for (int attempt = 1; !self->closed_; ++attempt) {
            const error_code error = co_await bind(self);
            if (self->closed_) co_return;
            if (!error) break;
            self->log_.error("election_port.bind_failed address={} attempt={} error=\"{}\"",
                             to_string(self->my_address_),
                             attempt,
                             error.message());
            if (attempts > 0 && attempt >= attempts) {
                const std::string words = "the election port " + to_string(self->my_address_) +
                                          " cannot be bound; is another server running, and is the "
                                          "address of this server's server.N line one of this host";
                if (self->owner_->on_listen_failed)
                    self->owner_->on_listen_failed(Error(error, words));
                co_return;
            }
            self->pause_.expires_after(kBindRetryDelay);
            co_await self->pause_.async_wait(kNoThrow);
        }
        if (self->closed_) co_return;
        self->log_.info("election_port.listening address={}", to_string(self->my_address_));
        co_await accept(self);
    }

    static awaitable<error_code> bind(Self self) {
        if (self->settings_.listen_on_all_addresses)
            co_return listen_on_all(self->acceptor_, self->my_address_.port);
        const Resolved resolved = co_await resolve(self, self->my_address_, kNamePatience);
        if (resolved.error) co_return resolved.error;
        if (self->closed_) co_return asio::error::operation_aborted;
        co_return listen_on(self->acceptor_, resolved.endpoints.front());
    }

    static awaitable<void> accept(Self self) {
        while (!self->closed_) {
            auto [error, socket] = co_await self->acceptor_.async_accept(kNoThrow);
            if (self->closed_) co_return;
            if (error) {  // out of descriptors, or a caller that is gone already
                self->log_.warn("election_port.accept_failed error=\"{}\"", error.message());
                self->pause_.expires_after(kAcceptRetryDelay);
                co_await self->pause_.async_wait(kNoThrow);
                continue;
            }
            if (self->handshakes_ >= kHandshakesMax) self->close_oldest_greeting();
            auto shared = std::make_shared<tcp::socket>(std::move(socket));
            asio::co_spawn(self->io_, greet(self, std::move(shared)), asio::detached);
        }
    }

    /// An accepted connection: who is it, and may it stay?
    static awaitable<void> greet(Self self, std::shared_ptr<tcp::socket> socket) {
        ++self->handshakes_;
        self->greetings_.push_back(socket);
        self->track(socket);
        std::optional<Caller> caller;
        {
            const Deadline deadline(socket, self->settings_.handshake_timeout);
            caller = co_await read_initial_message(socket);
        }
        --self->handshakes_;
        std::erase_if(self->greetings_, [&](const auto& weak) { return weak.lock() == socket; });
        if (self->closed_) co_return;
        if (!caller) {
            self->log_.debug("election_port.bad_greeting");
            co_return;
        }
        self->welcome(*caller, std::move(*socket));
    }

    static awaitable<std::optional<Caller>> read_initial_message(
        std::shared_ptr<tcp::socket> socket) {
        char word[8];
        auto [error, count] = co_await asio::async_read(*socket, asio::buffer(word, 8), kNoThrow);
        if (error) co_return std::nullopt;
        const std::int64_t first = load_be<std::int64_t>(word);
        Caller caller;
        caller.sid = ServerId(first);
        if (first >= 0) co_return caller;
        if (first != kVersion1 && first != kVersion2) co_return std::nullopt;
        char head[12];
        std::tie(error, count) =
            co_await asio::async_read(*socket, asio::buffer(head, 12), kNoThrow);
        if (error) co_return std::nullopt;
        caller.sid = ServerId(load_be<std::int64_t>(head));
        const std::int32_t length = load_be<std::int32_t>(head + 8);
        if (caller.sid.value() < 0 || length <= 0 || length > limits::kElectionAddressMax) {
            co_return std::nullopt;
        }
        caller.address.resize(static_cast<std::size_t>(length));
        std::tie(error, count) =
            co_await asio::async_read(*socket, asio::buffer(caller.address), kNoThrow);
        if (error) co_return std::nullopt;
        co_return caller;
    }

    void close_oldest_greeting() {
        while (!greetings_.empty()) {
            const auto oldest = greetings_.front().lock();
            greetings_.pop_front();
            if (!oldest || !oldest->is_open()) continue;
            error_code ignored;
            oldest->close(ignored);
            return;
        }
    }

    void welcome(const Caller& caller, tcp::socket socket) {
        const ServerId sid = caller.sid;
        if (sid == settings_.my_id || sid.value() == kAnonymousObserver) {
            log_.warn("election_port.refused sid={} why=\"{}\"",
                      sid,
                      sid == settings_.my_id ? "has this server's own id"
                                             : "anonymous observers are not supported");
            return;
        }
        const ensemble::Member* member = settings_.config.find(sid);
        const election::Origin origin = addresses_.origin(sid, socket);
        const auto known = peers_.find(sid);
        if (known != peers_.end() && known->second.link && origin > known->second.link->origin) {
            // An impostor, or the member by another way: its own connection stands, until it dies.
            if (!std::exchange(known->second.impostor_told, true))
                log_.warn("election_port.impostor sid={}", sid);
            return;
        }
        if (member == nullptr && !peers_.contains(sid)) make_room_for_stranger();
        if (sid > settings_.my_id) return establish(sid, std::move(socket), origin);
        // The larger sid dials: whatever connection there was, the caller has none.
        drop_link(sid);
        error_code ignored;
        const auto remote = socket.remote_endpoint(ignored);
        socket.close(ignored);
        if (member != nullptr) return call_back(sid, member->election_address());
        // A stranger says where it listens, but not on which host: no server dials for others.
        if (const auto address = parse_advertised(caller.address))
            dial(sid, {plain(remote.address()).to_string(), address->port});
    }

    /// `sid` has just reached us, so it can be reached: a dial that has waited for it since an
    /// outage begins anew.
    void call_back(ServerId sid, ensemble::HostPort address) {
        Peer& peer = peers_[sid];
        peer.last_said = clocks::steady_now();
        if (!peer.dialling) return dial(sid, std::move(address));
        const auto socket = peer.dial_socket.lock();
        error_code ignored;
        if (socket && clocks::steady_now() - peer.dial_began > kDialIsSlow) socket->close(ignored);
    }

    void dial(ServerId sid, ensemble::HostPort address) {
        Peer& peer = peers_[sid];
        if (peer.dialling) return;
        peer.dialling = true;
        asio::co_spawn(
            io_, dial_until_up(shared_from_this(), sid, std::move(address)), asio::detached);
    }

    /// Again and again while there is something to say to `sid`.
    static awaitable<void> dial_until_up(Self self, ServerId sid, ensemble::HostPort address) {
        asio::steady_timer pause(self->io_);
        while (true) {
            const Dialled dialled = co_await connect(self, sid, address);
            if (self->closed_) co_return;
            const auto found = self->peers_.find(sid);
            if (found == self->peers_.end()) co_return;
            Peer& peer = found->second;
            if (!dialled.error) {
                peer.dialling = false;
                peer.known_down = false;
                // The dial of the smaller sid has done its work: the other side calls back.
                if (sid < self->settings_.my_id)
                    self->establish(sid, std::move(*dialled.socket), election::Origin::own);
                co_return;
            }
            if (!std::exchange(peer.known_down, true)) {
                self->log_.warn("election_link.dial_failed sid={} address={} error=\"{}\"",
                                sid,
                                to_string(address),
                                dialled.error.message());
            }
            if (!self->settings_.config.contains(sid) || peer.link ||
                clocks::steady_now() - peer.last_said > kRedialFor) {
                peer.dialling = false;
                self->forget_stranger(sid);
                co_return;
            }
            pause.expires_after(kRedialPause);
            co_await pause.async_wait(kNoThrow);
            if (self->closed_) co_return;
        }
    }

    /// A connected socket over which the initial message has gone, or an error.
    static awaitable<Dialled> connect(Self self, ServerId sid, ensemble::HostPort address) {
        const Resolved resolved = co_await resolve(self, address, kLookupPatience);
        Dialled dialled;
        dialled.error = resolved.error;
        for (const tcp::endpoint& endpoint : resolved.endpoints) {
            const auto found = self->peers_.find(sid);
            if (self->closed_ || found == self->peers_.end()) break;
            Peer& peer = found->second;
            dialled.socket = std::make_shared<tcp::socket>(self->io_);
            self->track(dialled.socket);
            peer.dial_socket = dialled.socket;
            peer.dial_began = clocks::steady_now();
            const Duration patience =
                peer.known_down ? std::min(kRedialTimeout, self->settings_.connect_timeout)
                                : self->settings_.connect_timeout;
            const Deadline deadline(dialled.socket, patience);
            std::tie(dialled.error) = co_await dialled.socket->async_connect(endpoint, kNoThrow);
            if (dialled.error) continue;
            std::size_t written = 0;
            const auto hello = asio::buffer(self->hello_);
            std::tie(dialled.error, written) =
                co_await asio::async_write(*dialled.socket, hello, kNoThrow);
            if (!dialled.error) co_return dialled;
        }
        // A socket that its deadline has closed says "aborted", which tells a person nothing.
        if (dialled.error == asio::error::operation_aborted) dialled.error = asio::error::timed_out;
        co_return dialled;
    }

    static awaitable<Resolved> resolve(Self self, ensemble::HostPort address, Duration patience) {
        auto [error, found] =
            co_await asio::async_initiate<decltype(kNoThrow),
                                          void(error_code, NameLookups::Addresses)>(
                [&](auto handler) {
                    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
                    NameLookups::of(self->io_).find(
                        address.host, patience, [shared](error_code failed, auto addresses) {
                            std::move (*shared)(failed, std::move(addresses));
                        });
                },
                kNoThrow);
        co_return Resolved{error, with_port(found, address.port)};
    }

    /// `socket` is from now on the connection with `sid`; an older one goes.
    void establish(ServerId sid, tcp::socket socket, election::Origin origin) {
        drop_link(sid);
        tune_peer_socket(socket, settings_.dead_after);
        Peer& peer = peers_[sid];
        peer.link = std::make_shared<Link>(sid, std::move(socket), origin);
        peer.linked = clocks::steady_now();
        peer.impostor_told = false;
        peer.silence.connected();
        peer.known_down = false;
        if (!peer.waiting) peer.waiting = peer.last_sent;
        log_.debug("election_link.up sid={}", sid);
        asio::co_spawn(io_, read_frames(shared_from_this(), peer.link), asio::detached);
        asio::co_spawn(io_, write_frames(shared_from_this(), peer.link), asio::detached);
    }

    static awaitable<void> read_frames(Self self, std::shared_ptr<Link> link) {
        while (link->open) {
            char head[4];
            auto [error, count] =
                co_await asio::async_read(link->socket, asio::buffer(head, 4), kNoThrow);
            if (error || !link->open) break;
            const std::int32_t length = load_be<std::int32_t>(head);
            if (length < 1 || length > limits::kElectionFrameMax) {
                self->log_.warn("election_link.bad_frame sid={} bytes={}", link->sid, length);
                break;
            }
            Bytes body(static_cast<std::size_t>(length), '\0');
            std::tie(error, count) =
                co_await asio::async_read(link->socket, asio::buffer(body), kNoThrow);
            if (error || !link->open) break;
            if (self->owner_ == nullptr) break;
            const auto found = self->peers_.find(link->sid);
            if (found != self->peers_.end()) found->second.silence.heard();
            self->owner_->on_message(link->sid, std::move(body), link->origin);
        }
        self->lost(link);
    }

    static awaitable<void> write_frames(Self self, std::shared_ptr<Link> link) {
        while (link->open && !self->closed_) {
            const auto found = self->peers_.find(link->sid);
            if (found == self->peers_.end() || found->second.link != link) break;
            Peer& peer = found->second;
            if (!peer.waiting) {
                co_await link->wake.async_wait(kNoThrow);
                continue;
            }
            peer.last_sent = std::exchange(peer.waiting, std::nullopt);
            Bytes frame;
            jute::append_frame(frame, *peer.last_sent);
            auto [error, count] =
                co_await asio::async_write(link->socket, asio::buffer(frame), kNoThrow);
            if (error) break;
        }
        self->lost(link);
    }

    /// A connection has ended by itself. Nobody dials until there is something to say again.
    void lost(const std::shared_ptr<Link>& link) {
        if (!link->open) return;
        link->close();
        const auto found = peers_.find(link->sid);
        if (found == peers_.end() || found->second.link != link) return;
        found->second.link.reset();
        log_.debug("election_link.down sid={}", link->sid);
        forget_stranger(link->sid);
    }

    void drop_link(ServerId sid) {
        const auto found = peers_.find(sid);
        if (found == peers_.end() || !found->second.link) return;
        found->second.link->close();
        found->second.link.reset();
    }

    void forget_stranger(ServerId sid) {
        if (!settings_.config.contains(sid)) peers_.erase(sid);
    }

    void make_room_for_stranger() {
        std::size_t strangers = 0;
        auto oldest = peers_.end();
        for (auto it = peers_.begin(); it != peers_.end(); ++it) {
            if (settings_.config.contains(it->first)) continue;
            ++strangers;
            if (oldest == peers_.end() || it->second.linked < oldest->second.linked) oldest = it;
        }
        if (strangers < kStrangersMax) return;
        if (oldest->second.link) oldest->second.link->close();
        peers_.erase(oldest);
    }

    /// Sockets that no link owns yet, so that close() reaches them.
    void track(const std::shared_ptr<tcp::socket>& socket) {
        std::erase_if(unnamed_, [](const auto& weak) { return weak.expired(); });
        unnamed_.push_back(socket);
    }

    ElectionLinkSettings settings_;
    Log log_;
    ElectionLinks* owner_;  // nullptr once closed
    asio::io_context& io_;
    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    MemberAddresses addresses_;
    ensemble::HostPort my_address_;
    Bytes hello_;
    std::map<ServerId, Peer> peers_;
    std::vector<std::weak_ptr<tcp::socket>> unnamed_;
    std::deque<std::weak_ptr<tcp::socket>> greetings_;  // accepted and unnamed, oldest first
    int handshakes_ = 0;
    bool closed_ = false;
};

ElectionLinks::ElectionLinks(asio::io_context& io, ElectionLinkSettings settings, Log log)
    : impl_(std::make_shared<Impl>(io, std::move(settings), std::move(log), *this)) {}

ElectionLinks::~ElectionLinks() { impl_->close(); }

void ElectionLinks::start() {
    ZK_ASSERT(on_message);
    impl_->start();
}

void ElectionLinks::send(ServerId to, Bytes body) { impl_->send(to, std::move(body)); }

void ElectionLinks::close() { impl_->close(); }

}  // namespace zk::net
