// Sessions of a leader: who may write for them, what keeps them alive, what goes with them. The leader is an ensemble of
// its own over a simulated disk; a learner without a vote is played by hand.
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/core.h"
#include "session/session_ids.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "zab/packet.h"

namespace zk::core {
namespace {

using std::chrono::milliseconds;
using zab::PacketType;

const storage::Paths kPaths{"/data", "/data"};
constexpr zab::LinkId kLearner = 7;
constexpr std::int32_t kTimeoutMs = 4000;

storage::ExecutorOptions executor_options() {
    storage::ExecutorOptions options;
    options.log.preallocate_bytes = 4096;
    return options;
}

class Leader {
  public:
    Leader() : executor_(disk_, kPaths, executor_options()) {
        auto recovered = storage::recover(disk_, kPaths, {});
        Settings settings;
        settings.my_id = ServerId(1);
        settings.config.members[ServerId(1)] = {
            ServerId(1), "h", 1, 2, ensemble::Role::participant, {}};
        core_.emplace(settings, *std::move(recovered), Log());
        Actions out;
        core_->start(WallMs(1), now_, out);
        carry_out(out);
        wait(milliseconds(2000));
    }

    [[nodiscard]] bool has(const std::string& path) const { return core_->tree().find(path) != nullptr; }
    [[nodiscard]] bool knows(SessionId session) const { return core_->session_timeouts().contains(session); }
    [[nodiscard]] bool told_gone(SessionId session) const { return gone_.contains(session); }

    void wait(Duration duration) {
        for (const Instant end = now_ + duration; now_ < end;) {
            now_ += Core::kTickPeriod;
            step(Tick{WallMs(1)});
        }
    }
    void hold_disk() { disk_held_ = true; }
    void release_disk() {
        disk_held_ = false;
        run_disk();
    }

    // A client of the leader itself.
    SessionId open() {
        step(request::ToCore(request::OpenSession{{}, kTimeoutMs}));
        return opened_;
    }
    void reattach(SessionId session) {
        step(request::ToCore(
            request::ReattachSession{{}, session, kTimeoutMs, session::password_for(session)}));
    }
    void ask(SessionId session, OpCode op, Bytes body = {}) {
        request::ClientRequest request;
        request.session = session;
        request.xid = Xid(++xid_);
        request.op = op;
        request.body = std::move(body);
        step(request::ToCore(std::move(request)));
    }

    // The learner, and its clients.
    void learner_joins() {
        step(LearnerConnected{kLearner});
        const zab::LearnerInfo info{ServerId(9), zab::kProtocolVersion, 0};
        from_learner({PacketType::follower_info, Zxid(0), encode(info), {}});
        Bytes epoch;
        append_be(epoch, std::int32_t{0});
        from_learner({PacketType::ack_epoch, Zxid(0), std::move(epoch), {}});
        step(LearnerRoom{kLearner});
        from_learner({PacketType::ack, Zxid(core_->status().current_epoch, 0), {}, {}});
    }
    void session_moves_to_learner(SessionId session) {
        from_learner({PacketType::revalidate, Zxid(-1), touch_of(session), {}});
    }
    void learner_pings(SessionId heard) {
        from_learner({PacketType::ping, Zxid(0), touch_of(heard), {}});
    }
    void learner_forwards(SessionId session, OpCode op, const Bytes& body) {
        Bytes data;
        jute::OutputArchive archive(data);
        archive(session, Xid(++xid_), op);
        data.append(body);
        from_learner({PacketType::request, Zxid(-1), std::move(data), {}});
    }

