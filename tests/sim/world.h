// A whole ensemble in one process, from one seed: virtual time, faulty links, forgetful disks,
// clients with a memory. Pure. A server is a core::Turn, one or two frontend::Turns and a SimDisk; a crash keeps only the
// disk. After each step the checkers look.
//
// First every kind of fault (safety), then everything heals and must answer within a bound
// (liveness).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "core/turn.h"
#include "frontend/turn.h"
#include "sim/agenda.h"
#include "sim/faults.h"
#include "sim/judge.h"
#include "sim/random.h"
#include "sim/server_checks.h"
#include "sim/shapes.h"
#include "sim/sim_client.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "storage/snapshot.h"
#include "zab/packet.h"
#include "zab/send_queue.h"

namespace zk::sim {

struct WorldOptions {
    std::uint64_t seed = 1;
    Shape shape;         ///< a kind of weight 0 never happens
    bool trace = false;  ///< log lines with virtual time to stderr
};

struct Report {
    std::string failure;  ///< empty: all well
    std::uint64_t steps = 0;
    std::uint64_t acknowledged = 0;
    PerFault<std::uint64_t> faults;
    std::uint64_t elections = 0;
    Duration lasted{};              ///< virtual time of the whole run
    Duration settled_after{};       ///< from the last fault until all was well
    std::uint64_t fingerprint = 0;  ///< of everything that happened
    Zxid last_zxid;
};

class World {
  public:
    explicit World(WorldOptions options);
    ~World();
    Report run();

    // For clients.
    [[nodiscard]] Instant now() const { return now_; }
    Random& random() { return random_; }
    /// Runs `what` after `delay` of virtual time.
    void later(Duration delay, std::function<void()> what) {
        agenda_.add(now_ + delay, std::move(what));
    }
    /// The client connects to a server chosen by chance; `client.on_connected` or `on_closed`
    /// follows.
    void connect(SimClient& client);
    /// `whole`: the bytes end a frame.
    void client_sends(SimClient& client, std::uint64_t connection, Bytes bytes, bool whole = true);
    /// How far the server of that connection has got.
    [[nodiscard]] Zxid applied_behind(std::uint64_t connection) const;
    void client_closes(SimClient& client, std::uint64_t connection);
    void fail(const std::string& what);
    /// Is told what clients send and hear, and what is committed.
    Judge& judge() { return judge_; }
    [[nodiscard]] int client_count() const { return shape_.clients; }

  private:
    struct Server;
    struct Link;
    struct ClientLink;
    /// Reigns that are to fail when their epoch has been told to one member.
    struct FailingReigns {
        int left = 0;
        Instant until{};
        std::optional<int> victim{};
        std::set<int> know{};
    };

    // world.cc: servers
    void boot(Server& server);
    [[nodiscard]] core::Settings core_settings(const Server& server) const;
    [[nodiscard]] Log log_of(const Server& server);
    [[nodiscard]] SessionLimits session_limits() const;
    [[nodiscard]] WallMs wall(const Server& server) const;
    /// Runs `what` for the server when its process has a turn after `delay`, unless it has ended by then.
    void later_at(Server& server, Duration delay, std::function<void()> what);
    void trace(const Server& server, const std::string& what);
    [[nodiscard]] std::string unsettled() const;
    void check_end();
    [[nodiscard]] Duration calm_max() const;

    // world_turns.cc: which turn runs next
    void step(Server& server, core::Event event);
    void run_core(Server& server);
    void tick(Server& server);
    void look(Server& server, const core::Effects& effects);
    void carry_out(Server& server);
    void carry_out(Server& server, core::LinkEffect& effect);
    [[nodiscard]] frontend::Turn& loop_of(Server& server, std::uint64_t connection);
    void publish(Server& server);
    void finish_loop(Server& server, frontend::Turn& loop);

