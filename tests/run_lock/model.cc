// The run lock explored whole: three nodes, two controllers, every order in which messages arrive,
// connections are cut, controllers die, changes end and time passes. The rules of both sides are the
// product's own (SessionLock, EnsembleLock); the wire, the kernel's lock and the controllers' steps are
// modelled here. Time is counted in ticks of 1 ms.
#include <array>
#include <bit>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "run_lock/ensemble_lock.h"
#include "run_lock/session_lock.h"

namespace zk::run_lock {
namespace {

constexpr int kNodes = 3;
constexpr int kControllers = 2;
constexpr int kNobody = -1;

enum class Wire : std::uint8_t { empty, take, number, check, change };

/// One controller's session on one node, and the channel to it.
struct Channel {
    SessionLock lock{LockLimits()};
    Wire wire = Wire::empty;  ///< a message under way to the agent
    bool cut = false;         ///< the controller hears and says nothing more here
    bool awaited = false;     ///< the controller waits for an answer
};

struct Node {
    std::uint64_t recorded = 0;
    int holder = kNobody;    ///< of the kernel's lock
    int changing = kNobody;  ///< whose change is under way; its session reads nothing meanwhile
};

enum class Phase : std::uint8_t { taking, settling, round, changing, over };

struct Controller {
    EnsembleLock lock{kNodes, LockLimits()};
    unsigned holds = 0;  ///< a bit for each node
    Phase phase = Phase::taking;
    int asked = kNobody;  ///< taking: which node
    bool numbered = false;
    bool refused = false;
    int changes_left = 0;
    int rounds_left = 0;
    Instant phase_began;  ///< settling, round
    std::optional<Duration> settling;
    unsigned confirmed = 0;
    unsigned denied = 0;
};

struct Options {
    LockLimits rules;             ///< of the agents
    LockLimits controller_rules;  ///< of the controllers
    bool yields = true;           ///< a run that is refused by one node gives back what it has
    bool settles = true;          ///< a run that does not see all nodes waits
    bool patient = false;         ///< answers count however late they came
    std::array<int, kControllers> changes{1, 1};
    int rounds = 2;  ///< of each run, the one with the number included
};

struct World {
    Instant now{};
    std::array<Node, kNodes> nodes;
    std::array<Channel, kControllers * kNodes> channels;  ///< controller * kNodes + node
    std::array<Controller, kControllers> controllers;
    std::uint64_t newest = 0;  ///< the highest number with which a change has begun
    int newest_by = kNobody;
    const char* wrong = nullptr;
    bool lost_lock_found = false;  ///< somebody was told that he holds it no more
    bool both_changed = false;

    Channel& channel(int controller, int node) {
        return channels[static_cast<std::size_t>(controller * kNodes + node)];
    }
};

class Model {
  public:
    explicit Model(Options options) : options_(options) {}

    World first() const {
        World world;
        for (Channel& channel : world.channels) channel.lock = SessionLock(options_.rules);
        for (std::size_t c = 0; c < kControllers; ++c) {
            Controller& controller = world.controllers[c];
            controller.lock = EnsembleLock(kNodes, options_.controller_rules);
            controller.changes_left = options_.changes[c];
            controller.rounds_left = options_.rounds;
        }
        for (int c = 0; c < kControllers; ++c) ask_next(world, c);
        return world;
    }

    /// What can happen, by a number: time passes; a change ends on a node; a controller dies; and for
    /// each channel a message arrives, is cut off, and so on.
    static constexpr int kEvents = 1 + kNodes + 2 * kControllers + 4 * kControllers * kNodes;
    static std::string name_of(int event) {
        if (event == 0) return "tick";
        if (--event < kNodes) return "change ends on " + std::to_string(event + 1);
        if ((event -= kNodes) < kControllers)
            return "controller " + std::to_string(event) + " dies";
        if ((event -= kControllers) < kControllers) {
            return "controller " + std::to_string(event) + " asks again";
        }
        event -= kControllers;
        constexpr std::array kNames = {"arrives", "cut", "ends", "begin change"};
        const int channel = event / 4;
        return std::string(kNames.at(static_cast<std::size_t>(event % 4))) + " " +
               std::to_string(channel / kNodes) + "->" + std::to_string(channel % kNodes + 1);
    }
    /// False when it cannot happen now.
    static bool happens(World& world, int event) {
        if (event == 0) return tick(world);
        if (--event < kNodes) return change_ends(world, event);
        if ((event -= kNodes) < kControllers) return die(world, event);
        if ((event -= kControllers) < kControllers) return ask_again(world, event);
        event -= kControllers;
        const int c = event / 4 / kNodes;
        const int n = event / 4 % kNodes;
        switch (event % 4) {
            case 0:
                return deliver(world, c, n);
            case 1:
                return cut(world, c, n);
            case 2:
                return end(world, c, n);
            default:
                return begin_change(world, c, n);
        }
    }

