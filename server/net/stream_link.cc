#include "net/stream_link.h"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "clocks/clocks.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kSnapshotPieceBytes = std::size_t{256} << 10;
/// One write takes so much and so many pieces at most.
constexpr std::size_t kWriteBytesMax = std::size_t{256} << 10;
constexpr std::size_t kWritePiecesMax = 64;
/// Copying less than this costs less than a piece of its own.
constexpr std::size_t kSharedBytesMin = 1024;
/// Packets are gathered in items of about this size.
constexpr std::size_t kItemBytes = std::size_t{64} << 10;

}  // namespace

// ---- queueing

void StreamLink::send(Bytes bytes) {
    if (closed_) return;
    append(std::move(bytes));
    queue_changed();
}

void StreamLink::send_shared(Bytes before, SharedBytes shared, Bytes after) {
    if (closed_) return;
    append(std::move(before));
    if (shared->size() < kSharedBytesMin) {
        append(*shared);
    } else {
        account_.queued(shared->size());
        push({{}, std::move(shared), nullptr});
    }
    append(std::move(after));
    queue_changed();
}

void StreamLink::send_snapshot(storage::SnapshotSerializer serializer) {
    if (closed_) return;
    account_.stream_queued();
    push({{}, nullptr, std::make_unique<storage::SnapshotSerializer>(std::move(serializer))});
    write_soon();
}

void StreamLink::await_room() {
    if (closed_) return;
    tell(account_.await_room(clocks::steady_now()));
}

/// Into the last item, if that is one of packets, of no great size and not on its way to the
/// kernel.
void StreamLink::append(Bytes bytes) {
    account_.queued(bytes.size());
    if (queue_.size() > in_flight_) {
        Item& last = queue_.back();
        const bool of_packets = !last.shared && !last.snapshot;
        if (of_packets && last.bytes.size() + bytes.size() <= kItemBytes) {
            last.bytes += bytes;
            return;
        }
    }
    push({std::move(bytes), nullptr, nullptr});
}

void StreamLink::push(Item item) { queue_.push_back(std::move(item)); }

void StreamLink::queue_changed() {
    if (account_.overflowed()) return fail("its queue is full: it reads too slowly");
    write_soon();
}

/// In a later turn, because the caller may be in the middle of its own.
void StreamLink::tell(zab::QueueNews news) {
    if (news == zab::QueueNews::none) return;
    asio::post(socket_.get_executor(), [self = shared_from_this(), news] {
        if (!self->closed_) self->on_news(news);
    });
}

// ---- writing

/// Writes when the turn that sends is over, so that its packets leave in one piece.
void StreamLink::write_soon() {
    if (writing_ || write_scheduled_) return;
    write_scheduled_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->write_scheduled_ = false;
        self->write_next();
    });
}

/// A stream at the front gives its next piece.
void StreamLink::next_piece() {
    ZK_ASSERT(front_written_ == 0 && in_flight_ == 0);
    Bytes piece;
    const bool more = queue_.front().snapshot->next_chunk(piece, kSnapshotPieceBytes);
    account_.queued(piece.size());
    if (!more) {
        queue_.pop_front();
        tell(account_.stream_ended());
    }
    if (!piece.empty()) queue_.push_front({std::move(piece), nullptr, nullptr});
}

void StreamLink::write_next() {
    if (writing_ || closed_) return;
    while (!queue_.empty() && queue_.front().snapshot) next_piece();
    if (queue_.empty()) return;
    std::vector<asio::const_buffer> buffers;
    std::size_t bytes = 0;
    for (const Item& item : queue_) {
        if (item.snapshot || bytes >= kWriteBytesMax || buffers.size() >= kWritePiecesMax) break;
        ByteView view = item.view();
        if (buffers.empty()) view.remove_prefix(front_written_);
        buffers.emplace_back(view.data(), view.size());
        bytes += view.size();
    }
    in_flight_ = buffers.size();
    writing_ = true;
    socket_.async_write_some(buffers,
                             [self = shared_from_this()](error_code error, std::size_t count) {
                                 self->writing_ = false;
                                 self->in_flight_ = 0;
                                 if (self->closed_) return self->queue_.clear();
                                 if (error) return self->fail(error.message());
                                 self->written(count);
                                 self->write_next();
                             });
}

void StreamLink::written(std::size_t count) {
    tell(account_.left(count, clocks::steady_now()));
    front_written_ += count;
    while (!queue_.empty() && !queue_.front().snapshot &&
           front_written_ >= queue_.front().view().size()) {
        front_written_ -= queue_.front().view().size();
        queue_.pop_front();
    }
    ZK_ASSERT(front_written_ == 0 || !queue_.empty());
}

// ---- reading

void StreamLink::set_reading(bool on) {
    reading_ = on;
    if (began_reading_ && !closed_) read_next();
}

void StreamLink::read_next() {
    if (!reading_ || read_pending_) return;
    read_pending_ = true;
    socket_.async_read_some(asio::buffer(read_buffer_),
                            [self = shared_from_this()](error_code error, std::size_t count) {
                                self->read_pending_ = false;
                                if (self->closed_) return;
                                if (error) return self->fail(error.message());
                                const std::string why =
                                    self->on_bytes(ByteView(self->read_buffer_.data(), count));
                                if (!why.empty()) return self->fail(why);
                                if (!self->closed_) self->read_next();
                            });
}

// ---- ends

void StreamLink::fail(const std::string& why) {
    if (closed_) return;
    shut();
    // Later, because the caller may be in the middle of its own turn.
    asio::post(socket_.get_executor(), [self = shared_from_this(), why] {
        if (!self->disowned_) self->on_end(why);
    });
}

void StreamLink::close() {
    disowned_ = true;
    shut();
}

void StreamLink::shut() {
    closed_ = true;
    // A snapshot's walk must end with the link, since the tree may go; what a write still reads is
    // let go by its handler.
    for (Item& item : queue_) item.snapshot.reset();
    if (!writing_) queue_.clear();
    error_code ignored;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

}  // namespace zk::net
