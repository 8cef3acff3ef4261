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
        if (auto found = storage::find_kept(server.disk, kPaths, 3); found.has_value()) kept = std::move(*found);
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
        const std::uint64_t life = server.life;
        std::vector<storage::DiskCommand> batch;
        batch.swap(server.disk_queue);
        for (const auto& command : batch) checks_.will_execute(server.index, command);
        std::vector<storage::DiskEvent> events;
        server.executor->execute(batch, events);
        server.disk_busy = false;
        for (storage::DiskEvent& event : events) {
            checks_.executed(server.index, event);
            step(server, core::Event(std::move(event)));
            if (!server.up || server.life != life) return;
        }
        run_disk(server);
    });
}

void World::start_snapshot(Server& server, const core::StartSnapshot& action) {
    server.snapshot.emplace(server.disk, action.install);
    server.snapshot->zxid = action.zxid;
    server.snapshot->serializer.emplace(
        server.core->tree(),
        server.core->session_timeouts(),
        storage::Form::file,
        action.install ? storage::DigestSection::no : storage::DigestSection::yes);
    if (!server.snapshot->file.begin(action.zxid).has_value()) return fatal(server, "disk failed");
    pump_snapshot(server);
}

void World::cancel_snapshot(Server& server) {
    if (!server.snapshot) return;
    const Zxid zxid = server.snapshot->zxid;
    server.snapshot.reset();
    // Its thread may be in the middle of a write.
    const std::int64_t most = slow_now(server) ? 400 : 60;
    later_at(server, milliseconds(random_.between(1, most)), [this, &server, zxid] {
        step(server, core::SnapshotFinished{zxid, false});
    });
}

bool World::slow_now(const Server& server) { return now_ < server.disk_slow_until && random_.chance(20); }

void World::pump_snapshot(Server& server) {
    const std::int64_t most = slow_now(server) ? 400'000 : 2000;
    later_at(server, std::chrono::microseconds(random_.between(200, most)), [this, &server] {
        if (!server.snapshot) return;
        auto& snapshot = *server.snapshot;
        const auto lost = [&] { fatal(server, "disk failed"); };
        if (snapshot.serializer) {
            Bytes chunk;
            const bool more = snapshot.serializer->next_chunk(chunk, shape_.chunk_bytes);
            if (!snapshot.file.write(chunk).has_value()) return lost();
            if (more) return pump_snapshot(server);
            snapshot.end_zxid = snapshot.serializer->end_zxid();
            snapshot.serializer.reset();
        }
        if (!snapshot.install && snapshot.end_zxid != snapshot.zxid &&
            server.core->last_durable() < snapshot.end_zxid) {
            return pump_snapshot(server);
        }
        if (!snapshot.file.finish().has_value()) return lost();
        const Zxid zxid = snapshot.zxid;
        server.snapshot.reset();
        const std::uint64_t life = server.life;
        step(server, core::SnapshotFinished{zxid, true});
        if (!server.ends_after_snapshot || calm_ || !server.up || server.life != life) return;
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
        server.frontend.reset();
        server.core.reset();
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
