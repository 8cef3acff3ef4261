// TCP as it is. Shell, Asio.
#pragma once

#include <memory>
#include <optional>

#include "base/time.h"
#include "net/stream.h"

namespace zk::net {

/// How TCP behaves under a stream.
struct StreamTuning {
    /// Between servers: a peer that is gone shows after so long, not after the kernel's quarter of an hour;
    /// see tune_peer_socket. Without it a client's connection: only small packets leave at once.
    std::optional<Duration> peer_dead_after{};
    /// clientTcpKeepAlive: the kernel asks a silent other side, in its own times, whether it is still there.
    bool keep_alive = false;
};

/// Takes a connected socket over. Null when the other side has gone already.
std::unique_ptr<Stream> plain_stream(boost::asio::ip::tcp::socket socket, StreamTuning tuning);

}  // namespace zk::net
