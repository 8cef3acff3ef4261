#include "sim/world.h"

#include <cstdio>

#include "base/check.h"
#include "sim/world_parts.h"
#include "storage/recovery.h"

namespace zk::sim {
namespace {

constexpr WallMs kWallBegin(1'700'000'000'000);
constexpr std::size_t kSnapshotChunkBytes = 600;

// Timeouts are left out: a client may have taken another one with it to the server it moved to.
std::set<SessionId> session_ids(const core::Core& core) {
    std::set<SessionId> ids;
    for (const auto& [session, timeout_ms] : core.session_timeouts()) ids.insert(session);
    return ids;
}

storage::ExecutorOptions executor_options() {
    storage::ExecutorOptions options;
    options.log.preallocate_bytes = 4096;
    options.recovery.autocreate = false;
    return options;
}

}  // namespace

World::World(WorldOptions options)
    : options_(options),
      random_(options.seed),
      judge_(options.session_limits, [this](const std::string& what) { fail(what); }) {
    for (int i = 1; i <= options_.servers; ++i) {
        ensemble::Member member;
        member.sid = ServerId(i);
        member.host = "10.0.0." + std::to_string(i);
        member.quorum_port = 2888;
        member.election_port = 3888;
        config_.members[member.sid] = member;
    }
    for (int i = 0; i < options_.servers; ++i) {
        servers_.push_back(std::make_unique<Server>(i, random_.next()));
    }
    for (int i = 0; i < options_.clients; ++i) {
        clients_.push_back(std::make_unique<SimClient>(*this, options_.workload, i));
    }
}

World::~World() = default;

void World::later(Duration delay, std::function<void()> what) {
    agenda_[{now_ + delay, sequence_++}] = std::move(what);
}

void World::fail(const std::string& what) {
    if (report_.failure.empty()) report_.failure = what;
}

Report World::run() {
    for (auto& server : servers_) boot(*server, true);
    for (auto& client : clients_) client->start();
    later(std::chrono::seconds(1), [this] { chaos(); });
    later(options_.chaos, [this] { heal_all(); });
    const Instant end = now_ + options_.chaos + options_.calm_max;
    while (report_.failure.empty() && !agenda_.empty()) {
        const auto first = agenda_.begin();
        now_ = first->first.first;
        auto what = std::move(first->second);
        agenda_.erase(first);
        what();
        ++report_.steps;
        if (calm_ && unsettled().empty()) break;
        if (now_ > end) {
            fail(unsettled() + " " + std::to_string(to_ms(options_.calm_max)) +
                 " ms after the last fault");
        }
    }
    if (report_.failure.empty()) check_end();
    report_.acknowledged = judge_.acknowledged();
    return report_;
}

// ---- servers

void World::boot(Server& server, bool first) {
    if (first) {
        (void)server.disk.make_dirs(kPaths.data_dir);
        auto marker = server.disk.create(kPaths.initialize_marker());
        if (!marker.has_value()) return fail("marker: " + marker.error().message());
        (void)(*marker)->sync();
        (void)server.disk.sync_dir(kPaths.log_dir);
    }
    auto recovered = storage::recover(server.disk, kPaths, executor_options().recovery, {});
    if (!recovered.has_value()) {
        if (server.power_failing) return lose_power(server);  // again, while it was starting
        return fail("server " + std::to_string(server.index + 1) +
                    " cannot recover: " + recovered.error().message());
    }
    server.up = true;
    ++server.life;
    judge_.sessions().disturbed(now_);
    const std::uint64_t life = server.life;
    Log log;
    if (options_.trace) {
        log = Log(
            [this, index = server.index](LogLevel, std::string_view line) {
                std::fprintf(stderr,
                             "%9.3f s%d %.*s\n",
                             static_cast<double>(now_.time_since_epoch().count()) / 1e6 - 1000,
                             index + 1,
                             static_cast<int>(line.size()),
                             line.data());
            },
            LogLevel::debug);
    }
    core::Settings settings;
    settings.my_id = server.sid();
    settings.config = config_;
    settings.tick = milliseconds(1000);
    settings.init_limit = 10;
    settings.sync_limit = 4;
    settings.snap_count = 40;
    // Every fifth seed uses its zxids up, several times.
    if (options_.seed % 5 == 0) settings.counter_limit = 250;
    settings.monotonic_ms = to_ms(now_.time_since_epoch());
    settings.seed = options_.seed;
    server.core = std::make_unique<core::Core>(settings, std::move(*recovered), log);
    frontend::Settings front;
    front.session_timeout_min_ms = 2000;
    front.session_timeout_max_ms = 20000;
    server.frontend = std::make_unique<frontend::Frontend>(front, server.core->tree(), log);
    server.executor =
        std::make_unique<storage::DiskExecutor>(server.disk, kPaths, executor_options());
    server.disk_queue.clear();
    server.disk_busy = false;
    server.port_open = false;
    server.snapshot.reset();

    core::Actions actions;
    server.core->start(WallMs(kWallBegin.value() + to_ms(now_.time_since_epoch())), now_, actions);
    for (core::Action& action : actions) carry_out(server, action);
    run_frontend_output(server);
    tick(server, life);
    // Election links come up again, and each side repeats its last message.
    const int index = server.index;
    resend_notifications([index](int, int to) { return to == index; });
}

void World::tick(Server& server, std::uint64_t life) {
    if (!server.up || server.life != life) return;
    step(server, core::Tick{WallMs(kWallBegin.value() + to_ms(now_.time_since_epoch()))});
    if (!server.up || server.life != life) return;
    frontend::Out& out = server.out;
    server.frontend->on_tick(now_, out);
    run_frontend_output(server);
    later(core::Core::kTickPeriod, [this, &server, life] { tick(server, life); });
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
            if (!server.up || server.life != life) return;  // the power went
        }
        actions.clear();
        check(server);
        if (!server.core->more()) return;
        hear_core(server);
        server.core->proceed(now_, actions);
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
            world.send_to_learner(server, a.link, zab::encode(a.packet));
        }
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
        void operator()(storage::DiskCommand& a) {
            if (const auto* append = std::get_if<storage::AppendTxn>(&a)) {
                world.judge_.on_logged(append->zxid, append->payload);
            }
            server.disk_queue.push_back(std::move(a));
            world.run_disk(server);
        }
        void operator()(core::StartSnapshot& a) {
            server.snapshot.emplace(server.disk);
            server.snapshot->zxid = a.zxid;
            server.snapshot->serializer.emplace(
                server.core->tree(), server.core->session_timeouts(), storage::Form::file);
            if (!server.snapshot->file.begin(a.zxid).has_value()) {
                return world.crash(server, "disk failed");
            }
            world.pump_snapshot(server);
        }
        void operator()(core::CancelSnapshot&) {
            if (!server.snapshot) return;
            const Zxid zxid = server.snapshot->zxid;
            server.snapshot.reset();
            const std::uint64_t life = server.life;
            world.later(milliseconds(1), [world = &world, server = &server, life, zxid] {
                if (server->life == life) world->step(*server, core::SnapshotFinished{zxid, false});
            });
        }
        void operator()(core::TreeReplaced&) { server.frontend->set_tree(server.core->tree()); }
        void operator()(request::ToFrontend& a) { server.to_frontend.push_back(std::move(a)); }
        void operator()(core::Fatal& a) {
            if (!server.power_failing) {
                world.fail("server " + std::to_string(server.index + 1) + " ended: " + a.why);
            }
            world.crash(server, a.why);
        }
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

