// Whole servers as minutes of a meeting: each file of stories/ holds what happens ("* 2 crashes") and, indented below,
// what the servers then say to each other and to their clients. The run must write the very same file.
// ZK_WRITE_STORIES=1 writes the files anew; read the difference before you commit it.
//
// All that is sent arrives at once and in order, and every disk is quick: what chance does to ensembles is the simulator's.
// Left out of the minutes: votes (tests/election has their stories), pings, and what only asks for room.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <dirent.h>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "jute/txn.h"
#include "one_server.h"
#include "storage/snapshot_file.h"

namespace zk::core {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

/// "1.7": counter 7 of epoch 1.
std::string short_form(Zxid zxid) {
    if (zxid == Zxid(-1)) return "-";
    return fmt::format("{}.{}", zxid.epoch().value(), zxid.counter());
}

/// A server, its disk, and what it has said of itself.
struct Member {
    explicit Member(ServerId own_id) : id(own_id) {}
    const ServerId id;
    sim::SimDisk disk;
    std::optional<storage::DiskExecutor> executor;
    std::optional<Turn> turn;
    std::optional<storage::SnapshotFile> snapshot;
    Zxid snapshot_zxid;
    Effects effects;
    std::vector<storage::DiskCommand> commands;
    bool disk_held = false;
    bool port_open = false;
    zab::LinkId last_link = 0;
    std::string state;
    std::map<std::string, SessionId> sessions;  ///< by the client's name
    std::map<std::int32_t, std::string> asked;  ///< by xid
    std::string opens;                          ///< the client that waits for its session
};

/// Of a learner with its leader.
struct Connection {
    ServerId learner;
    Attempt attempt = 0;
    ServerId leader;
    zab::LinkId link = 0;
};

class Story {
  public:
    std::string run(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("    ")) continue;  // minutes of an earlier run
            minutes_ += line + "\n";
            if (line.starts_with("* ")) command(words_of(line.substr(2)));
        }
        return minutes_;
    }

  private:
    inline static const storage::Paths kPaths{"/data", "/data"};

    // ---- what happens

    void command(const Words& words) {
        if (words[0] == "members") {
            for (std::size_t i = 1; i < words.size(); ++i) {
                const ServerId sid(std::stoll(words[i]));
                config_.members[sid] = {
                    sid, "host" + words[i], 2888, 3888, ensemble::Role::participant, {}};
                members_.try_emplace(sid, std::make_unique<Member>(sid));
            }
        } else if (words[0] == "wait") {
            wait(milliseconds(std::stoll(words[1])));
        } else if (words[0] == "cut") {  // "cut 3": from all others
            cut_.insert(ServerId(std::stoll(words[1])));
            for (const Connection& connection : std::vector(connections_)) {
                if (reaches(connection.learner, connection.leader)) continue;
                close(connection);
            }
        } else if (words[0] == "diffs") {  // "diffs of 1 byte at most"
            diff_bytes_max_ = std::stoull(words.at(2));
        } else if (words[0] == "heal") {
            cut_.clear();
        } else {
            of_member(member(words[0]), Words(words.begin() + 1, words.end()));
        }
        settle();
    }

    void of_member(Member& who, const Words& words) {
        if (words[0] == "starts") return start(who);
        if (words[0] == "crashes") return crash(who);
        if (words[0] == "loses") return who.disk.replace();  // "loses its disk"
        if (words[0] == "holds") {                           // "holds its disk"
            who.disk_held = true;
        } else if (words[0] == "releases") {
            who.disk_held = false;
        } else if (words[0] == "opens") {  // "opens a session for ann"
            who.opens = words.back();
            who.turn->post(request::ToCore(request::OpenSession{{}, OneServer::kTimeoutMs}));
        } else if (words[0] == "is") {  // "is asked by ann: create /a"
            ask(who, words[3].substr(0, words[3].size() - 1), words.at(4), words.at(5));
        } else if (words[0] == "has") {  // "has /a?"
            const std::string path = words[1].substr(0, words[1].size() - 1);
            say(fmt::format("{}", who.turn->core().tree().find(path) ? "yes" : "no"));
        } else {
            say("unknown command " + words[0]);
        }
    }

    void ask(Member& who,
             const std::string& client,
             const std::string& op,
             const std::string& path) {
        request::ClientRequest request;
        request.session = who.sessions.at(client);
        request.xid = Xid(++last_xid_);
        who.asked[last_xid_] = fmt::format("{} {} {}", client, op, path);
        request.op = op == "delete" ? OpCode::remove : OpCode::create;
        request.body = op == "delete" ? jute::encode(jute::DeleteRequest{path, -1})
                                      : create(path,
                                               op == "create-ephemeral" ? CreateMode::ephemeral
                                                                        : CreateMode::persistent);
        who.turn->post(request::ToCore(std::move(request)));
    }

    void start(Member& who) {
        storage::ExecutorOptions options;
        options.log.preallocate_bytes = 4096;
        Settings settings;
        settings.my_id = who.id;
        settings.config = config_;
        settings.snap_count = 1000;
        settings.bounds.diff_bytes_max = diff_bytes_max_;
        auto recovered = storage::recover(who.disk, kPaths, {});
        ASSERT_TRUE(recovered.has_value()) << recovered.error().message();
        say(fmt::format("{} has {}", who.id, short_form(recovered->last_zxid)));
        who.executor.emplace(who.disk, kPaths, options);
        who.turn.emplace(settings, *std::move(recovered), Log());
        who.turn->start(WallMs(1), now_, who.effects);
    }

    void crash(Member& who) {
        for (const Connection& connection : std::vector(connections_)) {
            if (connection.learner == who.id || connection.leader == who.id) close(connection);
        }
        who.turn.reset();
        who.snapshot.reset();
        who.executor.reset();
        who.commands.clear();
        who.effects = {};
        who.disk.crash(sim::CrashMode::lose);
        who.disk_held = who.port_open = false;
        who.state.clear();
        who.sessions.clear();
    }

    void wait(Duration duration) {
        for (const Instant end = now_ + duration; now_ < end;) {
            now_ += Core::kTickPeriod;
            for (auto& [sid, each] : members_) {
                if (each->turn) each->turn->post(Tick{WallMs(1)});
            }
            settle();
        }
    }

    // ---- turns

    /// Until nobody has anything to do.
    void settle() {
        for (int bound = 0; bound < 10'000; ++bound) {
            bool worked = false;
            for (auto& [sid, each] : members_) worked |= take_turn(*each);
            if (!worked) return;
        }
        say("it does not come to rest");
    }

    bool take_turn(Member& who) {
        if (!who.turn) return false;
        bool worked = who.turn->has_work();
        while (who.turn->has_work()) {
            if (who.turn->run(WallMs(1), now_, who.effects) == Turn::Ended::at_a_read) hear(who);
        }
        worked |= carry_out(who);
        if (!who.disk_held && !who.commands.empty()) {
            worked = true;
            std::vector<storage::DiskEvent> events;
            auto commands = std::exchange(who.commands, {});
            who.executor->execute(commands, events);
            for (storage::DiskEvent& event : events) who.turn->post(std::move(event));
        }
        tell_state(who);
        return worked;
    }

    bool carry_out(Member& who) {
        Effects effects = std::exchange(who.effects, {});
        const bool any = !effects.links.empty() || !effects.disk.empty() ||
                         !effects.frontends.empty() || !effects.snapshot.empty();
        for (LinkEffect& effect : effects.links) {
            std::visit([&](auto& each) { carry_out(who, each); }, effect);
        }
        for (storage::DiskCommand& command : effects.disk)
            who.commands.push_back(std::move(command));
        who.effects.frontends = std::move(effects.frontends);
        hear(who);
        for (SnapshotEffect& effect : effects.snapshot) {
            std::visit([&](auto& each) { write(who, each); }, effect);
        }
        while (who.turn->has_snapshot_chunk()) who.turn->write_snapshot(1 << 20, who.effects);
        if (effects.fatal) say(fmt::format("{} ends: {}", who.id, *effects.fatal));
        return any;
    }

    void tell_state(Member& who) {
        const StatusPage page = who.turn->core().status();
        std::string state = to_string(page.role);
        if (page.leader) state += fmt::format(" (of {})", *page.leader);
        if (page.serving) state += fmt::format(", serves in epoch {}", page.current_epoch);
        if (state == who.state) return;
        who.state = state;
        say(fmt::format("{} is {}", who.id, state));
    }

    // ---- between servers

    [[nodiscard]] bool reaches(ServerId one, ServerId other) const {
        const auto there = members_.find(other);
        return there != members_.end() && there->second->turn && !cut_.contains(one) &&
               !cut_.contains(other);
    }
    Connection* connection_of(ServerId learner) {
        const auto found = std::ranges::find(connections_, learner, &Connection::learner);
        return found == connections_.end() ? nullptr : &*found;
    }
    Connection* connection_of(ServerId leader, zab::LinkId link) {
        for (Connection& each : connections_) {
            if (each.leader == leader && each.link == link) return &each;
        }
        return nullptr;
    }
    void close(Connection connection) {
        std::erase_if(connections_, [&](const Connection& each) {
            return each.leader == connection.leader && each.link == connection.link;
        });
        Member& leader = *members_.at(connection.leader);
        Member& learner = *members_.at(connection.learner);
        if (leader.turn) leader.turn->post(LearnerClosed{connection.link});
        if (learner.turn) learner.turn->post(LeaderClosed{connection.attempt, "closed"});
    }

    void carry_out(Member& who, SendNotification& effect) {
        if (!reaches(who.id, effect.to)) return;
        members_.at(effect.to)->turn->post(NotificationReceived{who.id, std::move(effect.body)});
    }
    void carry_out(Member& who, OpenLearnerPort&) { who.port_open = true; }
    void carry_out(Member& who, CloseLearnerPort&) {
        who.port_open = false;
        for (const Connection& connection : std::vector(connections_)) {
            if (connection.leader == who.id) close(connection);
        }
    }
    void carry_out(Member& who, DialLeader& effect) {
        if (!reaches(who.id, effect.leader) || !members_.at(effect.leader)->port_open) {
            return who.turn->post(LeaderDialFailed{effect.attempt, "refused"});
        }
        Member& leader = *members_.at(effect.leader);
        const zab::LinkId link = ++leader.last_link;
        connections_.push_back({who.id, effect.attempt, effect.leader, link});
        leader.turn->post(LearnerConnected{link, {who.id}});
        who.turn->post(LeaderConnected{effect.attempt});
    }
    void carry_out(Member& who, SendToLearner& effect) {
        const Connection* const to = connection_of(who.id, effect.link);
        if (to != nullptr) to_learner(*to, std::move(effect.packet));
    }
    void carry_out(Member& who, SendProposal& effect) {
        const Connection* const to = connection_of(who.id, effect.link);
        if (to == nullptr) return;
        to_learner(*to, {zab::PacketType::proposal, effect.zxid, *effect.bytes, {}});
    }
    void to_learner(const Connection& to, zab::Packet packet) {
        tell(to.leader, to.learner, packet);
        members_.at(to.learner)->turn->post(LeaderPacket{to.attempt, std::move(packet)});
    }
    void carry_out(Member& who, StreamSnapshot& effect) {
        const Connection* const to = connection_of(who.id, effect.link);
        if (to == nullptr) return;
        Bytes bytes;
        while (effect.tree.next_chunk(bytes, 1 << 20)) {
        }
        storage::SnapshotParser parser(storage::Form::wire);
        ASSERT_TRUE(parser.feed(bytes).has_value());
        say(fmt::format("{} -> {}: a tree of {} znodes",
                        who.id,
                        to->learner,
                        who.turn->core().tree().node_count()));
        LeaderSnapshot event;
        event.attempt = to->attempt;
        event.tree = parser.take_tree();
        event.sessions = parser.take_sessions();
        members_.at(to->learner)->turn->post(std::move(event));
    }
    static void carry_out(Member& who, AwaitRoom& effect) {
        who.turn->post(LearnerRoom{effect.link});
    }
    void carry_out(Member& who, CloseLearner& effect) {
        const Connection* const to = connection_of(who.id, effect.link);
        if (to == nullptr) return;
        say(fmt::format("{} closes the link of {}: {}", who.id, to->learner, effect.why));
        close(*to);
    }
    void carry_out(Member& who, SendToLeader& effect) {
        const Connection* const to = connection_of(who.id);
        if (to == nullptr) return;
        tell(who.id, to->leader, effect.packet);
        members_.at(to->leader)->turn->post(LearnerPacket{to->link, std::move(effect.packet)});
    }
    void carry_out(Member& who, CloseLeader&) {
        if (const Connection* const to = connection_of(who.id)) close(*to);
    }
    static void carry_out(Member&, ReadLeader&) {}

    void tell(ServerId from, ServerId to, const zab::Packet& packet) {
        if (packet.type == zab::PacketType::ping) return;
        say(fmt::format(
            "{} -> {}: {} {}", from, to, to_string(packet.type), short_form(packet.zxid)));
    }

    // ---- disk and clients

    static void write(Member& who, BeginSnapshot& effect) {
        who.snapshot.emplace(who.disk, kPaths.snapshots(), effect.role);
        ASSERT_TRUE(who.snapshot->begin(effect.zxid).has_value());
        who.snapshot_zxid = effect.zxid;
    }
    static void write(Member& who, WriteSnapshot& effect) {
        ASSERT_TRUE(who.snapshot->write(effect.chunk).has_value());
    }
    static void write(Member& who, NameSnapshot&) {
        ASSERT_TRUE(who.snapshot->finish().has_value());
        who.snapshot.reset();
        who.turn->post(SnapshotFinished{who.snapshot_zxid, true});
    }
    static void write(Member& who, AbandonSnapshot& effect) {
        ASSERT_TRUE(who.snapshot->abandon().has_value());
        who.snapshot.reset();
        who.turn->post(SnapshotFinished{effect.zxid, false});
    }

    void hear(Member& who) {
        for (const request::ToFrontend& told : who.effects.frontends) {
            std::visit([&](const auto& each) { hear(who, each); }, told);
        }
        who.effects.frontends.clear();
        who.turn->heard(0);
    }
    void hear(Member& who, const request::SessionOpened& told) {
        if (told.session == SessionId())
            return say(fmt::format("{} refuses a session to {}", who.id, who.opens));
        who.sessions[who.opens] = told.session;
        say(fmt::format("{} has a session of {}", who.opens, who.id));
    }
    void hear(Member& who, const request::Reply& told) {
        say(fmt::format("{}: {}, zxid {}",
                        who.asked[told.xid.value()],
                        to_string(told.error),
                        short_form(told.zxid)));
    }
    void hear(Member& who, const request::SessionGone& told) {
        for (const auto& [client, session] : who.sessions) {
            if (session == told.session) say(fmt::format("the session of {} is over", client));
        }
    }
    void hear(Member&, const request::Changed&) {}
    void hear(Member&, const request::Serving&) {}

    Member& member(const std::string& word) { return *members_.at(ServerId(std::stoll(word))); }

    void say(const std::string& line) {
        minutes_ += fmt::format("    {:6} ms  {}\n", to_ms(now_.time_since_epoch()), line);
    }

    ensemble::EnsembleConfig config_;
    std::map<ServerId, std::unique_ptr<Member>> members_;
    std::vector<Connection> connections_;
    std::set<ServerId> cut_;
    std::size_t diff_bytes_max_ = zab::Bounds().diff_bytes_max;
    Instant now_{};
    std::int32_t last_xid_ = 0;
    std::string minutes_;
};

std::vector<std::string> story_files() {
    std::vector<std::string> names;
    DIR* directory = ::opendir(ZK_STORIES);
    if (directory == nullptr) return names;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (name.ends_with(".txt")) names.push_back(name.substr(0, name.size() - 4));
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
}

class Stories : public testing::TestWithParam<std::string> {};

TEST_P(Stories, ReadLikeTheirMinutes) {
    const std::string path = std::string(ZK_STORIES) + "/" + GetParam() + ".txt";
    std::ifstream in(path);
    ASSERT_TRUE(in) << path;
    std::stringstream text;
    text << in.rdbuf();
    const std::string minutes = Story().run(text.str());
    if (std::getenv("ZK_WRITE_STORIES") != nullptr) std::ofstream(path) << minutes;
    EXPECT_EQ(minutes, text.str());
}

INSTANTIATE_TEST_SUITE_P(Core, Stories, testing::ValuesIn(story_files()), [](const auto& story) {
    return story.param;
});

TEST(StoryFiles, AreThere) { EXPECT_GE(story_files().size(), 8U); }

}  // namespace
}  // namespace zk::core
