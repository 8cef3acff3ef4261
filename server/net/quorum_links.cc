#include "net/quorum_links.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "clocks/clocks.h"
#include "net/dialler.h"
#include "net/stream_link.h"

namespace zk::net {
namespace {

/// The port may still be held by connections of a previous reign.
constexpr ListenTries kOpenTries{.count = 51, .pause = std::chrono::milliseconds(200)};
constexpr ListenTries kCheckTries{.count = 3, .pause = std::chrono::seconds(1)};
/// An attempt that hears nothing is given up for a new one.
constexpr Duration kDialAttempt = std::chrono::seconds(2);
constexpr Duration kDoorWatch = std::chrono::milliseconds(250);
/// FOLLOWERINFO has 40 bytes; a link without a name may not fill the memory.
constexpr std::size_t kNamelessBytesMax = 4096;

const ensemble::Member& own_line(const QuorumLinkSettings& settings) {
    const ensemble::Member* const self = settings.members->config().find(settings.my_id);
    ZK_ASSERT(self != nullptr);
    return *self;
}

}  // namespace

// ---- leader's side

class LearnerLink final : public StreamLink {
  public:
    LearnerLink(QuorumLinks& owner, zab::LinkId id)
        : StreamLink(owner.io_, owner.settings_.queue), owner_(owner), id_(id) {}

    /// What it has said it is, if that is a member.
    [[nodiscard]] std::optional<ServerId> member() const { return member_; }

  private:
    void note_member(const zab::Packet& first) {
        const auto info = zab::decode_learner_info(first.data);
        if (info && owner_.settings_.members->config().find(info->sid) != nullptr)
            member_ = info->sid;
    }
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
            if (!named_) note_member(**packet);
            named_ = true;
            owner_.core_.post(core::LearnerPacket{id_, std::move(**packet)});
        }
        return {};
    }
    void on_end(const std::string& why) override {
        owner_.log_.info("learner.link_closed link={} why=\"{}\"", id_, why);
        owner_.learner_gone(id_);
    }
    void on_news(zab::QueueNews news) override {
        if (news == zab::QueueNews::room) {
            owner_.core_.post(core::LearnerRoom{id_});
        } else {
            owner_.core_.post(core::LearnerProgress{id_});
        }
    }

    QuorumLinks& owner_;
    zab::LinkId id_;
    /// Its first packet is here; the leader closes it unless it is FOLLOWERINFO.
    bool named_ = false;
    std::size_t nameless_bytes_ = 0;
    std::optional<ServerId> member_;
    zab::PacketDecoder decoder_;
};

// ---- learner's side

class LeaderLink final : public StreamLink {
  public:
    LeaderLink(QuorumLinks& owner, core::Attempt attempt)
        : StreamLink(owner.io_, owner.settings_.queue),
          attempt_(attempt),
          core_(owner.core_),
          dialler_(owner.io_, {.peer_dead_after = owner.settings_.dead_after}) {
        count_from_here();
    }

    void connect(const ensemble::HostPort& address, Duration timeout) {
        // The dialler is this link's own: it calls nobody who is gone.
        dialler_.dial(address, {.each = kDialAttempt, .total = timeout}, [this](Dialled reached) {
            dialled(std::move(reached));
        });
    }
    void stop() {
        dialler_.stop();
        close();
    }

  private:
    void dialled(Dialled reached) {
        if (closed()) return;
        if (reached.stream) {
            core_.post(core::LeaderConnected{attempt_});
            return begin(std::move(reached.stream));
        }
        stop();
        core_.post(core::LeaderDialFailed{
            attempt_, (reached.of_name ? "its name: " : "") + reached.error.message()});
    }

    std::string on_bytes(ByteView bytes) override {
        if (snapshot_) return on_snapshot_bytes(bytes);
        decoder_.feed(bytes);
        while (!closed()) {
            auto packet = decoder_.next();
            if (!packet.has_value()) return packet.error().message();
            if (!*packet) break;
            const bool snap = (*packet)->type == zab::PacketType::snap;
            core_.post(core::LeaderPacket{attempt_, std::move(**packet)});
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
                core_.post(core::LeaderProgress{attempt_});
            }
            return {};
        }
        core::LeaderSnapshot event;
        event.attempt = attempt_;
        event.tree = snapshot_->take_tree();
        event.sessions = snapshot_->take_sessions();
        snapshot_.reset();
        core_.post(std::move(event));
        const Bytes rest(bytes.substr(*taken));
        return rest.empty() ? std::string() : on_bytes(rest);
    }

    void on_end(const std::string& why) override { core_.post(core::LeaderClosed{attempt_, why}); }

    const core::Attempt attempt_;
    CorePort& core_;
    Dialler dialler_;
    zab::PacketDecoder decoder_;
    std::optional<storage::SnapshotParser> snapshot_;
    Instant progress_told_{};
};

