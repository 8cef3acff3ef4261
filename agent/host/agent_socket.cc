#include "agent_host/agent_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace zk::agent_host {
namespace {

constexpr const char* kName = "agent.sock";

struct Place {
    Fd directory;
    sockaddr_un address{};
};

Result<Place> place_of(const StateDir& state) {
    Place place;
    place.directory = Fd(::open(state.socket_dir().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place.directory.is_open()) return system_error("open " + state.socket_dir());
    place.address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + kName;
    std::memcpy(place.address.sun_path, path.c_str(), path.size() + 1);
    return place;
}

Result<Fd> make_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) return system_error("make a unix socket");
    return socket;
}

class Asking {
  public:
    Asking(int fd, std::chrono::milliseconds timeout)
        : fd_(fd), deadline_(std::chrono::steady_clock::now() + timeout) {}

    Result<> write(ByteView bytes) {
        while (!bytes.empty()) {
            ZK_CHECK(wait(POLLOUT));
            const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return system_error("write to the resident agent");
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
        return ok();
    }

    Result<agent_api::Message> read() {
        std::array<char, 16384> buffer{};
        for (;;) {
            ZK_TRY(auto message, decoder_.next());
            if (message) return *std::move(message);
            ZK_CHECK(wait(POLLIN));
            const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return system_error("read from the resident agent");
            if (size == 0) return Error(Errc::closed, "the resident agent ended the connection");
            decoder_.feed(ByteView(buffer.data(), static_cast<std::size_t>(size)));
        }
    }

  private:
    Result<> wait(short events) {
        for (;;) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline_ - std::chrono::steady_clock::now());
            if (left.count() <= 0)
                return Error(Errc::timeout, "the resident agent does not answer");
            pollfd poll_fd{fd_, events, 0};
            const int ready =
                ::poll(&poll_fd, 1, static_cast<int>(std::min<long>(left.count() + 1, 60000)));
            if (ready > 0) return ok();
            if (ready < 0 && errno != EINTR) return system_error("wait for the resident agent");
        }
    }

    int fd_;
    std::chrono::steady_clock::time_point deadline_;
    agent_api::FrameDecoder decoder_;
};

}  // namespace

Result<Fd> listen_on_agent_socket(const StateDir& state) {
    std::vector<std::string> made;
    ZK_CHECK(make_directories(state.socket_dir(), 0700, made));
    ZK_TRY(Place place, place_of(state));
    ZK_TRY(Fd socket, make_socket());
    ::unlinkat(place.directory.get(), kName, 0);
    const mode_t old_mask = ::umask(0177);
    const int bound = ::bind(
        socket.get(), reinterpret_cast<const sockaddr*>(&place.address), sizeof place.address);
    ::umask(old_mask);
    if (bound != 0) return system_error("bind " + state.socket_dir() + "/" + kName);
    if (::listen(socket.get(), 16) != 0) return system_error("listen on the agent's socket");
    return socket;
}

Result<Fd> connect_to_agent_socket(const StateDir& state) {
    ZK_TRY(Place place, place_of(state));
    ZK_TRY(Fd socket, make_socket());
    if (::connect(socket.get(),
                  reinterpret_cast<const sockaddr*>(&place.address),
                  sizeof place.address) != 0) {
        return system_error("no resident agent listens on " + state.socket_dir() + "/" + kName);
    }
    return socket;
}

Result<agent_api::Message> ask_resident(const StateDir& state,
                                        agent_api::MessageType type,
                                        ByteView payload,
                                        std::chrono::milliseconds timeout) {
    ZK_TRY(const Fd socket, connect_to_agent_socket(state));
    Asking asking(socket.get(), timeout);
    ZK_CHECK(asking.write(agent_api::encode_frame(type, payload)));
    return asking.read();
}

}  // namespace zk::agent_host
