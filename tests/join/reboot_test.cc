// Three nodes on the way in, rebooted at every point of it. Disks and servers are modelled, rules and machine are the
// product's own.
#include <deque>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "join/join.h"

namespace zk::join {
namespace {

using agent_api::Formation;
using agent_api::JoinStage;

struct TestHost {
    // Durable.
    std::optional<Record> record;
    bool mark = false;
    bool data = false;
    // Lost by a reboot.
    std::unique_ptr<Join> join;
    std::deque<Effect> effects;
    bool running = false;
    bool votes = false;
    // Told by all its lives.
    int lives = 0;
    std::set<std::string> nonces;
};

/// Before the effect, or after it and before the machine hears that it is done.
struct Cut {
    int at = 0;
    bool after = false;
};

class Hosts {
  public:
    explicit Hosts(int count) : hosts_(static_cast<std::size_t>(count)) {
        for (int n = 0; n < count; ++n) members_[ServerId(n + 1)] = true;
    }
    TestHost& host(int n) { return hosts_[static_cast<std::size_t>(n)]; }
    [[nodiscard]] int size() const { return static_cast<int>(hosts_.size()); }
    [[nodiscard]] int effects() const { return effects_; }
    std::vector<Cut> cuts;

    void install_anew(int n) {
        const int lives = host(n).lives;
        host(n) = TestHost();
        host(n).lives = lives;
    }

    /// One effect, or a second passes.
    void step(int n) {
        TestHost& h = host(n);
        if (h.join == nullptr) boot(n);
        if (h.effects.empty()) {
            now_ += std::chrono::seconds(1);
            return feed(n, Tick{});
        }
        const Effect effect = h.effects.front();
        h.effects.pop_front();
        const int at = effects_++;
        if (is_cut(at, false)) {
            // The record is two files, the one with the ticket first: the reboot falls between them.
            const auto* store = std::get_if<Store>(&effect);
            if (store != nullptr) {
                if (!h.record) h.record.emplace();
                h.record->formation = store->record.formation;
            }
            return reboot(n);
        }
        const Event event =
            std::visit([&](const auto& what) { return carry_out(n, what); }, effect);
        if (is_cut(at, true)) return reboot(n);
        feed(n, event);
    }
    void reboot(int n) {
        host(n).join.reset();
        host(n).effects.clear();
        host(n).running = host(n).votes = false;
    }
    [[nodiscard]] bool ended(int n) {
        return host(n).join != nullptr && (host(n).join->stage() == JoinStage::done ||
                                           host(n).join->stage() == JoinStage::failed);
    }
    void run_all(int steps) {
        for (int step_count = 0; step_count < steps; ++step_count) {
            bool all = true;
            for (int n = 0; n < size(); ++n) {
                if (!ended(n)) step(n);
                all = all && ended(n);
            }
            if (all) return;
        }
    }
    /// One ensemble: every node serves, and each of them had a vote when it began.
    void expect_one_ensemble(const std::string& where) {
        for (int n = 0; n < size(); ++n) {
            ASSERT_TRUE(ended(n)) << where << ": " << host(n).join->report().words;
            ASSERT_EQ(host(n).join->stage(), JoinStage::done)
                << where << ": " << host(n).join->report().words;
            ASSERT_EQ(host(n).record->generation, host(0).record->generation) << where;
            ASSERT_TRUE(host(n).data && host(n).votes) << where << ", server " << n + 1;
            ASSERT_EQ(host(n).nonces.size(), 1U) << where;
        }
    }

