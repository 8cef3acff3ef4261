// Connections between the members for elections. See election_links.h.
#include "net/election_links.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/limits.h"
#include "clocks/clocks.h"
#include "election/initial_message.h"
#include "election/peer_silence.h"
#include "jute/frame.h"
#include "net/alarm.h"

namespace zk::net {
namespace {

using boost::system::error_code;
using election::InitialMessageReader;
using election::Reception;

constexpr std::size_t kLinkReadBytes = 4096;
/// A dial of a server that could not be reached is a new one after this long: the kernel's own
/// repetitions of a SYN come later and later.
constexpr Duration kRedialTimeout = std::chrono::seconds(1);
constexpr Duration kRedialPause = std::chrono::milliseconds(250);
/// A server is dialled again for this long after the last word for it; a search speaks each second.
constexpr Duration kRedialFor = std::chrono::seconds(3);
/// A dial that has taken longer is none that a call back may wait for.
constexpr Duration kDialIsSlow = std::chrono::milliseconds(300);

const ensemble::Member& member_of(const ElectionLinkSettings& settings) {
    const ensemble::Member* const me = settings.members->config().find(settings.my_id);
    ZK_ASSERT(me != nullptr);
    return *me;
}

}  // namespace

/// An accepted connection until it has said who it is.
class ElectionLinks::Greeting final : public StreamUser,
                                      public std::enable_shared_from_this<Greeting> {
  public:
    Greeting(ElectionLinks& owner, GreetingId own_id, std::unique_ptr<Stream> from)
        : id(own_id), owner_(owner), stream_(std::move(from)), deadline_(owner.io_) {}

    void begin() {
        deadline_.set(owner_.settings_.handshake_timeout, [this] { end(); });
        stream_->await_readable(shared_from_this());
    }
    void close() {
        deadline_.stop();
        if (stream_) stream_->close();
    }
    std::unique_ptr<Stream> take_stream() { return std::move(stream_); }

    void on_readable() override {
        std::array<char, kLinkReadBytes> buffer;
        const Stream::Moved moved = stream_->read(buffer);
        if (moved.error && !moved.later()) return end();
        switch (reader.feed(ByteView(buffer.data(), moved.bytes))) {
            case InitialMessageReader::State::wants_more:
                return stream_->await_readable(shared_from_this());
            case InitialMessageReader::State::broken:
                return end();
            case InitialMessageReader::State::done:
                return owner_.welcome(*this);
        }
    }
    void on_writable() override {}

    const GreetingId id;
    InitialMessageReader reader;

  private:
    void end() {
        owner_.log_.debug("election_port.bad_greeting");
        owner_.greeting_over(id);
    }

    ElectionLinks& owner_;
    std::unique_ptr<Stream> stream_;
    Alarm deadline_;
};

/// One connection after the initial message.
class ElectionLinks::Link final : public StreamUser, public std::enable_shared_from_this<Link> {
  public:
    Link(ElectionLinks& owner,
         ServerId peer,
         std::unique_ptr<Stream> stream,
         election::Origin where)
        : sid(peer), origin(where), owner_(&owner), stream_(std::move(stream)) {}

    void begin(ByteView heard_already) {
        take(heard_already);
        if (is_open()) stream_->await_readable(shared_from_this());
    }
    void on_readable() override {
        std::array<char, kLinkReadBytes> buffer;
        const Stream::Moved moved = stream_->read(buffer);
        if (moved.error && !moved.later()) return owner_->lost(*this);
        take(ByteView(buffer.data(), moved.bytes));
        if (is_open()) stream_->await_readable(shared_from_this());
    }
    void on_writable() override { write_rest(); }

    /// After the turn, in which more may be said: only the newest word goes.
    void say_soon() {
        boost::asio::post(owner_->io_, [self = shared_from_this()] {
            if (self->is_open() && self->sent_ == self->out_.size())
                self->owner_->say_what_waits(*self);
        });
    }
    /// REQUIRES: what was written before has gone.
    void write(ByteView body) {
        out_.clear();
        sent_ = 0;
        jute::append_frame(out_, body);
        write_rest();
    }
    /// Nobody hears of it any more.
    void close() {
        owner_ = nullptr;
        stream_->close();
    }
    [[nodiscard]] bool is_open() const { return owner_ != nullptr; }

    const ServerId sid;
    const election::Origin origin;

  private:
    void take(ByteView bytes) {
        decoder_.feed(bytes);
        while (is_open()) {
            const auto body = decoder_.next();
            if (!body) break;
            owner_->heard(*this, Bytes(*body));
        }
        if (!is_open() || !decoder_.broken()) return;
        owner_->log_.warn("election_link.bad_frame sid={}", sid);
        owner_->lost(*this);
    }
    void write_rest() {
        const ByteView rest = ByteView(out_).substr(sent_);
        const Stream::Moved moved = stream_->write({&rest, 1});
        sent_ += moved.bytes;
        if (moved.error && !moved.later()) return owner_->lost(*this);
        if (sent_ < out_.size()) return stream_->await_writable(shared_from_this());
        owner_->say_what_waits(*this);
    }

