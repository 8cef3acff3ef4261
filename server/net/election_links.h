// The election port: one TCP connection per pair of servers, on which notifications travel.
//
// Whoever has something to say to a server dials it. Of each pair the server with the larger sid
// owns the connection: the smaller one's dial means only "call me back". To each server only the
// newest message matters; the last one is said again on every new connection, so receivers must not
// take the first frame for an answer.
//
// A connection that is dead ends within seconds (tune_peer_socket), one that is answered by nobody
// is replaced (election/peer_silence), and a server that cannot be reached is dialled again and
// again while there is something to say to it: after an outage of the network all are connected
// within a second. Who may stay is decided by election/reception.
//
// Shell, Asio, on one io_context; not thread-safe. Decides nothing: bodies go in and out as they are.
// Source: ZooKeeper QuorumCnxManager; docs/PROTOCOL.md 2.1 to 2.3; byte table in docs/WIRE.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "election/reception.h"
#include "ensemble/membership.h"
#include "net/dialler.h"
#include "net/listener.h"
#include "net/member_addresses.h"
#include "net/ports.h"

namespace zk::net {

struct ElectionLinkSettings {
    ServerId my_id;
    ensemble::MembershipPtr members;
    Duration connect_timeout = std::chrono::seconds(5);  ///< cnxTimeout
    /// quorumCnxnTimeoutMs, else tickTime * syncLimit.
    Duration handshake_timeout = std::chrono::seconds(5);
    int bind_retries = 3;                  ///< electionPortBindRetry, 1 s apart; 0: for ever
    bool listen_on_all_addresses = false;  ///< quorumListenOnAllIPs
    Duration dead_after = std::chrono::seconds(3);  ///< see tune_peer_socket
};

class ElectionLinks final : public NotificationPort, private ListenerUser {
  public:
    /// What arrives is posted to `core`; `server` hears when the port cannot be bound in all attempts. All three
    /// outlive the links; all calls are on the thread of `io`.
    ElectionLinks(boost::asio::io_context& io,
                  ElectionLinkSettings settings,
                  CorePort& core,
                  ServerPort& server,
                  Log log);
    ~ElectionLinks() override;

    /// Binds the election port of the own member line and accepts.
    void start();
    /// Dials when there is no connection. A server that is no member is reached only while it is connected.
    void notify(ServerId to, Bytes body) override;
    /// Closes the port and all connections; nothing is posted any more.
    void close();

  private:
    class Greeting;
    class Link;
    struct Peer;
    using GreetingId = election::Reception::GreetingId;

    void on_connection(std::unique_ptr<Stream> stream) override;
    void on_listen_failed(const Error& error) override;
    void greeting_over(GreetingId id);
    void welcome(Greeting& greeting);
    Peer& peer_of(ServerId sid);
    void dial_back(ServerId sid, const ensemble::HostPort& address);
    void dial(ServerId sid, const ensemble::HostPort& address);
    void try_dial(ServerId sid);
    void dialled(ServerId sid, Dialled dialled);
    void dial_failed(ServerId sid, boost::system::error_code error);
    void establish(ServerId sid,
                   std::unique_ptr<Stream> stream,
                   election::Origin origin,
                   ByteView heard_already);
    void say_what_waits(Link& link);
    void heard(Link& link, Bytes body);
    void lost(Link& link);
    void drop_link(ServerId sid);
    void forget_stranger(ServerId sid);

    boost::asio::io_context& io_;
    const ElectionLinkSettings settings_;
    CorePort& core_;
    ServerPort& server_;
    Log log_;
    const ensemble::HostPort my_address_;
    const Bytes hello_;
    Listener listener_;
    MemberAddresses addresses_;
    election::Reception reception_;
    std::map<GreetingId, std::shared_ptr<Greeting>> greetings_;
    GreetingId next_greeting_ = 1;
    std::map<ServerId, Peer> peers_;
    bool closed_ = false;
};

}  // namespace zk::net
