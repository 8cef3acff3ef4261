// Links between the servers of a World: delays, order, partitions, breaks, slowness. See world.h.
#include <algorithm>
#include <utility>

#include "sim/world.h"
#include "sim/world_parts.h"

namespace zk::sim {

namespace {
template <class Sink>
void each_packet(const Bytes& bytes, Sink sink) {
    zab::PacketDecoder decoder;
    decoder.feed(bytes);
    auto packet = decoder.next();
    if (packet.has_value() && packet->has_value()) sink(std::move(**packet));
}
}  // namespace

bool World::blocked(const Server& from, const Server& to) const {
    return blocked_.contains({from.index, to.index}) || now_ < from.unknown_until ||
           now_ < to.unknown_until;
}

void World::send_notification(Server& from, ServerId to, Bytes body) {
    if (!config_.members.contains(to)) return;  // an answer to a stranger
    Server& target = *servers_[static_cast<std::size_t>(to.value() - 1)];
    last_notification_[{from.index, target.index}] = body;
    strangers_at_election(from, body);
    if (blocked(from, target) || !target.up) return;
    const ServerId sender = from.sid();
    later_at(target,
             std::chrono::microseconds(random_.between(200, 15000)),
             [this, &target, sender, body = std::move(body)] {
                 step(target, core::NotificationReceived{sender, body, election::Origin::own});
             });
}

// A link that comes up again carries the last message first.
void World::resend_notifications(const std::function<bool(int from, int to)>& which) {
    const auto messages = last_notification_;
    for (const auto& [pair, body] : messages) {
        Server& from = *servers_[static_cast<std::size_t>(pair.first)];
        if (!which(pair.first, pair.second) || !from.up || pair.first == pair.second) continue;
        send_notification(from, ServerId(pair.second + 1), body);
    }
}

void World::dial(Server& learner, core::Attempt attempt, ServerId leader_sid) {
    Server& leader = *servers_[static_cast<std::size_t>(leader_sid.value() - 1)];
    later_at(learner,
             std::chrono::microseconds(random_.between(300, 8000)),
             [this, &learner, &leader, attempt] {
                 if (!leader.up || !leader.port_open || blocked(learner, leader) ||
                     blocked(leader, learner)) {
                     step(learner, core::LeaderDialFailed{attempt, "refused"});
                     return;
                 }
                 auto link = std::make_shared<Link>(zab::SendQueueLimits{
                     .low_water = shape_.link_low_water, .owed_max = shape_.link_owed_max});
                 link->id = next_connection_++;
                 link->leader = leader.index;
                 link->learner = learner.index;
                 link->leader_life = leader.life;
                 link->learner_life = learner.life;
                 link->attempt = attempt;
                 links_.push_back(link);
                 // Names do not always resolve when they are asked for.
                 std::vector<ServerId> members_there;
                 if (calm_ || !random_.chance(30)) members_there = {learner.sid()};
                 // The kernel of a process that stands still accepts, too.
                 const auto accepted = [this, link, &leader, members_there] {
                     step(leader, core::LearnerConnected{link->id, members_there});
                 };
                 if (leader.paused) {
                     leader.backlog.push_back(accepted);
                 } else {
                     accepted();
                 }
                 if (link->open && learner.up && learner.life == link->learner_life) {
                     step(learner, core::LeaderConnected{attempt});
                 }
             });
}

std::shared_ptr<World::Link> World::learner_link(const Server& leader, zab::LinkId id) const {
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
        return link->id == id && link->leader == leader.index;
    });
    return found == links_.end() ? nullptr : *found;
}

void World::send_to_learner(Server& leader, zab::LinkId id, Bytes bytes, bool up_to_date) {
    const auto link = learner_link(leader, id);
    if (link == nullptr) return;
    link->queue.queued(bytes.size());
    if (up_to_date) link->queue.up_to_date();
    if (link->queue.overflowed()) return break_link(link, true, true);
    if (link->stream != nullptr) {
        link->behind_stream.push_back(std::move(bytes));
    } else {
        put_to_learner(link, std::move(bytes), false);
    }
}

void World::send_snapshot(Server& leader, zab::LinkId id, storage::SnapshotSerializer tree) {
    const auto link = learner_link(leader, id);
    if (link == nullptr) return;
    link->stream = std::make_unique<storage::SnapshotSerializer>(std::move(tree));
    link->streamed.clear();
    link->queue.stream_queued();
    pump_stream(link);
}

// ---- room

void World::await_room(Server& leader, zab::LinkId id) {
    const auto link = learner_link(leader, id);
    if (link != nullptr) tell(link, link->queue.await_room(now_));
}

void World::tell(const std::shared_ptr<Link>& link, zab::QueueNews news) {
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    if (news == zab::QueueNews::none || !leader.up || leader.life != link->leader_life) return;
    later_at(
        leader, std::chrono::microseconds(random_.between(20, 500)), [this, link, &leader, news] {
            if (!link->open) return;
            if (news == zab::QueueNews::room) {
                step(leader, core::LearnerRoom{link->id});
            } else {
                step(leader, core::LearnerProgress{link->id});
            }
        });
}

void World::read_leader(Server& learner, bool on) {
    for (const auto& link : std::vector(links_)) {
        if (link->learner != learner.index) continue;
        link->read = on;
        if (!on) continue;
        later_at(learner, std::chrono::microseconds(50), [this, link] { take_from_leader(link); });
    }
}

