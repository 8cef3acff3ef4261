#include "net/quorum_links.h"

#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "clocks/clocks.h"
#include "net/endpoints.h"
#include "net/name_lookups.h"
#include "net/peer_socket.h"
#include "net/stream_link.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBindAttempts = 50;
constexpr auto kBindRetry = std::chrono::milliseconds(200);
/// Attempts of check_port(), kCheckRetry apart.
constexpr int kCheckAttempts = 3;
constexpr auto kCheckRetry = std::chrono::seconds(1);
constexpr auto kDialAttempt = std::chrono::seconds(2);
constexpr auto kDoorWatch = std::chrono::milliseconds(250);
/// FOLLOWERINFO has 40 bytes; a link without a name may not fill the memory.
constexpr std::size_t kNamelessBytesMax = 4096;

}  // namespace

// ---- leader's side

class LearnerLink final : public StreamLink {
  public:
    LearnerLink(tcp::socket socket, QuorumLinks& owner, zab::LinkId id)
        : StreamLink(std::move(socket), owner.settings_.queue), owner_(owner), id_(id) {}

  private:
    std::string on_bytes(ByteView bytes) override {
        if (!named_ && (nameless_bytes_ += bytes.size()) > kNamelessBytesMax)
            return "it does not say who it is";
        decoder_.feed(bytes);
        while (!closed()) {
            auto packet = decoder_.next();
            if (!packet.has_value()) return packet.error().message();
            if (!*packet) break;
            if (!named_ && !owner_.door_.named(id_))
                return "too many links of addresses that are no member's";
            named_ = true;
            owner_.sink_(core::LearnerPacket{id_, std::move(**packet)});
        }
        return {};
    }
    void on_end(const std::string& why) override {
        owner_.log_.info("learner.link_closed link={} why=\"{}\"", id_, why);
        owner_.learner_gone(id_);
    }
    void on_news(zab::QueueNews news) override {
        if (news == zab::QueueNews::room) {
            owner_.sink_(core::LearnerRoom{id_});
        } else {
            owner_.sink_(core::LearnerProgress{id_});
        }
    }

    QuorumLinks& owner_;
    zab::LinkId id_;
    /// Its first packet is here; the leader closes it unless it is FOLLOWERINFO.
    bool named_ = false;
    std::size_t nameless_bytes_ = 0;
    zab::PacketDecoder decoder_;
};

struct QuorumLinks::Acceptor {
    explicit Acceptor(asio::io_context& io) : listener(io), timer(io), door_timer(io) {}
    void close() {
        closed = true;
        error_code ignored;
        listener.close(ignored);
        timer.cancel();
        door_timer.cancel();
    }
    tcp::acceptor listener;
    asio::steady_timer timer;
    asio::steady_timer door_timer;
    bool closed = false;
};

// ---- learner's side

class LeaderLink final : public StreamLink {
  public:
    LeaderLink(asio::io_context& io,
               core::Attempt attempt,
               EventSink sink,
               Duration timeout,
               Duration dead_after,
               zab::SendQueueLimits limits)
        : StreamLink(tcp::socket(io), limits),
          attempt_(attempt),
          sink_(std::move(sink)),
          io_(io),
          timer_(io),
          attempt_timer_(io),
          timeout_(timeout),
          dead_after_(dead_after) {
        count_from_here();
    }

    void connect(const ensemble::HostPort& address) {
        auto self = std::static_pointer_cast<LeaderLink>(shared_from_this());
        const auto found = [self, port = address.port](error_code error,
                                                       const NameLookups::Addresses& addresses) {
            if (self->closed()) return;
            if (error) return self->dial_failed("its name: " + error.message());
            self->endpoints_ = with_port(addresses, port);
            // The time of the dial begins here: it is not the name server's.
            self->timer_.expires_after(self->timeout_);
            self->timer_.async_wait([self](error_code ended) {
                if (!ended && !self->connected_) self->dial_failed("timed out");
            });
            self->try_connect();
        };
        NameLookups::of(io_).find(address.host, kLookupPatience, found);
    }
    void stop() {
        timer_.cancel();
        attempt_timer_.cancel();
        close();
    }

