#include "net/member_addresses.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "net/endpoints.h"
#include "net/name_lookups.h"

namespace zk::net {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

/// Names are asked for again after this long at the earliest: whoever knocks must not make us ask.
constexpr auto kRefreshPause = std::chrono::seconds(10);

std::optional<ip::address> remote_of(const ip::tcp::socket& connection) {
    error_code gone;
    const auto endpoint = connection.remote_endpoint(gone);
    return gone ? std::nullopt : std::optional(plain(endpoint.address()));
}

}  // namespace

ip::address plain(const ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

struct MemberAddresses::State {
    explicit State(boost::asio::io_context& context) : io(context) {}
    boost::asio::io_context& io;
    std::map<ServerId, std::set<ip::address>> known;  ///< empty: its name has not resolved yet
    std::map<ServerId, std::string> names;
    std::optional<Clock::time_point> asked;
    bool closed = false;
};

MemberAddresses::MemberAddresses(boost::asio::io_context& io,
                                 const ensemble::EnsembleConfig& config)
    : state_(std::make_shared<State>(io)) {
    for (const auto& [sid, member] : config.members) {
        if (const auto numeric = numeric_endpoint(member.host, 0)) {
            state_->known[sid] = {plain(numeric->address())};
        } else {
            state_->known[sid] = {};
            state_->names[sid] = member.host;
        }
    }
}

MemberAddresses::~MemberAddresses() { close(); }

void MemberAddresses::close() { state_->closed = true; }

void MemberAddresses::refresh() {
    State& state = *state_;
    const auto now = Clock::now();
    if (state.closed || state.names.empty()) return;
    if (state.asked && now - *state.asked < kRefreshPause) return;
    state.asked = now;
    for (const auto& [sid, name] : state.names) {
        NameLookups::of(state.io).find(
            name,
            kNamePatience,
            [shared = state_, sid = sid](error_code error, const NameLookups::Addresses& found) {
                if (error || shared->closed) return;  // the last answer stays good
                std::set<ip::address> addresses;
                for (const ip::address& address : found) addresses.insert(plain(address));
                shared->known[sid] = std::move(addresses);
            });
    }
}

election::Origin MemberAddresses::origin(ServerId sid, const ip::tcp::socket& connection) {
    using election::Origin;
    const auto remote = remote_of(connection);
    const auto found = state_->known.find(sid);
    if (!remote || found == state_->known.end()) return Origin::foreign;
    if (found->second.contains(*remote)) return Origin::own;
    refresh();
    error_code ignored;
    const bool this_host = plain(connection.local_endpoint(ignored).address()) == *remote;
    return found->second.empty() || this_host ? Origin::unknown : Origin::foreign;
}

std::vector<ServerId> MemberAddresses::members_at(const ip::tcp::socket& connection) {
    std::vector<ServerId> members;
    const auto remote = remote_of(connection);
    if (!remote) return members;
    for (const auto& [sid, addresses] : state_->known) {
        if (addresses.contains(*remote)) members.push_back(sid);
    }
    if (members.empty()) refresh();
    return members;
}

}  // namespace zk::net
