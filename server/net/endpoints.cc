#include "net/endpoints.h"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

namespace zk::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

error_code open_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& at, int backlog) {
    error_code error;
    error_code ignored;
    acceptor.close(ignored);
    acceptor.open(at.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && at.protocol() == tcp::v6() && at.address().is_unspecified()) {
        acceptor.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) acceptor.bind(at, error);
    if (!error) acceptor.listen(backlog, error);
    if (error) acceptor.close(ignored);
    return error;
}

error_code listen_on_all(tcp::acceptor& acceptor, std::uint16_t port, int backlog) {
    const error_code both = open_and_listen(acceptor, tcp::endpoint(tcp::v6(), port), backlog);
    const bool no_ipv6 = both == asio::error::address_family_not_supported ||
                         both == boost::system::errc::address_not_available;
    if (!no_ipv6) return both;
    return open_and_listen(acceptor, tcp::endpoint(tcp::v4(), port), backlog);
}

}  // namespace

std::optional<tcp::endpoint> numeric_endpoint(const std::string& host, std::uint16_t port) {
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    error_code not_numeric;
    const auto address =
        asio::ip::make_address(brackets ? host.substr(1, host.size() - 2) : host, not_numeric);
    if (not_numeric || (brackets && !address.is_v6())) return std::nullopt;
    return tcp::endpoint(address, port);
}

std::vector<tcp::endpoint> ipv4_first(const tcp::resolver::results_type& found) {
    std::vector<tcp::endpoint> endpoints;
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
    std::stable_partition(endpoints.begin(), endpoints.end(), [](const tcp::endpoint& at) {
        return at.address().is_v4();
    });
    return endpoints;
}

std::optional<tcp::endpoint> fixed_endpoint(const std::string& host, std::uint16_t port) {
    if (host.empty()) return tcp::endpoint(tcp::v6(), port);
    return numeric_endpoint(host, port);
}

asio::ip::address plain(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

error_code listen_on(tcp::acceptor& acceptor, const tcp::endpoint& at, int backlog) {
    if (at.address().is_unspecified()) return listen_on_all(acceptor, at.port(), backlog);
    return open_and_listen(acceptor, at, backlog);
}

}  // namespace zk::net
