// One core over a simulated disk: what one server does with requests, and with peers that a test plays by hand.
// With one voter it is an ensemble of its own. Ensembles of several cores are the simulator's.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/turn.h"
#include "session/session_ids.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "storage/snapshot_file.h"
#include "zab/packet.h"

namespace zk::core {

/// Of server 1.
inline Settings settings_of(const std::vector<int>& voters) {
    Settings settings;
    settings.my_id = ServerId(1);
    for (const int sid : voters) {
        settings.config.members[ServerId(sid)] = {
            ServerId(sid), "h", 1, 2, ensemble::Role::participant, {}};
    }
    return settings;
}

inline Bytes create(const std::string& path, CreateMode mode = CreateMode::persistent) {
    return jute::encode(jute::CreateRequest{
        path, Bytes(), {{.perms = perms::kAll, .id = {"world", "anyone"}}}, mode});
}

class OneServer {
  public:
    static constexpr std::int32_t kTimeoutMs = 4000;

    explicit OneServer(const Settings& settings = settings_of({1})) : settings_(settings) {
        boot();
        const bool alone = settings.config.members.size() == 1;
        for (int i = 0; alone && i < 100 && !core().serving(); ++i) wait(Core::kTickPeriod);
    }
    /// The power is cut, and comes back.
    void restart(sim::CrashMode mode) {
        turn_.reset();
        executor_.reset();
        commands_.clear();
        effects_ = {};
        disk_.crash(mode);
        disk_held_ = false;
        boot();
    }

    [[nodiscard]] const Core& core() const { return turn_->core(); }
    [[nodiscard]] bool has(const std::string& path) const {
        return core().tree().find(path) != nullptr;
    }
    [[nodiscard]] bool knows(SessionId session) const {
        return core().session_timeouts().contains(session);
    }

    /// In a turn of its own, or in the next one.
    void step(Event event) {
        turn_->post(std::move(event));
        run();
    }
    void post(Event event) { turn_->post(std::move(event)); }
    void run() {
        while (turn_->run(wall_, now_, effects_) == Turn::Ended::at_a_read) {
            hear();
            readers_.push_back(turn_->reader());
            turn_->heard(turn_->reader());
        }
        carry_out();
        if (!disk_held_) run_disk();
    }
    /// Time passes in ticks, or in one gap in which this process does not run.
    void wait(Duration duration) {
        for (const Instant end = now_ + duration; now_ < end;) {
            now_ += Core::kTickPeriod;
            step(Tick{wall_});
        }
    }
    void pause(Duration duration) {
        now_ += duration;
        step(Tick{wall_});
    }

    void pass(Duration duration) { now_ += duration; }
    /// What the clock on the wall says from now on; it stands still otherwise.
    void set_wall(WallMs wall) { wall_ = wall; }

    void hold_disk() { disk_held_ = true; }
    void release_disk() {
        disk_held_ = false;
        run_disk();
    }
    [[nodiscard]] std::string file(const std::string& name) {
        const std::string path = kPaths.snapshots() + "/" + name;
        const auto size = disk_.size(path);
        if (!size.has_value()) return "no such file";
        return Bytes(*disk_.read(path, 0, static_cast<std::size_t>(*size)));
    }
    sim::SimDisk& disk() { return disk_; }
    /// Of what was appended to the log.
    [[nodiscard]] std::size_t longest_txn() const { return longest_txn_; }
    /// Lines of level error.
    [[nodiscard]] const std::vector<std::string>& errors() const { return errors_; }
    /// A snapshot file is being written until the test steps SnapshotFinished: here nobody writes it.
    [[nodiscard]] const std::optional<BeginSnapshot>& snapshot_wanted() const {
        return snapshot_wanted_;
    }

    // Clients of this server.

    /// The new session, 0 while none has been given.
    SessionId open() {
        opened_ = {};
        step(request::ToCore(request::OpenSession{{}, kTimeoutMs}));
        return opened_;
    }
    /// The session that was given back, 0 for a refusal, nothing without an answer so far.
    std::optional<SessionId> reattach(SessionId session) {
        return reattach(session, session::password_for(session));
    }
    std::optional<SessionId> reattach(SessionId session, const Bytes& password) {
        answers_ = 0;
        step(request::ToCore(request::ReattachSession{{}, session, kTimeoutMs, password}));
        return answers_ == 0 ? std::nullopt : std::optional(opened_);
    }
    /// What the frontends were told last.
    [[nodiscard]] bool takes_clients() const { return takes_clients_; }
    /// What the last SessionOpened said, and how many there were since the last reattach().
    [[nodiscard]] SessionId opened() const { return opened_; }
    [[nodiscard]] int answers() const { return answers_; }
    [[nodiscard]] bool told_unknown() const { return told_unknown_; }
    [[nodiscard]] const std::vector<request::Serving>& servings() const { return servings_; }
    [[nodiscard]] bool told_gone(SessionId session) const { return gone_.contains(session); }