void World::run_disk(Server& server) {
    if (server.disk_busy || server.disk_queue.empty()) return;
    server.disk_busy = true;
    const std::uint64_t life = server.life;
    // Some syncs are slow, and everything that queues meanwhile is the next batch.
    const Duration takes = std::chrono::microseconds(
        random_.chance(5) ? random_.between(5000, 80000) : random_.between(100, 3000));
    later(takes, [this, &server, life] {
        if (!server.up || server.life != life) return;
        std::vector<storage::DiskCommand> batch;
        batch.swap(server.disk_queue);
        std::vector<storage::DiskEvent> events;
        server.executor->execute(batch, events);
        server.disk_busy = false;
        for (storage::DiskEvent& event : events) {
            step(server, core::Event(std::move(event)));
            if (!server.up || server.life != life) return;
        }
        run_disk(server);
    });
}

void World::pump_snapshot(Server& server) {
    const std::uint64_t life = server.life;
    later(std::chrono::microseconds(random_.between(200, 2000)), [this, &server, life] {
        if (!server.up || server.life != life || !server.snapshot) return;
        auto& snapshot = *server.snapshot;
        const auto lost = [&] { crash(server, "disk failed"); };
        if (snapshot.serializer) {
            Bytes chunk;
            const bool more = snapshot.serializer->next_chunk(chunk, kSnapshotChunkBytes);
            if (!snapshot.file.write(chunk).has_value()) return lost();
            if (more) return pump_snapshot(server);
            snapshot.end_zxid = snapshot.serializer->end_zxid();
            snapshot.serializer.reset();
        }
        if (snapshot.end_zxid != snapshot.zxid && server.core->last_durable() < snapshot.end_zxid) {
            return pump_snapshot(server);
        }
        if (!snapshot.file.finish().has_value()) return lost();
        const Zxid zxid = snapshot.zxid;
        server.snapshot.reset();
        step(server, core::SnapshotFinished{zxid, true});
    });
}

