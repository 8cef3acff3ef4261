// A whole ensemble in one process, from one seed: virtual time, faulty links, forgetful disks,
// clients with a memory. Pure. A server is a Core, a Frontend and a SimDisk; a crash keeps only the
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
#include "core/core.h"
#include "frontend/frontend.h"
#include "sim/judge.h"
#include "sim/random.h"
#include "sim/sim_client.h"
#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"
#include "storage/snapshot.h"
#include "zab/packet.h"

namespace zk::sim {

struct WorldOptions {
    std::uint64_t seed = 1;
    int servers = 3;
    int clients = 4;
    Duration chaos = std::chrono::seconds(30);  ///< virtual time with faults
    Duration calm_max =
        std::chrono::seconds(120);  ///< virtual time in which everything must be well again
    /// A SNAP goes out in chunks while the leader's tree changes, as on a slow socket; else in one
    /// piece.
    bool stream_snapshots = false;
    WorkloadOptions workload{};
    SessionLimits session_limits{};
    bool trace = false;  ///< log lines with virtual time to stderr
};

struct Report {
    std::string failure;  ///< empty: all well
    std::uint64_t steps = 0;
    std::uint64_t acknowledged = 0;
    int crashes = 0;
    int partitions = 0;
    int elections = 0;
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
    void later(Duration delay, std::function<void()> what);
    /// The client connects to a server chosen by chance; `client.on_connected` or `on_closed`
    /// follows.
    void connect(SimClient& client);
    void client_sends(SimClient& client, std::uint64_t connection, Bytes bytes);
    void client_closes(SimClient& client, std::uint64_t connection);
    void fail(const std::string& what);
    /// Is told what clients send and hear, and what is committed.
    Judge& judge() { return judge_; }
    [[nodiscard]] int client_count() const { return options_.clients; }

  private:
    struct Server;
    struct Link;
    struct ClientLink;

    // servers
    void boot(Server& server, bool first);
    void crash(Server& server, const std::string& why);
    void lose_power(Server& server);
    void power_on(Server& server);
    void step(Server& server, core::Event event);
    void step_core(Server& server, core::Event event);
    void hear_core(Server& server);
    void carry_out(Server& server, core::Action& action);
    void run_frontend_output(Server& server);
    void run_disk(Server& server);
    void pump_snapshot(Server& server);
    void tick(Server& server, std::uint64_t life);
    void check(Server& server);

    // network
    [[nodiscard]] bool blocked(const Server& from, const Server& to) const;
    void send_notification(Server& from, ServerId to, Bytes body);
    void resend_notifications(const std::function<bool(int from, int to)>& which);
    void dial(Server& learner, core::Attempt attempt, ServerId leader);
    void send_to_learner(Server& leader, zab::LinkId link, Bytes bytes);
    void send_snapshot(Server& leader, zab::LinkId link);
    void await_room(Server& leader, zab::LinkId link);
    void pump_stream(const std::shared_ptr<Link>& link);
    void end_stream(const std::shared_ptr<Link>& link);
    void put_to_learner(const std::shared_ptr<Link>& link, Bytes bytes, bool snapshot);
    [[nodiscard]] std::shared_ptr<Link> learner_link(const Server& leader, zab::LinkId id) const;
    void send_to_leader(Server& learner, Bytes bytes);
    void deliver_to_learner(const std::shared_ptr<Link>& link, const Bytes& bytes, bool snapshot);
    void break_link(std::shared_ptr<Link> link, bool tell_leader, bool tell_learner);
    void close_client_links(Server& server);
    void flush_client(Server& server, std::uint64_t connection);

    // faults
    void chaos();
    void heal_all();
    /// What is not well yet; empty when all is.
    [[nodiscard]] std::string unsettled() const;
    void check_end();

    WorldOptions options_;
    Random random_;
    Instant now_{std::chrono::seconds(1000)};
    std::uint64_t sequence_ = 0;
    std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> agenda_;
    Report report_;
    Judge judge_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::vector<std::unique_ptr<SimClient>> clients_;
    std::vector<std::shared_ptr<Link>> links_;
    std::map<std::uint64_t, std::shared_ptr<ClientLink>> client_links_;
    std::set<std::pair<int, int>> blocked_;
    std::map<std::pair<int, int>, Bytes> last_notification_;
    std::uint64_t next_connection_ = 1;
    ensemble::EnsembleConfig config_;
    bool calm_ = false;

    std::map<Zxid, std::uint64_t> digests_;  ///< the one truth about each zxid
    std::map<Epoch, ServerId> leaders_;
};

}  // namespace zk::sim
