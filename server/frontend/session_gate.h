// The order of one connection's requests: replies leave in the order in which requests came, and a
// read sees all earlier writes of its session. Pure. Writes go to the core at once; what comes
// behind them waits here. A gate is empty most of the time: then reads do not enter it at all.
// Source: ZooKeeper CommitProcessor.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"

namespace zk::frontend {

/// A request that waits for its turn to be answered.
struct ParkedRequest {
    enum class Kind {
        at_core,   ///< the core owes the answer
        local,     ///< runs on the tree when its turn comes; `bytes` is the request's body
        finished,  ///< the answer is known: zxid, error, and `bytes` as its body
    };
    Kind kind = Kind::local;
    Xid xid;
    OpCode op{};
    Instant received;
    Bytes bytes;
    Zxid zxid;
    ErrorCode error = ErrorCode::ok;
    bool then_close = false;  ///< the connection closes after the answer
};

class SessionGate {
  public:
    [[nodiscard]] bool empty() const { return first_ == requests_.size(); }
    [[nodiscard]] std::size_t size() const { return requests_.size() - first_; }
    /// How many requests the core owes an answer to.
    [[nodiscard]] std::int64_t at_core() const { return at_core_; }
    /// Bodies of local requests that wait.
    [[nodiscard]] std::size_t local_bytes() const { return local_bytes_; }

    void park(ParkedRequest request) {
        if (request.kind == ParkedRequest::Kind::at_core) ++at_core_;
        if (request.kind == ParkedRequest::Kind::local) local_bytes_ += request.bytes.size();
        requests_.push_back(std::move(request));
    }
    /// The core has answered: the oldest request with this xid and operation becomes finished.
    /// Null if there is none. The caller fills in the answer.
    ParkedRequest* finish(Xid xid, OpCode op) {
        for (std::size_t i = first_; i < requests_.size(); ++i) {
            ParkedRequest& request = requests_[i];
            if (request.kind != ParkedRequest::Kind::at_core || request.xid != xid ||
                request.op != op)
                continue;
            request.kind = ParkedRequest::Kind::finished;
            --at_core_;
            return &request;
        }
        return nullptr;
    }
    /// The request whose turn it is. REQUIRES: !empty().
    ParkedRequest& head() {
        ZK_ASSERT(!empty());
        return requests_[first_];
    }
    /// Drops the head, which must have been answered.
    void pop() {
        ZK_ASSERT(head().kind != ParkedRequest::Kind::at_core);
        if (head().kind == ParkedRequest::Kind::local) local_bytes_ -= head().bytes.size();
        ++first_;
        if (first_ == requests_.size()) {
            requests_.clear();
            first_ = 0;
        } else if (first_ >= 64 && first_ * 2 >= requests_.size()) {
            requests_.erase(requests_.begin(),
                            requests_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
    }
    void clear() {
        requests_.clear();
        first_ = 0;
        at_core_ = 0;
        local_bytes_ = 0;
    }

  private:
    std::vector<ParkedRequest> requests_;
    std::size_t first_ = 0;
    std::int64_t at_core_ = 0;
    std::size_t local_bytes_ = 0;
};

}  // namespace zk::frontend
