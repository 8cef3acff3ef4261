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
// within a second. Whoever claims a member's sid from another address than the member's is heard
// where nobody better is connected, and never replaces the member itself.
//
// Shell, Asio coroutines on one io_context; not thread-safe. Decides nothing: bodies go in and out
// as they are. Source: ZooKeeper QuorumCnxManager; docs/PROTOCOL.md 2.1 to 2.3; byte table in
// docs/WIRE.md.
#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "ensemble/ensemble_config.h"

namespace boost::asio {
class io_context;
}

namespace zk::net {

struct ElectionLinkSettings {
    ServerId my_id;
    ensemble::EnsembleConfig config;
    Duration connect_timeout = std::chrono::seconds(5);  ///< cnxTimeout
    /// quorumCnxnTimeoutMs, else tickTime * syncLimit.
    Duration handshake_timeout = std::chrono::seconds(5);
    int bind_retries = 3;                  ///< electionPortBindRetry, 1 s apart; 0: for ever
    bool listen_on_all_addresses = false;  ///< quorumListenOnAllIPs
    Duration dead_after = std::chrono::seconds(3);  ///< see tune_peer_socket
};

class ElectionLinks {
  public:
    /// `io` must outlive the links; all calls and callbacks are on its thread.
    ElectionLinks(boost::asio::io_context& io, ElectionLinkSettings settings, Log log);
    ~ElectionLinks();
    ElectionLinks(const ElectionLinks&) = delete;
    ElectionLinks& operator=(const ElectionLinks&) = delete;

    /// A frame's body came from the server that calls itself `from`. Set before start().
    /// `origin`: whether its connection bears that out.
    std::function<void(ServerId from, Bytes body, election::Origin origin)> on_message;
    /// The port could not be bound in all attempts: this server cannot be reached. Set before
    /// start().
    std::function<void(Error)> on_listen_failed;

    /// Binds the election port of the own member line and accepts.
    void start();
    /// Sends `body`, or replaces what still waits for `to`; dials when there is no connection. A
    /// server that is no member is reached only while it is connected.
    void send(ServerId to, Bytes body);
    /// Closes the port and all connections; no callback comes after it.
    void close();

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace zk::net
