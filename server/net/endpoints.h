// Where this server listens, the same rules for all three ports: IPv4 before IPv6 when a name has
// both, as Java does (a Java peer dials the first address only), and all addresses means those of
// IPv4 and IPv6. Shell, Asio.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

namespace zk::net {

/// The endpoint of a numeric host, "[::1]" too, without asking a name server; nullopt for a name.
std::optional<boost::asio::ip::tcp::endpoint> numeric_endpoint(const std::string& host,
                                                               std::uint16_t port);
/// The endpoint that needs no name server: that of a numeric host, and all addresses for an empty one.
std::optional<boost::asio::ip::tcp::endpoint> fixed_endpoint(const std::string& host,
                                                             std::uint16_t port);
/// Without the clothes of IPv6 around an IPv4 address.
boost::asio::ip::address plain(const boost::asio::ip::address& address);
/// What a resolver found, IPv4 first.
std::vector<boost::asio::ip::tcp::endpoint> ipv4_first(
    const boost::asio::ip::tcp::resolver::results_type& found);

/// Opens, binds and listens anew; closed again on an error. A wildcard address means all addresses
/// of this host: IPv6 and IPv4, or only IPv4 where there is no IPv6.
boost::system::error_code listen_on(boost::asio::ip::tcp::acceptor& acceptor,
                                    const boost::asio::ip::tcp::endpoint& at,
                                    int backlog = boost::asio::socket_base::max_listen_connections);

}  // namespace zk::net
