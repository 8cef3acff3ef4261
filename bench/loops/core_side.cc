#include "loops/core_side.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "frontend/read_service.h"
#include "loops/loop_side.h"
#include "tree/acl.h"

namespace zk::loops {
namespace {

const std::vector<jute::AuthId> kAnyReader;
constexpr Epoch kEpoch{1};

std::int64_t wall_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::uint64_t key_of(const Write& write) { return std::uint64_t{write.loop} << 32 | write.session; }

/// The version is in the data, too: readers check it.
Bytes data_of(std::int32_t version) {
    Bytes data(kDataBytes, 'x');
    for (int i = 0; i < 4; ++i)
        data[static_cast<std::size_t>(i)] = static_cast<char>(version >> (24 - 8 * i) & 0xff);
    return data;
}

}  // namespace

std::int64_t thread_cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

CoreSide::CoreSide(Shared& shared)
    : shared_(shared),
      versions_(shared.options.znodes),
      mail_(shared.options.loops),
      posted_(shared.options.loops) {
    const auto create = [&](const std::string& path) {
        jute::Txn txn{
            next(OpCode::create),
            jute::CreateTxn{.path = path, .data = data_of(0), .acl = tree::open_acl_list()},
            {}};
        ZK_ASSERT(shared_.tree.apply(txn).error == ErrorCode::ok);
    };
    create("/service");
    for (std::size_t i = 0; i < shared.options.znodes; ++i) {
        if (i % 1000 == 0) create("/service/group-" + std::to_string(i / 1000));
        const std::string path =
            "/service/group-" + std::to_string(i / 1000) + "/member-" + std::to_string(i);
        create(path);
        shared.paths.push_back(path);
        Bytes body;
        jute::OutputArchive archive(body);
        archive(path, false);
        shared.read_bodies.push_back(std::move(body));
        if (shared.options.variant != Variant::versions) continue;
        index_.put({path, data_of(0), shared.tree.stat_of(*shared.tree.find(path))});
        index_.free_before(index_.version());
    }
}

void CoreSide::run() {
    const std::int64_t begin = thread_cpu_ns();
    while (!shared_.ended) {
        shared_.to_core.wait();
        taken_.clear();
        shared_.to_core.take(taken_);
        turn();
    }
    figures_.cpu_ns = thread_cpu_ns() - begin;
}

// What a leader does before a txn is committed needs no lock: the core alone changes the tree, and may always read it.
void CoreSide::turn() {
    ++figures_.turns;
    batch_.clear();
    for (const std::vector<ToCore>& asked : taken_) {
        for (const ToCore& message : asked) {
            if (const auto* write = std::get_if<Write>(&message)) {
                batch_.push_back(prepare(*write));
            } else {
                batch_.push_back({{}, {}, &std::get<Reads>(message)});
            }
        }
    }
    for (const Prepared& prepared : batch_) {
        if (prepared.reads != nullptr) {
            serve(*prepared.reads);
            continue;
        }
        if (must_stop(prepared.write)) stop_at_read(prepared.write.loop);
        if (!locked_) lock();
        apply(prepared);
    }
    publish_and_unlock();
    if (shared_.options.variant == Variant::versions) free_versions();
}

jute::TxnHeader CoreSide::next(OpCode type) {
    jute::TxnHeader header;
    header.zxid = Zxid(kEpoch, ++counter_);
    header.type = type;
    return header;
}

CoreSide::Prepared CoreSide::prepare(const Write& write) {
    const std::int32_t version = ++versions_[write.znode];
    const jute::Txn txn{next(OpCode::set_data),
                        jute::SetDataTxn{shared_.paths[write.znode], data_of(version), version},
                        {}};
    return {write, jute::encode_txn(txn, kDataBytes + 128), nullptr};
}

void CoreSide::apply(const Prepared& prepared) {
    const auto txn = jute::decode_txn(prepared.txn);
    ZK_ASSERT(txn.has_value());
    tree::ApplyResult result = shared_.tree.apply(*txn);
    ZK_ASSERT(result.error == ErrorCode::ok && result.changes.size() == 1);
    const Write& write = prepared.write;
    if (shared_.options.variant == Variant::versions) {
        index_.put({result.path, std::get<jute::SetDataTxn>(txn->body).data.value(), result.stat});
    }
    const auto changed = std::make_shared<const Changed>(Changed{
        txn->header.zxid, write.znode, result.stat.version, std::move(result.changes.front())});
    for (auto& mail : mail_) mail.emplace_back(changed);
    mail_[write.loop].emplace_back(Reply{write.session, write.znode, result.stat.version});
    answered_in_[key_of(write)] = posted_[write.loop] + 1;
    ++figures_.txns;
}

// Variant::posted.
void CoreSide::serve(const Reads& reads) {
    ReadsDone done{reads.session, reads.znodes.size(), {}};
    for (const std::uint32_t znode : reads.znodes) {
        frontend::read(shared_.tree,
                       OpCode::get_data,
                       shared_.read_bodies[znode],
                       frontend::Asker{kAnyReader},
                       done.answers);
    }
    mail_[reads.loop].emplace_back(std::move(done));
}

bool CoreSide::must_stop(const Write& write) const {
    if (!write.behind_read || shared_.options.broken == Broken::stop) return false;
    // The read lies here, in its place.
    if (shared_.options.variant == Variant::posted) return false;
    const auto answered = answered_in_.find(key_of(write));
    return answered != answered_in_.end() &&
           shared_.doors[write.loop].heard.load(std::memory_order_acquire) < answered->second;
}

// The read waits for an answer that its loop has not heard: that loop must have served it before anything else is applied.
// With versions it is enough that the loop gets the version of that moment: its mails are heard one by one.
void CoreSide::stop_at_read(std::uint32_t loop) {
    if (shared_.options.variant == Variant::served) {
        if (!locked_) lock();
        const std::int64_t from = wall_ns();
        publish();
        shared_.loops[loop]->hear();
        shared_.doors[loop].mail.post(Mail{});  // it may sleep, and has something to write now
        ++posted_[loop];
        figures_.stop_waits.push_back(wall_ns() - from);
        return;
    }
    publish_and_unlock();
    if (shared_.options.variant == Variant::versions) return;
    const std::int64_t begin = wall_ns();
    std::atomic<std::uint64_t>& heard = shared_.doors[loop].heard;
    for (std::uint64_t seen = heard.load(); seen < posted_[loop]; seen = heard.load())
        heard.wait(seen);
    figures_.stop_waits.push_back(wall_ns() - begin);
}

void CoreSide::lock() {
    locked_ = true;
    if (shared_.options.variant == Variant::versions || shared_.options.variant == Variant::posted)
        return;
    const std::int64_t begin = wall_ns();
    shared_.lock.lock();
    figures_.lock_waits.push_back(wall_ns() - begin);
}

// Publish before reading: mail is in every mailbox before any slot is free.
void CoreSide::publish_and_unlock() {
    const bool late = shared_.options.broken == Broken::publish;
    if (!late) publish();
    if (std::exchange(locked_, false) && shared_.options.variant != Variant::versions &&
        shared_.options.variant != Variant::posted) {
        shared_.lock.unlock();
    }
    if (late) publish();
}

void CoreSide::publish() {
    for (std::size_t i = 0; i < mail_.size(); ++i) {
        if (mail_[i].empty()) continue;
        ++posted_[i];
        shared_.doors[i].mail.post(
            Mail{std::exchange(mail_[i], {}), index_.root(), index_.version()});
    }
}

void CoreSide::free_versions() {
    std::uint64_t oldest = index_.version();
    for (std::size_t i = 0; i < shared_.options.loops; ++i) {
        oldest = std::min(oldest, shared_.doors[i].version.load(std::memory_order_acquire));
    }
    index_.free_before(oldest);
}

}  // namespace zk::loops