    /// The last reply that came at once, if one came.
    request::Reply ask(request::ClientRequest request) {
        const std::size_t before = replies_.size();
        step(request::ToCore(std::move(request)));
        return replies_.size() > before ? replies_.back() : request::Reply{};
    }
    request::Reply ask(SessionId session, OpCode op, Bytes body = {}) {
        return ask(request_of(session, op, std::move(body)));
    }
    request::ClientRequest request_of(SessionId session, OpCode op, Bytes body) {
        request::ClientRequest request;
        request.session = session;
        request.xid = Xid(++xid_);
        request.op = op;
        request.body = std::move(body);
        return request;
    }
    /// All that ever came.
    [[nodiscard]] const std::vector<request::Reply>& replies() const { return replies_; }
    /// The client loops for which turns have stopped.
    [[nodiscard]] const std::vector<std::uint32_t>& readers() const { return readers_; }
    /// What the tree was when the frontend heard each of them.
    [[nodiscard]] const std::vector<Zxid>& applied_at_replies() const {
        return applied_at_replies_;
    }

    Turn& turn() { return *turn_; }
    /// The last words of the process.
    [[nodiscard]] const std::optional<std::string>& fatal() const { return fatal_; }
    /// What turns wanted of the snapshot file, all of it.
    [[nodiscard]] const std::vector<SnapshotEffect>& snapshot_effects() const {
        return snapshot_effects_;
    }
    void write_snapshot() {
        turn_->write_snapshot(1 << 20, effects_);
        carry_out();
    }
    /// The snapshot file that is wanted is written, and gets its name or its place. REQUIRES: snapshot_wanted().
    void finish_snapshot() {
        const BeginSnapshot begin = *std::exchange(snapshot_wanted_, std::nullopt);
        const std::size_t before = snapshot_effects_.size();
        while (turn_->has_snapshot_chunk()) write_snapshot();
        storage::SnapshotFile file(disk_, kPaths.snapshots(), begin.role);
        bool written = file.begin(begin.zxid).has_value();
        for (std::size_t i = before; i < snapshot_effects_.size(); ++i) {
            if (const auto* chunk = std::get_if<WriteSnapshot>(&snapshot_effects_[i]))
                written = written && file.write(chunk->chunk).has_value();
        }
        written = written && file.finish().has_value();
        step(SnapshotFinished{begin.zxid, written});
    }
    /// As it was written by finish_snapshot().
    [[nodiscard]] Restore snapshot(Zxid zxid) {
        auto loaded = storage::load_snapshot(
            disk_, kPaths.snapshots(), {.zxid = zxid, .name = storage::snapshot_name(zxid)});
        loaded->tree->set_last_zxid(zxid);
        return {std::move(loaded->tree), std::move(loaded->sessions)};
    }
    /// What operators were told.
    [[nodiscard]] const std::vector<OperatorNews>& news() const { return news_; }

    // A learner of this server, and its clients. Its link has the number of its sid.

    void from_learner(int sid, zab::Packet packet) {
        step(LearnerPacket{link(sid), std::move(packet)});
    }
    void learner_connects(int sid, Epoch accepted = Epoch(0)) {
        step(LearnerConnected{link(sid), {ServerId(sid)}});
        const zab::LearnerInfo info{ServerId(sid), zab::kProtocolVersion, 0};
        from_learner(sid, {zab::PacketType::follower_info, Zxid(accepted, 0), encode(info), {}});
    }
    /// `more`: what it has to say behind its epoch.
    void learner_acks_epoch(int sid, Zxid last, const Bytes& more = {}) {
        Bytes epoch;
        append_be(epoch, std::int32_t{0});
        from_learner(sid, {zab::PacketType::ack_epoch, last, epoch + more, {}});
    }
    /// With nothing in its log.
    void learner_joins(int sid) {
        learner_connects(sid);
        learner_acks_epoch(sid, Zxid(0));
        step(LearnerRoom{link(sid)});
        from_learner(sid, {zab::PacketType::ack, Zxid(core().status().current_epoch, 0), {}, {}});
    }
    void session_moves_to_learner(int sid, SessionId session) {
        from_learner(sid, {zab::PacketType::revalidate, Zxid(-1), touch_of(session), {}});
    }
    void learner_pings(int sid, SessionId heard) {
        from_learner(sid, {zab::PacketType::ping, Zxid(0), touch_of(heard), {}});
    }
    void learner_forwards(int sid, SessionId session, OpCode op, const Bytes& body) {
        Bytes data;
        jute::OutputArchive archive(data);
        archive(session, Xid(++xid_), op);
        data.append(body);
        from_learner(sid, {zab::PacketType::request, Zxid(-1), std::move(data), {}});
    }
    /// What this server has sent to learners, without proposals.
    [[nodiscard]] const std::vector<zab::Packet>& to_learners() const { return to_learners_; }

