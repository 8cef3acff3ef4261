// Whole ensembles of leaders and learners over links and disks that delay, break and crash, from a seed.
//
// Elections are an oracle: now and then it takes an arbitrary majority of the servers that search and names the best of
// them by (current epoch, zxid, sid) - or, to be unkind, any of them. What must always hold is checked as it happens:
//   - a leader commits only what a majority has on stable storage, and only what continues the history committed so far;
//   - an established leader has all of it: nothing committed is lost;
//   - what a serving follower applies is a prefix of it;
//   - an epoch has one established leader;
// and at the end, when links and servers are whole again, everybody serves the same history.

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "scene.h"
#include "zab/leader.h"
#include "zab/learner.h"

namespace zk::zab {
namespace {

constexpr Duration kStep = milliseconds(5);
constexpr Duration kTick = milliseconds(100);

/// The state of a server: here simply all txns that were applied. `label` is the zxid a snapshot of it would carry.
struct Tree {
    std::vector<CommittedTxn> txns;
    Zxid label;
    [[nodiscard]] Zxid last() const { return txns.empty() ? Zxid(0) : txns.back().zxid; }
};

bool same(const CommittedTxn& left, const CommittedTxn& right) {
    return left.zxid == right.zxid && (left.bytes == right.bytes || *left.bytes == *right.bytes);
}
bool is_prefix(const std::vector<CommittedTxn>& part, const std::vector<CommittedTxn>& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin(), same);
}

struct TakeSnapshot {
    Tree tree;
};
/// Of a SNAP: nothing else stays.
struct InstallSnapshot {
    Tree tree;
};
/// For a learner of this leader.
struct ReadLog {
    LinkId link = 0;
    Zxid after, up_to;
    std::size_t bytes_max = 0;
};
using DiskOp = std::variant<AppendTxn,
                            SaveAcceptedEpoch,
                            SaveCurrentEpoch,
                            TruncateLog,
                            InstallSnapshot,
                            ReadLog,
                            TakeSnapshot>;

/// What survives a crash.
struct Disk {
    Epoch accepted, current;
    std::vector<CommittedTxn> log;
    std::vector<Tree> snapshots{Tree{}};

    [[nodiscard]] Tree recover() const {
        Tree tree = snapshots.back();
        for (const CommittedTxn& txn : log) {
            if (txn.zxid <= tree.label) continue;
            tree.txns.push_back(txn);
            tree.label = txn.zxid;
        }
        return tree;
    }
    [[nodiscard]] bool holds(const CommittedTxn& wanted) const {
        const std::vector<CommittedTxn>& saved = snapshots.back().txns;
        const auto found = [&](const CommittedTxn& txn) { return same(txn, wanted); };
        return std::find_if(log.rbegin(), log.rend(), found) != log.rend() ||
               std::find_if(saved.rbegin(), saved.rend(), found) != saved.rend();
    }
    void drop_above(Zxid zxid) {
        std::erase_if(log, [&](const CommittedTxn& txn) { return txn.zxid > zxid; });
        std::erase_if(snapshots, [&](const Tree& tree) { return tree.label > zxid; });
    }
    /// False, and nothing changed, when the history does not contain exactly `zxid`.
    bool truncate(Zxid zxid) {
        Disk cut = *this;
        cut.drop_above(zxid);
        if (cut.snapshots.empty()) return false;
        const Tree tree = cut.recover();
        const Tree before = recover();
        if (tree.label != zxid || !is_prefix(tree.txns, before.txns)) return false;
        *this = std::move(cut);
        return true;
    }
};

struct Snapshot {
    Tree tree;
};
using Message = std::variant<Packet, Snapshot>;
struct Sent {
    Instant arrives;
    Message message;
};
/// One connection of a learner (by sid) to a leader.
struct Wire {
    ServerId learner, leader;
    std::deque<Sent> to_leader, to_learner;
    std::optional<Zxid> snapshot_due;  ///< SNAP was read: the stream comes next
    bool awaits_room = false;          ///< the leader does, for an empty queue to the learner
};

enum class Role { down, looking, reloading, following, leading };

struct Server {
    Role role = Role::down;
    Disk disk;
    std::deque<std::pair<Instant, DiskOp>> disk_queue;
    Tree tree;
    CommittedLog committed{20};
    Epoch accepted, current;
    Zxid last_logged;
    std::unique_ptr<Leader> leader;
    std::unique_ptr<Learner> learner;
    std::vector<CommittedTxn> proposed;  ///< by this leader, not committed
    bool serving = false;
    bool must_reload = false;
    bool ask_for_snapshot = false;
    bool gave_up = false;
    bool leader_held = false;
    LinkId link = 0;  ///< of a learner
    Instant stalled_until{};
};

/// Chances per 100 steps.
struct Faults {
    int break_percent = 0;  ///< a link breaks
    int stall_percent = 0;  ///< nothing goes to or from a server for a while, and nobody is told
    int crash_percent = 0;
    int odd_election_percent = 0;
    Duration disk_delay_max = milliseconds(10);
    Duration wire_delay_max = milliseconds(10);
    std::size_t window = 20;
    int steps_per_proposal = 8;
};

class World {
  public:
    World(unsigned seed, int servers, Faults faults) : random_(seed), seed_(seed), faults_(faults) {
        for (int sid = 1; sid <= servers; ++sid) {
            voters_.push_back(sid);
            servers_[ServerId(sid)];
        }
        for (const int sid : voters_) boot(ServerId(sid));
    }

