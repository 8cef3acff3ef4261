// TCP between servers of an ensemble: small packets leave at once, and a peer that is gone shows in
// seconds, not after the kernel's quarter of an hour.
// Shell, Linux.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "base/time.h"

namespace zk::net {

/// Of an open socket: no delay, keep-alive, at most a second between two transmissions of the same
/// bytes where the kernel knows how (6.15 on), and the end of the connection when nothing that was
/// sent is acknowledged for `dead_after` (TCP_USER_TIMEOUT). The last one also ends a connection
/// whose reader has taken nothing for as long. What the kernel refuses stays as it was.
void tune_peer_socket(boost::asio::ip::tcp::socket& socket, Duration dead_after);

}  // namespace zk::net
