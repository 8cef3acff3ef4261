// Histories of nodes that boot, ask, act, crash between two durable steps and are installed anew. The rules are
// the product's own; disks, Words under way and the servers' elections are modelled here.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
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
    bool replaced = false;                        ///< another was made in its place
    std::shared_ptr<const ModelNode> other_disk;  ///< of the same server; one of the two is there
};
struct ModelWorld {
    std::vector<ModelNode> nodes;
    std::set<std::string> served;  ///< generations of which a quorum acknowledged something
    int wipes = 0;
    int crashes = 0;
    int replacements = 0;
    int lost = 0;  ///< data under a node that goes on
    std::string wrong;
};
/// Act, act and crash half-way, reboot, installed anew, data lost, replaced by a controller, the other disk comes back, an
/// apply that has nothing to do.
constexpr int kKinds = 8;

class Model {
  public:
    Model(int voters, int observers, int wipes, int crashes, int replacements = 0)
        : wipes_(wipes), crashes_(crashes), replacements_(replacements) {
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
                return act(world, n, false);
            case 1:
                return world.crashes < crashes_ && ++world.crashes > 0 && act(world, n, true);
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
            case 5:
                return replace(world, n);
            case 6:
                return come_back(world, n);
            case 7:
                return n == 0 && replacements_ > 0 && tell(world);
            default:
                if (world.wipes >= wipes_ || (!node.word.has_data && !node.mark)) return false;
                ++world.wipes;
                ++world.lost;
                reboot(node);
                node.word.has_data = node.mark = node.voted = false;
                return true;
        }
    }

    /// All are up and connected and nothing breaks any more: one ensemble, or somebody says why not. Where a disk that was
    /// replaced has come back, the right one takes its place.
    [[nodiscard]] bool settles(ModelWorld world) const {
        for (int n = 0; n < size(); ++n) {
            if (!world.nodes[static_cast<std::size_t>(n)].replaced) continue;
            (void)act(world, n, false);
            (void)come_back(world, n);
        }
        bool still = false;
        for (int round = 0; round < 40 && !still; ++round) {
            still = true;
            for (int n = 0; n < size(); ++n) {
                for (int peer = 0; peer < size(); ++peer) still = !ask(world, n, peer) && still;
                still = !act(world, n, false) && still;
            }
            still = !serve(world) && still;
        }
        if (!world.wrong.empty()) return false;
        bool all = true;
        for (const ModelNode& node : world.nodes) {
            const Decision last = decide(members_, node.word, node.heard, "x");
            // A person is asked only after something was lost.
            if (last.step == Step::refuse) return world.wipes > 0;
            all = all && node.running && node.word.generation == world.nodes[0].word.generation;
        }
        // Nobody stays without data and does not say why; of a node that goes on with an empty disk nobody asks.
        if (world.lost > 0) return all;
        for (const ModelNode& node : world.nodes) all = all && node.word.has_data;
        return all;
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
        bool still = false;
        for (int round = 0; round < 20 && !still; ++round) {
            still = true;
            for (int n = 0; n < size(); ++n) {
                if (n == dead) continue;
                for (int peer = 0; peer < size(); ++peer) {
                    if (peer != dead) still = !ask(world, n, peer) && still;
                }
                still = !act(world, n, false) && still;
            }
            still = !serve(world) && still;
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
            key += "|" + text_of(node.word) + disk_of(node) + (node.mark ? "m" : "") +
                   (node.voted ? "v" : "") + (node.running ? "r" : "");
        }
        return key;
    }
    static std::string key_of(const ModelWorld& world) {
        std::string key = std::to_string(world.wipes) + "," + std::to_string(world.crashes) + "," +
                          std::to_string(world.replacements);
        for (const std::string& generation : world.served) key += "!" + generation;
        for (const ModelNode& node : world.nodes) {
            key += "|" + text_of(node.word) + disk_of(node) + (node.mark ? "m" : "") +
                   (node.voted ? "v" : "") + (node.running ? "r" : "");
            if (!node.word.generation.empty()) continue;  // it asks when it starts
            for (const auto& [sid, word] : node.heard) key += ":" + text_of(word);
        }
        return key;
    }

  private:
    static std::string disk_of(const ModelNode& node) {
        std::string text = node.replaced ? "R" : "";
        if (node.other_disk) {
            text += "(" + text_of(node.other_disk->word) + (node.other_disk->voted ? "v" : "") +
                    (node.other_disk->replaced ? "R)" : ")");
        }
        return text;
    }
    static std::string text_of(const Word& word) {
        std::string text =
            to_string(word.sid) + word.nonce + "/" + word.generation + (word.has_data ? "d" : "");
        text += std::to_string(number_of(word.incarnation));
        for (const auto& [sid, one] : word.remembers) {
            text += "~" + to_string(sid) + "=" + std::to_string(one.number);
        }
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
    /// zkprov replace-node: the others serve, and remember it before the new machine starts. Of five one may be away.
    [[nodiscard]] bool replace(ModelWorld& world, int n) const {
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        const std::string generation = node.word.generation;
        int in_sync = 0;
        std::uint64_t number = number_of(node.word.incarnation);
        for (const ModelNode& other : world.nodes) {
            const bool serves = other.running && other.word.has_data &&
                                other.word.generation == generation && &other != &node;
            in_sync += serves ? 1 : 0;
            const auto told = other.word.remembers.find(node.word.sid);
            if (told != other.word.remembers.end()) number = std::max(number, told->second.number);
        }
        if (generation.empty() || !world.served.contains(generation) || in_sync * 2 <= size() ||
            has_replaced(world) || world.replacements >= replacements_) {
            return false;
        }
        ++world.replacements;
        ModelNode old = node;
        reboot(old);
        old.replaced = true;
        old.other_disk.reset();
        agent_api::Incarnations known;
        for (const ModelNode& other : world.nodes) {
            for (const auto& told : other.word.remembers) known.insert(told);
        }
        install(world, n);
        node.word.generation = generation;
        node.word.incarnation = agent_api::Incarnation{number + 1, node.word.nonce, WallMs(0)};
        for (const auto& told : known) {
            if (told.first != node.word.sid) node.word.remembers.insert(told);
        }
        for (int other = 0; other < size(); ++other) {
            const bool away = size() > 3 && other == (n + 1) % size();
            if (other == n || away) continue;
            world.nodes[static_cast<std::size_t>(other)].word.remembers[node.word.sid] =
                *node.word.incarnation;
        }
        node.other_disk = std::make_shared<const ModelNode>(std::move(old));
        return true;
    }
    /// zkprov apply where nothing is to be done tells all what they do not know of the others.
    static bool tell(ModelWorld& world) {
        const std::string generation = world.nodes[0].word.generation;
        for (const ModelNode& node : world.nodes) {
            const bool one = !generation.empty() && node.word.generation == generation;
            if (!one || node.replaced) return false;
        }
        agent_api::Incarnations newest;
        for (const ModelNode& node : world.nodes) {
            if (node.word.incarnation) newest[node.word.sid] = *node.word.incarnation;
        }
        for (const ModelNode& node : world.nodes) {
            for (const auto& [sid, one] : node.word.remembers) {
                const auto [known, is_new] = newest.try_emplace(sid, one);
                if (!is_new && known->second.number < one.number) known->second = one;
            }
        }
        bool news = false;
        for (ModelNode& node : world.nodes) {
            for (const auto& [sid, one] : newest) {
                if (sid == node.word.sid) continue;
                const auto [known, is_new] = node.word.remembers.try_emplace(sid, one);
                news = news || is_new || known->second.number < one.number;
                if (known->second.number < one.number) known->second = one;
            }
        }
        return news;
    }
    /// zkprov changes nothing then: it refuses to work with such a host.
    static bool has_replaced(const ModelWorld& world) {
        return std::ranges::any_of(world.nodes, &ModelNode::replaced);
    }
    static bool come_back(ModelWorld& world, int n) {
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        // Two at once are more than a majority of the others can tell apart.
        if (!node.other_disk || (!node.replaced && has_replaced(world))) return false;
        ModelNode other = *node.other_disk;
        const int life = node.life;
        // What a peer is told it is told at the address, whichever disk is there.
        other.life = life;
        ModelNode away = node;
        away.other_disk.reset();
        reboot(away);
        other.other_disk = std::make_shared<const ModelNode>(std::move(away));
        node = std::move(other);
        return true;
    }
    [[nodiscard]] bool act(ModelWorld& world, int n, bool crash) const {
        ModelNode& node = world.nodes[static_cast<std::size_t>(n)];
        if (node.running) return false;
        if (!node.word.generation.empty() && world.replacements > 0) {
            // It asks all others before it starts, and they answer: their agents run also where servers do not.
            node.heard.clear();
            for (const ModelNode& other : world.nodes) {
                if (&other != &node) node.heard[other.word.sid] = other.word;
            }
        }
        const Decision decision = decide(members_, node.word, node.heard, "g" + node.word.nonce);
        switch (decision.step) {
            case Step::refuse:
                if (node.replaced || node.word.generation.empty()) return false;
                world.wrong = "who was not replaced is refused: " + decision.words;
                return true;
            case Step::wait:
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
                node.word.incarnation =
                    agent_api::Incarnation{newest_of(world, node) + 1, node.word.nonce, WallMs(0)};
                break;
            case Step::start:
                node.running = true;
                if (node.replaced && is_remembered(world, node)) {
                    world.wrong = "a disk that was replaced started";
                }
                if (node.mark) node.voted = true;
                node.mark = false;
                break;
        }
        if (crash) reboot(node);
        return true;
    }
    /// The newest number that anybody who answers has heard of this node. Who joins asks all of them.
    static std::uint64_t newest_of(const ModelWorld& world, const ModelNode& node) {
        std::uint64_t number = 0;
        for (const ModelNode& other : world.nodes) {
            const auto told = other.word.remembers.find(node.word.sid);
            if (told != other.word.remembers.end()) number = std::max(number, told->second.number);
        }
        return number;
    }
    /// A majority of the others has not lost what it was told.
    static bool is_remembered(const ModelWorld& world, const ModelNode& node) {
        std::size_t others = 0;
        for (const ModelNode& other : world.nodes) {
            const auto told = other.word.remembers.find(node.word.sid);
            if (other.word.generation == node.word.generation &&
                told != other.word.remembers.end()) {
                others += supersedes(told->second, node.word.incarnation) ? 1 : 0;
            }
        }
        return others * 2 > world.nodes.size() - 1;
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
    int replacements_;
};

constexpr std::size_t kToTheEnd = std::numeric_limits<std::size_t>::max();
/// Every order, breadth first, until `most` states are known.
void explore(const Model& model, std::size_t most, bool one_may_die = true) {
    std::unordered_set<std::size_t> known;
    // How a world settles does not depend on what was heard before: all are asked anew.
    std::unordered_set<std::size_t> settled;
    std::deque<ModelWorld> open{model.first()};
    ModelWorld next;  // one for all, as what it holds is used again
    while (!open.empty() && known.size() < most) {
        const ModelWorld world = std::move(open.front());
        open.pop_front();
        for (int event = 0; event < model.events(); ++event) {
            next = world;
            if (!model.happens(next, event)) continue;
            if (!known.insert(std::hash<std::string>()(Model::key_of(next))).second) continue;
            ASSERT_EQ(next.wrong, "") << Model::key_of(next);
            if (settled.insert(std::hash<std::string>()(Model::durable_of(next))).second) {
                ASSERT_TRUE(model.settles(next)) << Model::key_of(next);
                for (int dead = 0; one_may_die && dead < model.size(); ++dead) {
                    ASSERT_TRUE(model.settles_without(next, dead))
                        << "without " << dead + 1 << ": " << Model::key_of(next);
                }
            }
            open.push_back(next);
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
// Whoever comes back with a disk from before it was replaced is told so, in every order. That all others answer is a
// condition: with one of three dead for good there is no majority of the others to say it.
TEST(Formation, ReplacedAndCameBack) { explore(Model(3, 0, 0, 1, 1), 120'000, false); }
// Installed anew, replaced, and the old disk comes back: who has the last data is not taken for who was replaced.
TEST(Formation, ReplacedAndInstalledAnew) { explore(Model(3, 0, 2, 0, 1), 12'000, false); }
TEST(Formation, LongHistoriesWithReplacements) { wander(Model(3, 0, 0, 4, 4), 400, 1500); }
TEST(Formation, LongHistoriesWithReplacementsAndWipes) { wander(Model(3, 0, 4, 4, 3), 400, 1500); }
TEST(Formation, LongHistoriesOfFiveWithReplacements) { wander(Model(5, 0, 0, 4, 3), 60, 4000); }
TEST(Formation, LongHistoriesOfThree) { wander(Model(3, 0, 3, 4), 2000, 600); }
TEST(Formation, LongHistoriesOfFive) { wander(Model(5, 0, 4, 4), 150, 2500); }
TEST(Formation, LongHistoriesWithAnObserver) { wander(Model(3, 1, 3, 4), 200, 1200); }

}  // namespace
}  // namespace zk::formation
