#include "agent_serve/peers.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent_host/server_probe.h"
#include "agent_serve/health.h"
#include "asio_impl/await.h"
#include "clocks/clocks.h"
#include "ensemble_view/peer_answer.h"
#include "http/http_get.h"
#include "net/name_lookups.h"
#include "node_judge/node_judge.h"

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using agent_api::MemberSpec;
using agent_api::NodeHealth;
using asio_impl::kAwait;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr auto kAskInterval = seconds(1);
constexpr auto kAskTimeout = milliseconds(1800);
constexpr auto kWordTimeout = milliseconds(900);
/// After the last look; a page asks each second.
constexpr auto kLookTime = seconds(15);
/// An address that answered is asked again without its name.
constexpr auto kNameTime = seconds(60);
constexpr auto kNamePatience = seconds(1);
/// Clocks run apart by a second in hours, when nobody sets them.
constexpr auto kClockInterval = seconds(60);
constexpr auto kClockFirstInterval = seconds(10);
/// Far more than an ensemble has.
constexpr std::size_t kPeersMax = 32;

struct Found {
    std::string address;
    std::string failure;
};

/// A name and where it was found last.
struct Place {
    std::string host;
    std::string address;
    Clock::time_point until;
};

/// Coroutines without captures hold all they use: the one that began them may be gone before they end.
struct Asked {
    MemberSpec member;
    std::string cluster;
    ensemble_view::Peer word;
    Clock::time_point heard_at;
    std::optional<node_judge::NodeJudge> judge;  ///< while its agent does not answer
    Place agent;
    Place server;
    clock_offset::ClockFilter clock;
    Clock::time_point clock_asked_at;
    bool asks_clock = false;
    bool runs = false;
    bool gone = false;  ///< no member any more
};
using AskedPeer = std::shared_ptr<Asked>;

node_judge::JudgeSettings server_settings(const Asked& peer) {
    node_judge::JudgeSettings settings;
    settings.cluster = peer.cluster;
    settings.dates_first_look = false;
    settings.self = {peer.member.sid, "its data directory", peer.member.client_port, ""};
    return settings;
}

void take(Asked& peer, NodeHealth health) {
    peer.word.health = std::move(health);
    peer.heard_at = Clock::now();
}

asio::awaitable<Found> find_address(asio::io_context& loop, Place& place) {
    Found found;
    found.address = place.address;
    if (!found.address.empty() && Clock::now() < place.until) co_return found;
    struct Answer {
        explicit Answer(asio::io_context& io) : wake(io, Clock::time_point::max()) {}
        asio::steady_timer wake;
        boost::system::error_code error;
        std::string address;
    };
    auto answer = std::make_shared<Answer>(loop);
    auto then = [answer](boost::system::error_code error, net::NameLookups::Addresses addresses) {
        answer->error = error;
        if (!addresses.empty()) answer->address = addresses.front().to_string();
        answer->wake.cancel();
    };
    net::NameLookups::of(loop).find(place.host, kNamePatience, std::move(then));
    co_await answer->wake.async_wait(kAwait);
    found.address = answer->address;
    if (answer->error) found.failure = place.host + " is not found: " + answer->error.message();
    place.address = found.address;
    place.until = Clock::now() + kNameTime;
    co_return found;
}

struct AgentAnswer {
    std::optional<NodeHealth> health;
    std::string failure;
};