    /// When all controllers are gone and what they began has ended, nobody holds anything for long.
    static const char* after_all_died(World world) {
        for (const Controller& controller : world.controllers) {
            if (controller.phase != Phase::over) return world.wrong;
        }
        for (int n = 0; n < kNodes; ++n) change_ends(world, n);
        for (int c = 0; c < kControllers; ++c) {
            for (int n = 0; n < kNodes; ++n) {
                // What is under way arrives, even if nobody waits for the answer.
                deliver(world, c, n);
                change_ends(world, n);
            }
        }
        for (int ticks = 0; ticks < 8; ++ticks) tick(world);
        for (const Node& node : world.nodes) {
            if (node.holder != kNobody) return "a dead controller's lock stays";
        }
        return world.wrong;
    }

    /// The state without what makes no difference for what comes.
    [[nodiscard]] std::size_t hash_of(const World& world) const {
        std::array<char, 128> key;
        std::size_t size = 0;
        const auto add = [&](auto value) { key.at(size++) = static_cast<char>(value); };
        const auto age = [&](Instant then, Duration most) {
            add(std::min(to_ms(world.now - then), to_ms(most)));
        };
        for (const Node& node : world.nodes) {
            add(node.recorded);
            add((node.holder + 1) * 4 + node.changing + 1);
        }
        for (int c = 0; c < kControllers; ++c) {
            const Controller& controller = world.controllers[static_cast<std::size_t>(c)];
            const bool over = controller.phase == Phase::over;
            for (int n = 0; n < kNodes; ++n) {
                const Channel& channel = world.channels[static_cast<std::size_t>(c * kNodes + n)];
                const bool cut = channel.cut && !over;
                add(static_cast<int>(channel.wire) | (cut ? 16 : 0) | (channel.awaited ? 64 : 0) |
                    (channel.lock.held() ? 128 : 0));
                if (!channel.lock.held()) continue;
                age(channel.lock.heard_at(), options_.rules.silence);
                // Who changes next is checked before, but for what this round has checked already.
                const bool matters =
                    channel.wire == Wire::change || controller.phase == Phase::changing ||
                    (controller.phase == Phase::round && (controller.confirmed & bit(n)) != 0);
                if (!matters || !channel.lock.checked_at()) continue;
                add(64 + channel.lock.own_number().value_or(0));
                age(*channel.lock.checked_at(), options_.rules.proof + milliseconds(1));
            }
            add(controller.phase);
            if (over) continue;
            add(controller.asked * 4 + (controller.numbered ? 1 : 0) +
                (controller.refused ? 2 : 0));
            add(controller.changes_left * 16 + controller.rounds_left);
            add(controller.lock.number());
            add(controller.holds);
            add(controller.settling.has_value());
            if (controller.phase == Phase::settling) {
                age(controller.phase_began, *controller.settling + milliseconds(1));
            }
            if (controller.phase != Phase::round) continue;
            age(controller.phase_began, options_.controller_rules.round + milliseconds(1));
            add(controller.confirmed * 16 + controller.denied);
        }
        add(world.newest * 4 + static_cast<std::uint64_t>(world.newest_by + 1));
        return std::hash<std::string_view>()({key.data(), size});
    }

  private:
    static unsigned bit(int node) { return 1U << static_cast<unsigned>(node); }
    static std::size_t count(unsigned bits) {
        return static_cast<std::size_t>(std::popcount(bits));
    }

    // ---- what can happen ----

    static bool tick(World& world) {
        world.now += Duration(1000);
        for (int c = 0; c < kControllers; ++c) {
            for (int n = 0; n < kNodes; ++n) {
                beat(world, c, n);
                look(world, c, n);
            }
            if (world.controllers[static_cast<std::size_t>(c)].phase == Phase::settling) {
                go_on(world, c);
            }
        }
        return true;
    }

    static bool die(World& world, int c) {
        if (world.controllers[static_cast<std::size_t>(c)].phase == Phase::over) return false;
        stop(world, c);
        return true;
    }

    static bool is_over(const World& world, int c) {
        return world.controllers[static_cast<std::size_t>(c)].phase == Phase::over;
    }

