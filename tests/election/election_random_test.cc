// Whole ensembles elect over a network that delays, reorders, duplicates and loses, from a seed.
// What must always hold is checked at each decision; that all end under one leader is checked after
// the network has healed.

#include <map>
#include <memory>
#include <queue>
#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "election/election.h"

namespace zk::election {
namespace {

struct Network {
    Duration delay_max = milliseconds(50);
    int loss_percent = 0;
    int duplicate_percent = 0;
};

struct Server {
    std::unique_ptr<Election> election;
    Zxid last_zxid;
    Epoch epoch;
    bool up = false;
    bool reigning = false;  // decided, and found its leader and a majority of followers
    Instant give_up_at{};   // decided, but not yet reigning: searches again then
};

class World {
  public:
    World(unsigned seed, int voters, int observers) : random_(seed), seed_(seed) {
        for (int sid = 1; sid <= voters + observers; ++sid) {
            const auto role =
                sid <= voters ? ensemble::Role::participant : ensemble::Role::observer;
            config_.members[ServerId(sid)] = {ServerId(sid), "h", 1, 2, role, {}};
        }
        for (const auto& [sid, member] : config_.members) {
            Server& server = servers_[sid];
            if (member.role == ensemble::Role::observer) continue;  // cannot be ahead of all voters
            server.epoch = Epoch(pick(0, 2));
            server.last_zxid = Zxid(server.epoch, static_cast<std::uint32_t>(pick(0, 3)));
        }
    }

    void boot(ServerId sid) {
        Server& server = servers_.at(sid);
        server.election =
            std::make_unique<Election>(sid, std::make_shared<ensemble::Membership>(config_));
        server.up = true;
        search(sid);
    }
    void boot_all() {
        for (const auto& [sid, server] : servers_) boot(sid);
    }
    void crash(ServerId sid) {
        servers_.at(sid).up = false;
        servers_.at(sid).reigning = false;
    }
    [[nodiscard]] bool is_up(ServerId sid) const { return servers_.at(sid).up; }

    /// Runs until `until` or until all that are up reign together.
    bool run(Duration duration) {
        const Instant until = now_ + duration;
        do {
            end_reigns();
            begin_reigns();
            if (settled()) return true;
        } while (now_ < until && (step(until) || now_ < until));
        return settled();
    }

    [[nodiscard]] ServerId leader() const {
        for (const auto& [sid, server] : servers_) {
            if (server.up && server.election->state() == PeerState::leading) return sid;
        }
        return ServerId(-1);
    }
    [[nodiscard]] Vote best_initial() const {
        Vote best{ServerId(0), Zxid(0), Round(0), Epoch(-1)};
        for (const auto& [sid, server] : servers_) {
            const Vote vote{sid, server.last_zxid, Round(0), server.epoch};
            if (server.up && config_.is_voter(sid) && supersedes(vote, best)) best = vote;
        }
        return best;
    }
    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
    ServerId any() { return ServerId(pick(1, static_cast<int>(servers_.size()))); }

    Network network;
    bool expect_one_leader_a_round = false;
    int decisions = 0;

  private:
    struct Delivery {
        Instant at;
        std::uint64_t order;
        ServerId from, to;
        Bytes body;
        bool operator>(const Delivery& other) const {
            return std::tie(at, order) > std::tie(other.at, other.order);
        }
    };

    void search(ServerId sid) {
        Server& server = servers_.at(sid);
        server.reigning = false;
        ElectionActions out;
        server.election->start(server.last_zxid, server.epoch, now_, out);
        carry_out(sid, out);
    }

    /// Remembers with which history a server takes part in its round.
    void note_vote(ServerId sid) {
        const Server& server = servers_.at(sid);
        if (server.election->state() != PeerState::looking || !config_.is_voter(sid)) return;
        const Round round = server.election->round();
        votes_cast_[round][sid].push_back({sid, server.last_zxid, round, server.epoch});
    }

    /// Delivers the next message or lets the next deadline pass. False when nothing is left to
    /// happen.
    bool step(Instant until) {
        std::optional<std::pair<Instant, ServerId>> timer;
        const auto sooner = [&](Instant at, ServerId sid) {
            if (!timer || at < timer->first) timer = {at, sid};
        };
        for (const auto& [sid, server] : servers_) {
            if (!server.up) continue;
            if (const auto deadline = server.election->deadline()) sooner(*deadline, sid);
            if (server.election->state() != PeerState::looking && !server.reigning) {
                sooner(server.give_up_at, sid);
            }
        }
        if (!deliveries_.empty() && (!timer || deliveries_.top().at <= timer->first)) {
            const Delivery delivery = deliveries_.top();
            deliveries_.pop();
            now_ = std::max(now_, delivery.at);
            deliver(delivery);
            return true;
        }
        if (!timer || timer->first > until) {
            now_ = until;
            return false;
        }
        now_ = std::max(now_, timer->first);
        on_timer(timer->second);
        return true;
    }