  private:
    bool is_cut(int at, bool after) const {
        for (const Cut& cut : cuts) {
            if (cut.at == at && cut.after == after) return true;
        }
        return false;
    }
    void boot(int n) {
        TestHost& h = host(n);
        const std::string life = std::to_string(++h.lives) + "." + std::to_string(n + 1);
        Settings settings;
        settings.cluster = "demo";
        settings.members_hash = "m";
        settings.members = members_;
        settings.machine = "machine " + std::to_string(n);
        settings.fresh_nonce = "n" + life;
        settings.fresh_generation = "g" + life;
        h.join = std::make_unique<Join>(settings, h.record);
    }
    void feed(int n, const Event& event) {
        TestHost& h = host(n);
        for (Effect& effect : h.join->on(event, now_)) h.effects.push_back(std::move(effect));
        const auto word = h.join->word();
        if (!word) return;
        // Whatever is said is on the disk.
        ASSERT_TRUE(h.record);
        ASSERT_EQ(word->nonce, h.record->formation.nonce);
        ASSERT_EQ(word->generation, h.record->generation);
        ASSERT_EQ(word->ticket, h.record->formation.ticket);
        h.nonces.insert(word->nonce);
    }

    static std::string address_of(int n) { return "192.0.2." + std::to_string(n + 1); }
    Event carry_out(int n, const FindAddresses&) const {
        Addresses addresses;
        addresses.own = {{"127.0.0.1", "lo", true}, {address_of(n), "eth0"}};
        for (int m = 0; m < size(); ++m) addresses.members[ServerId(m + 1)] = {address_of(m)};
        return addresses;
    }
    Event carry_out(int n, const Look& look) {
        Looked looked;
        looked.spec.cluster = "demo";
        looked.spec.sid = look.sid;
        looked.spec.data_dir = "/data";
        looked.facts.data.state =
            host(n).data ? agent_api::DataState::data : agent_api::DataState::empty;
        looked.facts.data.initialize = host(n).mark;
        if (host(n).data) looked.facts.data.myid = look.sid;
        return looked;
    }
    static Event carry_out(int, const Fetch&) { return Done{}; }
    Event carry_out(int n, const Store& store) {
        TestHost& h = host(n);
        if (h.record && !h.record->generation.empty()) {
            EXPECT_EQ(store.record.generation, h.record->generation) << "left its formation";
        }
        h.record = store.record;
        return Done{};
    }
    Event carry_out(int n, const SetMark&) {
        EXPECT_TRUE(!host(n).record || host(n).record->generation.empty())
            << "a mark after it began";
        host(n).mark = true;
        return Done{};
    }
    Event carry_out(int n, const TakeMark&) {
        EXPECT_TRUE(host(n).record && host(n).record->generation.empty());
        host(n).mark = false;
        return Done{};
    }
    /// As the executor does it: without `form` the mark of an empty node goes.
    Event carry_out(int n, const BringUp& run) {
        TestHost& h = host(n);
        EXPECT_EQ(run.generation, h.record->generation) << "started before it was recorded";
        EXPECT_FALSE(run.generation.empty());
        EXPECT_TRUE(run.formation == Formation::join || h.mark);
        if (run.formation == Formation::join && !h.data) h.mark = false;
        h.running = true;
        h.votes = h.data || h.mark;
        return Done{};
    }
    Event carry_out(int n, const LookAtServer&) {
        const std::string generation = host(n).record->generation;
        int votes = 0;
        for (const TestHost& h : hosts_) {
            if (h.running && h.votes && h.record->generation == generation) ++votes;
        }
        if (votes * 2 <= size()) return Served{false, "no leader yet"};
        for (TestHost& h : hosts_) {
            if (!h.running || h.record->generation != generation) continue;
            h.data = true;
            h.mark = false;
        }
        return Served{true, "follows"};
    }
    Event carry_out(int, const Ask& ask) {
        const TestHost& h = host(static_cast<int>(ask.sid.value()) - 1);
        if (h.join == nullptr || !h.join->word()) return Unheard{ask.sid};
        return Heard{*h.join->word(), ask.sid};
    }