    /// From now on the controller takes this node for silent, and keeps nothing alive there. What it
    /// sent may still arrive.
    static bool cut(World& world, int c, int n) {
        Channel& channel = world.channel(c, n);
        if (channel.cut || is_over(world, c)) return false;
        channel.cut = true;
        answered(world, c, n, [](Controller&) {});
        return true;
    }

    /// The agent hears of the end of a channel, behind all that came through it; or never.
    static bool end(World& world, int c, int n) {
        Channel& channel = world.channel(c, n);
        if (!channel.cut && !is_over(world, c)) return false;
        if (!channel.lock.held() || channel.wire != Wire::empty || blocked(world, c, n))
            return false;
        let_go(world, c, n);
        return true;
    }

    static bool ask_again(World& world, int c) {
        if (world.controllers[static_cast<std::size_t>(c)].phase != Phase::changing) return false;
        if (awaits(world, c)) return false;
        begin_round(world, c);
        return true;
    }

    static void beat(World& world, int c, int n) {
        Channel& channel = world.channel(c, n);
        if (is_over(world, c) || channel.cut) return;
        if (channel.lock.held() && !blocked(world, c, n)) channel.lock.heard(world.now);
    }

    static bool deliver(World& world, int c, int n) {
        Channel& channel = world.channel(c, n);
        if (blocked(world, c, n) || channel.wire == Wire::empty) return false;
        look(world, c, n);
        const Wire message = std::exchange(channel.wire, Wire::empty);
        Node& node = world.nodes[static_cast<std::size_t>(n)];
        switch (message) {
            case Wire::take:
                take(world, c, n);
                break;
            case Wire::number:
            case Wire::check: {
                const bool yes = channel.lock.held() && confirm(world, c, n, message);
                if (channel.lock.held()) channel.lock.heard(world.now);
                if (!yes) world.lost_lock_found = true;
                answered(world, c, n, [&](Controller& controller) {
                    (yes ? controller.confirmed : controller.denied) |= bit(n);
                });
                break;
            }
            case Wire::change:
                if (node.changing == kNobody &&
                    !channel.lock.may_change(world.now, node.recorded)) {
                    change_begins(world, c, n);
                    return true;
                }
                world.lost_lock_found = true;
                answered(world, c, n, [](Controller& controller) { controller.refused = true; });
                break;
            case Wire::empty:
                break;
        }
        return true;
    }

    static bool change_ends(World& world, int n) {
        Node& node = world.nodes[static_cast<std::size_t>(n)];
        if (node.changing == kNobody) return false;
        const int c = std::exchange(node.changing, kNobody);
        world.channel(c, n).lock.heard(world.now);
        answered(world, c, n, [](Controller& controller) { --controller.changes_left; });
        return true;
    }

    /// The controller, which has made sure of its lock, begins a change on any node it holds.
    static bool begin_change(World& world, int c, int n) {
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        Channel& channel = world.channel(c, n);
        if (controller.phase != Phase::changing || channel.cut || awaits(world, c)) return false;
        if ((controller.holds & bit(n)) == 0) return false;
        channel.wire = Wire::change;
        channel.awaited = true;
        return true;
    }

    // ---- the agents ----

    static bool blocked(World& world, int c, int n) {
        return world.nodes[static_cast<std::size_t>(n)].changing == c;
    }

    static void let_go(World& world, int c, int n) {
        world.channel(c, n).lock.released(Denial::silent);
        world.nodes[static_cast<std::size_t>(n)].holder = kNobody;
    }

    static void look(World& world, int c, int n) {
        const SessionLock& lock = world.channel(c, n).lock;
        if (!lock.held() || blocked(world, c, n)) return;
        if (lock.look(world.now, world.nodes[static_cast<std::size_t>(n)].recorded)) {
            let_go(world, c, n);
        }
    }

    static void take(World& world, int c, int n) {
        Node& node = world.nodes[static_cast<std::size_t>(n)];
        const bool free = node.holder == kNobody;
        if (free) {
            node.holder = c;
            world.channel(c, n).lock.taken(world.now, node.recorded);
        }
        answered(world, c, n, [&](Controller& controller) {
            if (free) {
                controller.lock.granted(node.recorded);
                controller.holds |= bit(n);
            } else {
                controller.refused = true;
            }
        });
    }

    static bool confirm(World& world, int c, int n, Wire message) {
        Node& node = world.nodes[static_cast<std::size_t>(n)];
        SessionLock& lock = world.channel(c, n).lock;
        if (message == Wire::check) {
            lock.checked(world.now);
            return true;
        }
        const std::uint64_t number = world.controllers[static_cast<std::size_t>(c)].lock.number();
        if (!lock.may_number(number, node.recorded)) return false;
        node.recorded = number;
        lock.numbered(world.now, number);
        return true;
    }

