// One turn of a client loop: what happens in which order, for whoever drives it (net/client_loop, and the simulator).
// Pure: what sockets and the core bring and the time go in; bytes, orders to sockets and requests to the core come out.
// Lives on its client loop. Not thread-safe.
//
// The tree belongs to the core, and is read only inside of calls. The second and the third of its rules (core/turn.h) are
// here: what the core has said is heard, events before answers as it said them, before anything is read; and a watch is
// entered by the read that sets it.
//
// The driver gathers: after a call, or after many, it takes what is to be done (requests, words, sockets), once each. So
// all answers of a turn leave in one write per connection.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/time.h"
#include "frontend/frontend.h"
#include "request/outcome.h"
#include "request/request.h"
#include "tree/data_tree.h"

namespace zk::frontend {

class Turn {
  public:
    /// `tree` is the core's. Begins not serving.
    Turn(Settings settings, const tree::DataTree& tree, Log log);

    // ---- the core

    /// The mailbox: what the core has said in a turn; the messages are moved out. Not heard yet.
    /// `tree`: the core has another tree since then; null: the same.
    void post(const tree::DataTree* tree, std::span<request::ToFrontend> messages);
    void post(request::ToFrontend message) { mailbox_.push_back(std::move(message)); }
    /// Hears what is in the mailbox, and lets reads run that waited for it.
    void hear(Instant now);
    [[nodiscard]] bool has_mail() const { return next_tree_ != nullptr || !mailbox_.empty(); }

    // ---- sockets

    /// Every opened() is followed by exactly one closed(), whoever ended the connection.
    void opened(ConnectionId id, Peer peer, Instant now);
    void received(ConnectionId id, ByteView bytes, Instant now);
    /// What was taken for this connection has been written.
    void written(ConnectionId id, Instant now);
    void closed(ConnectionId id, Instant now);
    /// Wanted about once a second, when everything that lies in the sockets has been heard.
    void tick(Instant now);

    /// Some of the clients' requests have cost so much that others come first: resume() is wanted, in a turn of its own.
    [[nodiscard]] bool has_more() const { return frontend_.has_more(); }
    void resume(Instant now);

    // ---- what is to be done

    /// For the core; empties what is given out.
    [[nodiscard]] std::vector<request::ToCore>& requests() { return out_.to_core; }
    /// A four-letter word that waits for answer_word().
    [[nodiscard]] std::optional<FourLetterAsked> next_word();
    void answer_word(ConnectionId id, std::string_view text, Instant now);
    /// A connection with something to write or to be told: take() it. One whose last write has not finished is not given
    /// out again before, unless it must close at once.
    [[nodiscard]] std::optional<ConnectionId> next_socket();
    /// The bytes to write next (`bytes` must be empty) and the orders. While they are not written() there is nothing new.
    Orders take(ConnectionId id, Bytes& bytes) { return frontend_.take(id, bytes); }

    [[nodiscard]] const Frontend& frontend() const { return frontend_; }
    void reset_statistics() { frontend_.reset_statistics(); }
    void reset_connection_statistics() { frontend_.reset_connection_statistics(); }

  private:
    Frontend frontend_;
    Out out_;
    std::vector<request::ToFrontend> mailbox_;
    const tree::DataTree* next_tree_ = nullptr;
    std::vector<ConnectionId> sockets_;
    std::size_t given_ = 0;  ///< of sockets_
};

/// Into the mailboxes of all loops of a server, which stand in the order of their numbers: an answer goes to the loop that
/// asked, all else to everybody. The messages are moved out.
void publish(std::span<Turn* const> loops,
             const tree::DataTree* tree,
             std::span<request::ToFrontend> messages);

}  // namespace zk::frontend