    void run(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
    }
    /// No more faults; everybody must come to serve one history.
    void heal() {
        faults_.break_percent = faults_.stall_percent = 0;
        faults_.crash_percent = faults_.odd_election_percent = 0;
        for (auto& [sid, server] : servers_) {
            server.stalled_until = now_;
            if (server.role == Role::down) boot(sid);
        }
        for (int i = 0; i < 12'000 && !::testing::Test::HasFailure(); ++i) {
            proposing_ = i < 200;
            step();
            if (i > 200 && whole()) return;
        }
        FAIL() << "seed " << seed_ << ": no common end after healing\n" << describe();
    }

    [[nodiscard]] std::size_t committed() const { return truth_.size(); }
    [[nodiscard]] std::size_t reigns() const { return reigns_.size(); }
    [[nodiscard]] std::size_t reads() const { return reads_; }

  private:
    [[nodiscard]] std::int64_t pick(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(random_() % static_cast<unsigned>(high - low + 1));
    }
    bool percent(int chance) { return pick(1, 100) <= chance; }
    Instant later(Duration maximum) {
        Duration delay(pick(0, maximum.count()));
        if (percent(1)) delay *= 10;
        return now_ + delay;
    }
    std::size_t majority() const { return servers_.size() / 2 + 1; }

    // --- One step of time

    void step() {
        now_ += kStep;
        for (auto& [sid, server] : servers_) {
            if (server.role == Role::down) {
                if (pick(1, 100) == 1) boot(sid);
                continue;
            }
            run_disk(sid, server);
            deliver(sid, server);
            tick(sid, server);
            if (proposing_) propose(sid, server);
        }
        if (pick(1, 10) == 1) elect();
        if (pick(1, 100) == 1) inject_faults();
    }

    void inject_faults() {
        if (percent(faults_.break_percent) && !wires_.empty()) {
            auto wire = wires_.begin();
            std::advance(wire, pick(0, static_cast<std::int64_t>(wires_.size()) - 1));
            cut(wire->first);
        }
        const ServerId victim(pick(1, static_cast<std::int64_t>(servers_.size())));
        Server& server = servers_[victim];
        if (percent(faults_.crash_percent) && server.role != Role::down) return crash(victim);
        if (percent(faults_.stall_percent)) {
            server.stalled_until = now_ + milliseconds(pick(50, 2500));
        }
        if (percent(20) && server.serving) {
            enqueue(server, TakeSnapshot{server.tree});
        }
    }

    // --- Servers