    static void change_begins(World& world, int c, int n) {
        const std::uint64_t number = world.channel(c, n).lock.own_number().value_or(0);
        if (number < world.newest) {
            world.wrong = "a change of an older run begins after one of a newer run";
        }
        if (number == world.newest && world.newest_by != c) {
            world.wrong = "two runs change under one number";
        }
        if (world.newest_by != kNobody && world.newest_by != c) world.both_changed = true;
        for (int other = 0; other < kNodes; ++other) {
            const int by = world.nodes[static_cast<std::size_t>(other)].changing;
            if (by == kNobody || by == c || world.channel(c, other).cut) continue;
            world.wrong = "two runs change at the same time, on nodes that the newer one can see";
        }
        world.newest = number;
        world.newest_by = c;
        world.nodes[static_cast<std::size_t>(n)].changing = c;
    }

    // ---- the controllers: they act at once; whatever they could do later is a message that takes long ----

    static bool awaits(World& world, int c) {
        for (int n = 0; n < kNodes; ++n) {
            if (world.channel(c, n).awaited) return true;
        }
        return false;
    }

    template <class Effect>
    static void answered(World& world, int c, int n, Effect effect) {
        Channel& channel = world.channel(c, n);
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        if (!channel.awaited) return;
        channel.awaited = false;
        if (controller.phase == Phase::over) return;
        effect(controller);
        if (!awaits(world, c)) go_on(world, c);
    }

    static void stop(World& world, int c) {
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        controller.phase = Phase::over;
        for (int n = 0; n < kNodes; ++n) {
            world.channel(c, n).awaited = false;
        }
    }

    static void ask_next(World& world, int c) {
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        while (++controller.asked < kNodes) {
            Channel& channel = world.channel(c, controller.asked);
            if (channel.cut) continue;
            channel.wire = Wire::take;
            channel.awaited = true;
            return;
        }
        if (!controller.lock.has_majority()) return stop(world, c);
        begin_round(world, c);
    }

    static void begin_round(World& world, int c) {
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        if (controller.rounds_left-- == 0) return stop(world, c);
        controller.phase = Phase::round;
        controller.confirmed = controller.denied = 0;
        controller.phase_began = world.now;
        for (int n = 0; n < kNodes; ++n) {
            Channel& channel = world.channel(c, n);
            if (channel.cut || (controller.holds & bit(n)) == 0) continue;
            channel.wire = controller.numbered ? Wire::check : Wire::number;
            channel.awaited = true;
        }
        if (!awaits(world, c)) stop(world, c);
    }

    static void go_on(World& world, int c) {
        Controller& controller = world.controllers[static_cast<std::size_t>(c)];
        switch (controller.phase) {
            case Phase::taking:
                if (controller.refused && yields_) return stop(world, c);
                controller.refused = false;
                return ask_next(world, c);
            case Phase::settling:
                if (world.now - controller.phase_began <= *controller.settling) return;
                controller.settling.reset();
                return begin_round(world, c);
            case Phase::round:
                if (!controller.numbered && settles_) {
                    controller.settling = controller.lock.settling(count(controller.confirmed));
                }
                controller.numbered = true;
                switch (controller.lock.judge(
                    count(controller.confirmed),
                    count(controller.denied),
                    patient_ ? Duration(0) : world.now - controller.phase_began)) {
                    case EnsembleLock::Round::lost:
                        return stop(world, c);
                    case EnsembleLock::Round::slow:
                        return begin_round(world, c);
                    case EnsembleLock::Round::holds:
                        controller.phase = controller.settling ? Phase::settling : Phase::changing;
                        controller.phase_began = world.now;
                }
                return;
            case Phase::changing:
                // More of them may follow without another round: the nodes of a wave.
                if (controller.refused || controller.changes_left == 0) return stop(world, c);
                return;
            case Phase::over:
                return;
        }
    }

  public:
    static inline bool yields_ = true;
    static inline bool settles_ = true;
    static inline bool patient_ = false;

  private:
    Options options_;
};

/// Numbers that were seen, 8 bytes each.
class SeenSet {
  public:
    /// False when it was there.
    bool insert(std::size_t number) {
        if (number == 0) number = 1;  // 0 is an empty place
        if (size_ * 2 >= places_.size()) grow();
        if (!put(number)) return false;
        ++size_;
        return true;
    }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    bool put(std::size_t number) {
        std::size_t at = number & (places_.size() - 1);
        for (; places_[at] != 0; at = (at + 1) & (places_.size() - 1)) {
            if (places_[at] == number) return false;
        }
        places_[at] = number;
        return true;
    }
    void grow() {
        std::vector<std::size_t> before(places_.size() * 2);
        before.swap(places_);
        for (const std::size_t number : before) {
            if (number != 0) put(number);
        }
    }

