#include "net/member_addresses.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "clocks/clocks.h"
#include "net/endpoints.h"
#include "net/name_lookups.h"

namespace zk::net {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

/// Names are asked for again after this long at the earliest: whoever knocks must not make us ask.
constexpr Duration kRefreshPause = std::chrono::seconds(10);

}  // namespace

struct MemberAddresses::State {
    explicit State(boost::asio::io_context& context) : io(context) {}
    boost::asio::io_context& io;
    std::map<ServerId, std::set<ip::address>> known;  ///< empty: its name has not resolved yet
    std::map<ServerId, std::string> names;
    std::optional<Instant> asked;
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
    const auto now = clocks::steady_now();
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

election::Origin MemberAddresses::origin(ServerId sid, const Stream& connection) {
    using election::Origin;
    const auto found = state_->known.find(sid);
    if (found == state_->known.end()) return Origin::foreign;
    const ip::address& remote = connection.remote().address();
    if (found->second.contains(remote)) return Origin::own;
    refresh();
    const bool this_host = connection.local() == remote;
    return found->second.empty() || this_host ? Origin::unknown : Origin::foreign;
}

std::vector<ServerId> MemberAddresses::members_at(const Stream& connection) {
    std::vector<ServerId> members;
    for (const auto& [sid, addresses] : state_->known) {
        if (addresses.contains(connection.remote().address())) members.push_back(sid);
    }
    if (members.empty()) refresh();
    return members;
}

}  // namespace zk::net
