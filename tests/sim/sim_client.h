// A client with a memory: it speaks the wire protocol, keeps what was acknowledged, and complains when that is not so later.
// Pure. One session at a time, a few requests in flight, a new connection after each loss.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "jute/frame.h"

namespace zk::sim {

class World;

class SimClient {
  public:
    SimClient(World& world, int number);

    void start();
    void on_connected(std::uint64_t connection);
    void on_bytes(std::uint64_t connection, ByteView bytes);
    void on_closed(std::uint64_t connection);
    /// No new requests; what is in flight is still waited for.
    void finish() { finishing_ = true; }

    [[nodiscard]] bool idle() const { return in_flight_.empty(); }
    [[nodiscard]] bool connected() const { return state_ == State::serving; }
    /// Paths whose create was acknowledged: they must exist for ever.
    [[nodiscard]] const std::set<std::string>& created() const { return created_; }

  private:
    enum class State { disconnected, connecting, handshake, serving };
    struct Request {
        Xid xid;
        OpCode op{};
        std::string path;
    };

    void connect_later();
    void on_connect_response(ByteView frame);
    void on_reply(ByteView frame);
    void check_reply(const Request& request, ErrorCode error);
    void send_more();
    void send(OpCode op, const std::string& path, const Bytes& body);
    void drop();

    World& world_;
    int number_;
    State state_ = State::disconnected;
    bool finishing_ = false;
    std::uint64_t connection_ = 0;
    jute::FrameDecoder decoder_;
    SessionId session_;
    Bytes password_;
    Zxid last_zxid_;
    std::int32_t next_xid_ = 1;
    int next_node_ = 0;
    std::deque<Request> in_flight_;
    std::set<std::string> created_;
    std::uint64_t life_ = 0;  ///< guards timers
};

}  // namespace zk::sim
