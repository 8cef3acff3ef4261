#include "sim/world.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "sim/world_parts.h"
#include "storage/recovery.h"

namespace zk::sim {
namespace {
constexpr WallMs kWallBegin(1'700'000'000'000);
/// How often a calm world is asked whether it is well.
constexpr Duration kLookPeriod = milliseconds(20);

std::set<SessionId> session_ids(const core::Core& core) {
    std::set<SessionId> ids;
    for (const auto& [session, timeout_ms] : core.session_timeouts()) ids.insert(session);
    return ids;
}
}  // namespace

World::World(WorldOptions options)
    : options_(options),
      shape_(options.shape),
      random_(options.seed),
      judge_(session_limits(), [this](const std::string& words) { fail(words); }),
      checks_(static_cast<std::size_t>(options.shape.servers),
              [this](const std::string& words) { fail(words); }) {
    for (int i = 1; i <= shape_.servers; ++i) {
        ensemble::Member member;
        member.sid = ServerId(i);
        member.host = "10.0.0." + std::to_string(i);
        member.quorum_port = 2888;
        member.election_port = 3888;
        config_.members[member.sid] = member;
    }
    for (int i = 0; i < shape_.servers; ++i) {
        servers_.push_back(std::make_unique<Server>(i, random_.next()));
    }
    for (int i = 0; i < shape_.clients; ++i) {
        clients_.push_back(std::make_unique<SimClient>(*this, shape_.load, i));
    }
}

World::~World() = default;

void World::fail(const std::string& what) {
    if (report_.failure.empty()) report_.failure = what;
}

// Elections and synchronisations may take two turns, each as long as the limits allow; then the slowest restart.
Duration World::calm_max() const {
    const Duration boot = enabled(FaultKind::lost_disk) ? kDiskReplacedMax : shape_.boot_max;
    return std::chrono::seconds(2 * (shape_.init_limit + shape_.sync_limit)) +
           std::max(boot, shape_.boot_max) + std::chrono::seconds(10);
}

Report World::run() {
    const Instant begin = now_;
    for (auto& server : servers_) {
        (void)server->disk.make_dirs(kPaths.data_dir);
        server->disk.put(kPaths.initialize_marker(), "");
        boot(*server);
    }
    for (auto& client : clients_) client->start();
    later(std::chrono::seconds(1), [this] { chaos(); });
    later(shape_.chaos, [this] { heal_all(); });
    Instant next_look{};
    while (report_.failure.empty() && !agenda_.empty()) {
        now_ = agenda_.next();
        agenda_.take()();
        ++report_.steps;
        if (!calm_ || now_ < next_look) continue;
        next_look = now_ + kLookPeriod;
        const std::string why = unsettled();
        report_.settled_after = now_ - healed_;
        if (why.empty()) break;
        if (report_.settled_after > calm_max()) {
            fail(why + " " + std::to_string(to_ms(calm_max())) + " ms after the last fault");
        }
    }
    if (report_.failure.empty()) check_end();
    report_.acknowledged = judge_.acknowledged();
    report_.lasted = now_ - begin;
    report_.fingerprint = checks_.fingerprint() ^ random_.next() ^ report_.steps;
    return report_;
}

// ---- servers

SessionLimits World::session_limits() const {
    SessionLimits limits;
    limits.tick = kTick;
    limits.local_sessions = shape_.local_sessions != core::LocalSessionMode::off;
    limits.stale = kTick * shape_.sync_limit + std::chrono::seconds(2);
    return limits;
}

Log World::log_of(const Server& server) {
    if (!options_.trace) return {};
    return Log(
        [this, index = server.index](LogLevel, std::string_view line) {
            trace(*servers_[static_cast<std::size_t>(index)], std::string(line));
        },
        LogLevel::debug);
}

void World::trace(const Server& server, const std::string& what) {
    if (!options_.trace) return;
    std::fprintf(stderr,
                 "%9.3f s%d %s\n",
                 static_cast<double>(now_.time_since_epoch().count()) / 1e6 - 1000,
                 server.index + 1,
                 what.c_str());
}

WallMs World::wall(const Server& server) const {
    return WallMs(kWallBegin.value() + to_ms(now_.time_since_epoch()) + server.wall_offset_ms);
}

core::Settings World::core_settings(const Server& server) const {
    core::Settings settings;
    settings.my_id = server.sid();
    settings.config = config_;
    settings.standalone = shape_.standalone;
    settings.tick = kTick;
    settings.init_limit = shape_.init_limit;
    settings.sync_limit = shape_.sync_limit;
    settings.snap_count = shape_.snap_count;
    settings.committed_window = shape_.committed_window;
    settings.bounds = shape_.bounds;
    settings.counter_limit = shape_.counter_limit;
    settings.extended_types = prep::ExtendedTypes::on;
    settings.local_sessions = shape_.local_sessions;
    settings.read_only_mode = shape_.read_only_mode;
    settings.sweep.interval = shape_.sweep_interval;
    settings.monotonic_ms = to_ms(now_.time_since_epoch());
    settings.seed = options_.seed;
    return settings;
}

void World::boot(Server& server) {
    const Log log = log_of(server);
    auto recovered =
        storage::recover(server.disk, kPaths, executor_options(shape_.standalone).recovery, log);
    if (!recovered.has_value()) {
        if (server.power_failing) return lose_power(server);  // again, while it was starting
        if (server.sync_failing) return fatal(server, "cannot recover");
        return fail("server " + std::to_string(server.index + 1) +
                    " cannot recover: " + recovered.error().message());
    }
    checks_.recovered(server.index, *recovered);
    server.last_noted = recovered->last_zxid;
    server.up = true;
    ++server.life;
    judge_.sessions().disturbed(now_);
    server.turn = std::make_unique<core::Turn>(core_settings(server), std::move(*recovered), log);
    server.turn->on_step = [this, &server](const core::Effects& effects) { look(server, effects); };
    server.core = &server.turn->core();
    frontend::Settings front;
    front.session_timeout_min_ms = 2000;
    front.session_timeout_max_ms = 20000;
    front.outstanding_max = shape_.outstanding_max;
    front.connection_bytes_max = shape_.connection_bytes_max;
    front.loop_bytes_max = shape_.loop_bytes_max;
    front.loop_output_bytes_max = shape_.loop_output_bytes_max;
    front.small_bytes_max = shape_.small_bytes_max;
    server.loops.clear();
    for (front.loop = 0; front.loop < static_cast<std::uint32_t>(shape_.client_loops);
         ++front.loop) {
        server.loops.push_back(std::make_unique<frontend::Turn>(front, server.core->tree(), log));
    }
    server.executor = std::make_unique<storage::DiskExecutor>(
        server.disk, kPaths, executor_options(shape_.standalone));
    server.disk_queue.clear();
    server.disk_busy = false;
    server.port_open = false;
    server.snapshot.reset();
    server.effects = {};
    server.noted = 0;
    server.turn_due = false;
    server.backlog.clear();
    server.paused = false;
    server.tick_waits = false;

    if (shape_.standalone) judge_.sessions().leader_established(now_);
    server.turn->start(wall(server), now_, server.effects);
    carry_out(server);
    tick(server);
    // Election links come up again, and each side repeats its last message.
    const int index = server.index;
    resend_notifications([index](int, int to) { return to == index; });
}

void World::later_at(Server& server, Duration delay, std::function<void()> what) {
    later(delay, [this, &server, life = server.life, what = std::move(what)]() mutable {
        if (!server.up || server.life != life) return;
        if (server.paused) {
            server.backlog.push_back(std::move(what));
        } else {
            what();
        }
    });
}

// ---- the end

std::string World::unsettled() const {
    std::optional<std::uint64_t> digest;
    std::optional<std::set<SessionId>> sessions;
    int leaders = 0;
    for (const auto& client : clients_) {
        if (!client->connected() || !client->idle()) return client->describe();
    }
    for (const auto& server : servers_) {
        const std::string name = "server " + std::to_string(server->index + 1);
        if (!server->up || !server->core || !server->core->serving())
            return name + " does not serve";
        const core::StatusPage page = server->core->status();
        leaders += rules(page.role) ? 1 : 0;
        if (page.proposals_pending != 0) return name + " has proposals in flight";
        // Not the zxids: a follower that has had no txn of the leader's epoch still shows its older
        // one.
        if (digest && *digest != server->core->tree().digest()) return name + " has another tree";
        digest = server->core->tree().digest();
        // The digest does not cover these.
        const std::set<SessionId> live = session_ids(*server->core);
        if (sessions && *sessions != live) return name + " knows other sessions";
        sessions = live;
    }
    return leaders == 1 ? "" : "there are " + std::to_string(leaders) + " leaders";
}

void World::check_end() {
    const std::uint64_t digest = servers_.front()->core->tree().digest();
    for (const auto& server : servers_) {
        const tree::DataTree& tree = server->core->tree();
        report_.last_zxid = tree.last_zxid();
        report_.elections += static_cast<std::uint64_t>(server->core->status().elections);
        if (tree.digest() != digest) fail("trees differ at the end");
        const std::string broken = judge_.check(tree);
        if (!broken.empty()) fail("server " + std::to_string(server->index + 1) + " " + broken);
        const auto sessions = server->core->session_timeouts();
        for (const SessionId session : tree.ephemeral_sessions()) {
            if (!sessions.contains(session)) {
                fail("server " + std::to_string(server->index + 1) + " has ephemerals of session " +
                     to_string(session) + ", which has ended");
            }
        }
    }
}

}  // namespace zk::sim
