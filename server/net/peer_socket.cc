#include "net/peer_socket.h"

#include <algorithm>
#include <chrono>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace zk::net {
namespace {

/// TCP_RTO_MAX_MS of Linux 6.15, which older headers do not have.
constexpr int kTcpRtoMaxMs = 44;
constexpr int kRtoMaxMs = 1000;  // the smallest that it takes
constexpr int kKeepAliveIdleSecondsMax = 10;

void set(int socket, int level, int option, int value) {
    (void)::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

void tune_peer_socket(boost::asio::ip::tcp::socket& socket, Duration dead_after) {
    const int handle = socket.native_handle();
    const auto dead_ms = std::chrono::duration_cast<std::chrono::milliseconds>(dead_after).count();
    const int seconds = std::clamp(static_cast<int>(dead_ms / 2000), 1, kKeepAliveIdleSecondsMax);
    set(handle, IPPROTO_TCP, TCP_NODELAY, 1);
    set(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(handle, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(handle, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(dead_ms));
    set(handle, IPPROTO_TCP, kTcpRtoMaxMs, kRtoMaxMs);
}

}  // namespace zk::net