    std::vector<TestHost> hosts_;
    formation::Members members_;
    Instant now_{};
    int effects_ = 0;
};

constexpr int kStepsEnough = 600;

int effects_without_cuts() {
    Hosts hosts(3);
    hosts.run_all(kStepsEnough);
    hosts.expect_one_ensemble("without a reboot");
    return hosts.effects();
}

TEST(JoinReboots, AtEveryPointOnce) {
    const int count = effects_without_cuts();
    ASSERT_GT(count, 30);
    for (int at = 0; at < 2 * count; ++at) {
        Hosts hosts(3);
        hosts.cuts = {{at / 2, at % 2 == 1}};
        hosts.run_all(kStepsEnough);
        hosts.expect_one_ensemble("reboot at " + std::to_string(at));
        if (HasFatalFailure()) return;
    }
}

// Every third second point: each pair's neighbours are among them.
TEST(JoinReboots, AtTwoPoints) {
    const int count = effects_without_cuts();
    for (int first = 0; first < 2 * count; ++first) {
        for (int second = first + 1; second < 2 * count + 20; second += 3) {
            Hosts hosts(3);
            hosts.cuts = {{first / 2, first % 2 == 1}, {second / 2, second % 2 == 1}};
            hosts.run_all(kStepsEnough);
            hosts.expect_one_ensemble("reboots at " + std::to_string(first) + " and " +
                                      std::to_string(second));
            if (HasFatalFailure()) return;
        }
    }
}

TEST(JoinReboots, InAnyOrder) {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        std::mt19937 random(seed);
        Hosts hosts(seed % 3 == 0 ? 5 : 3);
        for (int step = 0; step < 400; ++step) {
            const int n = static_cast<int>(random() % static_cast<unsigned>(hosts.size()));
            if (random() % 25 == 0) {
                hosts.reboot(n);
            } else if (!hosts.ended(n)) {
                hosts.step(n);
            }
        }
        for (int n = 0; n < hosts.size(); ++n) hosts.reboot(n);
        hosts.run_all(kStepsEnough);
        hosts.expect_one_ensemble("seed " + std::to_string(seed));
        if (HasFatalFailure()) return;
    }
}

TEST(JoinReboots, ANodeInstalledAnewJoinsWithoutAVoteWhereverItReboots) {
    for (int at = 0; at < 60; ++at) {
        for (const bool mark : {false, true}) {
            Hosts hosts(3);
            hosts.run_all(kStepsEnough);
            const std::string generation = hosts.host(0).record->generation;
            hosts.install_anew(2);
            hosts.host(2).mark = mark;  // left on a disk of its own, or brought along by an image
            hosts.cuts = {{hosts.effects() + at / 2, at % 2 == 1}};
            for (int step = 0; step < 100 && !hosts.ended(2); ++step) {
                hosts.step(2);
                EXPECT_FALSE(hosts.host(2).running && hosts.host(2).votes && !hosts.host(2).data);
            }
            ASSERT_EQ(hosts.host(2).join->stage(), JoinStage::done);
            EXPECT_EQ(hosts.host(2).record->generation, generation);
            EXPECT_FALSE(hosts.host(2).mark);
        }
    }
}

TEST(JoinReboots, AnEmptyMajorityIsRefused) {
    Hosts hosts(3);
    hosts.run_all(kStepsEnough);
    hosts.install_anew(0);
    hosts.install_anew(1);
    hosts.run_all(kStepsEnough);
    for (const int n : {0, 1}) {
        EXPECT_EQ(hosts.host(n).join->stage(), JoinStage::failed);
        EXPECT_NE(hosts.host(n).join->report().words.find("data are lost"), std::string::npos);
        EXPECT_FALSE(hosts.host(n).running);
    }
}

TEST(JoinReboots, WithoutOneMemberNobodyForms) {
    Hosts hosts(3);
    for (int step = 0; step < 200; ++step) {
        hosts.step(0);
        hosts.step(2);
    }
    for (const int n : {0, 2}) {
        EXPECT_EQ(hosts.host(n).join->stage(), JoinStage::wait_peers);
        EXPECT_EQ(hosts.host(n).join->report().unheard, std::vector{ServerId(2)});
        EXPECT_FALSE(hosts.host(n).mark);
    }
    hosts.run_all(kStepsEnough);
    hosts.expect_one_ensemble("the last one has come");
}

}  // namespace
}  // namespace zk::join
