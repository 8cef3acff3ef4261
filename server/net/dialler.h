// A connection to somebody: the name looked up, its addresses tried one after the other, each with a
// time of its own. Shell, Asio, on one io_context; not thread-safe.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "base/time.h"
#include "ensemble/ensemble_config.h"
#include "net/plain_stream.h"

namespace zk::net {

struct DialTimes {
    Duration each{};  ///< for one address
    /// Addresses that say nothing are tried again and again until it is over: the kernel repeats a SYN later and
    /// later, and an outage may have ended meanwhile. Zero: each address once. The name server's time does not count.
    Duration total{};
};

struct Dialled {
    std::unique_ptr<Stream> stream;   ///< null: see error
    boost::system::error_code error;  ///< of the last address
    bool of_name = false;             ///< the name server's
};

/// One dial at a time.
class Dialler {
  public:
    using Then = std::function<void(Dialled)>;

    Dialler(boost::asio::io_context& io, StreamTuning tuning);
    ~Dialler();
    Dialler(const Dialler&) = delete;
    Dialler& operator=(const Dialler&) = delete;

    /// `then` is called once, in a later turn, unless stop() or another dial comes before.
    void dial(const ensemble::HostPort& address, DialTimes times, Then then);
    /// The address that is being tried is given up now.
    void hasten();
    void stop();
    [[nodiscard]] bool busy() const { return attempt_ != nullptr; }

  private:
    struct Attempt;
    static void try_next(const std::shared_ptr<Attempt>& attempt);
    static void tried(const std::shared_ptr<Attempt>& attempt, boost::system::error_code error);
    static void finish(const std::shared_ptr<Attempt>& attempt, Dialled dialled);

    boost::asio::io_context& io_;
    const StreamTuning tuning_;
    std::shared_ptr<Attempt> attempt_;
};

}  // namespace zk::net