    ElectionLinks* owner_;  ///< null once closed
    std::unique_ptr<Stream> stream_;
    jute::FrameDecoder decoder_{limits::kElectionFrameMax, 1};
    Bytes out_;
    std::size_t sent_ = 0;
};

/// What we know of another server, connected or not.
struct ElectionLinks::Peer {
    Peer(boost::asio::io_context& io, StreamTuning tuning) : dialler(io, tuning), pause(io) {}

    std::optional<Bytes> waiting;    ///< newest message that was not handed to a connection
    std::optional<Bytes> last_sent;  ///< said again on the next connection
    std::shared_ptr<Link> link;
    Dialler dialler;
    Alarm pause;  ///< before the next dial
    ensemble::HostPort address;
    bool dialling = false;  ///< or about to
    Instant dial_began{};
    Instant last_said{};
    election::PeerSilence silence;
    bool known_down = false;  ///< the last dial failed and that was logged
};

ElectionLinks::ElectionLinks(boost::asio::io_context& io,
                             ElectionLinkSettings settings,
                             CorePort& core,
                             ServerPort& server,
                             Log log)
    : io_(io),
      settings_(std::move(settings)),
      core_(core),
      server_(server),
      log_(std::move(log)),
      my_address_(member_of(settings_).election_address()),
      hello_(election::encode_initial_message(settings_.my_id, to_string(my_address_))),
      listener_(io,
                {.host = settings_.listen_on_all_addresses ? "" : my_address_.host,
                 .port = my_address_.port},
                {.event = "election_port",
                 .port = "the election port",
                 .where = "this server's server.N line"},
                {.peer_dead_after = settings_.dead_after},
                *this,
                log_),
      addresses_(io, settings_.members->config()),
      reception_(settings_.my_id, settings_.members) {}

ElectionLinks::~ElectionLinks() { close(); }

void ElectionLinks::start() { listener_.open({.count = settings_.bind_retries}); }

void ElectionLinks::on_listen_failed(const Error& error) { server_.peer_port_failed(error); }

void ElectionLinks::close() {
    if (std::exchange(closed_, true)) return;
    listener_.close();
    addresses_.close();
    for (auto& [id, greeting] : greetings_) greeting->close();
    greetings_.clear();
    for (auto& [sid, peer] : peers_) {
        if (peer.link) peer.link->close();
    }
    peers_.clear();
}

// ---- who calls

void ElectionLinks::on_connection(std::unique_ptr<Stream> stream) {
    const GreetingId id = next_greeting_++;
    if (const auto oldest = reception_.greets(id)) greeting_over(*oldest);
    const auto greeting = std::make_shared<Greeting>(*this, id, std::move(stream));
    greetings_[id] = greeting;
    greeting->begin();
}

void ElectionLinks::greeting_over(GreetingId id) {
    reception_.greeting_ended(id);
    const auto found = greetings_.find(id);
    if (found == greetings_.end()) return;
    found->second->close();  // its own wait may still hold it
    greetings_.erase(found);
}

void ElectionLinks::welcome(Greeting& greeting) {
    const election::InitialMessage caller = greeting.reader.message();
    const Bytes heard_already(greeting.reader.rest());
    std::unique_ptr<Stream> stream = greeting.take_stream();
    greeting_over(greeting.id);
    const ServerId sid = caller.sid;
    const election::Origin origin = addresses_.origin(sid, *stream);
    const Reception::Answer answer = reception_.welcome(sid, origin, clocks::steady_now());
    if (answer.leaves) {
        drop_link(*answer.leaves);
        peers_.erase(*answer.leaves);
    }
    using enum Reception::Welcome;
    switch (answer.welcome) {
        case own_id:
            log_.warn("election_port.refused sid={} why=\"has this server's own id\"", sid);
            return;
        case anonymous:
            log_.warn("election_port.refused sid={} why=\"anonymous observers are not supported\"",
                      sid);
            return;
        case impostor:
            if (answer.first_time) log_.warn("election_port.impostor sid={}", sid);
            return;
        case stays:
            return establish(sid, std::move(stream), origin, heard_already);
        case call_back:
            break;
    }
    // Whatever connection there was, the caller has none.
    drop_link(sid);
    if (const ensemble::Member* member = settings_.members->config().find(sid))
        return dial_back(sid, member->election_address());
    // A stranger says where it listens, but not on which host: no server dials for others.
    if (const auto address = election::advertised_address(caller))
        return dial(sid, {stream->remote().address().to_string(), address->port});
    forget_stranger(sid);
}

// ---- dialling

ElectionLinks::Peer& ElectionLinks::peer_of(ServerId sid) {
    return peers_.try_emplace(sid, io_, StreamTuning{.peer_dead_after = settings_.dead_after})
        .first->second;
}

/// `sid` has just reached us, so it can be reached: a dial that has waited for it since an outage
/// begins anew.
void ElectionLinks::dial_back(ServerId sid, const ensemble::HostPort& address) {
    Peer& peer = peer_of(sid);
    peer.last_said = clocks::steady_now();
    if (!peer.dialling) return dial(sid, address);
    if (clocks::steady_now() - peer.dial_began > kDialIsSlow) peer.dialler.hasten();
}

/// Again and again while there is something to say to `sid`.
void ElectionLinks::dial(ServerId sid, const ensemble::HostPort& address) {
    Peer& peer = peer_of(sid);
    if (std::exchange(peer.dialling, true)) return;
    peer.address = address;
    try_dial(sid);
}

void ElectionLinks::try_dial(ServerId sid) {
    Peer& peer = peer_of(sid);
    peer.dial_began = clocks::steady_now();
    const Duration patience = peer.known_down ? std::min(kRedialTimeout, settings_.connect_timeout)
                                              : settings_.connect_timeout;
    peer.dialler.dial(peer.address, {.each = patience}, [this, sid](Dialled reached) {
        dialled(sid, std::move(reached));
    });
}

void ElectionLinks::dialled(ServerId sid, Dialled reached) {
    if (!reached.stream) return dial_failed(sid, reached.error);
    // A new connection takes so little at once: Java reads the text with a single read.
    const ByteView hello = hello_;
    const Stream::Moved moved = reached.stream->write({&hello, 1});
    if (moved.bytes < hello.size()) return dial_failed(sid, moved.error);
    Peer& peer = peer_of(sid);
    peer.dialling = false;
    peer.known_down = false;
    // The dial of the smaller sid has done its work: the other side calls back.
    if (sid < settings_.my_id) establish(sid, std::move(reached.stream), election::Origin::own, {});
}

void ElectionLinks::dial_failed(ServerId sid, error_code error) {
    Peer& peer = peer_of(sid);
    if (!std::exchange(peer.known_down, true)) {
        log_.warn("election_link.dial_failed sid={} address={} error=\"{}\"",
                  sid,
                  to_string(peer.address),
                  error.message());
    }
    if (!reception_.is_member(sid) || peer.link ||
        clocks::steady_now() - peer.last_said > kRedialFor) {
        peer.dialling = false;
        return forget_stranger(sid);
    }
    peer.pause.set(kRedialPause, [this, sid] { try_dial(sid); });
}

// ---- connections

/// `stream` is from now on the connection with `sid`; an older one goes.
void ElectionLinks::establish(ServerId sid,
                              std::unique_ptr<Stream> stream,
                              election::Origin origin,
                              ByteView heard_already) {
    drop_link(sid);
    Peer& peer = peer_of(sid);
    const auto link = std::make_shared<Link>(*this, sid, std::move(stream), origin);
    peer.link = link;
    reception_.connected(sid, origin, clocks::steady_now());
    peer.silence.connected();
    peer.known_down = false;
    if (!peer.waiting) peer.waiting = peer.last_sent;
    log_.debug("election_link.up sid={}", sid);
    link->say_soon();
    link->begin(heard_already);
}

void ElectionLinks::notify(ServerId to, Bytes body) {
    ZK_ASSERT(to != settings_.my_id);
    ZK_ASSERT(!body.empty() && body.size() <= static_cast<std::size_t>(limits::kElectionFrameMax));
    if (closed_ || (!peers_.contains(to) && !reception_.is_member(to))) return;
    Peer& peer = peer_of(to);
    peer.waiting = std::move(body);
    peer.last_said = clocks::steady_now();
    if (peer.link && peer.silence.sent(peer.last_said)) {
        log_.debug("election_link.silent sid={}", to);
        drop_link(to);
    }
    if (peer.link) {
        peer.link->say_soon();
    } else if (const ensemble::Member* member = settings_.members->config().find(to)) {
        dial(to, member->election_address());
    }
}

void ElectionLinks::say_what_waits(Link& link) {
    Peer& peer = peer_of(link.sid);
    if (!peer.waiting) return;
    peer.last_sent = std::exchange(peer.waiting, std::nullopt);
    link.write(*peer.last_sent);
}

void ElectionLinks::heard(Link& link, Bytes body) {
    peer_of(link.sid).silence.heard();
    core_.post(core::NotificationReceived{link.sid, std::move(body), link.origin});
}

/// A connection has ended by itself. Nobody dials until there is something to say again.
void ElectionLinks::lost(Link& link) {
    const ServerId sid = link.sid;
    drop_link(sid);
    log_.debug("election_link.down sid={}", sid);
    forget_stranger(sid);
}

void ElectionLinks::drop_link(ServerId sid) {
    const auto found = peers_.find(sid);
    if (found == peers_.end() || !found->second.link) return;
    const std::shared_ptr<Link> link = std::exchange(found->second.link, nullptr);
    link->close();
    reception_.disconnected(sid);
}

void ElectionLinks::forget_stranger(ServerId sid) {
    if (reception_.is_member(sid)) return;
    reception_.forget(sid);
    peers_.erase(sid);
}

}  // namespace zk::net
