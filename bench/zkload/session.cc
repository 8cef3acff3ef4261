#include "zkload/session.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "jute/protocol.h"
#include "zkload/fail.h"

namespace zk::load {
namespace {

constexpr std::int32_t kAnswerBytesMax = limits::kJuteMaxBuffer * 2;
constexpr std::int32_t kTimeoutMs = 30000;
constexpr time_t kHandshakeSeconds = 30;

}  // namespace

Session::Session(const Options& options,
                 int index,
                 const Endpoint& server,
                 const std::string& run_path)
    : index_(index),
      bursts_(options.bursts),
      server_(server),
      workload_(options, index, run_path),
      checks_(workload_),
      decoder_(kAnswerBytesMax),
      under_way_(static_cast<std::size_t>(options.depth)) {}

Session::~Session() { close(); }

void Session::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

std::string Session::name() const {
    return "session " + std::to_string(index_) + " at " + server_.address + ":" +
           std::to_string(server_.port);
}

void Session::send_handshake() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_.port);
    if (inet_pton(AF_INET, server_.address.c_str(), &address.sin_addr) != 1) {
        fail("'" + server_.address + "' is not a numeric IPv4 address");
    }
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    const timeval patience{.tv_sec = kHandshakeSeconds, .tv_usec = 0};
    if (fd_ < 0 ||
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
        fail(name() + ": " + std::strerror(errno));
    }
    jute::ConnectRequest request;
    request.timeout_ms = kTimeoutMs;
    request.password = Bytes(16, '\0');
    Bytes payload = jute::encode(request);
    payload.push_back('\0');  // not read-only
    jute::append_frame(outbox_, payload);
    flush();
}

void Session::finish_handshake() {
    char buffer[256];
    while (true) {
        const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
        if (got <= 0)
            fail(name() + ": no session: " + (got == 0 ? "closed" : std::strerror(errno)));
        decoder_.feed(ByteView(buffer, static_cast<std::size_t>(got)));
        if (const auto frame = decoder_.next()) {
            const auto response = jute::decode<jute::ConnectResponse>(*frame);
            if (!response || response->session.value() == 0) fail(name() + ": no session");
            break;
        }
    }
    if (::fcntl(fd_, F_SETFL, O_NONBLOCK) != 0) fail(name() + ": " + std::strerror(errno));
}

void Session::fill(std::int64_t now_ns) {
    const auto depth = static_cast<std::int32_t>(under_way_.size());
    while (next_xid_ - next_answer_ < depth) {
        const auto job = workload_.next();
        if (!job) break;
        if (next_xid_ == INT32_MAX) fail(name() + ": out of xids: make the run shorter");
        under_way_[static_cast<std::size_t>(next_xid_ % depth)] = {.job = *job, .sent_ns = now_ns};
        workload_.append(outbox_, *job, Xid(next_xid_++));
    }
    flush();
}

void Session::flush() {
    while (sent_ < outbox_.size()) {
        const ssize_t took =
            ::send(fd_, outbox_.data() + sent_, outbox_.size() - sent_, MSG_NOSIGNAL);
        if (took < 0) {
            if (errno == EAGAIN) return;
            fail(name() + ": " + std::strerror(errno));
        }
        sent_ += static_cast<std::size_t>(took);
    }
    outbox_.clear();
    sent_ = 0;
}

int Session::receive(Tally* tally) {
    static char buffer[256 << 10];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0)
        fail(name() + ": " +
             (got == 0 ? "the server closed the connection" : std::strerror(errno)));
    const std::int64_t now = now_ns();
    decoder_.feed(ByteView(buffer, static_cast<std::size_t>(got)));
    int answers = 0;
    while (const auto frame = decoder_.next()) {
        take_answer(*frame, now, tally);
        ++answers;
    }
    if (decoder_.broken()) fail(name() + ": a frame of an unreasonable length");
    if (answers > 0 && fd_ >= 0 && (idle() || !bursts_)) fill(now);
    return answers;
}

void Session::take_answer(ByteView frame, std::int64_t now_ns, Tally* tally) {
    if (idle()) fail(name() + ": an answer to nothing");
    const auto depth = static_cast<std::int32_t>(under_way_.size());
    const UnderWay& request = under_way_[static_cast<std::size_t>(next_answer_ % depth)];
    const std::string wrong = checks_.check(request.job, Xid(next_answer_), frame);
    if (!wrong.empty()) {
        fail(name() + ": answer " + std::to_string(next_answer_) + " (" +
             std::string(zk::to_string(request.job.op)) + "): " + wrong);
    }
    ++next_answer_;
    if (request.job.op == OpCode::close_session) close();
    if (tally == nullptr) return;
    (is_write(request.job.op) ? tally->writes : tally->reads).add(now_ns - request.sent_ns);
}

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace zk::load
