// Elections in words. See explain.h.
#include "events/explain.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/core.h>

namespace zk::events {
namespace {

using election::Moment;
using election::Rule;
using election::Search;
using election::Vote;

/// Microseconds since 1970, by the controller's clock.
using At = std::int64_t;

struct Part {
    const NodeWord* node;
    const Search* search;
    [[nodiscard]] At at(Duration after) const {
        return search->began.value() * 1000 + (after - node->clock_ahead).count();
    }
};

/// One line of the story, before its time is written.
struct Line {
    At at;
    std::string words;
};

std::string list_of(const std::vector<ServerId>& servers) {
    std::string list;
    for (const ServerId sid : servers) list += (list.empty() ? "" : ", ") + zk::to_string(sid);
    return list;
}

std::string history_of(const Vote& vote) {
    return fmt::format("epoch {}, zxid {}", vote.peer_epoch.value(), zk::to_string(vote.zxid));
}

/// In what `vote` is better than `before`.
std::string because(Rule rule, const Vote& vote, const std::optional<Vote>& before) {
    const auto than = [&](const std::string& value) {
        return before ? " beats " + value : std::string();
    };
    switch (rule) {
        case Rule::epoch:
            return fmt::format("its epoch is later: {}{}",
                               vote.peer_epoch.value(),
                               than(before ? zk::to_string(before->peer_epoch) : ""));
        case Rule::zxid:
            return fmt::format("the epochs are equal and its history is newer: {}{}",
                               zk::to_string(vote.zxid),
                               than(before ? zk::to_string(before->zxid) : ""));
        case Rule::sid:
            return fmt::format("epoch and zxid are equal, and its id is larger: {}{}",
                               vote.leader.value(),
                               than(before ? zk::to_string(before->leader) : ""));
    }
    return "";
}

std::string cast_words(ServerId sid, const Moment& cast, const std::optional<Vote>& before) {
    const std::string votes = fmt::format(
        "{} votes for {} ({})", sid.value(), cast.vote.leader.value(), history_of(cast.vote));
    switch (cast.reason) {
        case Moment::Reason::own:
            return votes + fmt::format(", in round {}", cast.vote.round.value());
        case Moment::Reason::better:
            return votes +
                   fmt::format(", as {} told it{}",
                               cast.from.value(),
                               cast.rule ? ": " + because(*cast.rule, cast.vote, before) : "");
        case Moment::Reason::round:
            return votes + fmt::format(" anew, since {} is in round {}",
                                       cast.from.value(),
                                       cast.vote.round.value());
        case Moment::Reason::overrated:
            return votes + fmt::format(" in round {}: {} told more of it than it has",
                                       cast.vote.round.value(),
                                       cast.from.value());
    }
    return votes;
}

void tell_moments(const Part& part, std::vector<Line>& lines) {
    const ServerId sid = part.node->sid;
    std::optional<Vote> before;
    bool stood = false;
    for (const Moment& moment : part.search->moments) {
        const At at = part.at(moment.after);
        if (moment.kind == Moment::Kind::cast) {
            lines.push_back({at, cast_words(sid, moment, before)});
            before = moment.vote;
            stood = false;
        } else if (moment.kind == Moment::Kind::majority && !std::exchange(stood, true)) {
            lines.push_back({at,
                             fmt::format("{} sees a majority for {}: {}",
                                         sid.value(),
                                         moment.vote.leader.value(),
                                         list_of(moment.who))});
        } else if (moment.kind == Moment::Kind::lost) {
            stood = false;
            lines.push_back({at, fmt::format("{} sees a majority no longer", sid.value())});
        } else if (moment.kind == Moment::Kind::doubted) {
            lines.push_back({at,
                             fmt::format("{} does not believe {} ({})",
                                         sid.value(),
                                         moment.from.value(),
                                         election::to_string(moment.doubt))});
        }
    }
    if (part.search->left_out > 0) {
        lines.push_back({part.at(Duration{}),
                         fmt::format("{} has forgotten {} moments of this search",
                                     sid.value(),
                                     part.search->left_out)});
    }
}

void tell(const Part& part, std::vector<Line>& lines) {
    const Search& search = *part.search;
    const ServerId sid = part.node->sid;
    lines.push_back({part.at(Duration{}),
                     fmt::format("{} looks for a leader: {}{}",
                                 sid.value(),
                                 search.why,
                                 search.votes ? "" : " (it has no vote)")});
    tell_moments(part, lines);
    if (search.decided) {
        const bool leads = search.decided->state == election::PeerState::leading;
        lines.push_back({part.at(search.decided->after),
                         leads ? fmt::format("{} decides to lead", sid.value())
                               : fmt::format("{} decides to follow {}",
                                             sid.value(),
                                             search.decided->vote.leader.value())});
    }
    if (search.serving) {
        lines.push_back(
            {part.at(search.serving->after),
             fmt::format("{} serves in epoch {}", sid.value(), search.serving->epoch.value())});
    }
}

/// The last search of all that led to a reign: who leads it, in which epoch.
struct Outcome {
    ServerId leader;
    Epoch epoch;
};

std::optional<Outcome> last_outcome(const std::vector<NodeWord>& nodes) {
    std::optional<Outcome> last;
    for (const NodeWord& node : nodes) {
        if (!node.searches) continue;
        for (const Search& search : *node.searches) {
            if (!search.serving || !search.decided) continue;
            if (!last || search.serving->epoch > last->epoch) {
                last = Outcome{search.decided->vote.leader, search.serving->epoch};
            }
        }
    }
    return last;
}

/// Each node's search that ended in this reign: the first one, when it left and came back.
std::vector<Part> parts_of(const Outcome& outcome, const std::vector<NodeWord>& nodes) {
    std::vector<Part> parts;
    for (const NodeWord& node : nodes) {
        if (!node.searches) continue;
        const auto found =
            std::find_if(node.searches->begin(), node.searches->end(), [&](const Search& search) {
                return search.decided && search.serving && search.serving->epoch == outcome.epoch;
            });
        if (found != node.searches->end()) parts.push_back({&node, &*found});
    }
    return parts;
}

/// What the best rule says of the winner beside the others' own votes.
std::string why_it_won(const Outcome& outcome, const std::vector<Part>& parts) {
    const auto own_vote = [](const Part& part) {
        return Vote{part.node->sid, part.search->zxid, Round(), part.search->epoch};
    };
    const auto winner = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
        return part.node->sid == outcome.leader;
    });
    if (winner == parts.end()) {
        return fmt::format("Why {}: it has not told what it had, so this cannot be compared.",
                           outcome.leader.value());
    }
    std::string words = fmt::format("Why {}:", outcome.leader.value());
    bool compared = false;
    for (const Part& part : parts) {
        if (&part == &*winner || !part.search->votes) continue;
        const auto rule = election::better_by(own_vote(*winner), own_vote(part));
        words += fmt::format("{} beside {}, {}",
                             compared ? ";" : "",
                             part.node->sid.value(),
                             rule ? because(*rule, own_vote(*winner), own_vote(part))
                                  : "which has more: it was no part of the majority");
        compared = true;
    }
    return words + (compared ? "." : " nobody else has told what it had.");
}