    void boot(ServerId sid) {
        Server& server = servers_[sid];
        server.role = Role::looking;
        load(server);
    }
    void load(Server& server) {
        server.accepted = server.disk.accepted;
        server.current = server.disk.current;
        server.tree = server.disk.recover();
        server.last_logged = server.tree.label;
        server.committed = CommittedLog(faults_.window);
        const Zxid oldest = server.disk.snapshots.back().label;
        server.committed.reset(oldest);
        for (const CommittedTxn& txn : server.tree.txns) {
            if (txn.zxid > server.committed.max()) server.committed.add(txn.zxid, txn.bytes);
        }
        server.must_reload = false;
    }
    void crash(ServerId sid) {
        Server& server = servers_[sid];
        // Some of what was on its way to the disk may have arrived.
        for (std::int64_t arrived = pick(0, 3); arrived > 0 && !server.disk_queue.empty();) {
            perform(server.disk, server.disk_queue.front().second);
            server.disk_queue.pop_front();
            --arrived;
        }
        leave(sid, server);
        server.disk_queue.clear();
        server.ask_for_snapshot = false;
        server.role = Role::down;
    }
    void leave(ServerId sid, Server& server) {
        std::vector<LinkId> mine;
        for (const auto& [link, wire] : wires_) {
            if (wire.learner == sid || wire.leader == sid) mine.push_back(link);
        }
        std::vector<CommittedTxn> pending = std::exchange(server.proposed, {});
        if (server.learner) {
            pending = server.learner->take_pending();
            server.ask_for_snapshot = server.learner->needs_snapshot();
        }
        server.leader.reset();
        server.learner.reset();
        server.serving = server.gave_up = false;
        for (const LinkId link : mine) cut(link);
        if (!server.must_reload) {
            for (CommittedTxn& txn : pending) apply(server, std::move(txn));
        }
        server.role = server.must_reload ? Role::reloading : Role::looking;
    }
    static void apply(Server& server, CommittedTxn txn) {
        server.committed.add(txn.zxid, txn.bytes);
        server.tree.label = txn.zxid;
        server.tree.txns.push_back(std::move(txn));
    }

    // --- Disk

    void enqueue(Server& server, DiskOp op) {
        Instant done = later(faults_.disk_delay_max);
        if (!server.disk_queue.empty()) done = std::max(done, server.disk_queue.back().first);
        server.disk_queue.emplace_back(done, std::move(op));
    }
    static bool perform(Disk& disk, const DiskOp& op) {
        if (const auto* append = std::get_if<AppendTxn>(&op)) {
            disk.log.push_back({append->zxid, append->bytes});
        } else if (const auto* accepted = std::get_if<SaveAcceptedEpoch>(&op)) {
            disk.accepted = accepted->epoch;
        } else if (const auto* current = std::get_if<SaveCurrentEpoch>(&op)) {
            disk.current = current->epoch;
        } else if (const auto* cut_to = std::get_if<TruncateLog>(&op)) {
            return disk.truncate(cut_to->zxid);
        } else if (const auto* install = std::get_if<InstallSnapshot>(&op)) {
            disk.snapshots.assign(1, install->tree);
            disk.log.clear();
        } else if (const auto* snapshot = std::get_if<TakeSnapshot>(&op)) {
            if (snapshot->tree.label > disk.snapshots.back().label) {
                disk.snapshots.push_back(snapshot->tree);
            }
        }
        return true;
    }
    void run_disk(ServerId sid, Server& server) {
        while (!server.disk_queue.empty() && server.disk_queue.front().first <= now_) {
            const DiskOp op = std::move(server.disk_queue.front().second);
            server.disk_queue.pop_front();
            const bool done = perform(server.disk, op);
            Actions out;
            completed(server, op, done, out);
            carry_out(sid, server, out);
        }
        if (server.role == Role::reloading && server.disk_queue.empty()) {
            load(server);
            server.role = Role::looking;
        }
    }
    void completed(Server& server, const DiskOp& op, bool done, Actions& out) {
        Leader* leader = server.leader.get();
        Learner* learner = server.learner.get();
        if (const auto* append = std::get_if<AppendTxn>(&op)) {
            if (leader != nullptr) leader->on_log_durable(append->zxid, now_, out);
            if (learner != nullptr) learner->on_log_durable(append->zxid, now_, out);
        } else if (const auto* accepted = std::get_if<SaveAcceptedEpoch>(&op)) {
            server.accepted = accepted->epoch;
            if (leader != nullptr) leader->on_accepted_epoch_saved(accepted->epoch, now_, out);
            if (learner != nullptr) learner->on_accepted_epoch_saved(accepted->epoch, now_, out);
        } else if (const auto* current = std::get_if<SaveCurrentEpoch>(&op)) {
            server.current = current->epoch;
            if (leader != nullptr) leader->on_current_epoch_saved(current->epoch, now_, out);
            if (learner != nullptr) learner->on_current_epoch_saved(current->epoch, now_, out);
        } else if (const auto* cut_to = std::get_if<TruncateLog>(&op)) {
            if (learner == nullptr) return;
            if (done) {
                load(server);
                learner->on_truncated(cut_to->zxid, now_, out);
            } else {
                learner->on_truncate_failed("not in the log", now_, out);
            }
        } else if (const auto* read = std::get_if<ReadLog>(&op)) {
            if (leader != nullptr) read_log(server, *read, out);
        } else if (const auto* install = std::get_if<InstallSnapshot>(&op)) {
            if (learner == nullptr) return;
            server.must_reload = false;
            learner->on_snapshot_saved(install->tree.label, now_, out);
        }
    }

