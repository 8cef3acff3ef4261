// Streams over a TCP socket. See stream.h.
#include "net/plain_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "net/endpoints.h"
#include "net/peer_socket.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A wait reads so much itself: most requests are shorter. To wait without reading costs Asio a system call
/// for each wait, which is a tenth of a small request.
constexpr std::size_t kAheadBytes = 512;
/// And so much while nothing longer came: a ping, or what begins a session. Thousands of clients do no more.
constexpr std::size_t kIdleAheadBytes = 64;
/// So many short ones in a row give the longer buffer back.
constexpr int kShortReadsMax = 16;

/// What waits have read.
class Ahead {
  public:
    [[nodiscard]] std::span<char> room() {
        return long_ ? std::span<char>(long_.get(), kAheadBytes) : std::span<char>(short_);
    }
    [[nodiscard]] std::span<const char> bytes() { return room().subspan(begin_, end_ - begin_); }
    void consume(std::size_t count) { begin_ += count; }
    /// A wait is over. False: there may be more.
    bool filled(std::size_t count) {
        end_ = count;
        return count < room().size();
    }
    /// Before the next wait. REQUIRES: all was consumed.
    void renew() {
        if (!long_) {
            if (end_ == short_.size()) long_ = std::make_unique<char[]>(kAheadBytes);
        } else if (end_ > short_.size()) {
            short_reads_ = 0;
        } else if (++short_reads_ == kShortReadsMax) {
            short_reads_ = 0;
            long_.reset();
        }
        begin_ = end_ = 0;
    }

  private:
    std::array<char, kIdleAheadBytes> short_{};
    std::unique_ptr<char[]> long_;
    std::size_t begin_ = 0, end_ = 0;
    int short_reads_ = 0;
};

/// Shared with the waits that are under way.
struct Connection {
    explicit Connection(tcp::socket own) : socket(std::move(own)) {}
    tcp::socket socket;
    bool open = true;
    Ahead ahead;           ///< read by a wait; not given out yet
    bool drained = false;  ///< that wait found less than it could take: the kernel has nothing more
    error_code ahead_error;
};

class PlainStream final : public Stream {
  public:
    PlainStream(tcp::socket socket, tcp::endpoint remote, asio::ip::address local)
        : connection_(std::make_shared<Connection>(std::move(socket))),
          remote_(std::move(remote)),
          local_(std::move(local)) {}
    ~PlainStream() override { PlainStream::close(); }

    Moved read(std::span<char> into) override;
    Moved write(std::span<const ByteView> pieces) override;
    void await_readable(std::shared_ptr<StreamUser> user) override;
    void await_writable(std::shared_ptr<StreamUser> user) override;
    void end_writing() override {
        error_code ignored;
        connection_->socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
    void close() override {
        connection_->open = false;
        error_code ignored;
        connection_->socket.close(ignored);
    }
    [[nodiscard]] const tcp::endpoint& remote() const override { return remote_; }
    [[nodiscard]] const asio::ip::address& local() const override { return local_; }

  private:
    std::shared_ptr<Connection> connection_;
    tcp::endpoint remote_;
    asio::ip::address local_;
};

Stream::Moved PlainStream::read(std::span<char> into) {
    Connection& connection = *connection_;
    Moved moved;
    const std::span<const char> ahead = connection.ahead.bytes();
    moved.bytes = std::min(into.size(), ahead.size());
    if (moved.bytes > 0) {
        std::memcpy(into.data(), ahead.data(), moved.bytes);
        connection.ahead.consume(moved.bytes);
        if (connection.drained || moved.bytes == into.size()) return moved;
        into = into.subspan(moved.bytes);
    } else if (connection.ahead_error) {
        moved.error = connection.ahead_error;
        return moved;
    } else if (std::exchange(connection.drained, false)) {
        moved.error = asio::error::would_block;
        return moved;
    }
    error_code error;
    moved.bytes += connection.socket.read_some(asio::buffer(into.data(), into.size()), error);
    // What was there before an error is told first; the next read meets the error again.
    if (moved.bytes == 0) moved.error = error;
    return moved;
}

Stream::Moved PlainStream::write(std::span<const ByteView> pieces) {
    ZK_ASSERT(pieces.size() <= kPiecesMax);
    Moved moved;
    if (pieces.size() == 1) {
        const auto one = asio::buffer(pieces.front().data(), pieces.front().size());
        moved.bytes = connection_->socket.write_some(one, moved.error);
        return moved;
    }
    std::array<asio::const_buffer, kPiecesMax> buffers;
    std::ranges::transform(pieces, buffers.begin(), [](ByteView piece) {
        return asio::buffer(piece.data(), piece.size());
    });
    const std::span<const asio::const_buffer> used(buffers.data(), pieces.size());
    moved.bytes = connection_->socket.write_some(used, moved.error);
    return moved;
}

void PlainStream::await_readable(std::shared_ptr<StreamUser> user) {
    Connection& connection = *connection_;
    if (!connection.ahead.bytes().empty() || connection.ahead_error) {
        return asio::post(connection.socket.get_executor(),
                          [shared = connection_, user = std::move(user)] {
                              if (shared->open) user->on_readable();
                          });
    }
    connection.ahead.renew();
    connection.drained = false;
    const std::span<char> room = connection.ahead.room();
    connection.socket.async_read_some(
        asio::buffer(room.data(), room.size()),
        [shared = connection_, user = std::move(user)](error_code error, std::size_t count) {
            if (!shared->open) return;
            shared->drained = shared->ahead.filled(count);
            shared->ahead_error = error;
            user->on_readable();
        });
}

void PlainStream::await_writable(std::shared_ptr<StreamUser> user) {
    connection_->socket.async_wait(tcp::socket::wait_write,
                                   [shared = connection_, user = std::move(user)](error_code) {
                                       if (shared->open)
                                           user->on_writable();  // an error shows when it writes
                                   });
}

}  // namespace

std::unique_ptr<Stream> plain_stream(tcp::socket socket, StreamTuning tuning) {
    error_code gone;
    const tcp::endpoint remote = socket.remote_endpoint(gone);
    if (gone) return nullptr;
    error_code ignored;
    const asio::ip::address local = plain(socket.local_endpoint(ignored).address());
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    if (tuning.keep_alive) socket.set_option(asio::socket_base::keep_alive(true), ignored);
    if (tuning.peer_dead_after) tune_peer_socket(socket, *tuning.peer_dead_after);
    return std::make_unique<PlainStream>(
        std::move(socket), tcp::endpoint(plain(remote.address()), remote.port()), local);
}

}  // namespace zk::net
