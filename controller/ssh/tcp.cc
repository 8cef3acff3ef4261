#include "ssh/tcp.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>

#include "ssh/known_hosts.h"
#include "ssh/stream.h"
#include "threads/mutex.h"

namespace zk::ssh {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

// The answer of a lookup that may outlive our wait for it.
struct Lookup {
    threads::Mutex mutex;
    threads::Condition done;
    bool finished ZK_GUARDED_BY(mutex) = false;
    int error ZK_GUARDED_BY(mutex) = 0;
    std::vector<Address> addresses ZK_GUARDED_BY(mutex);
};

int look_up(const std::string& host, std::uint16_t port, int flags, std::vector<Address>& found) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (error != 0) return error;
    for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
        Address address;
        std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
        address.size = item->ai_addrlen;
        found.push_back(address);
    }
    ::freeaddrinfo(list);
    return 0;
}

// An address is read at once; a name is looked up on a thread of its own, since getaddrinfo knows
// no deadline.
int resolve(const std::string& host,
            std::uint16_t port,
            LinkDeadline deadline,
            std::vector<Address>& found) {
    if (look_up(host, port, AI_NUMERICHOST, found) == 0) return 0;
    auto lookup = std::make_shared<Lookup>();
    std::thread([lookup, host, port] {
        std::vector<Address> addresses;
        const int error = look_up(host, port, 0, addresses);
        const threads::Lock guard(lookup->mutex);
        lookup->finished = true;
        lookup->error = error;
        lookup->addresses = std::move(addresses);
        lookup->done.notify_one();
    }).detach();
    threads::Lock guard(lookup->mutex);
    while (!lookup->finished && lookup->done.wait_until(guard, deadline)) {
    }
    if (!lookup->finished) return EAI_AGAIN;
    found = std::move(lookup->addresses);
    return lookup->error;
}

void set_options(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    const int idle_s = 15;
    const int interval_s = 5;
    const int probes = 3;
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

// Returns a connected socket, or -1 with the reason in `error`.
int connect_one(const Address& address, LinkDeadline deadline, int& error) {
    const int fd =
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error = errno;
        return -1;
    }
    set_options(fd);
    error = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
        error = errno;
    }
    while (error == EINPROGRESS || error == EINTR) {
        pollfd item{fd, POLLOUT, 0};
        const int ready = ::poll(&item, 1, poll_wait_ms(deadline));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) {
            error = ETIMEDOUT;
            break;
        }
        socklen_t size = sizeof error;
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return fd;
    ::close(fd);
    return -1;
}

std::string way_out(int error) {
    switch (error) {
        case ECONNREFUSED:
            return "; the host is up but nothing listens there: is sshd running?";
        case ETIMEDOUT:
            return "; is the host up, and does a firewall let the port through?";
        default:
            return "; check the address in the inventory and the network";
    }
}

}  // namespace

Result<int> connect_tcp(const std::string& name,
                        const std::string& address,
                        std::uint16_t port,
                        LinkDeadline deadline) {
    const int wait_ms = poll_wait_ms(deadline);
    std::vector<Address> addresses;
    const int lookup_error = resolve(address, port, deadline, addresses);
    if (lookup_error != 0 || addresses.empty()) {
        return link_error(LinkErrc::unreachable,
                          name + ": the host name " + address + " has no address (" +
                              ::gai_strerror(lookup_error) + "); check it in the inventory");
    }
    int error = ETIMEDOUT;
    for (const Address& one : addresses) {
        const int fd = connect_one(one, deadline, error);
        if (fd >= 0) return fd;
    }
    const std::string where = address + " port " + std::to_string(port);
    const std::string what = error == ETIMEDOUT
                                 ? "no answer within " + std::to_string(wait_ms) + " ms"
                                 : std::generic_category().message(error);
    return link_error(LinkErrc::unreachable,
                      name + ": cannot connect to " + where + ": " + what + way_out(error));
}

}  // namespace zk::ssh