  private:
    /// One attempt for each address and kDialAttempt. An attempt that hears nothing is given up for
    /// a new one until the time of the dial is over: the kernel repeats a SYN later and later, and
    /// an outage may have ended meanwhile.
    void try_connect() {
        auto self = std::static_pointer_cast<LeaderLink>(shared_from_this());
        attempt_timer_.expires_after(kDialAttempt * static_cast<int>(endpoints_.size()));
        attempt_timer_.async_wait([self](error_code error) {
            error_code ignored;
            if (!error && !self->closed() && !self->connected_) self->socket_.close(ignored);
        });
        asio::async_connect(socket_, endpoints_, [self](error_code error, const auto&) {
            self->attempt_timer_.cancel();
            if (error == asio::error::operation_aborted && !self->closed())
                return self->try_connect();
            self->connected(error);
        });
    }
    void connected(error_code error) {
        if (closed()) return;
        if (error) return dial_failed(error.message());
        connected_ = true;
        timer_.cancel();
        tune_peer_socket(socket_, dead_after_);
        sink_(core::LeaderConnected{attempt_});
        begin_reading();
    }
    void dial_failed(const std::string& why) {
        if (closed()) return;
        stop();
        sink_(core::LeaderDialFailed{attempt_, why});
    }

    std::string on_bytes(ByteView bytes) override {
        if (snapshot_) return on_snapshot_bytes(bytes);
        decoder_.feed(bytes);
        while (!closed()) {
            auto packet = decoder_.next();
            if (!packet.has_value()) return packet.error().message();
            if (!*packet) break;
            const bool snap = (*packet)->type == zab::PacketType::snap;
            sink_(core::LeaderPacket{attempt_, std::move(**packet)});
            if (!snap) continue;
            snapshot_.emplace(storage::Form::wire);
            return on_snapshot_bytes(decoder_.take_rest());
        }
        return {};
    }

    std::string on_snapshot_bytes(ByteView bytes) {
        const auto taken = snapshot_->feed(bytes);
        if (!taken.has_value()) return taken.error().message();
        if (!snapshot_->done()) {
            if (const Instant now = clocks::steady_now(); now - progress_told_ >= kStreamProgress) {
                progress_told_ = now;
                sink_(core::LeaderProgress{attempt_});
            }
            return {};
        }
        core::LeaderSnapshot event;
        event.attempt = attempt_;
        event.tree = snapshot_->take_tree();
        event.sessions = snapshot_->take_sessions();
        snapshot_.reset();
        sink_(std::move(event));
        const Bytes rest(bytes.substr(*taken));
        return rest.empty() ? std::string() : on_bytes(rest);
    }

    void on_end(const std::string& why) override { sink_(core::LeaderClosed{attempt_, why}); }

    core::Attempt attempt_;
    EventSink sink_;
    asio::io_context& io_;
    std::vector<tcp::endpoint> endpoints_;
    asio::steady_timer timer_;
    asio::steady_timer attempt_timer_;
    Duration timeout_;
    Duration dead_after_;
    bool connected_ = false;
    zab::PacketDecoder decoder_;
    std::optional<storage::SnapshotParser> snapshot_;
    Instant progress_told_{};
};

// ---- QuorumLinks

QuorumLinks::QuorumLinks(asio::io_context& io, QuorumLinkSettings settings, EventSink sink, Log log)
    : io_(io),
      settings_(std::move(settings)),
      sink_(std::move(sink)),
      log_(std::move(log)),
      addresses_(io, settings_.config),
      door_(settings_.door) {}

QuorumLinks::~QuorumLinks() { stop(); }

void QuorumLinks::open_port() {
    close_port();
    acceptor_ = std::make_shared<Acceptor>(io_);
    try_bind(acceptor_, kBindAttempts);
    watch_door(acceptor_);
}

