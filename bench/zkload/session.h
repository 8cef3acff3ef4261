// One session over one connection: keeps `depth` requests under way and takes the answers in their
// order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "jute/frame.h"
#include "zkload/checks.h"
#include "zkload/latency_histogram.h"
#include "zkload/options.h"
#include "zkload/workload.h"

namespace zk::load {

/// Latencies of one session or of all; an operation's is from its hand-over to the socket to its
/// answer.
struct Tally {
    LatencyHistogram reads;
    LatencyHistogram writes;
};

class Session {
  public:
    Session(const Options& options, int index, const Endpoint& server, const std::string& run_path);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Connects and sends the handshake; the second half waits for its answer. Apart, so that all
    /// sessions are made at once.
    void send_handshake();
    void finish_handshake();

    void begin(Stage stage) { workload_.begin(stage); }
    void stop() { workload_.stop(); }
    /// Sends new requests until `depth` are under way or there are no more.
    void fill(std::int64_t now_ns);
    /// Takes what the socket holds; gives the number of answers. With a tally, their latencies go
    /// there.
    int receive(Tally* tally);
    /// Sends what the socket did not take before.
    void flush();

    /// -1 once the session is closed.
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool idle() const { return next_xid_ == next_answer_; }
    [[nodiscard]] bool wants_to_write() const { return sent_ < outbox_.size(); }
    [[nodiscard]] std::string name() const;

  private:
    void close();
    struct UnderWay {
        Job job;
        std::int64_t sent_ns = 0;
    };
    void take_answer(ByteView frame, std::int64_t now_ns, Tally* tally);

    int index_;
    bool bursts_;
    Endpoint server_;
    int fd_ = -1;
    Workload workload_;
    ReplyChecks checks_;
    jute::FrameDecoder decoder_;
    /// A ring: the request with xid X is at X % depth.
    std::vector<UnderWay> under_way_;
    std::int32_t next_xid_ = 1;
    std::int32_t next_answer_ = 1;
    Bytes outbox_;
    std::size_t sent_ = 0;
};

std::int64_t now_ns();

}  // namespace zk::load