    void read_log(Server& server, const ReadLog& wanted, Actions& out) {
        const std::vector<CommittedTxn>& log = server.disk.log;
        auto next = std::find_if(log.begin(), log.end(), [&](const CommittedTxn& txn) {
            return txn.zxid == wanted.after;
        });
        std::vector<CommittedTxn> txns;
        const bool found = next != log.end();
        std::size_t bytes = 0;
        for (next = found ? next + 1 : next; next != log.end() && bytes < wanted.bytes_max;
             ++next) {
            if (next->zxid > wanted.up_to) break;
            txns.push_back(*next);
            bytes += next->bytes->size();
        }
        reads_ += found ? 1 : 0;
        server.leader->on_history_read(wanted.link, wanted.after, found, txns, now_, out);
    }

    // --- Links

    void send(std::deque<Sent>& queue, Message message) {
        Instant arrives = later(faults_.wire_delay_max);
        if (!queue.empty()) arrives = std::max(arrives, queue.back().arrives);
        queue.push_back({arrives, std::move(message)});
    }
    /// The link dies; both ends notice, each once its role allows.
    void cut(LinkId link) {
        const auto it = wires_.find(link);
        if (it == wires_.end()) return;
        const Wire wire = std::move(it->second);
        wires_.erase(it);
        Server& leader = servers_[wire.leader];
        Server& learner = servers_[wire.learner];
        Actions out;
        if (leader.leader) leader.leader->on_link_closed(link, now_, out);
        carry_out(wire.leader, leader, out);
        out.clear();
        if (learner.learner && learner.link == link) {
            learner.learner->on_disconnected("cut", now_, out);
        }
        carry_out(wire.learner, learner, out);
    }
    [[nodiscard]] bool stalled(const Wire& wire) const {
        return servers_.at(wire.leader).stalled_until > now_ ||
               servers_.at(wire.learner).stalled_until > now_;
    }
    void deliver(ServerId sid, Server& server) {
        std::vector<LinkId> links;
        for (const auto& [link, wire] : wires_) {
            if (wire.leader == sid || wire.learner == sid) links.push_back(link);
        }
        for (const LinkId link : links) {
            while (true) {
                const auto it = wires_.find(link);
                if (it == wires_.end() || stalled(it->second)) break;
                const bool leads = it->second.leader == sid;
                auto& queue = leads ? it->second.to_leader : it->second.to_learner;
                if (leads && it->second.awaits_room && it->second.to_learner.empty()) {
                    it->second.awaits_room = false;
                    Actions out;
                    if (server.leader) server.leader->on_learner_room(link, now_, out);
                    carry_out(sid, server, out);
                    continue;
                }
                if (!leads && server.leader_held) break;
                if (queue.empty() || queue.front().arrives > now_) break;
                const Message message = std::move(queue.front().message);
                queue.pop_front();
                Actions out;
                if (leads) {
                    if (server.leader) {
                        server.leader->on_packet(link, std::get<Packet>(message), now_, out);
                    }
                } else {
                    learner_receives(server, it->second, message, out);
                }
                carry_out(sid, server, out);
            }
        }
    }
    void learner_receives(Server& server, Wire& wire, const Message& message, Actions& out) {
        if (!server.learner) return;
        if (const auto* packet = std::get_if<Packet>(&message)) {
            if (packet->type == PacketType::snap) wire.snapshot_due = packet->zxid;
            server.learner->on_packet(*packet, now_, out);
            return;
        }
        ASSERT_TRUE(wire.snapshot_due.has_value());
        server.tree = std::get<Snapshot>(message).tree;
        server.tree.label = *wire.snapshot_due;
        server.committed.reset(*wire.snapshot_due);
        server.must_reload = true;
        server.learner->on_snapshot_loaded(*wire.snapshot_due, now_, out);
        wire.snapshot_due.reset();
    }