std::string how_long(const std::vector<Part>& parts) {
    At began = parts.front().at(Duration{});
    At decided = 0;
    std::optional<At> served;
    for (const Part& part : parts) {
        began = std::min(began, part.at(Duration{}));
        if (part.search->decided->state != election::PeerState::leading) continue;
        decided = part.at(part.search->decided->after);
        served = part.at(part.search->serving->after);
    }
    if (!served) return "How long it took is known to the leader, which has not told.";
    return fmt::format(
        "The leader was decided {} ms after the first server looked for one, and served {} ms "
        "after it.",
        (decided - began) / 1000,
        (*served - began) / 1000);
}

/// When the first of them served; the leader, where it has told.
At reign_began(const Outcome& outcome, const std::vector<Part>& parts) {
    At began = parts.front().at(parts.front().search->serving->after);
    for (const Part& part : parts) {
        const At at = part.at(part.search->serving->after);
        if (part.node->sid == outcome.leader) return at;
        began = std::min(began, at);
    }
    return began;
}

void add_story(const std::vector<Part>& parts, std::vector<std::string>& told) {
    std::vector<Line> lines;
    for (const Part& part : parts) tell(part, lines);
    std::stable_sort(
        lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.at < b.at; });
    for (const Line& line : lines) {
        told.push_back(fmt::format("  {:+8.1f} ms  {}",
                                   static_cast<double>(line.at - lines.front().at) / 1000,
                                   line.words));
    }
}

