// What servers of a World do with their disks, and how their processes end. See world.h.
#include <algorithm>
#include <utility>

#include "sim/world.h"
#include "sim/world_parts.h"
#include "storage/recovery.h"

namespace zk::sim {

// Purging may have looked at the files just before they are cut or replaced, and come while a learner is fed from them.
void World::queue_disk(Server& server, storage::DiskCommand command) {
    const bool replaces = std::holds_alternative<storage::TruncateLog>(command) ||
                          std::holds_alternative<storage::InstallSnapshot>(command);
    const bool reads = std::holds_alternative<storage::ReadLog>(command);
    std::optional<std::vector<Zxid>> kept;
    if ((replaces || reads) && !calm_ && enabled(FaultKind::purge) && random_.chance(30)) {
        if (auto found = storage::find_kept(server.disk, kPaths, 3); found.has_value())
            kept = std::move(*found);
    }
    if (replaces && !calm_ && std::exchange(cuts_at_replacement_, 0) != 0 && !server.sync_failing) {
        server.power_failing = true;
        server.disk.fail_after(1 + random_.below(12));
        count(FaultKind::cut_sync);
    }
    server.disk_queue.push_back(std::move(command));
    if (kept) server.disk_queue.push_back(storage::Purge{std::move(*kept)});
    run_disk(server);
}

void World::run_disk(Server& server) {
    if (server.disk_busy || server.disk_queue.empty()) return;
    server.disk_busy = true;
    // Some syncs are slow, and everything that queues meanwhile is the next batch.
    Duration takes = std::chrono::microseconds(random_.between(100, 3000));
    if (slow_now(server)) {
        takes = std::chrono::microseconds(random_.between(5000, 400000));
    } else if (random_.chance(shape_.slow_batches_percent)) {
        takes = std::chrono::microseconds(random_.between(5000, 80000));
    }
    later_at(server, takes, [this, &server] {
        std::vector<storage::DiskCommand> batch;
        batch.swap(server.disk_queue);
        for (const auto& command : batch) checks_.will_execute(server.index, command);
        std::vector<storage::DiskEvent> events;
        server.executor->execute(batch, events);
        server.disk_busy = false;
        for (storage::DiskEvent& event : events) {
            checks_.executed(server.index, event);
            step(server, core::Event(std::move(event)));
        }
        run_disk(server);
    });
}

bool World::slow_now(const Server& server) {
    return now_ < server.disk_slow_until && random_.chance(20);
}

// The snapshot thread.
void World::carry_out(Server& server, core::SnapshotEffect& effect) {
    struct Handler {
        World& world;
        Server& server;
        void operator()(core::BeginSnapshot& e) {
            server.snapshot.emplace(e.zxid,
                                    storage::SnapshotFile(server.disk, kPaths.snapshots(), e.role));
            if (!server.snapshot->file.begin(e.zxid).has_value())
                return world.fatal(server, "disk failed");
            world.write_snapshot(server);
        }
        void operator()(core::WriteSnapshot& e) {
            if (!server.snapshot->file.write(e.chunk).has_value())
                return world.fatal(server, "disk failed");
            world.write_snapshot(server);
        }
        void operator()(core::NameSnapshot&) { world.name_snapshot(server); }
        void operator()(core::AbandonSnapshot& e) {
            server.snapshot.reset();
            // It may be in the middle of a write.
            const std::int64_t most = world.slow_now(server) ? 400 : 60;
            const Duration takes = milliseconds(world.random_.between(1, most));
            world.later_at(server, takes, [&world = world, &server = server, zxid = e.zxid] {
                world.step(server, core::SnapshotFinished{zxid, false});
            });
        }
    };
    std::visit(Handler{*this, server}, effect);
}

// One chunk after the other, with turns in between.
void World::write_snapshot(Server& server) {
    const std::int64_t most = slow_now(server) ? 400'000 : 2000;
    later_at(server, std::chrono::microseconds(random_.between(200, most)), [this, &server] {
        if (!server.turn->has_snapshot_chunk()) return;
        server.turn->write_snapshot(shape_.chunk_bytes, server.effects);
        carry_out(server);
    });
}

void World::name_snapshot(Server& server) {
    const std::int64_t most = slow_now(server) ? 400'000 : 2000;
    later_at(server, std::chrono::microseconds(random_.between(1, most)), [this, &server] {
        if (!server.snapshot->file.finish().has_value()) return fatal(server, "disk failed");
        const Zxid zxid = server.snapshot->zxid;
        server.snapshot.reset();
        step(server, core::SnapshotFinished{zxid, true});
        if (!server.ends_after_snapshot || calm_) return;
        server.ends_after_snapshot = false;
        count(FaultKind::kill);
        kill(server, "kill -9 after a snapshot");
    });
}

void World::purge(Server& server) {
    auto kept = storage::find_kept(server.disk, kPaths, 3);
    if (!kept.has_value()) return;
    // The snapshot thread has looked; by its turn the log thread may have truncated or installed.
    later_at(server,
             milliseconds(random_.between(1, 200)),
             [this, &server, kept = std::move(*kept)]() mutable {
                 server.disk_queue.push_back(storage::Purge{std::move(kept)});
                 run_disk(server);
             });
}

// ---- the end of a process

void World::end_process(Server& server, const std::string& why) {
    if (!server.up) return;
    trace(server, "END " + why);
    judge_.sessions().disturbed(now_);
    server.up = false;
    ++server.life;
    server.port_open = false;
    server.paused = false;
    server.backlog.clear();
    for (const auto& link : std::vector(links_)) {
        if (link->leader == server.index) break_link(link, false, true);
        if (link->learner == server.index) break_link(link, true, false);
    }
    close_client_links(server);
    // The objects may be in the middle of a call: they are destroyed when the stack is gone.
    later(Duration{}, [this, &server, life = server.life] {
        if (server.life != life) return;
        server.snapshot.reset();
        server.loops.clear();
        server.core = nullptr;
        server.turn.reset();
        server.executor.reset();
    });
}

void World::crash(Server& server, const std::string& why) {
    end_process(server, why);
    lose_power(server);
}

// Only the process ends: the next one finds the cache.
void World::kill(Server& server, const std::string& why) {
    end_process(server, why);
    server.disk.kill();
    start_again(server, std::min<Duration>(shape_.boot_max, std::chrono::seconds(1)));
}

void World::fatal(Server& server, const std::string& why) {
    if (server.power_failing) return crash(server, why);
    if (std::exchange(server.sync_failing, false)) {
        kill(server, why);
        if (!random_.chance(shape_.weights[FaultKind::dropped_cache])) return;
        later(milliseconds(random_.between(0, 1500)), [this, &server] {
            if (server.disk.drop_clean_pages()) count(FaultKind::dropped_cache);
        });
        return;
    }
    fail("server " + std::to_string(server.index + 1) + " ended: " + why);
    crash(server, why);
}

// The disk forgets some of what was not synced, and some time later the server starts again.
void World::lose_power(Server& server) {
    static constexpr CrashMode kModes[] = {CrashMode::lose, CrashMode::keep, CrashMode::tear};
    CrashMode mode = kModes[random_.below(3)];
    if (random_.chance(shape_.weights[FaultKind::torn_pages])) {
        mode = CrashMode::pages;
        count(FaultKind::torn_pages);
    }
    server.disk.crash(mode);
    server.power_failing = false;
    server.sync_failing = false;
    start_again(server, shape_.boot_max);
}

void World::start_again(Server& server, Duration at_most) {
    later(milliseconds(random_.between(100, to_ms(at_most))), [this, &server] {
        if (!server.up && now_ >= server.away_until) boot(server);
    });
}

}  // namespace zk::sim
