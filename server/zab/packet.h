// QuorumPacket: the one message form between a leader and its learners.
// Pure. On the wire: int type, long zxid, buffer data, vector<Id> auth; no outer length; absent data and auth are -1.
// Source: ZooKeeper QuorumPacket, Leader; docs/PROTOCOL.md 3.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "jute/archive.h"
#include "jute/protocol.h"

namespace zk::zab {

enum class PacketType : std::int32_t {
    request = 1,
    proposal = 2,
    ack = 3,
    commit = 4,
    ping = 5,
    revalidate = 6,
    sync = 7,
    inform = 8,
    commit_and_activate = 9,
    new_leader = 10,
    follower_info = 11,
    up_to_date = 12,
    diff = 13,
    trunc = 14,
    snap = 15,
    observer_info = 16,
    leader_info = 17,
    ack_epoch = 18,
    inform_and_activate = 19,
};
/// "PROPOSAL", ... as ZooKeeper spells them; "UNKNOWN" for other numbers.
std::string_view to_string(PacketType type);

struct Packet {
    PacketType type{};
    Zxid zxid;
    jute::Buffer data;
    std::optional<std::vector<jute::AuthId>> auth;
    friend bool operator==(const Packet&, const Packet&) = default;
};
/// "PROPOSAL zxid=0x100000001 data=37", for logs and tests.
std::string to_string(const Packet& packet);

/// Appends the packet's bytes to `out`.
void encode(const Packet& packet, Bytes& out);
Bytes encode(const Packet& packet);

/// A PROPOSAL in three pieces, so that its txn need not be copied: this header, `txn_bytes` bytes, proposal_trailer().
Bytes proposal_header(Zxid zxid, std::size_t txn_bytes);
Bytes proposal_trailer();

/// What FOLLOWERINFO and OBSERVERINFO carry.
struct LearnerInfo {
    ServerId sid;
    std::int32_t protocol_version = 0;  ///< kProtocolVersion
    /// Of the committed configuration; 0 when a 3.4 server left it out.
    std::int64_t config_version = 0;
};
/// Since 3.4; the only one in use, also in LEADERINFO.
inline constexpr std::int32_t kProtocolVersion = 0x10000;
/// Ours alone. A fifth byte in the data of LEADERINFO: this leader knows a fifth byte in the data of ACKEPOCH, by which a
/// learner shows the end of its history and wants a SNAP all the same. Java reads four bytes of both.
inline constexpr char kKnowsSnapshotFlag = 1;
inline constexpr char kSnapshotWanted = 1;
Bytes encode(const LearnerInfo& info);
/// Reads by length, as ZooKeeper does: 8 bytes sid, 12 with the version, 20 with the configuration version.
std::optional<LearnerInfo> decode_learner_info(const jute::Buffer& data);

/// Takes packets out of a byte stream, whatever its pieces.
/// After a SNAP packet a snapshot follows that is no packet: next() yields nothing more until take_rest().
class PacketDecoder {
  public:
    /// Longest auth vector of one packet, in bytes: a client may collect many identities, but not this many.
    static constexpr std::size_t kAuthBytesMax = std::size_t{4} << 20;

    void feed(ByteView bytes) { buffer_.append(bytes); }
    /// The next whole packet, nothing when more bytes are needed, or Errc::corrupt; then the stream is of no use.
    Result<std::optional<Packet>> next();
    /// Everything fed and not yet used, for whoever reads what follows a SNAP packet. The decoder is empty afterwards.
    Bytes take_rest();

  private:
    enum class Stage { header, auth_count, auth, stopped };
    /// One step of the current packet; true when it got further.
    Result<bool> advance();
    Result<bool> read_header();
    Result<bool> read_auth_count();
    Result<bool> read_auth();
    [[nodiscard]] ByteView unread() const { return ByteView(buffer_).substr(position_); }

    Bytes buffer_;
    std::size_t position_ = 0;  ///< bytes of buffer_ already read
    Stage stage_ = Stage::header;
    Packet packet_;
    std::int32_t auth_left_ = 0;
    std::size_t auth_bytes_ = 0;
    bool complete_ = false;
    bool failed_ = false;
};

}  // namespace zk::zab