void World::crash(Server& server, const std::string& why) {
    if (!server.up) return;
    if (options_.trace) {
        std::fprintf(stderr,
                     "%9.3f s%d CRASH %s\n",
                     static_cast<double>(now_.time_since_epoch().count()) / 1e6 - 1000,
                     server.index + 1,
                     why.c_str());
    }
    ++report_.crashes;
    judge_.sessions().disturbed(now_);
    server.up = false;
    ++server.life;
    server.port_open = false;
    for (const auto& link : std::vector(links_)) {
        if (link->leader == server.index) break_link(link, false, true);
        if (link->learner == server.index) break_link(link, true, false);
    }
    close_client_links(server);
    // The objects may be in the middle of a call: they are destroyed when the stack is gone.
    later(milliseconds(1), [this, &server, life = server.life] {
        if (server.life != life) return;
        server.snapshot.reset();
        server.frontend.reset();
        server.core.reset();
        server.executor.reset();
    });
    lose_power(server);
}

// The disk forgets what was not synced, and some time later the server starts again.
void World::lose_power(Server& server) {
    const auto mode = random_.below(3);
    server.disk.crash(mode == 0 ? CrashMode::lose : mode == 1 ? CrashMode::keep : CrashMode::tear);
    server.power_failing = false;
    later(milliseconds(random_.between(200, 6000)), [this, &server] { power_on(server); });
}

void World::power_on(Server& server) {
    if (!server.up) boot(server, false);
}

// ---- checkers

void World::check(Server& server) {
    if (server.core->serving()) {
        judge_.on_applied(server.core->committed().max(), now_);
    }
    const Zxid zxid = server.core->tree().last_zxid();
    if (zxid == server.checked) return;
    server.checked = zxid;
    if (zxid < server.fuzzy_until) {
        if (server.core->serving()) {
            fail("server " + std::to_string(server.index + 1) + " serves " + to_string(zxid) +
                 " from a snapshot that reaches into " + to_string(server.fuzzy_until));
        }
        return;
    }
    const std::uint64_t digest = server.core->tree().digest();
    const auto [known, added] = digests_.emplace(zxid, digest);
    if (!added && known->second != digest) {
        fail("server " + std::to_string(server.index + 1) + " has another tree at zxid " +
             to_string(zxid) + " than the first server that got there");
    }
    const core::StatusPage page = server.core->status();
    if (page.role == core::Role::leading && page.serving) {
        const auto [leader, fresh] = leaders_.emplace(page.current_epoch, server.sid());
        if (!fresh && leader->second != server.sid()) {
            fail("epoch " + to_string(page.current_epoch) + " has two leaders");
        }
        if (fresh) judge_.on_established(page.current_epoch, server.core->committed().max(), now_);
    }
}

std::string World::unsettled() const {
    std::optional<std::uint64_t> digest;
    std::optional<std::set<SessionId>> sessions;
    int leaders = 0;
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
    for (const auto& client : clients_) {
        if (!client->connected() || !client->idle()) return "a client waits";
    }
    return leaders == 1 ? "" : "there are " + std::to_string(leaders) + " leaders";
}

void World::check_end() {
    const std::uint64_t digest = servers_.front()->core->tree().digest();
    for (const auto& server : servers_) {
        const tree::DataTree& tree = server->core->tree();
        report_.last_zxid = tree.last_zxid();
        report_.elections += static_cast<int>(server->core->status().elections);
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

// ---- faults

void World::chaos() {
    if (calm_) return;
    Server& server = *servers_[random_.below(servers_.size())];
    const auto dice = random_.below(100);
    if (dice < 25) {
        if (random_.chance(50)) {
            crash(server, "power cut");
        } else {
            server.power_failing = true;
            server.disk.fail_after(1 + random_.below(30));
        }
    } else if (dice < 55) {
        ++report_.partitions;
        const int a = static_cast<int>(random_.below(servers_.size()));
        const bool both = random_.chance(70);
        for (int b = 0; b < options_.servers; ++b) {
            if (b == a || random_.chance(25)) continue;
            blocked_.insert({a, b});
            if (both) blocked_.insert({b, a});
        }
        const Duration takes = milliseconds(random_.between(300, 9000));
        judge_.sessions().disturbed(now_ + takes);
        later(takes, [this] {
            blocked_.clear();
            resend_notifications([](int, int) { return true; });
        });
    } else if (dice < 80 && !links_.empty()) {
        break_link(links_[random_.below(links_.size())], true, true);
    } else {
        close_client_links(server);
    }
    later(milliseconds(random_.between(200, 4000)), [this] { chaos(); });
}

void World::heal_all() {
    calm_ = true;
    blocked_.clear();
    resend_notifications([](int, int) { return true; });
    for (auto& server : servers_) {
        server->disk.never_fail();
        server->power_failing = false;
    }
    for (auto& client : clients_) client->finish();
}

}  // namespace zk::sim
