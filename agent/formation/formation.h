// May this node, born without a controller, form an ensemble, join one, wait, or must it refuse?
// Pure. Every node says its Word to whoever asks and asks all others; nothing is ever told to a node. What has to be
// durable before the next Word is said stands in the Decision. Rules and proof: docs/PROVISIONING.md 2.3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"

namespace zk::formation {

/// The leave to form one generation: it names a nonce of every member, and counts once all have countersigned.
struct Ticket {
    std::string generation;
    std::string issuer_nonce;  ///< of the state directory that issued this version
    std::uint64_t version = 0;
    std::map<ServerId, std::string> nonces;
    /// Members that were installed anew since a version of this generation that may have been completed.
    std::set<ServerId> replaced;
    bool complete = false;

    friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// What a node says of itself. Made after it was asked: a hearer forgets all Words when it starts.
struct Word {
    std::string cluster;
    ServerId sid;
    std::string members_hash;
    std::string nonce;       ///< random, made once for each state directory
    std::string generation;  ///< of which it is or was a part; empty: it remembers none
    bool has_data = false;
    std::optional<Ticket> ticket;  ///< issued or countersigned

    friend bool operator==(const Word&, const Word&) = default;
};

/// Of the inventory: true for those with a vote.
using Members = std::map<ServerId, bool>;
using Heard = std::map<ServerId, Word>;

enum class Step {
    wait,  ///< look again later
    sign,  ///< make `ticket` durable, then say it: it is issued, countersigned or completed
    form,  ///< write the mark, then record `generation`, then start: in this order, and taken up again after a crash
    join,  ///< record `generation`, start without the mark
    start,   ///< there are data, or the generation is recorded: start with what is there
    refuse,  ///< a person decides
};

struct Decision {
    Step step = Step::wait;
    std::string words;
    std::string generation;        ///< form, join
    std::optional<Ticket> ticket;  ///< sign, form: recorded before or with the generation
};

/// REQUIRES: `own.sid` is a member; `heard` holds no Word from before this start of the agent.
/// `fresh_generation` is random and used only for a ticket that is issued now.
Decision decide(const Members& members,
                const Word& own,
                const Heard& heard,
                const std::string& fresh_generation);

}  // namespace zk::formation