void QuorumLinks::try_bind(std::shared_ptr<Acceptor> acceptor, int attempts_left) {
    bind(acceptor, [this, acceptor, attempts_left](error_code error) {
        if (!error) return accept_next(acceptor);
        // The first one is told, and the last one; not the fifty between them.
        if (attempts_left == kBindAttempts || attempts_left == 0) {
            log_.error("quorum_port.bind_failed attempts_left={} why=\"{}\"",
                       attempts_left,
                       bind_error(error).message());
        }
        // Nobody joins, so the leader gives up and an election follows.
        if (attempts_left == 0) return;
        acceptor->timer.expires_after(kBindRetry);
        acceptor->timer.async_wait([this, acceptor, attempts_left](error_code failed) {
            if (!failed && !acceptor->closed) try_bind(acceptor, attempts_left - 1);
        });
    });
}

/// Resolves the own name, if it is one, without blocking the loop; listens; tells how that went.
void QuorumLinks::bind(std::shared_ptr<Acceptor> acceptor, std::function<void(error_code)> then) {
    const ensemble::Member* self = settings_.config.find(settings_.my_id);
    if (settings_.listen_on_all_addresses)
        return then(listen_on_all(acceptor->listener, self->quorum_port));
    if (const auto numeric = numeric_endpoint(self->host, self->quorum_port))
        return then(listen_on(acceptor->listener, *numeric));
    NameLookups::of(io_).find(
        self->host,
        kNamePatience,
        [acceptor, port = self->quorum_port, then = std::move(then)](
            error_code error, const NameLookups::Addresses& found) {
            if (acceptor->closed) return;
            then(error ? error : listen_on(acceptor->listener, with_port(found, port).front()));
        });
}

Error QuorumLinks::bind_error(error_code error) const {
    const ensemble::Member* self = settings_.config.find(settings_.my_id);
    return {error,
            "the quorum port " + to_string(self->quorum_address()) +
                " cannot be bound; is another server running, and is the address of this "
                "server's server.N line one of this host"};
}

void QuorumLinks::check_port(std::function<void(Error)> on_failure) {
    checker_ = std::make_shared<Acceptor>(io_);
    try_check(checker_, kCheckAttempts, std::move(on_failure));
}

void QuorumLinks::try_check(std::shared_ptr<Acceptor> checker,
                            int attempts,
                            std::function<void(Error)> on_failure) {
    bind(checker, [=, this](error_code error) {
        error_code ignored;
        checker->listener.close(ignored);
        // A name that cannot be resolved yet may be known when this server leads.
        const bool of_port = error == asio::error::address_in_use ||
                             error == asio::error::access_denied ||
                             error == boost::system::errc::address_not_available;
        if (!of_port || acceptor_) return;  // meanwhile leading: the port is open
        if (attempts == 1) return on_failure(bind_error(error));
        checker->timer.expires_after(kCheckRetry);
        checker->timer.async_wait([=, this](error_code failed) {
            if (!failed && !checker->closed) try_check(checker, attempts - 1, on_failure);
        });
    });
}

void QuorumLinks::accept_next(std::shared_ptr<Acceptor> acceptor) {
    acceptor->listener.async_accept([this, acceptor](error_code error, tcp::socket socket) {
        if (acceptor->closed) return;
        if (error) {
            log_.warn("quorum_port.accept_failed why=\"{}\"", error.message());
            acceptor->timer.expires_after(kBindRetry);
            acceptor->timer.async_wait([this, acceptor](error_code failed) {
                if (!failed && !acceptor->closed) accept_next(acceptor);
            });
            return;
        }
        accepted(std::move(socket));
        accept_next(acceptor);
    });
}