    void on_timer(ServerId sid) {
        Server& server = servers_.at(sid);
        if (server.election->state() != PeerState::looking) return search(sid);
        ElectionActions out;
        server.election->on_tick(now_, out);
        if (out.decided) check_majority_behind(*out.decided);
        carry_out(sid, out);
    }

    void deliver(const Delivery& delivery) {
        Server& server = servers_.at(delivery.to);
        if (!server.up) return;
        auto notification = decode_notification(delivery.body);
        ASSERT_TRUE(notification.has_value()) << notification.error().message();
        ElectionActions out;
        server.election->on_notification(delivery.from, *notification, now_, out);
        carry_out(delivery.to, out);
    }

    void carry_out(ServerId sid, const ElectionActions& out) {
        note_vote(sid);
        for (const auto& send : out.sends) {
            if (pick(1, 100) <= network.loss_percent) continue;
            const int copies = pick(1, 100) <= network.duplicate_percent ? 2 : 1;
            for (int i = 0; i < copies; ++i) {
                const Duration delay(pick(0, static_cast<int>(network.delay_max.count())));
                deliveries_.push({now_ + delay, ++order_, sid, send.to, encode(send.notification)});
            }
        }
        if (out.decided) on_decided(sid, *out.decided);
    }

    void on_decided(ServerId sid, const Vote& vote) {
        ++decisions;
        Server& server = servers_.at(sid);
        server.give_up_at = now_ + milliseconds(2000 + pick(0, 200));
        EXPECT_NE(server.election->state(), PeerState::looking);
        EXPECT_EQ(server.election->state() == PeerState::leading, vote.leader == sid);
        EXPECT_TRUE(config_.is_voter(vote.leader)) << seed_;
        if (server.election->state() == PeerState::leading && expect_one_leader_a_round) {
            const auto [first, added] = leader_of_round_.emplace(vote.round, sid);
            EXPECT_TRUE(added || first->second == sid)
                << "seed " << seed_ << ": two leaders in round " << vote.round.value();
        }
    }

    /// Whoever is elected: a majority took part in the round with a history that is not newer.
    void check_majority_behind(const Vote& decided) {
        std::set<ServerId> not_newer;
        for (const auto& [sid, votes] : votes_cast_[decided.round]) {
            for (const Vote& vote : votes) {
                if (!supersedes(vote, decided)) not_newer.insert(sid);
            }
        }
        EXPECT_TRUE(ensemble::QuorumVerifier(config_).has_quorum(not_newer))
            << "seed " << seed_ << ": decided " << to_string(decided);
    }

    /// A leader without a majority, or a follower without its leader, looks again a little later.
    void end_reigns() {
        for (auto& [sid, server] : servers_) {
            if (!server.up || !server.reigning) continue;
            const ServerId chief = server.election->current_vote().leader;
            const Server& leader = servers_.at(chief);
            std::set<ServerId> behind;
            for (const auto& [other, peer] : servers_) {
                if (peer.reigning && follows(peer, chief)) behind.insert(other);
            }
            const bool leads = leader.up && leader.reigning && follows(leader, chief);
            if (leads && ensemble::QuorumVerifier(config_).has_quorum(behind)) continue;
            server.reigning = false;
            server.give_up_at = now_ + milliseconds(pick(0, 300));
        }
    }

