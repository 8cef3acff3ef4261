// One client connection as the frontend remembers it.
// Pure values; only Frontend changes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "frontend/frontend.h"
#include "frontend/session_gate.h"
#include "jute/frame.h"
#include "jute/protocol.h"
#include "tree/acl.h"

namespace zk::frontend {

/// Bytes that wait to be taken beyond which a connection's requests wait too: about one large
/// reply.
inline constexpr std::size_t kOutputHigh = 1 << 20;
/// Watch events cannot wait. A client that leaves this many bytes of them unread is cut off; it
/// reconnects and catches up with setWatches.
inline constexpr std::size_t kEventBytesMax = 16 << 20;
/// Reads whose turn has come are answered though the client takes nothing, when a write behind them is under way. Their
/// answers have been reckoned with; a client that leaves this many bytes all the same is cut off.
inline constexpr std::size_t kAnswersMax = 16 << 20;
/// What one connection's requests may cost in a turn: entries of ACLs that were looked at, and for each request one more.
/// About two milliseconds; a list may have tens of thousands of entries.
inline constexpr std::size_t kEffortMax = 20'000;
/// Requests of one connection that may be under way or parked before its socket is not read any
/// more.
inline constexpr std::size_t kParkedMax = 1000;
/// Bytes of identities that one connection may prove: about a thousand ordinary ones.
/// Every write carries a copy of them to the leader.
inline constexpr std::size_t kIdentityBytesMax = 64 << 10;
/// A connection that is closing and whose client does not read ends after this; and one whose session's timeout has passed
/// for so long without a word.
inline constexpr Duration kLingerMax = std::chrono::seconds(10);
/// While others wait for room: how long a client may hold some without sending the rest of its
/// request, or without taking answers.
inline constexpr Duration kStalledMax = std::chrono::seconds(10);
/// A connection that says nothing and is told nothing for so long gives its buffers back: most clients only ping most of
/// the time, and one that once was told a megabyte may never be again.
inline constexpr Duration kRestsAfter = std::chrono::seconds(2);
/// Requests of a connection that has gone count until they are answered, but not longer than this.
inline constexpr Duration kOrphanMax = std::chrono::seconds(60);
/// A gap between two calls that is taken for a stop of this process: two periods of on_tick.
inline constexpr Duration kFrontendGapMax = std::chrono::seconds(2);

class Connection {
  public:
    enum class State {
        fresh,     ///< fewer than four bytes so far: word or handshake?
        asked,     ///< a four-letter word waits for its answer
        greeting,  ///< four bytes of a handshake and maybe more
        joining,   ///< the core was asked for a session
        open,      ///< has a session
        ending,    ///< answers what was asked before, reads nothing more (closeSession, or an error
                   ///< that closes)
        closing,   ///< only bytes to flush are left, and maybe not even these
    };

    Connection(ConnectionId own_id, Peer own_peer, std::int32_t frame_max, Instant now)
        : id(own_id),
          peer(std::move(own_peer)),
          decoder(frame_max),
          opened(now),
          heard(now),
          progress(now) {
        auth.push_back(jute::AuthId{"ip", tree::ip_id(peer.address)});
    }

    ConnectionId id;
    Peer peer;
    State state = State::fresh;
    Bytes head;  ///< the first bytes, until there are four
    jute::FrameDecoder decoder;
    // In working time.
    Instant opened;
    Instant heard;                         ///< when bytes last came
    Instant progress;                      ///< when bytes last came or were written
    std::optional<Instant> lingers_since;  ///< a tick that found it closing

    bool sent_read_only = false;  ///< the ConnectRequest had the readOnly byte
    bool asked_core = false;      ///< the core knows this connection
    SessionId session;
    std::int32_t timeout_ms = 0;
    std::vector<jute::AuthId> auth;  ///< proven identities
    std::size_t auth_bytes = 0;      ///< of `auth`, without what every connection has
    SessionGate gate;

    Bytes output;
    std::size_t event_bytes = 0;  ///< of watch events in output
    std::size_t taken = 0;        ///< bytes that the shell took and has not written yet
    Close close = Close::no;
    bool listed = false;        ///< is in Out::changed, not yet taken
    bool reading = true;        ///< what the shell was told last
    bool touched = false;       ///< TouchSession is due
    bool session_gone = false;  ///< closes when all messages are heard

    // See bounds.cc.
    bool admitted = true;             ///< the next frame may come in
    std::size_t granted = 0;          ///< bytes of the next frame, while it has been promised room
    std::uint64_t ticket = 0;         ///< its place among those who wait for room; 0: does not wait
    Instant waits_since;              ///< working time of its ticket
    std::size_t held = 0;             ///< its part of Frontend::held_
    std::size_t large_held = 0;       ///< its part of Frontend::large_held_
    std::size_t output_held = 0;      ///< its part of Frontend::output_held_
    std::size_t untaken = 0;          ///< its part of Frontend::untaken_
    Instant taken_since;              ///< working time of the write under way
    std::uint64_t answer_ticket = 0;  ///< its place among those whose answer waits; 0: does not
    Instant answer_waits_since;       ///< working time of that

    std::size_t effort = 0;  ///< since bytes came, or since resume()
    bool tired = false;      ///< effort is used up: waits for resume()
    Duration waited{};       ///< how long the frame that is looked at has, in working time
    bool late = false;       ///< and that is too long

    Activity activity;
    Instant established;  ///< not in working time, as the next
    Instant greeted;      ///< when its ConnectRequest came
};

/// Requests that the core still has of a connection that has gone.
struct Orphan {
    ConnectionId connection = 0;
    Instant since;  ///< working time of its end
    SessionGate gate;
};

}  // namespace zk::frontend
