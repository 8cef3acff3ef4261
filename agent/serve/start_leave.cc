#include "agent_serve/start_leave.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent_api/formation_word.h"
#include "agent_host/host_facts.h"
#include "asio_impl/await.h"
#include "clocks/clocks.h"
#include "formation/replaced.h"
#include "http/http_get.h"
#include "identity/identity.h"
#include "net/name_lookups.h"

namespace zk::agent_serve {
namespace {

namespace asio = boost::asio;
using agent_api::MemberSpec;
using agent_api::StartRefusal;
using asio_impl::kAwait;
using formation::Standing;
using std::chrono::milliseconds;

constexpr auto kLeaveAskTimeout = milliseconds(1000);
constexpr auto kLeaveNamePatience = milliseconds(1000);
/// Of a host that boots the network, and the agents of others, may come a moment later.
constexpr auto kRoundPause = milliseconds(1000);
constexpr int kRounds = 3;
/// Far more than an ensemble has.
constexpr std::size_t kAskedMax = 32;

/// Coroutines hold all they use: whoever began them may be gone.
struct Round {
    explicit Round(asio::io_context& io) : loop(io), wake(io) {}
    asio::io_context& loop;
    asio::steady_timer wake;
    formation::Heard heard;
    std::size_t under_way = 0;
};
using SharedRound = std::shared_ptr<Round>;

asio::awaitable<std::string> find_member_address(SharedRound round, std::string host) {
    struct Answer {
        explicit Answer(asio::io_context& io) : wake(io, asio::steady_timer::time_point::max()) {}
        asio::steady_timer wake;
        std::string address;
    };
    auto answer = std::make_shared<Answer>(round->loop);
    auto then = [answer](boost::system::error_code, net::NameLookups::Addresses addresses) {
        if (!addresses.empty()) answer->address = addresses.front().to_string();
        answer->wake.cancel();
    };
    net::NameLookups::of(round->loop).find(host, kLeaveNamePatience, std::move(then));
    co_await answer->wake.async_wait(kAwait);
    co_return answer->address;
}

asio::awaitable<void> ask_member(SharedRound round, MemberSpec member) {
    const std::string address = co_await find_member_address(round, member.http_address);
    if (!address.empty()) {
        const auto page = co_await http::async_get(round->loop.get_executor(),
                                                   address,
                                                   member.http_port,
                                                   "/v1/formation",
                                                   kLeaveAskTimeout,
                                                   agent_api::kWordBytesMax);
        if (page.has_value() && page->status == 200) {
            auto word = agent_api::parse_formation_word(page->body);
            if (word.has_value()) round->heard[member.sid] = *std::move(word);
        }
    }
    if (--round->under_way == 0) round->wake.cancel();
}

/// All at once: those that have not been heard yet.
asio::awaitable<void> ask_members(SharedRound round, std::vector<MemberSpec> members) {
    std::vector<MemberSpec> asked;
    for (const MemberSpec& member : members) {
        const bool silent = member.http_port == 0 || round->heard.contains(member.sid);
        if (!silent && asked.size() < kAskedMax) asked.push_back(member);
    }
    if (asked.empty()) co_return;
    round->under_way = asked.size();
    round->wake.expires_at(asio::steady_timer::time_point::max());
    for (const MemberSpec& member : asked) {
        asio::co_spawn(round->loop, ask_member(round, member), asio::detached);
    }
    co_await round->wake.async_wait(kAwait);
}

formation::Word own_word(const agent_api::RecordedIdentity& identity) {
    formation::Word own;
    own.cluster = identity.cluster;
    own.sid = identity.sid;
    own.generation = identity.generation;
    own.incarnation = identity.incarnation;
    return own;
}

void keep_refusal(const agent_host::StateDir& state, const StartRefusal& refusal, Log& log) {
    log.error("start.refused why={}", refusal.words);
    const auto saved = state.save_refusal(refusal);
    if (!saved.has_value()) log.error("state.unsaved why={}", saved.error().message());
}

bool can_be_asked(const agent_api::NodeSpec& spec) {
    for (const MemberSpec& member : spec.members) {
        if (member.sid != spec.sid && member.http_port != 0) return true;
    }
    return false;
}

}  // namespace

asio::awaitable<std::optional<std::string>> refuse_start(asio::io_context& loop,
                                                         agent_host::StateDir state,
                                                         agent_api::NodeSpec spec,
                                                         Log log) {
    std::optional<std::string> none;
    const auto loaded = state.load_identity();
    if (!loaded.has_value() || !*loaded) co_return none;
    const agent_api::RecordedIdentity identity = **loaded;
    if (identity.sid != spec.sid || identity.cluster != spec.cluster) co_return none;
    const auto data = agent_host::read_data_fact(spec.data_dir, spec.log_dir);
    // Made a moment ago, and nothing acknowledged yet: nobody can have been made in its place since.
    const bool begins = data.initialize || !identity.formed ||
                        (identity.incarnation.has_value() && !identity.stored);
    if (data.state != agent_api::DataState::data && begins) co_return none;
    StartRefusal refusal;
    refusal.own = identity.incarnation;
    refusal.at = clocks::wall_now();
    if (const auto wrong = identity::check_disk(identity, data, spec.data_dir)) {
        refusal.words = wrong->words;
        keep_refusal(state, refusal, log);
        co_return refusal.words;
    }
    formation::Members members;
    for (const MemberSpec& member : spec.members) members[member.sid] = true;
    const formation::Word own = own_word(identity);
    auto round = std::make_shared<Round>(loop);
    formation::Opinion opinion;
    opinion.settled = false;
    const int rounds = can_be_asked(spec) ? kRounds : 0;
    for (int number = 0; number < rounds; ++number) {
        if (opinion.settled || opinion.standing != Standing::unknown) break;
        if (number > 0) {
            asio::steady_timer pause(loop, kRoundPause);
            co_await pause.async_wait(kAwait);
        }
        co_await ask_members(round, spec.members);
        opinion = formation::ask_whether_replaced(members, own, round->heard);
    }
    if (!opinion.words.empty()) {
        refusal.words = opinion.words;
        refusal.lasting = opinion.standing == Standing::replaced;
        keep_refusal(state, refusal, log);
        co_return refusal.words;
    }
    const auto before = state.standing_refusal();
    if (opinion.standing == Standing::unknown && before && before->lasting) {
        co_return "too few of the other members answer now, and before: " + before->words;
    }
    if (before) log.info("start.allowed_again why={}", "a majority does not say so any more");
    const auto dropped = state.drop_refusal();
    if (!dropped.has_value()) log.error("state.unsaved why={}", dropped.error().message());
    co_return none;
}

std::optional<std::string> refuse_start_now(const agent_host::StateDir& state, Log log) {
    const auto spec = state.load_spec();
    if (!spec.has_value() || !*spec) return std::nullopt;
    asio::io_context loop{1};
    std::optional<std::string> refused;
    auto done = [&refused](std::exception_ptr failure, std::optional<std::string> words) {
        if (!failure) refused = std::move(words);
    };
    asio::co_spawn(loop, refuse_start(loop, state, **spec, log), std::move(done));
    loop.run();
    return refused;
}

}  // namespace zk::agent_serve