    /// What discovery and synchronisation would find: a leader with a majority that follows it
    /// begins its reign, and the epoch and history of all that follow are then the leader's.
    void begin_reigns() {
        for (auto& [sid, server] : servers_) {
            if (!server.up || server.election->state() != PeerState::leading || server.reigning)
                continue;
            std::set<ServerId> behind{sid};
            for (const auto& [other, peer] : servers_) {
                if (follows(peer, sid)) behind.insert(other);
            }
            if (!ensemble::QuorumVerifier(config_).has_quorum(behind)) continue;
            Epoch epoch(0);
            for (const ServerId member : behind) epoch = std::max(epoch, servers_.at(member).epoch);
            epoch = Epoch(epoch.value() + 1);
            for (const ServerId member : behind) reign(servers_.at(member), epoch, Zxid(epoch, 1));
        }
        for (auto& [sid, server] : servers_) {  // late followers of a reigning leader
            if (!server.up || server.reigning || server.election->state() == PeerState::looking)
                continue;
            const Server& leader = servers_.at(server.election->current_vote().leader);
            if (follows_reigning(server, leader)) reign(server, leader.epoch, leader.last_zxid);
        }
    }
    static bool follows(const Server& server, ServerId leader) {
        return server.up && server.election->state() != PeerState::looking &&
               server.election->current_vote().leader == leader;
    }
    static bool follows_reigning(const Server& server, const Server& leader) {
        return leader.up && leader.reigning && leader.election->state() == PeerState::leading &&
               server.epoch <= leader.epoch;
    }
    static void reign(Server& server, Epoch epoch, Zxid zxid) {
        server.epoch = epoch;
        server.last_zxid = zxid;
        server.reigning = true;
        server.election->established(epoch);
    }

    [[nodiscard]] bool settled() const {
        const ServerId chief = leader();
        for (const auto& [sid, server] : servers_) {
            if (!server.up) continue;
            if (!server.reigning || server.election->current_vote().leader != chief) return false;
        }
        return true;
    }

    std::mt19937 random_;
    unsigned seed_;
    ensemble::EnsembleConfig config_;
    std::map<ServerId, Server> servers_;
    std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> deliveries_;
    std::map<Round, ServerId> leader_of_round_;
    std::map<Round, std::map<ServerId, std::vector<Vote>>> votes_cast_;
    std::uint64_t order_ = 0;
    Instant now_{};
};

int voters_of(unsigned seed) { return 1 + static_cast<int>(seed % 7); }

TEST(ElectionRandom, PromptNetworkElectsTheBestOfAll) {
    for (unsigned seed = 1; seed <= 150; ++seed) {
        World world(seed, voters_of(seed), static_cast<int>(seed % 3));
        world.network = {.delay_max = milliseconds(60), .loss_percent = 0, .duplicate_percent = 20};
        world.expect_one_leader_a_round = true;
        world.boot_all();
        const Vote best = world.best_initial();
        ASSERT_TRUE(world.run(milliseconds(5000))) << "seed " << seed;
        EXPECT_EQ(world.leader(), best.leader) << "seed " << seed;
    }
}

TEST(ElectionRandom, LeadersFallOneByOneAndNoRoundHasTwo) {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        const int voters = 3 + 2 * static_cast<int>(seed % 3);
        World world(seed, voters, 1);
        world.network = {.delay_max = milliseconds(60), .loss_percent = 0, .duplicate_percent = 30};
        world.expect_one_leader_a_round = true;
        world.boot_all();
        for (int fallen = 0; fallen <= voters / 2; ++fallen) {
            ASSERT_TRUE(world.run(milliseconds(20000))) << "seed " << seed << " fallen " << fallen;
            world.crash(world.leader());
        }
        ASSERT_FALSE(world.run(milliseconds(20000))) << "seed " << seed << ": a minority elected";
    }
}

TEST(ElectionRandom, FaultyNetworkIsSurvived) {
    int decisions = 0;
    for (unsigned seed = 1; seed <= 150; ++seed) {
        World world(seed, voters_of(seed), static_cast<int>(seed % 2));
        world.network = {.delay_max = milliseconds(world.pick(1, 900)),
                         .loss_percent = world.pick(0, 60),
                         .duplicate_percent = world.pick(0, 50)};
        world.boot_all();
        for (int i = 0; i < 10; ++i) {
            world.run(milliseconds(world.pick(10, 4000)));
            const ServerId sid = world.any();
            if (world.is_up(sid)) {
                world.crash(sid);
            } else {
                world.boot(sid);
            }
        }
        world.network = {.delay_max = milliseconds(50), .loss_percent = 0, .duplicate_percent = 10};
        for (int sid = 1; sid <= voters_of(seed) + static_cast<int>(seed % 2); ++sid) {
            if (!world.is_up(ServerId(sid))) world.boot(ServerId(sid));
        }
        ASSERT_TRUE(world.run(milliseconds(130000))) << "seed " << seed;
        decisions += world.decisions;
    }
    EXPECT_GT(decisions, 500);
}

}  // namespace
}  // namespace zk::election