    std::vector<std::size_t> places_ = std::vector<std::size_t>(1U << 16U);
    std::size_t size_ = 0;
};

struct Found {
    std::string wrong;
    std::size_t states = 0;
    bool lost = false;  ///< somewhere a run was refused because it had lost its lock
    bool both = false;  ///< somewhere both runs changed something, one after the other
};

constexpr const char* kTooMany = "too many states";

Found explore(const Options& options, std::size_t states_max = 100'000'000) {
    Model::yields_ = options.yields;
    Model::settles_ = options.settles;
    Model::patient_ = options.patient;
    const Model model(options);
    Found found;
    // By hash: that two of some million states have one is unlikely, and would hide only one of them.
    SeenSet seen;
    struct Step {
        std::uint32_t before;
        std::uint32_t event;
    };
    std::vector<Step> steps;  // how each state was reached first
    std::vector<std::pair<World, std::uint32_t>> queue;
    const auto add = [&](World& world, const Step& step) {
        found.lost = found.lost || world.lost_lock_found;
        found.both = found.both || world.both_changed;
        if (!seen.insert(model.hash_of(world))) return;
        if (world.wrong == nullptr) world.wrong = Model::after_all_died(world);
        if (world.wrong != nullptr) found.wrong = world.wrong;
        steps.push_back(step);
        const auto number = static_cast<std::uint32_t>(steps.size() - 1);
        // Deep first: what waits is little then.
        queue.emplace_back(world, number);
    };
    World first = model.first();
    add(first, {0, 0});
    while (!queue.empty() && found.wrong.empty()) {
        const auto [world, at] = queue.back();
        queue.pop_back();
        World next = world;
        for (int event = 0; event < Model::kEvents && found.wrong.empty(); ++event) {
            if (!Model::happens(next, event)) continue;  // and nothing was touched
            add(next, {at, static_cast<std::uint32_t>(event)});
            next = world;
        }
        if (seen.size() > states_max) found.wrong = kTooMany;
    }
    found.states = seen.size();
    if (found.wrong.empty()) return found;
    std::string way;
    for (std::size_t at = steps.size() - 1; at != 0; at = steps[at].before) {
        way = "\n" + Model::name_of(static_cast<int>(steps[at].event)) + way;
    }
    found.wrong += way;
    return found;
}

LockLimits limits(int silence, int proof, int round) {
    LockLimits limits;
    limits.silence = milliseconds(silence);
    limits.proof = milliseconds(proof);
    limits.round = milliseconds(round);
    return limits;
}

Options normal() {
    Options options;
    options.rules = options.controller_rules = limits(2, 0, 0);
    return options;
}

bool report(const char* what, const Found& found, bool good) {
    std::printf("%s: %zu states, %s\n", what, found.states, good ? "as it should be" : "WRONG");
    if (!good) std::printf("%s\n", found.wrong.c_str());
    std::fflush(stdout);
    return good;
}

bool holds(Options options) {
    const Found found = explore(options);
    return report(
        "two runs, one change at a time", found, found.wrong.empty() && found.lost && found.both);
}

/// Each rule is needed: without it the exploration finds two runs at once.
bool is_needed(const char* rule, void (*drop)(Options&)) {
    Options options = normal();
    drop(options);
    const Found found = explore(options);
    return report(rule, found, !found.wrong.empty() && found.wrong != kTooMany);
}

int run(bool thorough) {
    bool good = true;
    Options options = normal();
    good &= holds(options);
    if (thorough) {
        options.changes = {2, 1};  // also both after one round
        good &= holds(options);
        options.rules = options.controller_rules = limits(3, 1, 1);
        options.changes = {1, 1};
        good &= holds(options);
    }
    good &= is_needed("without the age of a check", [](Options& o) { o.rules = limits(3, 1, 0); });
    good &= is_needed("without the time of a round", [](Options& o) { o.patient = true; });
    good &= is_needed("without giving way", [](Options& o) { o.yields = false; });
    good &= is_needed("without settling", [](Options& o) { o.settles = false; });
    return good ? 0 : 1;
}

}  // namespace
}  // namespace zk::run_lock

int main(int argc, char** argv) {
    return zk::run_lock::run(argc > 1 && std::string_view(argv[1]) == "--thorough");
}
