// May this node, born without a controller, form an ensemble, join one, wait, or must it refuse?
// Pure. Every node says its Word to whoever asks and asks all others; nothing is ever told to a node. What has to be
// durable before the next Word is said stands in the Decision. Rules and proof: docs/PROVISIONING.md 2.3.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/formation_word.h"
#include "base/ids.h"

namespace zk::formation {

using Ticket = agent_api::FormationTicket;
using Word = agent_api::FormationWord;

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
    /// What a person should know though it endangers nothing: nodes of one image.
    std::vector<std::string> warnings{};
};

/// REQUIRES: `own.sid` is a member; `heard` holds no Word from before this start of the agent.
/// `fresh_generation` is random and used only for a ticket that is issued now.
Decision decide(const Members& members,
                const Word& own,
                const Heard& heard,
                const std::string& fresh_generation);

/// Why a node that joined will not get the data: there is no majority that has them, however it looked when it joined.
/// Empty: it may. REQUIRES: `own.generation` is not empty.
std::string words_if_lost(const Members& members, const Word& own, const Heard& heard);

}  // namespace zk::formation
