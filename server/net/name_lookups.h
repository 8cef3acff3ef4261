// Names of hosts: each is looked up by itself, so that a name server that says nothing about one peer delays no other, and
// nobody waits long for an answer that an earlier one can stand in for.
// Shell, Asio, one for each io_context; all calls and callbacks are on its thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "base/time.h"

namespace zk::net {

/// How long a dial waits for the answer to a lookup that it has begun. Later answers count for the next dial.
inline constexpr Duration kLookupPatience = std::chrono::seconds(1);
/// The same where nothing can be done without it: the own port.
inline constexpr Duration kNamePatience = std::chrono::seconds(30);

class NameLookups final : public boost::asio::execution_context::service {
  public:
    using Addresses = std::vector<boost::asio::ip::address>;
    using Found = std::function<void(boost::system::error_code, Addresses)>;
    /// Blocks until the name server has answered or is given up. Called on threads of their own.
    using Lookup =
        std::function<Addresses(const std::string& host, boost::system::error_code& error)>;

    using key_type = NameLookups;
    static boost::asio::execution_context::id id;
    explicit NameLookups(boost::asio::execution_context& context);
    ~NameLookups() override;

    static NameLookups& of(boost::asio::io_context& io) {
        return boost::asio::use_service<NameLookups>(io);
    }

    /// The addresses of `host`, IPv4 first, at least one unless there is an error. A numeric host ("[::1]" too) and a name
    /// that was found within the last second are answered from memory. When the answer takes longer than `patience` the
    /// last good one counts; if there is none, the error is timed_out. `then` is never called from within.
    void find(const std::string& host, Duration patience, Found then);

    /// Asks `lookup` from now on. For tests.
    void ask(Lookup lookup);

  private:
    struct Shared;
    void shutdown() override;
    std::shared_ptr<Shared> shared_;
};

/// The same addresses with a port.
std::vector<boost::asio::ip::tcp::endpoint> with_port(const NameLookups::Addresses& addresses,
                                                      std::uint16_t port);

}  // namespace zk::net
