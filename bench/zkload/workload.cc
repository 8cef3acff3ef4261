#include "zkload/workload.h"

#include <cstdio>

#include "jute/frame.h"
#include "jute/protocol.h"

namespace zk::load {
namespace {

constexpr std::size_t kXidOffset = 4;  // behind the length word

template <class Record>
void append_request(Bytes& out, Xid xid, OpCode op, const Record& record) {
    Bytes payload;
    jute::OutputArchive archive(payload);
    archive(jute::RequestHeader{.xid = xid, .op = op}, record);
    jute::append_frame(out, payload);
}

template <class Record>
Bytes frame_of(OpCode op, const Record& record) {
    Bytes out;
    append_request(out, Xid(0), op, record);
    return out;
}

void append_with_xid(Bytes& out, const Bytes& frame, Xid xid) {
    const std::size_t start = out.size();
    out += frame;
    store_be(out.data() + start + kXidOffset, xid.value());
}

std::string numbered(const char* format, unsigned long long number) {
    char text[32];
    std::snprintf(text, sizeof text, format, number);
    return text;
}

}  // namespace

Workload::Workload(const Options& options, int session_index, const std::string& run_path)
    : operation_(options.operation),
      first_(session_index == 0),
      shared_(options.shared),
      run_path_(run_path),
      value_(static_cast<std::size_t>(options.value_bytes), 'v'),
      random_(static_cast<std::uint64_t>(session_index) + 1) {
    const auto index = static_cast<unsigned long long>(session_index);
    // Children are always below a znode of the session's own, so that their numbers cannot meet.
    const bool children = operation_ == Operation::create || operation_ == Operation::churn ||
                          operation_ == Operation::remove;
    if (children) shared_ = false;
    node_path_ = run_path + (shared_ ? "/shared" : numbered("/s%04llu", index));
    if (operation_ == Operation::remove) {
        const auto sessions = static_cast<std::uint64_t>(options.sessions);
        stock_ = (static_cast<std::uint64_t>(options.count) + sessions - 1) / sessions;
    }
    set_ = frame_of(OpCode::set_data, jute::SetDataRequest{.path = node_path_, .data = value_});
    get_ = frame_of(OpCode::get_data, jute::PathWatchRequest{.path = node_path_});
    exists_ = frame_of(OpCode::exists, jute::PathWatchRequest{.path = node_path_});
}

void Workload::begin(Stage stage) {
    stage_ = stage;
    step_ = 0;
    stopped_ = false;
}

std::optional<Job> Workload::next() {
    if (stopped_) return std::nullopt;
    switch (stage_) {
        case Stage::found:
            if (!first_) return std::nullopt;
            ++step_;
            if (step_ == 1) return Job{.op = OpCode::create, .place = Place::run};
            if (step_ == 2 && shared_) return Job{.op = OpCode::create};
            return std::nullopt;
        case Stage::prepare:
            return next_of_prepare();
        case Stage::load:
            return next_of_load();
        case Stage::clean:
            return next_of_clean();
        case Stage::raze:
            if (!first_) return std::nullopt;
            ++step_;
            if (step_ == 1 && shared_) return Job{.op = OpCode::remove};
            if (step_ > (shared_ ? 2U : 1U)) return std::nullopt;
            return Job{.op = OpCode::remove, .place = Place::run};
        case Stage::close:
            if (++step_ > 1) return std::nullopt;
            return Job{.op = OpCode::close_session};
    }
    return std::nullopt;
}

std::optional<Job> Workload::next_of_prepare() {
    ++step_;
    // The sync: what the first session made is then at this session's server, too.
    if (step_ == 1) return Job{.op = OpCode::sync, .place = Place::run};
    if (step_ == 2 && !shared_) return Job{.op = OpCode::create};
    if (end_child_ < stock_)
        return Job{.op = OpCode::create, .place = Place::child, .child = end_child_++};
    return std::nullopt;
}

std::optional<Job> Workload::next_of_load() {
    switch (operation_) {
        case Operation::set:
            return Job{.op = OpCode::set_data};
        case Operation::get:
            return Job{.op = OpCode::get_data};
        case Operation::exists:
            return Job{.op = OpCode::exists};
        case Operation::mixed:
            return Job{.op = flip() ? OpCode::set_data : OpCode::get_data};
        case Operation::create:
            return Job{.op = OpCode::create, .place = Place::child, .child = end_child_++};
        case Operation::churn:
            if (first_child_ == end_child_) {
                return Job{.op = OpCode::create, .place = Place::child, .child = end_child_++};
            }
            return Job{.op = OpCode::remove, .place = Place::child, .child = first_child_++};
        case Operation::remove:
            if (first_child_ == end_child_) return std::nullopt;
            return Job{.op = OpCode::remove, .place = Place::child, .child = first_child_++};
    }
    return std::nullopt;
}

std::optional<Job> Workload::next_of_clean() {
    if (first_child_ < end_child_) {
        return Job{.op = OpCode::remove, .place = Place::child, .child = first_child_++};
    }
    ++step_;
    if (step_ == 1 && !shared_) return Job{.op = OpCode::remove};
    return std::nullopt;
}

// A coin with a fixed seed for each session: two runs ask the same. Source: Marsaglia's xorshift64.
bool Workload::flip() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return (random_ >> 32 & 1) != 0;
}

std::string Workload::path_of(const Job& job) const {
    switch (job.place) {
        case Place::run:
            return run_path_;
        case Place::node:
            return node_path_;
        case Place::child:
            return node_path_ + numbered("/n%08llu", job.child);
    }
    return {};
}

void Workload::append(Bytes& out, const Job& job, Xid xid) {
    switch (job.op) {
        case OpCode::set_data:
            return append_with_xid(out, set_, xid);
        case OpCode::get_data:
            return append_with_xid(out, get_, xid);
        case OpCode::exists:
            return append_with_xid(out, exists_, xid);
        case OpCode::sync:
            return append_request(out, xid, job.op, jute::SyncRequest{.path = path_of(job)});
        case OpCode::remove:
            return append_request(out, xid, job.op, jute::DeleteRequest{.path = path_of(job)});
        case OpCode::close_session:
            return jute::append_frame(out,
                                      jute::encode(jute::RequestHeader{.xid = xid, .op = job.op}));
        default:
            break;
    }
    const jute::Acl open{.perms = 31, .id = {.scheme = "world", .id = "anyone"}};
    append_request(out,
                   xid,
                   OpCode::create,
                   jute::CreateRequest{.path = path_of(job),
                                       .data = job.place == Place::run ? std::string() : value_,
                                       .acl = {open}});
}

}  // namespace zk::load
