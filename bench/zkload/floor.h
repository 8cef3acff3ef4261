// A server that answers like ZooKeeper's and does nothing: no tree, no log, no other servers. What
// it costs for a load is the floor of the wire: nobody who reads and writes these frames with
// epoll, recv and send can cost much less.
#pragma once

#include <cstdint>

namespace zk::load {

/// Serves on 127.0.0.1 until the process is ended. A get answers `value_bytes` bytes.
[[noreturn]] void serve_floor(std::uint16_t port, int value_bytes);

}  // namespace zk::load
