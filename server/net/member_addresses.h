// Whose address is it? The addresses of all members, as their server.N lines say them; names are
// resolved in the background and again now and then.
// Shell, Asio, on one io_context; not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/ids.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "ensemble/ensemble_config.h"

namespace zk::net {

class MemberAddresses {
  public:
    MemberAddresses(boost::asio::io_context& io, const ensemble::EnsembleConfig& config);
    ~MemberAddresses();
    MemberAddresses(const MemberAddresses&) = delete;
    MemberAddresses& operator=(const MemberAddresses&) = delete;

    /// Where a connection comes from that claims to be of `sid`. Unknown while a name does not
    /// resolve, and from this very host, where every member that lives here has every address. Asks
    /// for the names again when the answer is not Origin::own.
    election::Origin origin(ServerId sid, const boost::asio::ip::tcp::socket& connection);
    /// Members whose address the connection's other end has.
    std::vector<ServerId> members_at(const boost::asio::ip::tcp::socket& connection);
    /// No answer of a name server is waited for any more.
    void close();

  private:
    struct State;
    void refresh();
    std::shared_ptr<State> state_;
};

/// Without the clothes of IPv6 around an IPv4 address.
boost::asio::ip::address plain(const boost::asio::ip::address& address);

}  // namespace zk::net
