#include "zkload/checks.h"

#include "jute/protocol.h"

namespace zk::load {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kStatBytes = 68;
constexpr std::size_t kLengthBytes = 4;

std::string differs(const char* what, std::int64_t is, std::int64_t expected) {
    return std::string(what) + " is " + std::to_string(is) + ", expected " +
           std::to_string(expected);
}

}  // namespace

std::string ReplyChecks::check(const Job& job, Xid xid, ByteView frame) {
    const auto header = jute::decode<jute::ReplyHeader>(frame);
    if (!header)
        return differs(
            "bytes of the answer", static_cast<std::int64_t>(frame.size()), kHeaderBytes);
    if (header->xid != xid) return differs("xid", header->xid.value(), xid.value());
    if (header->error != ErrorCode::ok) {
        return "error " + std::to_string(static_cast<std::int32_t>(header->error)) + " " +
               std::string(to_string(header->error));
    }
    if (header->zxid < last_zxid_) {
        return "zxid goes back from " + to_string(last_zxid_) + " to " + to_string(header->zxid);
    }
    last_zxid_ = header->zxid;

    const ByteView body = frame.substr(kHeaderBytes);
    std::size_t data_bytes = 0;
    switch (job.op) {
        case OpCode::set_data:
        case OpCode::exists:
            return check_stat(job, body);
        case OpCode::get_data:
            data_bytes = kLengthBytes + static_cast<std::size_t>(workload_.value_bytes());
            if (body.size() < data_bytes) break;
            if (load_be<std::int32_t>(body.data()) != workload_.value_bytes()) {
                return differs("length of the data",
                               load_be<std::int32_t>(body.data()),
                               workload_.value_bytes());
            }
            return check_stat(job, body.substr(data_bytes));
        case OpCode::create:
        case OpCode::sync: {
            const auto path = jute::decode<jute::PathRequest>(body);
            if (path && path->path == workload_.path_of(job)) return {};
            return "the answer does not hold the path";
        }
        case OpCode::remove:
        case OpCode::close_session:
            if (body.empty()) return {};
            break;
        default:
            break;
    }
    return "a body of " + std::to_string(body.size()) + " bytes";
}

std::string ReplyChecks::check_stat(const Job& job, ByteView bytes) {
    if (bytes.size() != kStatBytes)
        return differs("bytes of the Stat", static_cast<std::int64_t>(bytes.size()), kStatBytes);
    const jute::Stat stat = *jute::decode<jute::Stat>(bytes);
    if (stat.data_length != workload_.value_bytes()) {
        return differs("dataLength", stat.data_length, workload_.value_bytes());
    }
    const std::int32_t raised = job.op == OpCode::set_data ? 1 : 0;
    if (workload_.shared() ? stat.version < version_ + raised : stat.version != version_ + raised) {
        return differs("version", stat.version, version_ + raised);
    }
    version_ = stat.version;
    return {};
}

}  // namespace zk::load