  private:
    static Bytes touch_of(SessionId session) {
        Bytes data;
        jute::OutputArchive archive(data);
        archive(session, kTimeoutMs);
        return data;
    }
    void from_learner(zab::Packet packet) { step(LearnerPacket{kLearner, std::move(packet)}); }
    void step(Event event) {
        Actions out;
        core_->step(std::move(event), now_, out);
        while (core_->more()) core_->proceed(now_, out);
        carry_out(out);
    }
    void carry_out(Actions& actions) {
        for (Action& action : actions) {
            if (auto* command = std::get_if<storage::DiskCommand>(&action)) {
                commands_.push_back(std::move(*command));
            } else if (const auto* told = std::get_if<request::ToFrontend>(&action)) {
                if (const auto* open = std::get_if<request::SessionOpened>(told)) opened_ = open->session;
                if (const auto* gone = std::get_if<request::SessionGone>(told)) gone_.insert(gone->session);
            }
        }
        if (!disk_held_) run_disk();
    }
    void run_disk() {
        std::vector<storage::DiskCommand> commands = std::exchange(commands_, {});
        std::vector<storage::DiskEvent> events;
        executor_.execute(commands, events);
        for (storage::DiskEvent& event : events) step(std::move(event));
    }

    sim::SimDisk disk_;
    storage::DiskExecutor executor_;
    std::optional<Core> core_;
    Instant now_{milliseconds(10'000)};
    SessionId opened_;
    std::set<SessionId> gone_;
    std::int32_t xid_ = 0;
    bool disk_held_ = false;
    std::vector<storage::DiskCommand> commands_;
};

Bytes create(const std::string& path, CreateMode mode = CreateMode::persistent) {
    return jute::encode(jute::CreateRequest{
        path, Bytes(), {{.perms = perms::kAll, .id = {"world", "anyone"}}}, mode});
}

TEST(Sessions, WhoHasMovedWritesOnlyFromTheNewPlace) {
    Leader leader;
    leader.learner_joins();
    const SessionId session = leader.open();
    ASSERT_NE(session, SessionId(0));
    leader.ask(session, OpCode::create, create("/before"));
    EXPECT_TRUE(leader.has("/before"));

    leader.session_moves_to_learner(session);
    leader.ask(session, OpCode::create, create("/old_place"));
    EXPECT_FALSE(leader.has("/old_place"));
    EXPECT_TRUE(leader.told_gone(session));
    leader.learner_forwards(session, OpCode::create, create("/new_place"));
    EXPECT_TRUE(leader.has("/new_place"));

    leader.reattach(session);
    leader.learner_forwards(session, OpCode::create, create("/left_again"));
    EXPECT_FALSE(leader.has("/left_again"));
}

TEST(Sessions, LiveOnByWhatALearnerTells) {
    Leader leader;
    leader.learner_joins();
    const SessionId session = leader.open();
    leader.session_moves_to_learner(session);
    leader.wait(milliseconds(3000));
    leader.learner_pings(session);
    leader.wait(milliseconds(3500));
    EXPECT_TRUE(leader.knows(session));
    leader.wait(milliseconds(3000));
    EXPECT_FALSE(leader.knows(session));
}

TEST(Sessions, TakeTheirEphemeralsWithThem) {
    Leader leader;
    const SessionId expires = leader.open();
    leader.ask(expires, OpCode::create, create("/expires", CreateMode::ephemeral));
    const SessionId closes = leader.open();
    leader.ask(closes, OpCode::create, create("/closes", CreateMode::ephemeral));
    EXPECT_TRUE(leader.has("/expires"));
    EXPECT_TRUE(leader.has("/closes"));
    leader.ask(closes, OpCode::close_session);
    EXPECT_FALSE(leader.has("/closes"));
    leader.wait(milliseconds(7000));
    EXPECT_FALSE(leader.knows(expires));
    EXPECT_FALSE(leader.has("/expires"));
}

// The end is on its way, and nobody knows yet how the tree will be behind it.
TEST(Sessions, WriteNothingBehindTheirEnd) {
    Leader leader;
    const SessionId session = leader.open();
    leader.hold_disk();
    leader.ask(session, OpCode::close_session);
    leader.ask(session, OpCode::create, create("/behind", CreateMode::ephemeral));
    leader.release_disk();
    EXPECT_FALSE(leader.knows(session));
    EXPECT_FALSE(leader.has("/behind"));
}

}  // namespace
}  // namespace zk::core
