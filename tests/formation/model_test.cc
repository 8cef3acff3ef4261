// Histories of nodes that boot, ask, act, crash between two durable steps and are installed anew. The rules are
// the product's own; disks, Words under way and the servers' elections are modelled here.
#include <cstdio>
#include <deque>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "formation/formation.h"

namespace zk::formation {
namespace {

struct ModelNode {
    Word word;  ///< what is durable
    int life = 0;
    bool mark = false;
    bool voted = false;  ///< its server has begun from the mark or was brought up to date
    bool running = false;
    Heard heard;
};
struct ModelWorld {
    std::vector<ModelNode> nodes;
    std::set<std::string> served;  ///< generations of which a quorum acknowledged something
    int wipes = 0;
    int crashes = 0;
    std::string wrong;
};
constexpr int kKinds = 5;  ///< act, act and crash half-way, reboot, installed anew, data lost

class Model {
  public:
    Model(int voters, int observers, int wipes, int crashes) : wipes_(wipes), crashes_(crashes) {
        for (int sid = 1; sid <= voters + observers; ++sid) members_[ServerId(sid)] = sid <= voters;
    }
    [[nodiscard]] int size() const { return static_cast<int>(members_.size()); }
    [[nodiscard]] int events() const { return size() * (size() + kKinds) + 1; }
    [[nodiscard]] bool breaks(int event) const {
        return event < events() - 1 && event % (size() + kKinds) > size();
    }
    [[nodiscard]] ModelWorld first() const {
        ModelWorld world;
        world.nodes.resize(members_.size());
        for (int n = 0; n < size(); ++n) install(world, n);
        return world;
    }

    [[nodiscard]] bool happens(ModelWorld& world, int event) const {
        if (event == events() - 1) return serve(world);
        const int n = event / (size() + kKinds);
        const int what = event % (size() + kKinds);
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        if (what < size()) return ask(world, n, what);
        switch (what - size()) {
            case 0:
                return act(node, false);
            case 1:
                return world.crashes < crashes_ && ++world.crashes > 0 && act(node, true);
            case 2:
                if (world.crashes >= crashes_) return false;
                ++world.crashes;
                reboot(node);
                return true;
            case 3:
                if (world.wipes >= wipes_) return false;
                ++world.wipes;
                install(world, n);
                return true;
            default:
                if (world.wipes >= wipes_ || (!node.word.has_data && !node.mark)) return false;
                ++world.wipes;
                reboot(node);
                node.word.has_data = node.mark = node.voted = false;
                return true;
        }
    }

    /// All are up and connected and nothing breaks any more: one ensemble, or somebody says why not.
    [[nodiscard]] bool settles(ModelWorld world) const {
        for (int round = 0; round < 40; ++round) {
            for (int n = 0; n < size(); ++n) {
                for (int peer = 0; peer < size(); ++peer) (void)ask(world, n, peer);
                (void)act(world.nodes[static_cast<std::size_t>(n)], false);
            }
            (void)serve(world);
        }
        bool all = true;
        for (const ModelNode& node : world.nodes) {
            const Decision last = decide(members_, node.word, node.heard, "x");
            // A person is asked only after something was lost.
            if (last.step == Step::refuse) return world.wipes > 0;
            all = all && node.running && node.word.generation == world.nodes[0].word.generation;
        }
        // Without a wipe nobody has a reason to stay without data.
        if (world.wipes > 0) return all && world.wrong.empty();
        for (const ModelNode& node : world.nodes) all = all && node.word.has_data;
        return all && world.wrong.empty();
    }

    /// Server `dead` does not come back, and nobody holds a Word of it any more. The others begin only if all had
    /// countersigned, and then they serve without it, unless something was lost.
    [[nodiscard]] bool settles_without(ModelWorld world, int dead) const {
        bool begun = false;
        for (int n = 0; n < size(); ++n) {
            ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
            if (n == dead || !node.running) reboot(node);
            if (n == dead) continue;
            const bool complete = node.word.ticket && node.word.ticket->complete;
            begun = begun || complete || !node.word.generation.empty();
        }
        for (int round = 0; round < 20; ++round) {
            for (int n = 0; n < size(); ++n) {
                if (n == dead) continue;
                for (int peer = 0; peer < size(); ++peer) {
                    if (peer != dead) (void)ask(world, n, peer);
                }
                (void)act(world.nodes[static_cast<std::size_t>(n)], false);
            }
            (void)serve(world);
        }
        bool all = true;
        bool any = false;
        for (int n = 0; n < size(); ++n) {
            const ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
            if (n == dead) continue;
            any = any || node.running;
            all = all && node.running && node.word.has_data;
        }
        if (!world.wrong.empty()) return false;
        const bool quorum = (size() - 1) * 2 > size();  // all have a vote where this is asked
        return begun && quorum ? all || world.wipes > 0 : begun || !any;
    }

