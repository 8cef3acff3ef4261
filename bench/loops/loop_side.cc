#include "loops/loop_side.h"

#include <unistd.h>
#include <utility>

#include <sys/socket.h>

#include "base/check.h"
#include "frontend/read_service.h"
#include "jute/archive.h"

namespace zk::loops {
namespace {

const std::vector<jute::AuthId> kNobody;
constexpr std::size_t kDataAt = 4;  // in an answer to getData, behind the length
constexpr std::size_t kAnswerMax = 256;

std::int32_t version_in(ByteView answer) { return load_be<std::int32_t>(answer.data() + kDataAt); }

}  // namespace

LoopSide::LoopSide(Shared& shared,
                   std::uint32_t number,
                   const TrieNode* root,
                   std::uint64_t version)
    : shared_(shared),
      door_(shared.doors[number]),
      number_(number),
      root_(root),
      sessions_(shared.options.sessions),
      random_(0x9e3779b97f4a7c15ULL * (number + 1)) {
    door_.version = version;
    for (std::uint32_t i = 0; i < sessions_.size(); ++i) {
        sessions_[i].own = static_cast<std::uint32_t>(kHot + number * sessions_.size() + i);
        sessions_[i].watched.fill(-1);
    }
    ZK_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_.data()) == 0);
    in_.resize(std::size_t{64} << 10);
}

LoopSide::~LoopSide() {
    for (const int socket : sockets_) close(socket);
}

void LoopSide::run() {
    const std::int64_t begin = thread_cpu_ns();
    const bool always = shared_.options.variant == Variant::barrier;
    if (always) shared_.lock.enter(number_);
    while (!shared_.ended) turn();
    if (always) shared_.lock.leave(number_);
    door_.heard = UINT64_MAX;
    door_.heard.notify_one();
    figures_.cpu_ns = thread_cpu_ns() - begin;
}

void LoopSide::turn() {
    ++figures_.turns;
    begin_read();
    const bool idle = !pick();
    end_read();
    if (idle) {
        if (shared_.options.variant == Variant::barrier) shared_.lock.leave(number_);
        door_.mail.wait();
        if (shared_.options.variant == Variant::barrier) shared_.lock.enter(number_);
    }
    begin_read();
    if (shared_.options.broken == Broken::hear) {
        if (pick()) act();
        hear();
    } else {
        hear();
        enter_watches();  // none are left, unless a rule is broken
        if (pick()) act();
    }
    if (shared_.options.broken != Broken::enter_watch) enter_watches();
    sending_.swap(out_);
    end_read();
    if (!reads_.znodes.empty()) asks_.emplace_back(std::exchange(reads_, {}));
    if (!asks_.empty()) shared_.to_core.post(std::exchange(asks_, {}));
    use_socket();
    if (shared_.options.variant == Variant::barrier) shared_.lock.checkpoint(number_);
}

void LoopSide::begin_read() {
    const Variant variant = shared_.options.variant;
    if (variant == Variant::slots || variant == Variant::served || variant == Variant::plain)
        shared_.lock.enter(number_);
}

void LoopSide::end_read() {
    const Variant variant = shared_.options.variant;
    if (variant == Variant::slots || variant == Variant::served || variant == Variant::plain)
        shared_.lock.leave(number_);
}

// ---- what the core has said

void LoopSide::hear() {
    mails_.clear();
    door_.mail.take(mails_);
    if (mails_.empty()) return;
    const bool versions = shared_.options.variant == Variant::versions;
    for (Mail& mail : mails_) {
        hear(mail);
        if (!versions) continue;
        root_ = mail.root;
        door_.version.store(mail.version, std::memory_order_release);
        serve_waiting();
    }
    serve_waiting();
    heard_ += mails_.size();
    door_.heard.store(heard_, std::memory_order_release);
    door_.heard.notify_one();
}

void LoopSide::hear(Mail& mail) {
    for (const ToLoop& message : mail.messages) {
        if (const auto* changed = std::get_if<std::shared_ptr<const Changed>>(&message)) {
            hear(**changed);
        } else if (const auto* reply = std::get_if<Reply>(&message)) {
            hear(*reply);
        } else {
            hear(std::get<ReadsDone>(message));
        }
    }
}

void LoopSide::hear(const Changed& changed) {
    if (watches_.size() == 0) return;
    for (const frontend::ConnectionId session : watches_.take(changed.change.path)) {
        std::int32_t& seen = sessions_[session].watched[changed.znode];
        if (changed.version != seen + 1) ++figures_.change_missed;
        seen = -1;
        ++figures_.events;
    }
}