    // --- Time and clients

    void tick(ServerId sid, Server& server) {
        Actions out;
        if (server.leader) server.leader->on_tick(now_, out);
        if (server.learner) server.learner->on_tick(now_, out);
        carry_out(sid, server, out);
    }
    void propose(ServerId sid, Server& server) {
        if (!server.serving || pick(1, faults_.steps_per_proposal) != 1) return;
        Actions out;
        if (server.learner) {
            server.learner->forward(SessionId(1), Xid(1), OpCode::create, "", {}, out);
        } else {
            server.leader->propose(server.leader->next_zxid(), new_txn(server), now_, out);
        }
        carry_out(sid, server, out);
    }
    SharedBytes new_txn(const Server& server) {
        return std::make_shared<const Bytes>(make_txn(server.leader->next_zxid(), ++txns_));
    }

    // --- The oracle

    void elect() {
        std::vector<ServerId> looking;
        for (const auto& [sid, server] : servers_) {
            if (server.role == Role::looking) looking.push_back(sid);
        }
        std::shuffle(looking.begin(), looking.end(), random_);
        // A reign that exists is joined; which one, when an old leader does not know yet that it is one, is chance.
        std::vector<ServerId> leading;
        for (const auto& [sid, server] : servers_) {
            if (server.role == Role::leading) leading.push_back(sid);
        }
        if (!leading.empty() && percent(80)) {
            for (const ServerId sid : looking) {
                follow(sid,
                       leading[static_cast<std::size_t>(
                           pick(0, static_cast<std::int64_t>(leading.size()) - 1))]);
            }
            return;
        }
        if (looking.size() < majority()) return;
        looking.resize(static_cast<std::size_t>(pick(static_cast<std::int64_t>(majority()),
                                                     static_cast<std::int64_t>(looking.size()))));
        ServerId best =
            *std::max_element(looking.begin(), looking.end(), [&](ServerId left, ServerId right) {
                return vote(left) < vote(right);
            });
        if (percent(faults_.odd_election_percent)) best = looking.front();
        lead(best);
        for (const ServerId sid : looking) {
            if (sid != best) follow(sid, best);
        }
    }
    std::tuple<Epoch, Zxid, ServerId> vote(ServerId sid) {
        const Server& server = servers_[sid];
        return {server.current, std::max(server.last_logged, server.tree.label), sid};
    }
    Settings settings(ServerId sid) const {
        Settings made = make_settings(static_cast<int>(sid.value()), voters_);
        made.tick = kTick;
        made.bounds.history_piece_bytes = 300;  // five txns or so
        made.bounds.unsynced_bytes_max = 600;
        return made;
    }
    void lead(ServerId sid) {
        Server& server = servers_[sid];
        server.role = Role::leading;
        server.leader = std::make_unique<Leader>(settings(sid), Log());
        Actions out;
        const Zxid last = std::max(server.last_logged, server.tree.label);
        server.leader->start(
            server.accepted, server.current, last, last, server.committed, now_, out);
        carry_out(sid, server, out);
    }
    void follow(ServerId sid, ServerId leader) {
        Server& server = servers_[sid];
        server.role = Role::following;
        server.learner = std::make_unique<Learner>(settings(sid), Log());
        if (std::exchange(server.ask_for_snapshot, false)) server.learner->ask_for_snapshot(true);
        server.leader_held = false;
        Actions out;
        const Zxid last = std::max(server.last_logged, server.tree.label);
        server.learner->start(leader, server.accepted, server.current, last, now_, out);
        carry_out(sid, server, out);
    }

