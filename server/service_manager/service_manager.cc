// systemd's datagrams, without its library, which is not to be had for static programs.
#include "service_manager/service_manager.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/numbers.h"

namespace zk::service_manager {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): only read
    return value == nullptr ? std::string_view() : std::string_view(value);
}

std::optional<std::int64_t> positive(std::string_view text) {
    const auto number = parse_number(text);
    return number && *number > 0 ? number : std::nullopt;
}

/// How long a datagram may wait for room in the manager's queue.
enum class Patience {
    none,
    seconds,  ///< what must not get lost; a manager that hangs does not make us hang
};
constexpr timeval kPatience{5, 0};

void tell(std::string_view state, Patience patience) {
    const std::string_view path = variable("NOTIFY_SOCKET");
    if (path.empty() || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';  // abstract socket
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return;
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    (void)::sendto(socket,
                   state.data(),
                   state.size(),
                   MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0),
                   reinterpret_cast<const sockaddr*>(&address),
                   size);
    ::close(socket);
}

}  // namespace

void tell_ready() { tell("READY=1", Patience::seconds); }
void tell_stopping() { tell("STOPPING=1", Patience::seconds); }
void tell_alive() { tell("WATCHDOG=1", Patience::none); }

std::optional<Duration> watchdog_interval() {
    const auto period = positive(variable("WATCHDOG_USEC"));
    if (!period || variable("NOTIFY_SOCKET").empty()) return std::nullopt;
    // Said to a parent, it is not meant for its child.
    const std::string_view watched = variable("WATCHDOG_PID");
    if (!watched.empty() && positive(watched) != std::int64_t{::getpid()}) return std::nullopt;
    return std::chrono::duration_cast<Duration>(std::chrono::microseconds(*period)) / 2;
}

}  // namespace zk::service_manager