// ---- QuorumLinks

QuorumLinks::QuorumLinks(boost::asio::io_context& io,
                         QuorumLinkSettings settings,
                         CorePort& core,
                         ServerPort& server,
                         Log log)
    : io_(io),
      settings_(std::move(settings)),
      core_(core),
      server_(server),
      log_(std::move(log)),
      listener_(io,
                {.host = settings_.listen_on_all_addresses ? "" : own_line(settings_).host,
                 .port = own_line(settings_).quorum_port},
                {.event = "quorum_port",
                 .port = "the quorum port",
                 .where = "this server's server.N line"},
                {.peer_dead_after = settings_.dead_after},
                *this,
                log_),
      addresses_(io, settings_.members->config()),
      door_(settings_.door),
      door_alarm_(io) {}

QuorumLinks::~QuorumLinks() { stop(); }

void QuorumLinks::open_port() {
    close_port();
    open_ = true;
    listener_.open(kOpenTries);
    watch_door();
}

void QuorumLinks::check_port() {
    if (!open_) listener_.check(kCheckTries);  // else it is open, or tried
}

/// Of a port that is to be open: nobody joins, so the leader gives up and an election follows.
void QuorumLinks::on_listen_failed(const Error& error) {
    if (!open_) server_.peer_port_failed(error);
}

void QuorumLinks::on_connection(std::unique_ptr<Stream> stream) {
    const zab::LinkId id = next_link_++;
    std::vector<ServerId> members = addresses_.members_at(*stream);
    const auto admission = door_.admit(
        id, stream->remote().address().to_string(), !members.empty(), clocks::steady_now());
    for (const zab::LinkId other : admission.close) turn_out(other, "it makes room for another");
    if (!admission.admitted) return;  // closes it
    auto link = std::make_shared<LearnerLink>(*this, id);
    learners_[id] = link;
    core_.post(core::LearnerConnected{id, std::move(members)});
    link->begin(std::move(stream));
}

/// From time to time.
void QuorumLinks::watch_door() {
    door_alarm_.set(kDoorWatch, [this] {
        for (const zab::LinkId id : door_.overdue(clocks::steady_now()))
            turn_out(id, "it does not say who it is");
        watch_door();
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
    if (std::exchange(open_, false)) listener_.close();
    door_alarm_.stop();
    while (!learners_.empty()) {
        learners_.begin()->second->close();
        forget(learners_.begin()->first);
    }
    door_.clear();
}

void QuorumLinks::learner_gone(zab::LinkId link) {
    door_.gone(link);
    if (forget(link)) core_.post(core::LearnerClosed{link});
}

/// False: there is none.
bool QuorumLinks::forget(zab::LinkId link) {
    const auto found = learners_.find(link);
    if (found == learners_.end()) return false;
    count(*found->second, counts_);
    learners_.erase(found);
    return true;
}

void QuorumLinks::count(const LearnerLink& link, metrics::Metrics& counts) {
    if (!link.member()) return;
    const std::string sid = to_string(*link.member());
    counts.merge(metrics::SummarySet::learner_handler_qp_size, sid, link.account().sizes());
    counts.merge(metrics::SummarySet::learner_handler_qp_time_ms, sid, link.account().times_ms());
}

metrics::Metrics QuorumLinks::counts() const {
    metrics::Metrics all = counts_;
    for (const auto& [id, link] : learners_) count(*link, all);
    return all;
}

void QuorumLinks::reset_counts() {
    counts_ = {};
    for (auto& [id, link] : learners_) link->reset_counts();
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
    forget(link);
    door_.gone(link);
}

void QuorumLinks::dial(core::Attempt attempt, ServerId leader) {
    close_leader();
    const ensemble::Member* member = settings_.members->config().find(leader);
    if (member == nullptr) {
        core_.post(
            core::LeaderDialFailed{attempt, "server." + to_string(leader) + " is not a member"});
        return;
    }
    leader_ = std::make_shared<LeaderLink>(*this, attempt);
    leader_->connect(member->quorum_address(), settings_.connect_timeout);
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
    close_port();
    listener_.close();
    close_leader();
    addresses_.close();
}

}  // namespace zk::net