void LoopSide::hear(const Reply& reply) {
    Session& session = sessions_[reply.session];
    --session.at_core;
    if (reply.znode == session.own) {
        if (reply.version != session.own_version + 1) ++figures_.own_write_missed;
        session.own_version = reply.version;
    }
    if (shared_.options.variant != Variant::posted && std::exchange(session.read_waits, false)) {
        // Of the moment of this answer: the next write of the session must not be in what is read.
        released_.push_back(reply.session);
    }
}

void LoopSide::hear(const ReadsDone& done) {
    Session& session = sessions_[done.session];
    --session.at_core;
    figures_.reads += static_cast<std::int64_t>(done.count);
    out_ += done.answers;
    if (!std::exchange(session.read_waits, false)) return;
    if (version_in(done.answers) != session.own_version) ++figures_.read_after_next_write;
}

void LoopSide::serve_waiting() {
    for (const std::uint32_t number : released_) {
        const Session& session = sessions_[number];
        // The second write is still at the core: it may not be visible.
        const std::int32_t expected = session.own_version - (session.at_core == 0 ? 1 : 0);
        if (read(session.own) != expected) ++figures_.read_after_next_write;
    }
    released_.clear();
}

// ---- what clients do

/// A session that waits for nothing.
bool LoopSide::pick() {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        if (sessions_[picked_].at_core == 0) return true;
        picked_ = (picked_ + 1) % static_cast<std::uint32_t>(sessions_.size());
    }
    return false;
}

/// What one session has sent: some reads, maybe ended by writes.
void LoopSide::act() {
    Session& session = sessions_[picked_];
    for (std::size_t i = 0; i < shared_.options.depth && session.at_core == 0; ++i) {
        if (draw(100) < shared_.options.writes_percent) {
            write();
        } else {
            const bool hot = draw(4) == 0;
            read_some(hot ? draw(kHot) : draw(static_cast<std::uint32_t>(shared_.options.znodes)));
        }
    }
    if (!reads_.znodes.empty()) ++session.at_core;
    picked_ = (picked_ + 1) % static_cast<std::uint32_t>(sessions_.size());
}

/// A quarter goes to a znode that others watch, the rest to the session's own; some of these come as write, read, write.
void LoopSide::write() {
    Session& session = sessions_[picked_];
    const std::uint32_t znode = draw(4) == 0 ? draw(kHot) : session.own;
    asks_.emplace_back(Write{number_, picked_, znode, false});
    ++session.at_core;
    ++figures_.writes;
    if (znode != session.own || draw(100) >= shared_.options.pairs_percent) return;
    session.read_waits = true;
    if (shared_.options.variant == Variant::posted) {
        asks_.emplace_back(Reads{number_, picked_, {znode}});
        ++session.at_core;
    }
    asks_.emplace_back(Write{number_, picked_, znode, true});
    ++session.at_core;
    ++figures_.writes;
}

void LoopSide::read_some(std::uint32_t znode) {
    if (shared_.options.variant == Variant::posted) {
        reads_.loop = number_;
        reads_.session = picked_;
        reads_.znodes.push_back(znode);
        return;
    }
    const std::int32_t version = read(znode);
    if (znode >= kHot) return;
    std::int32_t& watched = sessions_[picked_].watched[znode];
    if (watched < 0) {
        watched = version;
        to_watch_.push_back({znode, picked_});
    } else if (version != watched) {
        ++figures_.change_before_event;
    }
}

std::int32_t LoopSide::read(std::uint32_t znode) {
    ++figures_.reads;
    const std::size_t begin = out_.size();
    if (shared_.options.variant == Variant::versions) {
        const Leaf* leaf = find(
            *root_, ByteView(shared_.read_bodies[znode]).substr(4, shared_.paths[znode].size()));
        ZK_ASSERT(leaf != nullptr);
        jute::OutputArchive archive(out_);
        archive(leaf->data, leaf->stat);
    } else {
        const auto result = frontend::read(shared_.tree,
                                           OpCode::get_data,
                                           shared_.read_bodies[znode],
                                           frontend::Asker{kNobody},
                                           out_);
        ZK_ASSERT(result.error == ErrorCode::ok);
    }
    return version_in(ByteView(out_).substr(begin));
}

void LoopSide::enter_watches() {
    for (const Entry& entry : to_watch_) watches_.add(shared_.paths[entry.znode], entry.session);
    to_watch_.clear();
}

/// A write and a read, as a turn of a server has them for a connection.
void LoopSide::use_socket() {
    if (sending_.empty()) return;
    const std::size_t bytes = std::min(sending_.size(), shared_.options.depth * kAnswerMax);
    ZK_ASSERT(::send(sockets_[0], sending_.data(), bytes, 0) == static_cast<ssize_t>(bytes));
    ZK_ASSERT(::recv(sockets_[1], in_.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
    sending_.clear();
}

std::uint32_t LoopSide::draw(std::uint32_t below) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<std::uint32_t>((random_ >> 32) * below >> 32);
}

}  // namespace zk::loops