/// Whose votes are known from an agent's disk.
void add_keepers(const std::vector<Part>& parts, std::vector<std::string>& told) {
    for (const Part& part : parts) {
        const auto place = static_cast<std::size_t>(part.search - part.node->searches->data());
        if (place >= part.node->kept) continue;
        told.push_back(fmt::format(
            "What {} says here is what its agent has kept: {}.",
            part.node->sid.value(),
            part.node->why_not.empty() ? "its server has forgotten it" : part.node->why_not));
    }
}

}  // namespace

ClockLook look_at_clock(WallMs asked, WallMs told, WallMs answered) {
    const Duration round =
        milliseconds(std::max<std::int64_t>(0, answered.value() - asked.value()));
    const Duration sent = milliseconds(asked.value());
    // Each clock is read in whole milliseconds.
    return {Duration(milliseconds(told.value())) - sent - round / 2, round / 2 + milliseconds(1)};
}

Duration correction(const ClockLook& look) {
    const bool may_be_equal = look.ahead <= look.uncertain && look.ahead >= -look.uncertain;
    return may_be_equal ? Duration{} : look.ahead;
}

std::vector<std::string> explain(const std::vector<NodeWord>& nodes) {
    const auto outcome = last_outcome(nodes);
    if (!outcome) return {};
    std::vector<Part> parts = parts_of(*outcome, nodes);
    const At reign = reign_began(*outcome, parts);
    // Who looked when there was a leader already has no part in the election.
    const auto took_part = [&](const Part& part) { return part.at(Duration{}) <= reign; };
    const auto late = std::stable_partition(parts.begin(), parts.end(), took_part);
    const std::vector<Part> latecomers(late, parts.end());
    parts.erase(late, parts.end());
    std::vector<std::string> told;
    told.push_back(fmt::format("Server {} leads in epoch {} since {}.",
                               outcome->leader.value(),
                               outcome->epoch.value(),
                               utc_text(WallMs(reign / 1000))));
    if (!parts.empty()) {
        add_story(parts, told);
        add_keepers(parts, told);
        told.push_back(why_it_won(*outcome, parts));
        told.push_back(how_long(parts));
    }
    for (const NodeWord& node : nodes) {
        const auto is_it = [&](const Part& part) { return part.node == &node; };
        if (std::any_of(parts.begin(), parts.end(), is_it)) continue;
        const auto joined = std::find_if(latecomers.begin(), latecomers.end(), is_it);
        if (joined != latecomers.end()) {
            told.push_back(fmt::format("{} came when there was a leader already, at {}: {}.",
                                       node.sid.value(),
                                       utc_text(WallMs(joined->at(Duration{}) / 1000)),
                                       joined->search->why));
            continue;
        }
        told.push_back(fmt::format(
            "{} is missing here: {}.",
            node.sid.value(),
            node.why_not.empty() ? "it remembers no part in this election" : node.why_not));
    }
    return told;
}

}  // namespace zk::events
