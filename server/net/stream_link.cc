#include "net/stream_link.h"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "clocks/clocks.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kSnapshotPieceBytes = std::size_t{256} << 10;
/// One write takes so much at most; what is left goes in a later turn.
constexpr std::size_t kWriteBytesMax = std::size_t{256} << 10;
/// Copying less than this costs less than a piece of its own.
constexpr std::size_t kSharedBytesMin = 1024;
/// Packets are gathered in items of about this size.
constexpr std::size_t kItemBytes = std::size_t{64} << 10;

}  // namespace

// ---- queueing

void StreamLink::send(Bytes bytes) {
    if (closed_) return;
    append(std::move(bytes));
    account_.packet_queued(clocks::steady_now());
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
    account_.packet_queued(clocks::steady_now());
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

/// Into the last item, if that is one of packets and of no great size.
void StreamLink::append(Bytes bytes) {
    account_.queued(bytes.size());
    if (!queue_.empty()) {
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
    asio::post(io_, [self = shared_from_this(), news] {
        if (!self->closed_) self->on_news(news);
    });
}

// ---- writing

/// Writes when the turn that sends is over, so that its packets leave in one piece.
void StreamLink::write_soon() {
    if (!stream_ || write_waits_ || write_scheduled_) return;
    write_scheduled_ = true;
    asio::post(io_, [self = shared_from_this()] {
        self->write_scheduled_ = false;
        self->write_next();
    });
}

/// A stream at the front gives its next piece.
void StreamLink::next_piece() {
    ZK_ASSERT(front_written_ == 0);
    Bytes piece;
    const bool more = queue_.front().snapshot->next_chunk(piece, kSnapshotPieceBytes);
    account_.piece_queued(piece.size());
    if (!more) {
        queue_.pop_front();
        tell(account_.stream_ended());
    }
    if (!piece.empty()) queue_.push_front({std::move(piece), nullptr, nullptr});
}

void StreamLink::write_next() {
    if (write_waits_ || closed_) return;
    while (!queue_.empty() && queue_.front().snapshot) next_piece();
    if (queue_.empty()) return;
    std::array<ByteView, Stream::kPiecesMax> pieces;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const Item& item : queue_) {
        if (item.snapshot || bytes >= kWriteBytesMax || count >= pieces.size()) break;
        ByteView view = item.view();
        if (count == 0) view.remove_prefix(front_written_);
        pieces[count++] = view;
        bytes += view.size();
    }
    const Stream::Moved moved = stream_->write({pieces.data(), count});
    if (moved.error && !moved.later()) return fail(moved.error.message());
    if (moved.bytes > 0) written(moved.bytes);
    if (closed_ || queue_.empty()) return;
    write_waits_ = true;
    stream_->await_writable(shared_from_this());
}

void StreamLink::on_writable() {
    write_waits_ = false;
    write_next();
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

void StreamLink::begin(std::unique_ptr<Stream> stream) {
    ZK_ASSERT(!stream_);
    stream_ = std::move(stream);
    read_next();
    if (!queue_.empty()) write_soon();
}

void StreamLink::set_reading(bool on) {
    reading_ = on;
    if (stream_ && !closed_) read_next();
}

void StreamLink::read_next() {
    if (!reading_ || read_pending_) return;
    read_pending_ = true;
    stream_->await_readable(shared_from_this());
}

void StreamLink::on_readable() {
    read_pending_ = false;
    const Stream::Moved moved = stream_->read(read_buffer_);
    if (moved.error && !moved.later()) return fail(moved.error.message());
    if (moved.bytes > 0) {
        const std::string why = on_bytes(ByteView(read_buffer_.data(), moved.bytes));
        if (!why.empty()) return fail(why);
    }
    if (!closed_) read_next();
}

// ---- ends

void StreamLink::fail(const std::string& why) {
    if (closed_) return;
    shut();
    // Later, because the caller may be in the middle of its own turn.
    asio::post(io_, [self = shared_from_this(), why] {
        if (!self->disowned_) self->on_end(why);
    });
}

void StreamLink::close() {
    disowned_ = true;
    shut();
}

void StreamLink::shut() {
    closed_ = true;
    queue_.clear();  // a snapshot's walk must end with the link, since the tree may go
    if (stream_) stream_->close();
}

}  // namespace zk::net