    // --- Actions

    void carry_out(ServerId sid, Server& server, Actions& first) {
        Actions actions = std::move(first);
        first.clear();
        while (!actions.empty() && !server.gave_up) {
            Actions more;
            for (Action& action : actions) {
                std::visit([&](auto& a) { act(sid, server, a, more); }, action);
                if (server.gave_up) break;
            }
            actions = std::move(more);
        }
        if (server.gave_up) leave(sid, server);
    }
    void act(ServerId, Server& server, SendToLearner& a, Actions&) {
        const auto it = wires_.find(a.link);
        if (it != wires_.end()) send(it->second.to_learner, std::move(a.packet));
        (void)server;
    }
    void act(ServerId, Server&, SendProposal& a, Actions&) {
        const auto it = wires_.find(a.link);
        if (it == wires_.end()) return;
        send(it->second.to_learner, Packet{PacketType::proposal, a.zxid, *a.bytes, {}});
    }
    void act(ServerId, Server&, AwaitRoom& a, Actions&) {
        const auto it = wires_.find(a.link);
        if (it != wires_.end()) it->second.awaits_room = true;
    }
    void act(ServerId, Server& server, ReadHistory& a, Actions&) {
        enqueue(server, ReadLog{a.link, a.after, a.up_to, a.bytes_max});
    }
    void act(ServerId, Server& server, ReadLeader& a, Actions&) { server.leader_held = !a.on; }
    void act(ServerId, Server&, ConfigVersion&, Actions&) {}
    void act(ServerId, Server& server, SendSnapshot& a, Actions&) {
        const auto it = wires_.find(a.link);
        if (it != wires_.end()) send(it->second.to_learner, Snapshot{server.tree});
    }
    void act(ServerId, Server&, CloseLearner& a, Actions&) {
        // The learner's end notices when it is its turn: not from inside the leader's actions.
        const auto it = wires_.find(a.link);
        if (it == wires_.end()) return;
        const ServerId learner = it->second.learner;
        wires_.erase(it);
        Server& other = servers_[learner];
        if (!other.learner || other.link != a.link) return;
        Actions out;
        other.learner->on_disconnected(a.why, now_, out);
        carry_out(learner, other, out);
    }
    void act(ServerId sid, Server& server, DialLeader& a, Actions& more) {
        Server& leader = servers_[a.leader];
        if (!leader.leader || stalled({sid, a.leader, {}, {}, {}, false}) || percent(5)) {
            server.learner->on_dial_failed("refused", now_, more);
            return;
        }
        server.link = ++last_link_;
        wires_[server.link] = {sid, a.leader, {}, {}, {}, false};
        Actions out;
        leader.leader->on_learner_connected(server.link, {sid}, now_, out);
        carry_out(a.leader, leader, out);
        if (wires_.contains(server.link)) server.learner->on_connected(now_, more);
    }
    void act(ServerId, Server& server, SendToLeader& a, Actions&) {
        const auto it = wires_.find(server.link);
        if (it != wires_.end()) send(it->second.to_leader, std::move(a.packet));
    }
    void act(ServerId, Server&, CloseLeader&, Actions&) {}
    void act(ServerId, Server& server, AppendTxn& a, Actions&) {
        server.last_logged = a.zxid;
        if (server.leader) server.proposed.push_back({a.zxid, a.bytes});
        enqueue(server, a);
    }
    void act(ServerId, Server& server, SaveAcceptedEpoch& a, Actions&) { enqueue(server, a); }
    void act(ServerId, Server& server, SaveCurrentEpoch& a, Actions&) { enqueue(server, a); }
    void act(ServerId, Server& server, TruncateLog& a, Actions&) { enqueue(server, a); }
    void act(ServerId, Server&, LoadSnapshot&, Actions&) {}
    void act(ServerId, Server& server, SaveSnapshot& a, Actions&) {
        ASSERT_EQ(server.tree.label, a.zxid);
        enqueue(server, InstallSnapshot{server.tree});
    }
    void act(ServerId sid, Server& server, Committed& a, Actions&) {
        const CommittedTxn txn{a.zxid, a.bytes};
        if (server.leader) leader_commits(sid, server, txn);
        apply(server, txn);
        if (server.learner && server.serving) {
            const std::size_t size = server.tree.txns.size();
            EXPECT_TRUE(size <= truth_.size() && same(truth_[size - 1], txn))
                << "seed " << seed_ << ": follower " << sid.value() << " applied "
                << to_string(a.zxid) << " and is not on the common history\n"
                << describe();
        }
    }
    void leader_commits(ServerId sid, Server& server, const CommittedTxn& txn) {
        ASSERT_FALSE(server.proposed.empty());
        ASSERT_EQ(server.proposed.front().zxid, txn.zxid);
        server.proposed.erase(server.proposed.begin());
        EXPECT_TRUE(truth_.size() == server.tree.txns.size() &&
                    (truth_.empty() || same(truth_.back(), server.tree.txns.back())))
            << "seed " << seed_ << ": leader " << sid.value() << " commits " << to_string(txn.zxid)
            << " on another history\n"
            << describe();
        std::size_t copies = 0;
        for (const auto& [other, holder] : servers_) copies += holder.disk.holds(txn) ? 1U : 0U;
        EXPECT_GE(copies, majority())
            << "seed " << seed_ << ": " << to_string(txn.zxid) << " is not durable on a majority\n"
            << describe();
        truth_.push_back(txn);
    }
    void act(ServerId sid, Server& server, Established& a, Actions&) {
        server.serving = true;
        if (server.learner) {
            EXPECT_TRUE(is_prefix(server.tree.txns, truth_))
                << "seed " << seed_ << ": follower " << sid.value() << "\n"
                << describe();
            return;
        }
        EXPECT_TRUE(reigns_.emplace(a.epoch, sid).second)
            << "seed " << seed_ << ": second leader of epoch " << a.epoch.value();
        EXPECT_TRUE(is_prefix(truth_, server.tree.txns))
            << "seed " << seed_ << ": leader " << sid.value() << " of epoch " << a.epoch.value()
            << " lacks what is committed\n"
            << describe();
        truth_ = server.tree.txns;
        server.tree.label = Zxid(a.epoch, 0);
        server.committed.begin_epoch(a.epoch);
    }
    void act(ServerId, Server&, EpochChanged&, Actions&) {}
    void act(ServerId, Server& server, ForwardedRequest&, Actions& more) {
        if (!server.serving || server.leader->window_full()) return;
        server.leader->propose(server.leader->next_zxid(), new_txn(server), now_, more);
    }
    void act(ServerId, Server&, LearnerTouched&, Actions&) {}
    void act(ServerId, Server&, LearnerRevalidates&, Actions&) {}
    void act(ServerId, Server&, RevalidateAnswered&, Actions&) {}
    void act(ServerId, Server&, SyncAnswered&, Actions&) {}
    void act(ServerId, Server& server, DiscardDatabase&, Actions&) { server.must_reload = true; }
    void act(ServerId, Server& server, GiveUp&, Actions&) { server.gave_up = true; }
    void act(ServerId, Server&, Fatal& a, Actions&) { FAIL() << a.why; }

