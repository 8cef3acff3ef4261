#include "zkload/floor.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <unistd.h>
#include <unordered_map>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "zkload/fail.h"

namespace zk::load {
namespace {

[[noreturn]] void fail_with_errno(const char* what) {
    fail(std::string(what) + ": " + std::strerror(errno));
}

/// One connection. Its znode is counted here, so that zkload's checks of versions hold.
struct Client {
    jute::FrameDecoder decoder{limits::kJuteMaxBuffer};
    bool greeted = false;
    bool ending = false;
    std::int32_t version = 0;
    Bytes out;
    std::size_t sent = 0;
};

class Floor {
  public:
    Floor(std::uint16_t port, int value_bytes);
    [[noreturn]] void serve();

  private:
    void accept();
    void receive(int fd, Client& client);
    /// False while the socket takes no more: nothing is read then.
    bool flush(int fd, Client& client);
    void answer(Client& client, ByteView frame);
    void watch(int fd, std::uint32_t events, int how) const;

    int epoll_;
    int listener_;
    std::unordered_map<int, std::unique_ptr<Client>> clients_;
    Bytes value_;
    std::int64_t last_zxid_ = 0;
    std::int64_t last_session_ = 0;
};

Floor::Floor(std::uint16_t port, int value_bytes)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      value_(static_cast<std::size_t>(value_bytes), 'v') {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    if (epoll_ < 0 || listener_ < 0 ||
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1024) != 0) {
        fail_with_errno("floor");
    }
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
}

void Floor::watch(int fd, std::uint32_t events, int how) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_, how, fd, &event) != 0) fail_with_errno("epoll");
}

void Floor::serve() {
    while (true) {
        std::array<epoll_event, 256> events{};
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) fail_with_errno("epoll");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.fd == listener_) {
                accept();
                continue;
            }
            Client& client = *clients_.at(event.data.fd);
            if ((event.events & EPOLLOUT) != 0) {
                if (!flush(event.data.fd, client)) continue;
                watch(event.data.fd, EPOLLIN, EPOLL_CTL_MOD);
            }
            receive(event.data.fd, client);
        }
    }
}

void Floor::accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    clients_[fd] = std::make_unique<Client>();
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

void Floor::receive(int fd, Client& client) {
    static char buffer[64 << 10];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    bool ending = got <= 0;
    if (got > 0) {
        const ByteView bytes(buffer, static_cast<std::size_t>(got));
        if (!client.greeted && bytes == "srvr") {
            client.out = "Mode: leader\n";
            client.ending = true;
        } else {
            client.decoder.feed(bytes);
            while (const auto frame = client.decoder.next()) answer(client, *frame);
        }
        if (!flush(fd, client)) return watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
        ending = client.ending || client.decoder.broken();
    }
    if (!ending) return;
    ::close(fd);
    clients_.erase(fd);
}

bool Floor::flush(int fd, Client& client) {
    while (client.sent < client.out.size()) {
        const ssize_t took = ::send(
            fd, client.out.data() + client.sent, client.out.size() - client.sent, MSG_NOSIGNAL);
        if (took < 0) {
            if (errno == EAGAIN) return false;
            break;  // The next recv tells that the client has gone.
        }
        client.sent += static_cast<std::size_t>(took);
    }
    client.out.clear();
    client.sent = 0;
    return true;
}

void Floor::answer(Client& client, ByteView frame) {
    Bytes& out = client.out;
    const std::size_t start = out.size();
    append_be(out, std::int32_t{0});  // the length, known at the end
    jute::OutputArchive archive(out);
    jute::InputArchive request(frame);
    if (!client.greeted) {
        client.greeted = true;
        jute::ConnectResponse response;
        response.timeout_ms = 30000;
        response.session = SessionId(++last_session_);
        response.password = Bytes(16, '\0');
        archive(response, false);
    } else {
        const auto header = request.get<jute::RequestHeader>();
        if (is_write(header.op)) ++last_zxid_;
        jute::ReplyHeader reply;
        reply.xid = header.xid;
        reply.zxid = Zxid(last_zxid_);
        archive(reply);
        jute::Stat stat;
        stat.data_length = static_cast<std::int32_t>(value_.size());
        switch (header.op) {
            case OpCode::set_data:
                ++client.version;
                break;
            case OpCode::create:
                client.version = 0;
                [[fallthrough]];
            case OpCode::sync:
                archive(request.get<std::string>());
                break;
            case OpCode::get_data:
                archive(std::string_view(value_));
                break;
            case OpCode::close_session:
                client.ending = true;
                break;
            default:
                break;
        }
        stat.version = client.version;
        const bool has_stat = header.op == OpCode::set_data || header.op == OpCode::get_data ||
                              header.op == OpCode::exists;
        if (has_stat) archive(stat);
    }
    store_be(out.data() + start, static_cast<std::int32_t>(out.size() - start - 4));
}

}  // namespace

void serve_floor(std::uint16_t port, int value_bytes) { Floor(port, value_bytes).serve(); }

}  // namespace zk::load