    // world_disk.cc: what a server does with its disk, and the end of its process
    void queue_disk(Server& server, storage::DiskCommand command);
    void run_disk(Server& server);
    bool slow_now(const Server& server);
    void carry_out(Server& server, core::SnapshotEffect& effect);
    void write_snapshot(Server& server);
    void name_snapshot(Server& server);
    void purge(Server& server);
    void end_process(Server& server, const std::string& why);
    void crash(Server& server, const std::string& why);
    void kill(Server& server, const std::string& why);
    void fatal(Server& server, const std::string& why);
    void lose_power(Server& server);
    void start_again(Server& server, Duration at_most);

    // sim_network.cc: between servers
    [[nodiscard]] bool blocked(const Server& from, const Server& to) const;
    void send_notification(Server& from, ServerId to, Bytes body);
    void resend_notifications(const std::function<bool(int from, int to)>& which);
    void dial(Server& learner, core::Attempt attempt, ServerId leader);
    void send_to_learner(Server& leader, zab::LinkId link, Bytes bytes, bool up_to_date = false);
    void send_snapshot(Server& leader, zab::LinkId link, storage::SnapshotSerializer tree);
    void await_room(Server& leader, zab::LinkId link);
    void read_leader(Server& learner, bool on);
    void tell(const std::shared_ptr<Link>& link, zab::QueueNews news);
    void pump_stream(const std::shared_ptr<Link>& link);
    void end_stream(const std::shared_ptr<Link>& link);
    void put_to_learner(const std::shared_ptr<Link>& link, Bytes bytes, bool snapshot);
    void take_from_leader(const std::shared_ptr<Link>& link);
    [[nodiscard]] Duration travels(const Link& link, std::size_t bytes, Instant& free_at);
    [[nodiscard]] std::shared_ptr<Link> learner_link(const Server& leader, zab::LinkId id) const;
    void send_to_leader(Server& learner, Bytes bytes);
    void deliver_to_learner(const std::shared_ptr<Link>& link, const Bytes& bytes, bool snapshot);
    void break_link(std::shared_ptr<Link> link, bool tell_leader, bool tell_learner);

    // sim_client_links.cc
    void close_client_links(Server& server);
    void close_at_server(Server& server, std::uint64_t connection);
    void flush_client(Server& server, std::uint64_t connection);
    void feed_client_bytes(Server& server, const std::shared_ptr<ClientLink>& link);

    // chaos.cc: faults
    void chaos();
    void cause(FaultKind kind);
    [[nodiscard]] bool enabled(FaultKind kind) const { return shape_.weights[kind] > 0; }
    void count(FaultKind kind) { ++report_.faults[kind]; }
    Server& any_server();
    void power_cut(Server& server);
    bool lose_disk(Server& server);
    bool watch_synchronisation(Server& leader, const core::SendToLearner& sent);
    void cut_sync(int& armed, const std::shared_ptr<Link>& link);
    bool lose_promise(const std::shared_ptr<Link>& link);
    void isolate(const std::set<int>& group);
    void heal_after(Duration takes);
    void pause(Server& server);
    void resume(Server& server);
    void partition(bool both_ways);
    void stranger_info();
    void stranger_vote(Server& server, const election::Vote& own);
    void strangers_at_election(Server& from, const Bytes& notification);
    void heal_all();

    WorldOptions options_;
    Shape shape_;
    Random random_;
    Instant now_{std::chrono::seconds(1000)};
    Agenda agenda_;
    Report report_;
    Judge judge_;
    ServerChecks checks_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<std::unique_ptr<SimClient>> clients_;
    std::vector<std::shared_ptr<Link>> links_;
    std::map<std::uint64_t, std::shared_ptr<ClientLink>> client_links_;
    std::set<std::pair<int, int>> blocked_;
    std::map<std::pair<int, int>, Bytes> last_notification_;
    std::uint64_t next_connection_ = 1;
    ensemble::EnsembleConfig config_;
    /// Synchronisations to be cut.
    int cuts_at_start_ = 0, cuts_at_snapshot_ = 0, cuts_at_replacement_ = 0;
    int stranger_votes_ = 0;  ///< to come at the next elections
    FailingReigns failing_reigns_;
    bool calm_ = false;
    Instant healed_{};
    Instant links_slow_until_{};
};

}  // namespace zk::sim