/// Its health, and a look at its clock.
asio::awaitable<AgentAnswer> ask_status(asio::io_context& loop, AskedPeer peer) {
    AgentAnswer answer;
    const Found found = co_await find_address(loop, peer->agent);
    answer.failure = found.failure;
    if (!found.failure.empty()) co_return answer;
    const WallMs asked = clocks::wall_now();
    const auto page = co_await http::async_get(loop.get_executor(),
                                               found.address,
                                               peer->member.http_port,
                                               "/v1/status",
                                               kAskTimeout,
                                               ensemble_view::kPeerAnswerBytesMax);
    const WallMs answered = clocks::wall_now();
    if (!page.has_value()) {
        answer.failure = page.error().message();
        co_return answer;
    }
    if (page->status != 200) {
        answer.failure = "its agent answers " + std::to_string(page->status);
        co_return answer;
    }
    auto health = ensemble_view::read_peer_answer(page->body);
    if (!health.has_value()) {
        answer.failure = health.error().message();
        co_return answer;
    }
    // Another node at its address says nothing of this one's clock.
    const bool is_peer = health->cluster == peer->cluster && health->sid == peer->member.sid;
    const auto look = clock_offset::look_at_clock(asked, health->wall_ms, answered);
    peer->clock_asked_at = Clock::now();
    if (look && is_peer) peer->clock.add(clocks::steady_now(), *look);
    answer.health = *std::move(health);
    co_return answer;
}

/// Why it does not tell; empty when it did.
asio::awaitable<std::string> ask_agent(asio::io_context& loop, AskedPeer peer) {
    AgentAnswer answer = co_await ask_status(loop, peer);
    if (!answer.health) co_return answer.failure;
    peer->word.clock = peer->clock.best(clocks::steady_now());
    peer->judge.reset();
    take(*peer, *std::move(answer.health));
    co_return std::string();
}

asio::awaitable<void> ask_clock(asio::io_context& loop, AskedPeer peer) {
    const AgentAnswer answer = co_await ask_status(loop, peer);
    if (!answer.health) peer->agent.until = Clock::time_point();
    peer->asks_clock = false;
}

/// The same of its server alone: what anybody on the network is told.
asio::awaitable<std::string> ask_server(asio::io_context& loop,
                                        AskedPeer peer,
                                        std::string agent_failure) {
    const Found found = co_await find_address(loop, peer->server);
    if (!found.failure.empty()) co_return found.failure;
    auto answer = co_await agent_host::async_probe_server(
        found.address, peer->member.client_port, kWordTimeout);
    if (!answer.answered) co_return answer.failure;
    if (!peer->judge) {
        peer->judge.emplace(server_settings(*peer));
        if (peer->word.health) peer->judge->restore(peer->word.health->history);
    }
    node_judge::Probe probe;
    fill_answer(probe, std::move(answer));
    probe.now = clocks::steady_now();
    probe.wall_ms = clocks::wall_now();
    probe.process_known = false;
    NodeHealth health = peer->judge->step(probe);
    if (!agent_failure.empty()) {
        add_finding(health,
                    agent_api::make_finding("agent.silent",
                                            agent_api::FindingLevel::warning,
                                            "its agent does not answer: " + agent_failure));
    }
    health.source = agent_api::HealthSource::fourlw;
    ensemble_view::bound(health);
    peer->word.clock.reset();
    take(*peer, std::move(health));
    co_return std::string();
}

asio::awaitable<void> ask(asio::io_context& loop, AskedPeer peer) {
    std::string agent_failure;
    if (peer->member.http_port != 0) agent_failure = co_await ask_agent(loop, peer);
    if (peer->member.http_port == 0 || !agent_failure.empty()) {
        peer->agent.until = Clock::time_point();
        const std::string why = co_await ask_server(loop, peer, agent_failure);
        if (!why.empty()) peer->server.until = Clock::time_point();
        peer->word.failure = why.empty() ? why : agent_failure.empty() ? why : agent_failure;
    } else {
        peer->word.failure.clear();
    }
    peer->word.asked = true;
}

}  // namespace

struct Peers::Shared {
    Shared(asio::io_context& io, Log to) : loop(io), log(std::move(to)) {}

    static asio::awaitable<void> ask_while_looked(std::shared_ptr<Shared> shared, AskedPeer peer);
    void set_members(const agent_api::NodeSpec& spec);

