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

#include "base/ids.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "ensemble/ensemble_config.h"
#include "net/stream.h"

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
    election::Origin origin(ServerId sid, const Stream& connection);
    /// Members whose address the connection's other end has.
    std::vector<ServerId> members_at(const Stream& connection);
    /// No answer of a name server is waited for any more.
    void close();

  private:
    struct State;
    void refresh();
    std::shared_ptr<State> state_;
};

}  // namespace zk::net