/// How long until bytes that are sent now are on the wire's other end.
Duration World::travels(const Link&, std::size_t bytes, Instant& free_at) {
    Duration takes = std::chrono::microseconds(random_.between(100, 5000));
    if (now_ < links_slow_until_ && shape_.link_bytes_per_second != 0) {
        free_at = std::max(free_at, now_) +
                  std::chrono::microseconds(bytes * 1'000'000 / shape_.link_bytes_per_second);
    }
    if (free_at > now_) takes += free_at - now_;
    return takes;
}

// ---- leader to learner

void World::pump_stream(const std::shared_ptr<Link>& link) {
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    if (!shape_.stream_snapshots) {
        while (link->stream->next_chunk(link->streamed, shape_.chunk_bytes)) {
        }
        return end_stream(link);
    }
    const Duration takes = travels(*link, shape_.chunk_bytes, link->free_to_learner);
    later_at(leader, takes, [this, link] {
        if (!link->open || link->stream == nullptr) return;
        const std::size_t before = link->streamed.size();
        const bool more = link->stream->next_chunk(link->streamed, shape_.chunk_bytes);
        const std::size_t bytes = link->streamed.size() - before;
        link->queue.queued(bytes);
        tell(link, link->queue.left(bytes, now_));
        if (more) return pump_stream(link);
        end_stream(link);
    });
}

void World::end_stream(const std::shared_ptr<Link>& link) {
    // The beginning of an epoch is no txn.
    const Zxid end = link->stream->end_zxid();
    link->stream_end = end.counter() == 0 ? link->stream->zxid() : end;
    link->stream.reset();
    link->queue.queued(link->streamed.size());
    put_to_learner(link, std::move(link->streamed), true);
    for (Bytes& bytes : std::exchange(link->behind_stream, {})) {
        put_to_learner(link, std::move(bytes), false);
    }
    tell(link, link->queue.stream_ended());
}

void World::put_to_learner(const std::shared_ptr<Link>& link, Bytes bytes, bool snapshot) {
    Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
    if (blocked(*servers_[static_cast<std::size_t>(link->leader)], learner)) {
        link->stalled_to_learner = true;
    }
    if (link->stalled_to_learner || !learner.up || learner.life != link->learner_life) return;
    const Duration takes = snapshot ? travels(*link, 0, link->free_to_learner)
                                    : travels(*link, bytes.size(), link->free_to_learner);
    link->last_to_learner = std::max(link->last_to_learner, now_ + takes);
    later_at(learner,
             link->last_to_learner - now_,
             [this, link, bytes = std::move(bytes), snapshot]() mutable {
                 if (!link->open) return;
                 link->unread.push_back({std::move(bytes), snapshot});
                 take_from_leader(link);
             });
}

void World::take_from_leader(const std::shared_ptr<Link>& link) {
    while (link->open && link->read && !link->unread.empty()) {
        const Link::Piece piece = std::move(link->unread.front());
        link->unread.pop_front();
        tell(link, link->queue.left(piece.bytes.size(), now_));
        deliver_to_learner(link, piece.bytes, piece.snapshot);
    }
}

void World::deliver_to_learner(const std::shared_ptr<Link>& link,
                               const Bytes& bytes,
                               bool snapshot) {
    Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
    if (!learner.up || learner.life != link->learner_life) return;
    if (!snapshot) {
        each_packet(bytes, [&](zab::Packet packet) {
            step(learner, core::LeaderPacket{link->attempt, std::move(packet)});
        });
        return;
    }
    storage::SnapshotParser parser(storage::Form::wire);
    const auto taken = parser.feed(bytes);
    if (!taken.has_value() || !parser.done() || *taken != bytes.size()) {
        return fail("a snapshot stream cannot be parsed");
    }
    core::LeaderSnapshot event;
    event.attempt = link->attempt;
    event.tree = parser.take_tree();
    event.sessions = parser.take_sessions();
    checks_.took_snapshot(learner.index, link->stream_end);
    step(learner, std::move(event));
    cut_sync(cuts_at_snapshot_, link);
}

// ---- learner to leader

void World::send_to_leader(Server& learner, Bytes bytes) {
    const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
        return link->learner == learner.index && link->open;
    });
    if (found == links_.end()) return;
    const std::shared_ptr<Link> link = *found;
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    if (blocked(learner, leader)) link->stalled_to_leader = true;
    if (link->stalled_to_leader || !leader.up || leader.life != link->leader_life) return;
    link->last_to_leader =
        std::max(link->last_to_leader, now_ + travels(*link, bytes.size(), link->free_to_leader));
    later_at(leader, link->last_to_leader - now_, [this, link, &leader, bytes = std::move(bytes)] {
        if (!link->open) return;
        each_packet(bytes, [&](zab::Packet packet) {
            step(leader, core::LearnerPacket{link->id, std::move(packet)});
        });
    });
}

void World::break_link(std::shared_ptr<Link> link, bool tell_leader, bool tell_learner) {
    if (!link->open) return;
    link->open = false;
    judge_.sessions().disturbed(now_);
    link->stream.reset();
    std::erase(links_, link);
    Server& leader = *servers_[static_cast<std::size_t>(link->leader)];
    Server& learner = *servers_[static_cast<std::size_t>(link->learner)];
    // The news of a close does not cross a partition either.
    if (tell_leader && !blocked(learner, leader) && leader.up && leader.life == link->leader_life) {
        later_at(leader,
                 std::chrono::microseconds(random_.between(100, 5000)),
                 [this, link, &leader] { step(leader, core::LearnerClosed{link->id}); });
    }
    if (tell_learner && !blocked(leader, learner) && learner.up &&
        learner.life == link->learner_life) {
        later_at(
            learner, std::chrono::microseconds(random_.between(100, 5000)), [this, link, &learner] {
                step(learner, core::LeaderClosed{link->attempt, "closed"});
            });
    }
}

}  // namespace zk::sim