    asio::io_context& loop;
    Log log;
    Clock::time_point looked_at;
    std::string cluster;
    std::vector<MemberSpec> members;
    ServerId self;
    std::vector<AskedPeer> peers;
};

Peers::Peers(asio::io_context& loop, Log log)
    : shared_(std::make_shared<Shared>(loop, std::move(log))) {}
Peers::~Peers() {
    for (const AskedPeer& peer : shared_->peers) peer->gone = true;
}

asio::awaitable<void> Peers::Shared::ask_while_looked(std::shared_ptr<Shared> shared,
                                                      AskedPeer peer) {
    asio::steady_timer timer(shared->loop);
    while (!peer->gone && Clock::now() - shared->looked_at < kLookTime) {
        const auto next = Clock::now() + kAskInterval;
        const std::string before = peer->word.failure;
        co_await ask(shared->loop, peer);
        if (peer->word.failure != before && !peer->word.failure.empty()) {
            shared->log.debug("peer.silent sid={} why={}", peer->member.sid, peer->word.failure);
        }
        timer.expires_at(next);
        co_await timer.async_wait(kAwait);
    }
    peer->runs = false;
}

void Peers::Shared::set_members(const agent_api::NodeSpec& spec) {
    if (spec.members == members && spec.cluster == cluster && spec.sid == self) return;
    for (const AskedPeer& peer : std::exchange(peers, {})) peer->gone = true;
    members = spec.members;
    cluster = spec.cluster;
    self = spec.sid;
    for (const MemberSpec& member : spec.members) {
        if (member.sid == spec.sid || peers.size() == kPeersMax) continue;
        auto peer = std::make_shared<Asked>();
        peer->member = member;
        peer->cluster = spec.cluster;
        peer->agent.host = member.http_address;
        peer->server.host = member.host;
        peers.push_back(std::move(peer));
    }
}

void Peers::look(const agent_api::NodeSpec& spec) {
    Shared& shared = *shared_;
    shared.looked_at = Clock::now();
    shared.set_members(spec);
    for (const AskedPeer& peer : shared.peers) {
        if (std::exchange(peer->runs, true)) continue;
        // What was true when somebody looked last is no news.
        peer->word = ensemble_view::Peer();
        peer->word.sid = peer->member.sid;
        asio::co_spawn(shared.loop, Shared::ask_while_looked(shared_, peer), asio::detached);
    }
}

void Peers::look_at_clocks(const agent_api::NodeSpec& spec) {
    Shared& shared = *shared_;
    shared.set_members(spec);
    const auto now = Clock::now();
    for (const AskedPeer& peer : shared.peers) {
        if (peer->member.http_port == 0 || peer->runs || peer->asks_clock) continue;
        const auto interval = peer->clock.empty() ? kClockFirstInterval : kClockInterval;
        const bool first = peer->clock_asked_at == Clock::time_point();
        if (!first && now - peer->clock_asked_at < interval) continue;
        peer->clock_asked_at = now;
        peer->asks_clock = true;
        asio::co_spawn(shared.loop, ask_clock(shared.loop, peer), asio::detached);
    }
}

std::vector<clock_offset::HeardClock> Peers::clocks() const {
    std::vector<clock_offset::HeardClock> heard;
    for (const AskedPeer& peer : shared_->peers) {
        const auto look = peer->clock.best(zk::clocks::steady_now());
        if (look) heard.push_back({peer->member.sid, *look});
    }
    return heard;
}

std::vector<ensemble_view::Peer> Peers::words() const {
    std::vector<ensemble_view::Peer> words;
    for (const AskedPeer& peer : shared_->peers) {
        words.push_back(peer->word);
        const auto heard = std::chrono::duration_cast<milliseconds>(Clock::now() - peer->heard_at);
        words.back().heard_ms = peer->word.health ? static_cast<std::uint64_t>(heard.count()) : 0;
    }
    return words;
}

}  // namespace zk::agent_serve
