// A client with a memory: it speaks the wire protocol, remembers what it was told, and complains
// when that is not so later. Pure. One session at a time, a few requests in flight, a new
// connection after each loss.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "jute/frame.h"
#include "jute/protocol.h"

namespace zk::sim {

class World;

class SimClient {
  public:
    SimClient(World& world, int number);

    void start();
    void on_connected(std::uint64_t connection);
    void on_bytes(std::uint64_t connection, ByteView bytes);
    void on_closed(std::uint64_t connection);
    /// No new writes; a read of every register behind a sync, then rest.
    void finish() { finishing_ = true; }

    [[nodiscard]] bool idle() const { return in_flight_.empty() && registers_to_read_.empty(); }
    [[nodiscard]] bool connected() const { return state_ == State::serving; }

  private:
    enum class State { disconnected, connecting, handshake, serving };
    enum class Kind {
        prepare,  ///< create of a register or the counter: may exist
        create,
        pair,  ///< multi of two creates
        ephemeral,
        own_ephemeral,  ///< exists: must be there
        gone,           ///< exists: must not be there
        created,        ///< exists: must be there
        set_register,
        read_register,
        read_counter,
        raise_counter,
        sync,
        ping,
        close,
    };
    struct Request {
        Xid xid{};
        Kind kind{};
        std::string path{};
        int target = 0;          ///< register read or set
        std::int64_t value = 0;  ///< set; or, reading, the least that may come
        bool watch = false;
    };

    void connect_later();
    void on_connect_response(ByteView frame);
    void on_frame(ByteView frame);
    void on_event(ByteView body);
    void on_reply(const Request& request, ErrorCode error, ByteView body);
    void on_register(const Request& request, const Bytes& data);
    void on_exists(const Request& request, ErrorCode error);
    void lose_session();
    void send_more();
    void send_one();
    void send_last();
    void send_write(std::uint64_t dice);
    void send(Request request, OpCode op, const Bytes& body);
    void send_exists(Kind kind, const std::string& path);
    void send_create(Kind kind, const std::string& path, const Bytes& data);
    void send_read(int target, bool fresh);
    void send_pair();
    void forget_in_flight();
    void drop();
    void complain(const std::string& what);
    std::string new_name(const char* kind);

    World& world_;
    int number_;
    State state_ = State::disconnected;
    bool finishing_ = false;
    bool last_asked_ = false;
    std::uint64_t connection_ = 0;
    jute::FrameDecoder decoder_;
    SessionId session_;
    Bytes password_;
    Zxid last_zxid_;  ///< highest that was heard of, told when connecting again
    std::int32_t next_xid_ = 1;
    int next_name_ = 0;
    std::int64_t value_ = 0;  ///< last one tried for the own register
    bool prepared_ = false;   ///< own register and counter exist
    std::deque<Request> in_flight_;
    std::vector<std::string> created_;
    std::set<std::string> ephemerals_;  ///< acknowledged, of this session
    std::vector<std::string> gone_;
    std::map<int, std::int64_t> seen_;     ///< highest value read of each register
    std::map<int, std::int64_t> watched_;  ///< armed watches and the value they were set at
    std::set<int> registers_to_read_;      ///< while finishing
    std::uint64_t life_ = 0;               ///< guards timers
};

}  // namespace zk::sim