    /// What is durable, and runs.
    static std::string durable_of(const ModelWorld& world) {
        std::string key = std::to_string(world.wipes > 0 ? 1 : 0);
        for (const std::string& generation : world.served) key += "!" + generation;
        for (const ModelNode& node : world.nodes) {
            key += "|" + text_of(node.word) + (node.mark ? "m" : "") + (node.voted ? "v" : "") +
                   (node.running ? "r" : "");
        }
        return key;
    }
    static std::string key_of(const ModelWorld& world) {
        std::string key = std::to_string(world.wipes) + "," + std::to_string(world.crashes);
        for (const std::string& generation : world.served) key += "!" + generation;
        for (const ModelNode& node : world.nodes) {
            key += "|" + text_of(node.word) + (node.mark ? "m" : "") + (node.voted ? "v" : "") +
                   (node.running ? "r" : "");
            if (!node.word.generation.empty()) continue;  // it starts, whatever it hears
            for (const auto& [sid, word] : node.heard) key += ":" + text_of(word);
        }
        return key;
    }

  private:
    static std::string text_of(const Word& word) {
        std::string text =
            to_string(word.sid) + word.nonce + "/" + word.generation + (word.has_data ? "d" : "");
        if (!word.ticket) return text;
        text += "[" + word.ticket->generation + word.ticket->issuer_nonce +
                std::to_string(word.ticket->version) + (word.ticket->complete ? "c" : "");
        for (const auto& [sid, nonce] : word.ticket->nonces) text += nonce;
        for (const ServerId sid : word.ticket->replaced) text += "-" + to_string(sid);
        return text;
    }
    static void reboot(ModelNode& node) {
        node.running = false;
        node.heard.clear();
    }
    static void install(ModelWorld& world, int n) {
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        const int life = node.life + 1;
        node = ModelNode();
        node.life = life;
        node.word.cluster = "demo";
        node.word.members_hash = "m";
        node.word.sid = ServerId(n + 1);
        node.word.nonce = static_cast<char>('a' + life) + std::to_string(n + 1);
    }
    static bool ask(ModelWorld& world, int n, int peer) {
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        if (n == peer || !node.word.generation.empty()) return false;
        const Word& word = world.nodes[static_cast<std::size_t>(peer)].word;
        Word& known = node.heard[word.sid];
        if (known == word) return false;
        known = word;
        return true;
    }
    [[nodiscard]] bool act(ModelNode& node, bool crash) const {
        if (node.running) return false;
        const Decision decision = decide(members_, node.word, node.heard, "g" + node.word.nonce);
        switch (decision.step) {
            case Step::wait:
            case Step::refuse:
                return false;
            case Step::sign:
                node.word.ticket = decision.ticket;
                break;
            case Step::form:
                node.mark = true;
                if (crash) break;
                node.word.ticket = decision.ticket;
                node.word.generation = decision.generation;
                break;
            case Step::join:
                node.word.generation = decision.generation;
                break;
            case Step::start:
                node.running = true;
                if (node.mark) node.voted = true;
                node.mark = false;
                break;
        }
        if (crash) reboot(node);
        return true;
    }
    /// The servers that run and have a vote elect, the one with data before those without.
    [[nodiscard]] bool serve(ModelWorld& world) const {
        for (const ModelNode& first : world.nodes) {
            const std::string generation = first.word.generation;
            if (!first.running || !first.voted || generation.empty()) continue;
            int votes = 0;
            int voters = 0;
            bool data = false;
            for (const ModelNode& node : world.nodes) {
                if (!members_.at(node.word.sid)) continue;
                ++voters;
                const bool here = node.running && node.voted && node.word.generation == generation;
                if (!here) continue;
                ++votes;
                data = data || node.word.has_data;
            }
            if (votes * 2 <= voters) continue;
            return acknowledge(world, generation, data);
        }
        return false;
    }
    static bool acknowledge(ModelWorld& world, const std::string& generation, bool data) {
        bool elsewhere = false;
        for (const ModelNode& node : world.nodes) elsewhere = elsewhere || node.word.has_data;
        if (!data && (elsewhere || world.served.contains(generation))) {
            world.wrong = "an empty majority formed over data";
        }
        for (const ModelNode& node : world.nodes) {
            if (node.word.has_data && node.word.generation != generation) {
                world.wrong = "two ensembles";
            }
        }
        bool changed = world.served.insert(generation).second;
        for (ModelNode& node : world.nodes) {
            if (!node.running || node.word.generation != generation) continue;
            changed = changed || !node.word.has_data;
            node.word.has_data = node.voted = true;
        }
        return changed || !world.wrong.empty();
    }