    // The leader of this server.

    void leader_connects() { step(LeaderConnected{attempt_}); }
    void from_leader(zab::Packet packet) { step(LeaderPacket{attempt_, std::move(packet)}); }
    void leader_is_lost() { step(LeaderClosed{attempt_, "lost"}); }
    /// What this server has sent to leaders.
    [[nodiscard]] const std::vector<zab::Packet>& to_leaders() const { return to_leaders_; }

  private:
    inline static const storage::Paths kPaths{"/data", "/data"};

    void boot() {
        const auto keep = [this](LogLevel, std::string_view line) { errors_.emplace_back(line); };
        executor_.emplace(disk_, kPaths, executor_options());
        turn_.emplace(settings_,
                      *storage::recover(disk_, kPaths, executor_options().recovery),
                      Log(keep, LogLevel::error));
        turn_->start(wall_, now_, effects_);
        carry_out();
        run_disk();
    }
    [[nodiscard]] storage::ExecutorOptions executor_options() const {
        storage::ExecutorOptions options;
        options.recovery.standalone = settings_.standalone;
        options.log.preallocate_bytes = 4096;
        options.recovery.stopwatch = settings_.stopwatch;
        return options;
    }
    static zab::LinkId link(int sid) { return static_cast<zab::LinkId>(sid); }
    static Bytes touch_of(SessionId session) {
        Bytes data;
        jute::OutputArchive archive(data);
        archive(session, kTimeoutMs);
        return data;
    }

    void carry_out() {
        for (LinkEffect& effect : effects_.links) {
            if (auto* send = std::get_if<SendToLearner>(&effect))
                to_learners_.push_back(std::move(send->packet));
            if (auto* send_up = std::get_if<SendToLeader>(&effect))
                to_leaders_.push_back(std::move(send_up->packet));
            if (const auto* dial = std::get_if<DialLeader>(&effect)) attempt_ = dial->attempt;
        }
        for (storage::DiskCommand& command : effects_.disk) {
            if (const auto* append = std::get_if<storage::AppendTxn>(&command)) {
                longest_txn_ = std::max(longest_txn_, append->payload->size());
            }
            commands_.push_back(std::move(command));
        }
        for (const SnapshotEffect& effect : effects_.snapshot) {
            if (const auto* begin = std::get_if<BeginSnapshot>(&effect)) snapshot_wanted_ = *begin;
            snapshot_effects_.push_back(effect);
        }
        hear();
        turn_->heard(0);
        news_.insert(news_.end(), effects_.told.begin(), effects_.told.end());
        if (effects_.fatal) fatal_ = effects_.fatal;
        effects_ = {};
    }
    void hear() {
        for (const request::ToFrontend& told : effects_.frontends) hear(told);
        effects_.frontends.clear();
    }
    void hear(const request::ToFrontend& told) {
        if (const auto* reply = std::get_if<request::Reply>(&told)) {
            replies_.push_back(*reply);
            applied_at_replies_.push_back(core().tree().last_zxid());
        }
        if (const auto* gone = std::get_if<request::SessionGone>(&told))
            gone_.insert(gone->session);
        if (const auto* open = std::get_if<request::SessionOpened>(&told)) {
            ++answers_;
            opened_ = open->session;
            told_unknown_ = open->unknown;
        }
        if (const auto* serving = std::get_if<request::Serving>(&told)) {
            servings_.push_back(*serving);
            takes_clients_ = serving->serving;
        }
    }
    void run_disk() {
        std::vector<storage::DiskCommand> commands = std::exchange(commands_, {});
        std::vector<storage::DiskEvent> events;
        executor_->execute(commands, events);
        for (storage::DiskEvent& event : events) step(std::move(event));
    }

    const Settings settings_;
    std::vector<std::string> errors_;
    sim::SimDisk disk_;
    std::optional<storage::DiskExecutor> executor_;
    std::optional<Turn> turn_;
    Effects effects_;
    Instant now_{milliseconds(10'000)};
    WallMs wall_{1};
    bool disk_held_ = false;
    std::vector<storage::DiskCommand> commands_;
    std::size_t longest_txn_ = 0;
    SessionId opened_;
    bool takes_clients_ = false;
    int answers_ = 0;
    bool told_unknown_ = false;
    std::vector<request::Serving> servings_;
    std::set<SessionId> gone_;
    std::int32_t xid_ = 0;
    std::vector<request::Reply> replies_;
    std::vector<std::uint32_t> readers_;
    std::vector<Zxid> applied_at_replies_;
    std::vector<zab::Packet> to_learners_, to_leaders_;
    std::optional<BeginSnapshot> snapshot_wanted_;
    std::vector<SnapshotEffect> snapshot_effects_;
    std::vector<OperatorNews> news_;
    std::optional<std::string> fatal_;
    Attempt attempt_ = 0;
};

}  // namespace zk::core