    // --- The end

    [[nodiscard]] bool whole() const {
        return std::all_of(servers_.begin(), servers_.end(), [&](const auto& entry) {
            const Server& server = entry.second;
            return server.serving && server.tree.txns.size() == truth_.size() &&
                   is_prefix(server.tree.txns, truth_);
        });
    }
    [[nodiscard]] std::string describe() const {
        std::string text = "committed " + std::to_string(truth_.size()) + " last " +
                           (truth_.empty() ? "-" : to_string(truth_.back().zxid)) + '\n';
        for (const auto& [sid, server] : servers_) {
            text += "server " + to_string(sid) + " role " +
                    std::to_string(static_cast<int>(server.role)) +
                    (server.serving ? " serving" : "") + " accepted " + to_string(server.accepted) +
                    " current " + to_string(server.current) + " txns " +
                    std::to_string(server.tree.txns.size()) + " last " +
                    to_string(server.tree.last()) + " label " + to_string(server.tree.label) +
                    " logged " + to_string(server.last_logged) + '\n';
        }
        return with_short_zxids(text);
    }

    std::mt19937 random_;
    unsigned seed_;
    Faults faults_;
    std::vector<int> voters_;
    Instant now_{};
    std::map<ServerId, Server> servers_;
    std::map<LinkId, Wire> wires_;
    LinkId last_link_ = 0;
    std::int64_t txns_ = 0;
    std::size_t reads_ = 0;  ///< of log files, that found what was wanted
    bool proposing_ = true;
    std::vector<CommittedTxn> truth_;
    std::map<Epoch, ServerId> reigns_;
};

struct Totals {
    std::size_t committed = 0;
    std::size_t reigns = 0;
};
Totals run_seeds(unsigned first, unsigned count, int servers, const Faults& faults) {
    Totals totals;
    for (unsigned seed = first; seed < first + count; ++seed) {
        World world(seed, servers, faults);
        world.run(3000);
        if (!::testing::Test::HasFailure()) world.heal();
        totals.committed += world.committed();
        totals.reigns += world.reigns();
        if (::testing::Test::HasFailure()) {
            ADD_FAILURE() << "first failing seed " << seed;
            break;
        }
    }
    return totals;
}

TEST(Ensemble, CalmWeather) {
    const Totals totals = run_seeds(1, 5, 3, {});
    EXPECT_GT(totals.committed, 5U * 500U);
}

TEST(Ensemble, BrokenLinks) {
    const Totals totals = run_seeds(100, 25, 3, {.break_percent = 70, .stall_percent = 30});
    EXPECT_GT(totals.reigns, 25U * 3U);
}

TEST(Ensemble, CrashesWithSlowDisks) {
    const Totals totals = run_seeds(
        200, 25, 3, {.break_percent = 30, .crash_percent = 40, .disk_delay_max = milliseconds(60)});
    EXPECT_GT(totals.reigns, 25U * 3U);
}

TEST(Ensemble, FiveServersAndBadElections) {
    const Totals totals = run_seeds(300,
                                    20,
                                    5,
                                    {.break_percent = 50,
                                     .stall_percent = 20,
                                     .crash_percent = 60,
                                     .odd_election_percent = 30,
                                     .disk_delay_max = milliseconds(40),
                                     .wire_delay_max = milliseconds(30)});
    EXPECT_GT(totals.reigns, 20U * 3U);
}

TEST(Ensemble, AlmostNoMemoryOfCommits) {
    const Totals totals = run_seeds(400,
                                    25,
                                    3,
                                    {.break_percent = 60,
                                     .stall_percent = 20,
                                     .crash_percent = 60,
                                     .odd_election_percent = 20,
                                     .disk_delay_max = milliseconds(40),
                                     .window = 2});
    EXPECT_GT(totals.committed, 25U * 20U);
}

TEST(Ensemble, RareBranchesWereTaken) {
    Faults faults{.break_percent = 70,
                  .stall_percent = 20,
                  .crash_percent = 70,
                  .odd_election_percent = 30,
                  .disk_delay_max = milliseconds(80),
                  .window = 5};
    run_seeds(500, 25, 4, faults);
    faults.steps_per_proposal = 3000;  // many epochs without a txn
    run_seeds(600, 25, 3, faults);
    const std::set<std::string> marks = covered_marks();
    for (const char* mark : {"sync.trunc",
                             "sync.peer_at_epoch_start",
                             "learner.truncated",
                             "leader.commit_held",
                             "leader.follower_ahead",
                             "learner.same_epoch",
                             "leader.later_epoch_accepted",
                             "learner.discard_database",
                             "sync.trunc_over_epoch"}) {
        EXPECT_TRUE(marks.contains(mark)) << mark;
    }
}

}  // namespace
}  // namespace zk::zab
