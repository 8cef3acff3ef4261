// The quorum port: a leader's links to its learners, and a learner's link to its leader.
// Shell, Asio, on one io_context; not thread-safe. Packets have no outer length, so both ends parse
// a stream; a SNAP packet is followed by the raw snapshot. Each link is one first-in-first-out
// queue; a learner that falls too far behind after UPTODATE is dropped and synchronises anew.
// Source: ZooKeeper LearnerHandler, Learner; docs/WIRE.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "core/event.h"
#include "ensemble/membership.h"
#include "metrics/metrics.h"
#include "net/alarm.h"
#include "net/learner_door.h"
#include "net/listener.h"
#include "net/member_addresses.h"
#include "net/ports.h"
#include "storage/snapshot.h"
#include "zab/actions.h"
#include "zab/packet.h"
#include "zab/send_queue.h"

namespace zk::net {

struct QuorumLinkSettings {
    ServerId my_id;
    ensemble::MembershipPtr members;
    Duration connect_timeout = std::chrono::seconds(5);
    bool listen_on_all_addresses = false;            ///< quorumListenOnAllIPs
    Duration dead_after = std::chrono::seconds(20);  ///< see tune_peer_socket
    zab::SendQueueLimits queue{};                    ///< of every link; only tests change them
    DoorLimits door{};                               ///< only tests change them
};

/// How often a learner is told at most that a snapshot's stream goes on.
constexpr Duration kStreamProgress = std::chrono::milliseconds(100);

class LearnerLink;
class LeaderLink;

class QuorumLinks final : private ListenerUser {
  public:
    /// What happens to the links is posted to `core`; `server` hears of check_port(). All three outlive the
    /// links; all calls are on the thread of `io`.
    QuorumLinks(boost::asio::io_context& io,
                QuorumLinkSettings settings,
                CorePort& core,
                ServerPort& server,
                Log log);
    ~QuorumLinks() override;

    /// Binds the quorum port and lets it go again, since it is wanted only when this server leads:
    /// a port that is taken or an address of another host shows at the start, not at the first
    /// leadership. Tries a few times, a second apart; then the server hears of it.
    void check_port();

    /// Leader: binds the quorum port and accepts. Binding is tried again for a while, since the
    /// port may still be held by connections of a previous reign; meanwhile learners are refused
    /// and come back.
    void open_port();
    /// Leader: closes the port and every learner link, without events.
    void close_port();
    void send_to_learner(zab::LinkId link, const zab::Packet& packet);
    /// A PROPOSAL whose txn is written from where it is.
    void send_proposal(zab::LinkId link, Zxid zxid, SharedBytes bytes);
    /// LearnerRoom follows, once, as soon as little is queued on the link (at once when that is so
    /// now), and LearnerProgress now and then while it is not. See zab::SendQueueLimits.
    void await_room(zab::LinkId link);
    /// Queues the serializer's stream behind what was sent so far. The tree must live until
    /// close_port() or the link's end.
    void send_snapshot(zab::LinkId link, storage::SnapshotSerializer serializer);
    void close_learner(zab::LinkId link);

    /// Learner: resolves and connects; LeaderConnected or LeaderDialFailed follows. Replaces an
    /// older link.
    void dial(core::Attempt attempt, ServerId leader);
    void send_to_leader(const zab::Packet& packet);
    /// Stops reading the leader's link, so that its sockets fill and it waits; or goes on. At most
    /// one more read's packets come after a stop. A dialled link is read.
    void read_leader(bool on);
    void close_leader();

    /// Everything off, no events any more.
    void stop();

    /// learner_handler_qp_...: of the links to members.
    [[nodiscard]] metrics::Metrics counts() const;
    /// `srst`.
    void reset_counts();

  private:
    friend class LearnerLink;
    friend class LeaderLink;
    void on_connection(std::unique_ptr<Stream> stream) override;
    void on_listen_failed(const Error& error) override;
    /// From time to time: strangers whose time is up.
    void watch_door();
    void turn_out(zab::LinkId link, const char* why);
    void learner_gone(zab::LinkId link);
    bool forget(zab::LinkId link);
    static void count(const LearnerLink& link, metrics::Metrics& counts);

    boost::asio::io_context& io_;
    QuorumLinkSettings settings_;
    CorePort& core_;
    ServerPort& server_;
    Log log_;
    Listener listener_;
    MemberAddresses addresses_;
    LearnerDoor door_;
    Alarm door_alarm_;
    bool open_ = false;  ///< or about to be
    std::map<zab::LinkId, std::shared_ptr<LearnerLink>> learners_;
    zab::LinkId next_link_ = 1;  // 0 is this server itself
    std::shared_ptr<LeaderLink> leader_;
    metrics::Metrics counts_;  ///< of links that have ended
};

}  // namespace zk::net
