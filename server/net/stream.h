// One connection, whoever speaks over it: bytes in their order, both ways, without blocking.
// Whoever owns it reads and writes what is possible now, and asks to be called when more is.
// Shell; lives on one io_context, not thread-safe. plain_stream is the one over TCP as it is; one over TLS
// is another of these, and nothing else changes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "base/bytes.h"

namespace zk::net {

/// Who is called when a stream can go on. The stream's wait holds it.
class StreamUser {
  public:
    StreamUser() = default;
    StreamUser(const StreamUser&) = delete;
    StreamUser& operator=(const StreamUser&) = delete;
    virtual ~StreamUser() = default;

    /// There may be something to read, or the end, or an error: read() tells.
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;
};

class Stream {
  public:
    struct Moved {
        std::size_t bytes = 0;
        /// would_block: nothing more now; await it. eof: the other side has ended. Bytes that come with an
        /// error were moved before it.
        boost::system::error_code error;

        [[nodiscard]] bool later() const;
    };
    /// Pieces that one write() takes at most.
    static constexpr std::size_t kPiecesMax = 64;

    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    /// What is there now, up to the size of `into`. No bytes and no error cannot be.
    virtual Moved read(std::span<char> into) = 0;
    /// As much as goes now. Fewer bytes than there are without an error: try again or await it.
    virtual Moved write(std::span<const ByteView> pieces) = 0;
    /// One call of on_readable() follows in a later turn, unless the stream is closed or destroyed before.
    /// REQUIRES: no earlier wait of this kind is under way.
    virtual void await_readable(std::shared_ptr<StreamUser> user) = 0;
    virtual void await_writable(std::shared_ptr<StreamUser> user) = 0;
    /// No more is written; the other side reads to the end.
    virtual void end_writing() = 0;
    /// Ends it. No call comes any more. Idempotent.
    virtual void close() = 0;

    /// As they were when the stream began; IPv4 in its own form.
    [[nodiscard]] virtual const boost::asio::ip::tcp::endpoint& remote() const = 0;
    [[nodiscard]] virtual const boost::asio::ip::address& local() const = 0;
};

inline bool Stream::Moved::later() const {
    return error == boost::asio::error::would_block || error == boost::asio::error::interrupted;
}

}  // namespace zk::net
