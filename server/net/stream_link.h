// A stream with one outgoing queue of packets, shared txns and snapshot streams, and with a
// reader that can be stopped. What is shared is written from where it is, never copied; packets
// that queue while a write is under way go out together. Shell, Asio, on one io_context; not
// thread-safe. Lives in a shared_ptr: its handlers hold it.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "net/stream.h"
#include "storage/snapshot.h"
#include "zab/send_queue.h"

namespace zk::net {

class StreamLink : public StreamUser, public std::enable_shared_from_this<StreamLink> {
  public:
    StreamLink(boost::asio::io_context& io, zab::SendQueueLimits limits)
        : io_(io), account_(limits) {}

    /// Reads from now on, and writes what has been queued. REQUIRES: called once.
    void begin(std::unique_ptr<Stream> stream);
    /// Stops reading after what is being read now, or goes on.
    void set_reading(bool on);

    void send(Bytes bytes);
    /// `shared` goes out as it is, between `before` and `after`.
    void send_shared(Bytes before, SharedBytes shared, Bytes after);
    /// The stream goes out in pieces, each made when it is its turn.
    void send_snapshot(storage::SnapshotSerializer serializer);
    /// on_news(room) follows once there is room, in a later turn.
    void await_room();
    /// From now on the other side may owe only so much; see zab::SendQueueLimits::owed_max.
    void count_from_here() { account_.up_to_date(); }

    /// What has waited here, and how long.
    [[nodiscard]] const zab::SendQueue& account() const { return account_; }
    void reset_counts() { account_.reset_counts(); }

    /// Closes without telling the owner, who may be gone afterwards.
    void close();

  protected:
    /// Bytes have arrived. Returns why the link must end, or an empty string.
    virtual std::string on_bytes(ByteView bytes) = 0;
    virtual void on_end(const std::string& why) = 0;
    virtual void on_news(zab::QueueNews) {}

    /// Ends the link; on_end() follows in a later turn.
    void fail(const std::string& why);
    [[nodiscard]] bool closed() const { return closed_; }

  private:
    void on_readable() override;
    void on_writable() override;
    /// One of the three.
    struct Item {
        Bytes bytes;
        SharedBytes shared;
        std::unique_ptr<storage::SnapshotSerializer> snapshot;
        [[nodiscard]] ByteView view() const { return shared ? ByteView(*shared) : ByteView(bytes); }
    };

    void shut();
    void read_next();
    void append(Bytes bytes);
    void push(Item item);
    /// After everything that was queued in one call: is it too much?
    void queue_changed();
    void tell(zab::QueueNews news);
    void write_soon();
    void write_next();
    void next_piece();
    void written(std::size_t count);

    boost::asio::io_context& io_;
    std::unique_ptr<Stream> stream_;
    static constexpr std::size_t kReadBytes = std::size_t{64} << 10;
    std::array<char, kReadBytes> read_buffer_;
    bool reading_ = true;  ///< wanted
    bool read_pending_ = false;
    std::deque<Item> queue_;
    std::size_t front_written_ = 0;  ///< bytes of the first item that have gone
    zab::SendQueue account_;
    bool write_waits_ = false;  ///< for the stream to take more
    bool write_scheduled_ = false;
    bool closed_ = false;
    bool disowned_ = false;
};

}  // namespace zk::net
