// A client of the simulated ensemble: it speaks the wire protocol, keeps a session over connections to whatever servers,
// sets its watches again, and has some requests in flight. What to ask for is the workload's, whether the answers are right
// is the judge's. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "sim/workload.h"

namespace zk::sim {

class World;

class SimClient {
  public:
    SimClient(World& world, const WorkloadOptions& options, int number);

    void start();
    void on_connected(std::uint64_t connection);
    void on_bytes(std::uint64_t connection, ByteView bytes);
    void on_closed(std::uint64_t connection);
    /// No new writes; a look at everything behind a sync, then rest.
    void finish();

    /// Its process gets no turn until then, maybe in the middle of a request.
    void stand_still(Instant until);
    void wake();
    [[nodiscard]] Instant stuck_until() const { return stuck_until_; }

    [[nodiscard]] bool idle() const { return finishing_ && looked_ && in_flight_.empty(); }
    /// What it waits for.
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] bool connected() const { return state_ == State::serving; }

  private:
    enum class State { away, connecting, handshake, serving };

    void connect_after(Duration delay);
    void connect_later();
    void on_connect_response(ByteView frame);
    void on_frame(ByteView frame);
    void on_event(Zxid zxid, ByteView body);
    void learn(const Asked& asked, ErrorCode error, ByteView body);
    void lose_session();
    void drop();
    void look_after(std::uint64_t life);
    [[nodiscard]] bool stuck() const;
    void send_more();
    void send_when_awake(std::uint64_t life);
    void ask(const Asked& asked);
    void send_frame(Xid xid, OpCode op, const Bytes& body);
    void set_watches_again();
    void complain(const std::string& what);

    World& world_;
    WorkloadOptions options_;
    int number_;
    Workload workload_;
    State state_ = State::away;
    std::uint64_t life_ = 0;  ///< of the connection, or of the pause without one; guards timers
    bool finishing_ = false;
    bool looked_ = false;  ///< the last look is on its way or done
    bool prepared_ = false;
    bool closing_ = false;  ///< closeSession is in flight
    std::uint64_t connection_ = 0;
    jute::FrameDecoder decoder_;
    std::int32_t timeout_ms_;
    SessionId session_;
    Bytes password_;
    Zxid last_zxid_;  ///< newest that was heard of, told when connecting again
    std::int32_t next_xid_ = 1;
    std::deque<std::pair<Xid, Asked>> in_flight_;
    Instant sent_{}, heard_{};
    Instant stuck_until_{};
    bool halves_ = false;                         ///< the next frame goes out in two parts
    Bytes rest_;                                  ///< of a frame that it stands still in
    std::set<std::string> data_, exist_, child_;  ///< armed watches
};

}  // namespace zk::sim
