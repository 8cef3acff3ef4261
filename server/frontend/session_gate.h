// The order of one connection's requests: replies leave in the order in which requests came, and a
// read sees all earlier writes of its session. Pure. Writes go to the core at once; what comes
// behind them waits here. A gate is empty most of the time: then reads do not enter it at all.
// Source: ZooKeeper CommitProcessor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"

namespace zk::frontend {

/// What a request costs beside its bytes: the records that remember it, here and at the core.
inline constexpr std::size_t kRequestBytes = 256;

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
    /// Bytes that wait because of it, here or at the core: what it came with, later its answer.
    std::size_t cost = kRequestBytes;
    std::size_t large = 0;  ///< bytes of a large request, until it is answered
    /// Of a local one: bytes that its answer will have, as far as one can tell.
    std::size_t answer = 0;
};

class SessionGate {
  public:
    [[nodiscard]] bool empty() const { return first_ == requests_.size(); }
    [[nodiscard]] std::size_t size() const { return requests_.size() - first_; }
    /// How many requests the core owes an answer to.
    [[nodiscard]] std::int64_t at_core() const { return at_core_; }
    /// What all of them cost.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// What the local ones will answer.
    [[nodiscard]] std::size_t owed() const { return owed_; }
    /// Of large requests that are not answered.
    [[nodiscard]] std::size_t large() const { return large_; }
    /// The most that one of those at the core costs: a write may become the answer of a read behind it.
    [[nodiscard]] std::size_t largest() const { return largest_; }

    /// Something that runs on the tree waits behind the last request that the core has.
    [[nodiscard]] bool ends_with_read() const { return ends_with_read_; }

    void park(ParkedRequest request) {
        if (request.kind != ParkedRequest::Kind::finished) {
            ends_with_read_ = request.kind == ParkedRequest::Kind::local;
        }
        if (request.kind == ParkedRequest::Kind::at_core) {
            ++at_core_;
            largest_ = std::max(largest_, request.cost);
        }
        bytes_ += request.cost;
        owed_ += request.answer;
        large_ += request.large;
        requests_.push_back(std::move(request));
    }
    /// The core has answered: the oldest request with this xid and operation becomes finished, with
    /// this answer. False if there is none. zxid 0: see request::Reply.
    bool finish(Xid xid, OpCode op, Zxid zxid, ErrorCode error, Bytes body) {
        for (std::size_t i = first_; i < requests_.size(); ++i) {
            ParkedRequest& request = requests_[i];
            if (request.kind != ParkedRequest::Kind::at_core || request.xid != xid ||
                request.op != op)
                continue;
            // Without a txn, it says where the tree is: it is answered as a read is.
            const bool has_no_txn = op == OpCode::close_session && zxid == Zxid(0);
            request.kind = has_no_txn ? ParkedRequest::Kind::local : ParkedRequest::Kind::finished;
            --at_core_;
            large_ -= std::exchange(request.large, 0);
            request.zxid = zxid;
            request.error = error;
            if (error == ErrorCode::ok) request.bytes = std::move(body);
            bytes_ -= request.cost;
            request.cost = kRequestBytes + request.bytes.size();
            bytes_ += request.cost;
            return true;
        }
        return false;
    }
    /// Those that wait, oldest first.
    [[nodiscard]] auto begin() const {
        return requests_.begin() + static_cast<std::ptrdiff_t>(first_);
    }
    [[nodiscard]] auto end() const { return requests_.end(); }
    /// The request whose turn it is. REQUIRES: !empty().
    ParkedRequest& head() {
        ZK_ASSERT(!empty());
        return requests_[first_];
    }
    /// Drops the head, which must have been answered.
    void pop() {
        ZK_ASSERT(head().kind != ParkedRequest::Kind::at_core);
        bytes_ -= head().cost;
        owed_ -= head().answer;
        large_ -= head().large;
        Bytes().swap(head().bytes);
        ++first_;
        if (first_ == requests_.size()) {
            requests_.clear();
            first_ = 0;
            largest_ = 0;
            ends_with_read_ = false;
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
        bytes_ = owed_ = largest_ = large_ = 0;
        ends_with_read_ = false;
    }

  private:
    std::vector<ParkedRequest> requests_;
    std::size_t first_ = 0;
    std::int64_t at_core_ = 0;
    std::size_t bytes_ = 0, owed_ = 0, largest_ = 0, large_ = 0;
    bool ends_with_read_ = false;
};

}  // namespace zk::frontend