    Members members_;
    int wipes_;
    int crashes_;
};

constexpr std::size_t kToTheEnd = std::numeric_limits<std::size_t>::max();
/// Every order, breadth first, until `most` states are known.
void explore(const Model& model, std::size_t most) {
    std::unordered_set<std::size_t> known;
    // How a world settles does not depend on what was heard before: all are asked anew.
    std::unordered_set<std::size_t> settled;
    std::deque<ModelWorld> open{model.first()};
    while (!open.empty() && known.size() < most) {
        const ModelWorld world = std::move(open.front());
        open.pop_front();
        for (int event = 0; event < model.events(); ++event) {
            ModelWorld next = world;
            if (!model.happens(next, event)) continue;
            if (!known.insert(std::hash<std::string>()(Model::key_of(next))).second) continue;
            ASSERT_EQ(next.wrong, "") << Model::key_of(next);
            if (settled.insert(std::hash<std::string>()(Model::durable_of(next))).second) {
                ASSERT_TRUE(model.settles(next)) << Model::key_of(next);
                for (int dead = 0; dead < model.size(); ++dead) {
                    ASSERT_TRUE(model.settles_without(next, dead))
                        << "without " << dead + 1 << ": " << Model::key_of(next);
                }
            }
            open.push_back(std::move(next));
        }
    }
    std::printf(
        "%zu states, %zu durable ones, %zu open\n", known.size(), settled.size(), open.size());
}

void wander(const Model& model, int histories, int steps) {
    int served = 0;
    for (int seed = 1; seed <= histories; ++seed) {
        std::mt19937 random(static_cast<unsigned>(seed));
        ModelWorld world = model.first();
        for (int step = 0; step < steps; ++step) {
            const int event = static_cast<int>(random() % static_cast<unsigned>(model.events()));
            // What breaks is rare, so that there is something to break.
            if (model.breaks(event) && random() % 30 != 0) continue;
            (void)model.happens(world, event);
            ASSERT_EQ(world.wrong, "") << "seed " << seed << ": " << Model::key_of(world);
        }
        served += world.served.empty() ? 0 : 1;
        for (const ModelNode& node : world.nodes) {
            // Whatever the rules come to can be said: nobody is silenced by the bounds of reading.
            const auto read = agent_api::parse_formation_word(to_json(node.word));
            ASSERT_TRUE(read.has_value()) << "seed " << seed << ": " << read.error().words;
            ASSERT_EQ(*read, node.word);
        }
        ASSERT_TRUE(model.settles(world)) << "seed " << seed << ": " << Model::key_of(world);
    }
    // The histories come to something: not all end in waiting.
    EXPECT_GT(served * 10, histories);
    std::printf("%d of %d served\n", served, histories);
}

TEST(Formation, EveryOrderOfThreeNodes) { explore(Model(3, 0, 0, 0), kToTheEnd); }
TEST(Formation, OneWipeAndOneCrash) { explore(Model(3, 0, 1, 1), kToTheEnd); }
TEST(Formation, TwoNodesOneWipeAndOneCrash) { explore(Model(2, 0, 1, 1), kToTheEnd); }
TEST(Formation, ThreeNodesThatBreak) { explore(Model(3, 0, 2, 1), 12'000); }
TEST(Formation, LongHistoriesOfThree) { wander(Model(3, 0, 3, 4), 2000, 600); }
TEST(Formation, LongHistoriesOfFive) { wander(Model(5, 0, 4, 4), 150, 2500); }
TEST(Formation, LongHistoriesWithAnObserver) { wander(Model(3, 1, 3, 4), 200, 1200); }

}  // namespace
}  // namespace zk::formation
