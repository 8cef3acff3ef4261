// The order of a client loop's turn. See turn.h.
#include "frontend/turn.h"

#include <iterator>
#include <utility>
#include <variant>

#include "base/check.h"

namespace zk::frontend {

Turn::Turn(Settings settings, const tree::DataTree& tree, Log log)
    : frontend_(std::move(settings), tree, std::move(log)) {}

void Turn::post(const tree::DataTree* tree, std::span<request::ToFrontend> messages) {
    if (tree != nullptr) next_tree_ = tree;
    std::move(messages.begin(), messages.end(), std::back_inserter(mailbox_));
}

void publish(std::span<Turn* const> loops,
             const tree::DataTree* tree,
             std::span<request::ToFrontend> messages) {
    if (loops.size() == 1) return loops.front()->post(tree, messages);
    for (Turn* loop : loops) loop->post(tree, {});
    for (request::ToFrontend& message : messages) {
        if (const auto* reply = std::get_if<request::Reply>(&message)) {
            ZK_ASSERT(reply->origin.loop < loops.size());
            loops[reply->origin.loop]->post(std::move(message));
        } else {
            for (Turn* loop : loops) loop->post(message);
        }
    }
}

void Turn::hear(Instant now) {
    if (next_tree_ != nullptr) frontend_.set_tree(*std::exchange(next_tree_, nullptr));
    if (mailbox_.empty()) return;
    frontend_.on_core(mailbox_, now, out_);
    mailbox_.clear();
}

void Turn::opened(ConnectionId id, Peer peer, Instant now) {
    frontend_.on_open(id, std::move(peer), now);
}

void Turn::received(ConnectionId id, ByteView bytes, Instant now) {
    hear(now);
    frontend_.on_bytes(id, bytes, now, out_);
}

void Turn::written(ConnectionId id, Instant now) {
    hear(now);
    frontend_.on_written(id, now, out_);
}

void Turn::closed(ConnectionId id, Instant now) {
    hear(now);
    frontend_.on_closed(id, out_);
}

void Turn::tick(Instant now) {
    hear(now);
    frontend_.on_tick(now, out_);
}

void Turn::resume(Instant now) {
    hear(now);
    frontend_.resume(now, out_);
}

std::optional<FourLetterAsked> Turn::next_word() {
    if (out_.four_letter.empty()) return std::nullopt;
    FourLetterAsked asked = std::move(out_.four_letter.back());
    out_.four_letter.pop_back();
    return asked;
}

void Turn::answer_word(ConnectionId id, std::string_view text, Instant now) {
    hear(now);
    frontend_.answer_four_letter(id, text, out_);
}

std::optional<ConnectionId> Turn::next_socket() {
    while (true) {
        if (given_ == sockets_.size()) {
            sockets_.clear();
            given_ = 0;
            if (out_.changed.empty()) return std::nullopt;
            sockets_.swap(out_.changed);
        }
        const ConnectionId id = sockets_[given_++];
        if (!frontend_.writing(id) || frontend_.closing(id) == Close::at_once) return id;
        frontend_.pass_over(id);
    }
}

}  // namespace zk::frontend
