#include "sim/world.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "sim/world_parts.h"
#include "storage/recovery.h"

namespace zk::sim {
namespace {
constexpr WallMs kWallBegin(1'700'000'000'000);
constexpr Duration kLookPeriod = milliseconds(20);  ///< how often a calm world is asked whether it is well

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
    return std::chrono::seconds(2 * (shape_.init_limit + shape_.sync_limit)) + std::max(boot, shape_.boot_max) +
           std::chrono::seconds(10);
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
    settings.tick = kTick;
    settings.init_limit = shape_.init_limit;
    settings.sync_limit = shape_.sync_limit;
    settings.snap_count = shape_.snap_count;
    settings.committed_window = shape_.committed_window;
    settings.bounds = shape_.bounds;
    settings.counter_limit = shape_.counter_limit;
    settings.monotonic_ms = to_ms(now_.time_since_epoch());
    settings.seed = options_.seed;
    return settings;
}

void World::boot(Server& server) {
    const Log log = log_of(server);
    auto recovered = storage::recover(server.disk, kPaths, executor_options().recovery, log);
    if (!recovered.has_value()) {
        if (server.power_failing) return lose_power(server);  // again, while it was starting
        if (server.sync_failing) return fatal(server, "cannot recover");
        return fail("server " + std::to_string(server.index + 1) +
                    " cannot recover: " + recovered.error().message());
    }
    checks_.recovered(server.index, *recovered);
    server.up = true;
    ++server.life;
    judge_.sessions().disturbed(now_);
    server.core =
        std::make_unique<core::Core>(core_settings(server), std::move(*recovered), log);
    frontend::Settings front;
    front.session_timeout_min_ms = 2000;
    front.session_timeout_max_ms = 20000;
    front.outstanding_max = shape_.outstanding_max;
    front.connection_bytes_max = shape_.connection_bytes_max;
    front.loop_bytes_max = shape_.loop_bytes_max;
    front.loop_output_bytes_max = shape_.loop_output_bytes_max;
    front.small_bytes_max = shape_.small_bytes_max;
    server.frontend = std::make_unique<frontend::Frontend>(front, server.core->tree(), log);
    server.executor =
        std::make_unique<storage::DiskExecutor>(server.disk, kPaths, executor_options());
    server.disk_queue.clear();
    server.disk_busy = false;
    server.port_open = false;
    server.snapshot.reset();
    server.out.clear();
    server.to_frontend.clear();
    server.backlog.clear();
    server.paused = false;
    server.tick_waits = false;

    core::Actions actions;
    server.core->start(wall(server), now_, actions);
    for (core::Action& action : actions) carry_out(server, action);
    run_frontend_output(server);
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

void World::tick(Server& server) {
    const std::uint64_t life = server.life;
    step(server, core::Tick{wall(server)});
    if (!server.up || server.life != life) return;
    server.frontend->on_tick(now_, server.out);
    for (const auto& [connection, link] : client_links_) {
        if (link->server == server.index && link->open && !link->read) judge_.unread(connection, now_);
    }
    run_frontend_output(server);
    if (!server.up || server.life != life) return;
    later(core::Core::kTickPeriod, [this, &server, life] {
        if (!server.up || server.life != life) return;
        if (server.paused) {
            server.tick_waits = true;
        } else {
            tick(server);
        }
    });
}

void World::step(Server& server, core::Event event) {
    if (!server.up) return;
    step_core(server, std::move(event));
    if (server.up) run_frontend_output(server);
}

void World::step_core(Server& server, core::Event event) {
    const std::uint64_t life = server.life;
    core::Actions actions;
    server.core->step(std::move(event), now_, actions);
    while (true) {
        for (core::Action& action : actions) {
            carry_out(server, action);
            if (!server.up || server.life != life) return;  // its process ended
        }
        actions.clear();
        look(server);
        if (!server.core->more()) return;
        hear_core(server);
        server.core->proceed(now_, actions);
    }
}

void World::look(Server& server) {
    if (server.core->serving()) {
        server.empty_disk = false;
        judge_.on_applied(server.core->committed().max(), now_);
    }
    if (const auto epoch = checks_.look(server.index, *server.core)) {
        judge_.on_established(*epoch, server.core->committed().max(), now_);
    }
}

void World::hear_core(Server& server) {
    const auto messages = std::move(server.to_frontend);
    server.to_frontend.clear();
    server.frontend->on_core(messages, now_, server.out);
}

void World::carry_out(Server& server, core::Action& action) {
    struct Handler {
        World& world;
        Server& server;
        void operator()(core::SendNotification& a) {
            world.send_notification(server, a.to, std::move(a.body));
        }
        void operator()(core::OpenLearnerPort&) { server.port_open = true; }
        void operator()(core::CloseLearnerPort&) {
            server.port_open = false;
            for (const auto& link : std::vector(world.links_)) {
                if (link->leader == server.index) world.break_link(link, false, true);
            }
        }
        void operator()(core::SendToLearner& a) {
            if (!world.watch_synchronisation(server, a)) return;
            world.send_to_learner(server,
                                  a.link,
                                  zab::encode(a.packet),
                                  a.packet.type == zab::PacketType::up_to_date);
        }
        void operator()(core::SendProposal& a) {
            world.send_to_learner(
                server, a.link, zab::encode({zab::PacketType::proposal, a.zxid, *a.bytes, {}}));
        }
        void operator()(core::AwaitRoom& a) { world.await_room(server, a.link); }
        void operator()(core::SendSnapshot& a) { world.send_snapshot(server, a.link); }
        void operator()(core::CloseLearner& a) {
            for (const auto& link : std::vector(world.links_)) {
                if (link->id == a.link) world.break_link(link, false, true);
            }
        }
        void operator()(core::DialLeader& a) { world.dial(server, a.attempt, a.leader); }
        void operator()(core::SendToLeader& a) {
            world.send_to_leader(server, zab::encode(a.packet));
        }
        void operator()(core::CloseLeader&) {
            for (const auto& link : std::vector(world.links_)) {
                if (link->learner == server.index) world.break_link(link, true, false);
            }
        }
        void operator()(core::ReadLeader& a) { world.read_leader(server, a.on); }
        void operator()(storage::DiskCommand& a) {
            if (const auto* append = std::get_if<storage::AppendTxn>(&a)) {
                world.checks_.logs(server.index, append->zxid, append->payload);
                world.judge_.on_logged(append->zxid, append->payload);
            }
            world.queue_disk(server, std::move(a));
        }
        void operator()(core::StartSnapshot& a) { world.start_snapshot(server, a); }
        void operator()(core::CancelSnapshot&) { world.cancel_snapshot(server); }
        void operator()(core::RetireTree& a) { a.tree.reset(); }
        void operator()(core::TreeReplaced&) { server.frontend->set_tree(server.core->tree()); }
        void operator()(request::ToFrontend& a) { server.to_frontend.push_back(std::move(a)); }
        void operator()(core::Fatal& a) { world.fatal(server, a.why); }
    };
    std::visit(Handler{*this, server}, action);
}

void World::run_frontend_output(Server& server) {
    const std::uint64_t life = server.life;
    for (int round = 0; round < 1000; ++round) {
        frontend::Out& out = server.out;
        if (!server.to_frontend.empty()) hear_core(server);
        const auto changed = std::move(out.changed);
        out.changed.clear();
        for (const auto connection : changed) flush_client(server, connection);
        if (out.to_core.empty() && server.to_frontend.empty() && out.changed.empty()) return;
        auto to_core = std::move(out.to_core);
        out.to_core.clear();
        for (request::ToCore& message : to_core) {
            step_core(server, core::Event(std::move(message)));
            if (!server.up || server.life != life) return;
        }
    }
    fail("frontend and core talk without end");
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
        if (!server->up || !server->core || !server->core->serving()) return name + " does not serve";
        const core::StatusPage page = server->core->status();
        leaders += page.role == core::Role::leading ? 1 : 0;
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