void QuorumLinks::accepted(tcp::socket socket) {
    error_code gone;
    const auto remote = socket.remote_endpoint(gone);
    if (gone) return;
    const zab::LinkId id = next_link_++;
    std::vector<ServerId> members = addresses_.members_at(socket);
    const auto admission = door_.admit(
        id, plain(remote.address()).to_string(), !members.empty(), clocks::steady_now());
    for (const zab::LinkId other : admission.close) turn_out(other, "it makes room for another");
    if (!admission.admitted) return;  // closes it
    tune_peer_socket(socket, settings_.dead_after);
    auto link = std::make_shared<LearnerLink>(std::move(socket), *this, id);
    learners_[id] = link;
    sink_(core::LearnerConnected{id, std::move(members)});
    link->begin_reading();
}

void QuorumLinks::watch_door(std::shared_ptr<Acceptor> acceptor) {
    acceptor->door_timer.expires_after(kDoorWatch);
    acceptor->door_timer.async_wait([this, acceptor](error_code error) {
        if (error || acceptor->closed) return;
        for (const zab::LinkId id : door_.overdue(clocks::steady_now()))
            turn_out(id, "it does not say who it is");
        watch_door(acceptor);
    });
}

void QuorumLinks::turn_out(zab::LinkId link, const char* why) {
    const auto found = learners_.find(link);
    if (found == learners_.end()) return;
    log_.debug("quorum_port.turned_out link={} why=\"{}\"", link, why);
    found->second->close();
    learner_gone(link);
}

void QuorumLinks::close_port() {
    if (acceptor_) acceptor_->close();
    acceptor_.reset();
    for (auto& [id, link] : learners_) link->close();
    learners_.clear();
    door_.clear();
}

void QuorumLinks::learner_gone(zab::LinkId link) {
    door_.gone(link);
    if (learners_.erase(link) != 0) sink_(core::LearnerClosed{link});
}

void QuorumLinks::send_to_learner(zab::LinkId link, const zab::Packet& packet) {
    const auto found = learners_.find(link);
    if (found == learners_.end()) return;
    found->second->send(zab::encode(packet));
    if (packet.type == zab::PacketType::up_to_date) found->second->count_from_here();
}

void QuorumLinks::send_proposal(zab::LinkId link, Zxid zxid, SharedBytes bytes) {
    const auto found = learners_.find(link);
    if (found == learners_.end()) return;
    Bytes header = zab::proposal_header(zxid, bytes->size());
    found->second->send_shared(std::move(header), std::move(bytes), zab::proposal_trailer());
}

void QuorumLinks::await_room(zab::LinkId link) {
    const auto found = learners_.find(link);
    if (found != learners_.end()) found->second->await_room();
}

void QuorumLinks::send_snapshot(zab::LinkId link, storage::SnapshotSerializer serializer) {
    const auto found = learners_.find(link);
    if (found != learners_.end()) found->second->send_snapshot(std::move(serializer));
}

void QuorumLinks::close_learner(zab::LinkId link) {
    const auto found = learners_.find(link);
    if (found == learners_.end()) return;
    found->second->close();
    learners_.erase(found);
    door_.gone(link);
}

void QuorumLinks::dial(core::Attempt attempt, ServerId leader) {
    close_leader();
    const ensemble::Member* member = settings_.config.find(leader);
    if (member == nullptr) {
        sink_(core::LeaderDialFailed{attempt, "server." + to_string(leader) + " is not a member"});
        return;
    }
    leader_ = std::make_shared<LeaderLink>(
        io_, attempt, sink_, settings_.connect_timeout, settings_.dead_after, settings_.queue);
    leader_->connect(member->quorum_address());
}

void QuorumLinks::send_to_leader(const zab::Packet& packet) {
    if (leader_) leader_->send(zab::encode(packet));
}

void QuorumLinks::read_leader(bool on) {
    if (leader_) leader_->set_reading(on);
}

void QuorumLinks::close_leader() {
    if (!leader_) return;
    leader_->stop();
    leader_.reset();
}

void QuorumLinks::stop() {
    if (checker_) checker_->close();
    checker_.reset();
    close_port();
    close_leader();
    addresses_.close();
}

}  // namespace zk::net
