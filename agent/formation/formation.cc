#include "formation/formation.h"

#include <algorithm>
#include <utility>

#include "formation/replaced.h"

namespace zk::formation {
namespace {

Decision wait(std::string words) { return {Step::wait, std::move(words), {}, {}, {}}; }
Decision refuse(std::string words) { return {Step::refuse, std::move(words), {}, {}, {}}; }
Decision sign(Ticket ticket, std::string words) {
    return {Step::sign, std::move(words), {}, std::move(ticket), {}};
}

/// "server 3 has", "servers 1, 3 have".
std::string subject_of(const std::set<ServerId>& sids, const char* one, const char* many) {
    std::string names;
    for (const ServerId sid : sids) names += (names.empty() ? "" : ", ") + to_string(sid);
    return (sids.size() == 1 ? "server " : "servers ") + names + " " +
           (sids.size() == 1 ? one : many);
}

/// What one decision looks at.
struct View {
    const Members& members;
    const Word& own;
    const Heard& heard;

    [[nodiscard]] const Word* word(ServerId sid) const {
        if (sid == own.sid) return &own;
        const auto found = heard.find(sid);
        return found == heard.end() ? nullptr : &found->second;
    }
    [[nodiscard]] ServerId issuer() const {
        const auto voter = std::ranges::find_if(members, [](const auto& m) { return m.second; });
        return voter == members.end() ? members.begin()->first : voter->first;
    }
    [[nodiscard]] bool is_quorum(const std::set<ServerId>& sids) const {
        const auto votes = [](const auto& member) { return member.second; };
        const auto inside = [&](const auto& m) { return m.second && sids.contains(m.first); };
        return std::ranges::count_if(members, inside) * 2 > std::ranges::count_if(members, votes);
    }
};

/// The members of the ticket are those of the inventory, no more and no fewer.
bool names_all(const Ticket& ticket, const Members& members) {
    const auto named = [&](const auto& member) { return ticket.nonces.contains(member.first); };
    return ticket.nonces.size() == members.size() && std::ranges::all_of(members, named);
}
Decision refuse_other_members(const Ticket& ticket) {
    return refuse("the list of members has changed while formation " + ticket.generation +
                  " was under way; whether it had begun cannot be known; a person decides");
}

bool is_member_of(const Ticket& ticket, const Word& word) {
    const auto named = ticket.nonces.find(word.sid);
    return named != ticket.nonces.end() && named->second == word.nonce;
}

/// Words that cannot be believed together: another ensemble or inventory, or two nodes of one image.
std::optional<Decision> check_words(const View& view) {
    std::map<std::string, ServerId> nonces{{view.own.nonce, view.own.sid}};
    for (const auto& [sid, word] : view.heard) {
        if (!view.members.contains(sid) || sid == view.own.sid) continue;
        const std::string who = "server " + to_string(sid);
        if (word.cluster != view.own.cluster || word.sid != sid) {
            return refuse("at the address of " + who + " answers server " + to_string(word.sid) +
                          " of " + word.cluster + "; correct the inventory or that host");
        }
        const auto [first, is_new] = nonces.try_emplace(word.nonce, sid);
        if (!is_new) {
            return refuse(who + " and server " + to_string(first->second) +
                          " were made from one image that had run; install one of them anew");
        }
        if (word.members_hash != view.own.members_hash) {
            return wait(who + " has another list of members; give all nodes one inventory");
        }
    }
    return std::nullopt;
}

std::set<ServerId> missing_in(const View& view) {
    std::set<ServerId> missing;
    for (const auto& member : view.members) {
        if (view.word(member.first) == nullptr) missing.insert(member.first);
    }
    return missing;
}

Decision refuse_lost(const std::string& generation, const std::set<ServerId>& lost) {
    return refuse("formation " + generation + " is remembered, but " +
                  subject_of(lost, "is", "are") +
                  " empty or replaced, and the others are no majority: data are lost; a person "
                  "decides");
}

/// Somebody remembers that it was made anew since: its server never starts again. One that says so is enough, for all that
/// comes of it is that an empty node waits, or calls a person.
bool was_replaced(const View& view, const Word& word) {
    return std::ranges::any_of(view.heard, [&word](const auto& heard) {
        const Word& other = heard.second;
        const auto told = other.remembers.find(word.sid);
        return other.sid != word.sid && other.generation == word.generation &&
               told != other.remembers.end() && supersedes(told->second, word.incarnation);
    });
}

/// A complete ticket of `generation` names it: it has a vote, or is about to get one.
bool is_forming(const Word& word, const std::string& generation) {
    return word.ticket && word.ticket->complete && word.ticket->generation == generation &&
           is_member_of(*word.ticket, word);
}

/// Without a majority that has the data nobody can bring a joiner up to date: neither this node nor one that joined before
/// and did not get them. Whether there is such a majority may not be known yet.
std::optional<Decision> may_be_lost(const View& view, const std::string& generation) {
    std::set<ServerId> with_vote;
    std::set<ServerId> empty;
    for (const auto& member : view.members) {
        const Word* word = view.word(member.first);
        if (word == nullptr) continue;
        const bool of_it = word->generation == generation;
        if (of_it && word->serving) return std::nullopt;
        const bool votes = (of_it && word->has_data) || is_forming(*word, generation);
        (votes && !was_replaced(view, *word) ? with_vote : empty).insert(member.first);
    }
    if (view.is_quorum(with_vote)) return std::nullopt;
    const auto missing = missing_in(view);
    if (missing.empty()) return refuse_lost(generation, empty);
    return wait("formation " + generation + " is there, but nobody serves, and " +
                subject_of(missing, "has", "have") +
                " not answered: whether a majority still has the data is not known");
}

/// Somebody remembers a formation and this node does not: it joins without a vote, if enough others have theirs.
std::optional<Decision> join_formed(const View& view) {
    std::string generation;
    std::set<ServerId> empty;
    for (const auto& member : view.members) {
        const Word* word = view.word(member.first);
        if (word == nullptr) continue;
        if (word->generation.empty() && (word->has_data || word->serving)) {
            return refuse("server " + to_string(member.first) +
                          " has data and no record whose; name its ensemble or move them away");
        }
        if (word->generation.empty()) empty.insert(member.first);
        if (word->generation.empty() || word->generation == generation) continue;
        if (!generation.empty()) {
            return refuse("two ensembles were formed from this inventory: " + generation + " and " +
                          word->generation + "; a person decides which one stays");
        }
        generation = word->generation;
    }
    if (generation.empty()) return std::nullopt;
    // Those named by a complete ticket are about to form: they are not lost.
    std::set<ServerId> lost;
    for (const ServerId sid : empty) {
        const std::optional<Ticket>& ticket = view.word(sid)->ticket;
        const bool forming =
            ticket && ticket->generation == generation && is_member_of(*ticket, *view.word(sid));
        if (!forming) lost.insert(sid);
    }
    if (view.is_quorum(lost)) {
        return refuse_lost(generation, lost);
    }
    const auto completes = [&](const auto& member) {
        const Word* word = view.word(member.first);
        return word != nullptr && word->ticket && word->ticket->complete &&
               word->ticket->generation == generation;
    };
    // Whoever countersigned has a vote: if all such joined without one, nobody would be left to elect.
    if (view.own.ticket && view.own.ticket->generation == generation &&
        std::ranges::none_of(view.members, completes)) {
        if (missing_in(view).empty()) {
            return refuse("nobody has the complete ticket of formation " + generation +
                          " any more: who had it was installed anew; a person decides");
        }
        return wait("formation " + generation +
                    " has begun; its complete ticket has not been heard");
    }
    if (auto unknown = may_be_lost(view, generation)) return unknown;
    return Decision{Step::join, "formation " + generation + " is there", generation, {}, {}};
}

/// A complete ticket that names this very state directory gives a vote from an empty disk, once.
const Ticket* complete_for(const View& view) {
    for (const auto& member : view.members) {
        const Word* word = view.word(member.first);
        if (word == nullptr || !word->ticket || !word->ticket->complete) continue;
        const Ticket& ticket = *word->ticket;
        const bool signed_here =
            view.own.ticket && view.own.ticket->generation == ticket.generation;
        if (signed_here && is_member_of(ticket, view.own)) return &ticket;
    }
    return nullptr;
}

/// Whoever has data or a record that are not of `generation`: it cannot have countersigned, or has not forgotten.
const Word* remembers_otherwise(const View& view, const std::string& generation) {
    for (const auto& member : view.members) {
        const Word* word = view.word(member.first);
        if (word == nullptr || word->generation == generation) continue;
        if (!word->generation.empty() || word->has_data || word->serving) return word;
    }
    return nullptr;
}

Decision countersign(const View& view) {
    const Word* issuer = view.word(view.issuer());
    if (!issuer->ticket) return wait("server " + to_string(issuer->sid) + " issues the ticket");
    const Ticket& ticket = *issuer->ticket;
    if (ticket.issuer_nonce != issuer->nonce || !is_member_of(ticket, view.own)) {
        return wait("server " + to_string(issuer->sid) + "'s ticket is of an earlier state");
    }
    const std::optional<Ticket>& before = view.own.ticket;
    if (before && *before == ticket) return wait("all others have to countersign");
    // One generation for each nonce, but where its issuer itself took back a ticket it had not completed.
    const bool follows =
        !before ||
        (ticket.version > before->version &&
         (ticket.generation == before->generation || ticket.issuer_nonce == before->issuer_nonce));
    if (!follows) {
        return refuse("this node has countersigned formation " + before->generation +
                      " and is asked for " + ticket.generation + "; a person decides");
    }
    return sign(ticket, "countersigns formation " + ticket.generation);
}

/// The newest ticket that anybody has; nothing when two generations are about.
struct Pending {
    const Ticket* newest = nullptr;
    bool torn = false;
    std::uint64_t version = 0;  ///< the highest of all
};
Pending pending_in(const View& view) {
    Pending pending;
    // What this issuer has begun and not completed never began: it gives way to another's.
    const Ticket* own_fresh = nullptr;
    for (const auto& member : view.members) {
        const std::optional<Ticket>& ticket = view.word(member.first)->ticket;
        if (!ticket) continue;
        pending.version = std::max(pending.version, ticket->version);
        if (ticket->issuer_nonce == view.own.nonce && ticket->replaced.empty()) {
            if (own_fresh == nullptr || ticket->version > own_fresh->version) own_fresh = &*ticket;
            continue;
        }
        if (pending.newest != nullptr && pending.newest->generation != ticket->generation) {
            pending.torn = true;
        }
        if (pending.newest == nullptr || ticket->version > pending.newest->version) {
            pending.newest = &*ticket;
        }
    }
    if (pending.newest == nullptr) pending.newest = own_fresh;
    return pending;
}

Ticket ticket_of(const View& view, std::string generation) {
    Ticket ticket;
    ticket.generation = std::move(generation);
    ticket.issuer_nonce = view.own.nonce;
    ticket.version = 1;
    for (const auto& member : view.members) {
        ticket.nonces[member.first] = view.word(member.first)->nonce;
    }
    return ticket;
}

/// The next version of a ticket. Its own issuer knows that it is not complete; whoever takes up another's has to
/// reckon that it was, and that those who were installed anew since had started.
Decision reissue(const View& view, const Ticket& before, std::uint64_t version) {
    Ticket ticket = ticket_of(view, before.generation);
    ticket.version = version;
    ticket.replaced = before.replaced;
    const bool own = before.issuer_nonce == view.own.nonce && before.replaced.empty();
    if (!own && !names_all(before, view.members)) return refuse_other_members(before);
    if (version > agent_api::kTicketVersionMax) {
        return refuse("somebody says a ticket of an impossible version; find that host");
    }
    for (const auto& [sid, nonce] : ticket.nonces) {
        const auto named = before.nonces.find(sid);
        const bool same = named != before.nonces.end() && named->second == nonce;
        if (!own && !same) ticket.replaced.insert(sid);
    }
    if (view.is_quorum(ticket.replaced)) {
        return refuse(subject_of(ticket.replaced, "was", "were") +
                      " installed anew while formation " + before.generation +
                      " was under way; whether it had begun cannot be known; a person decides");
    }
    return sign(std::move(ticket), "takes up formation " + before.generation + " again");
}

Decision issue(const View& view, const std::string& fresh_generation) {
    const Pending pending = pending_in(view);
    if (pending.torn) {
        return refuse(
            "tickets of two formations are about; which one had begun cannot be known; "
            "a person decides");
    }
    if (pending.newest == nullptr) {
        return sign(ticket_of(view, fresh_generation), "issues formation " + fresh_generation);
    }
    const Ticket& newest = *pending.newest;
    const bool current = newest.issuer_nonce == view.own.nonce && view.own.ticket == newest &&
                         ticket_of(view, newest.generation).nonces == newest.nonces;
    if (!current) return reissue(view, newest, pending.version + 1);
    std::set<ServerId> unsigned_by;
    for (const auto& member : view.members) {
        if (view.word(member.first)->ticket != newest) unsigned_by.insert(member.first);
    }
    if (!unsigned_by.empty())
        return wait(subject_of(unsigned_by, "has", "have") + " to countersign");
    Ticket complete = newest;
    complete.complete = true;
    return sign(std::move(complete), "all have countersigned");
}

/// Equal machine-ids lose nothing, for nonces tell nodes apart; but a disk that was moved between the two is not noticed.
std::vector<std::string> warnings_of(const View& view) {
    std::vector<std::string> warnings;
    std::map<std::string, ServerId> machines;
    for (const auto& member : view.members) {
        const Word* word = view.word(member.first);
        if (word == nullptr || word->machine.empty()) continue;
        const auto [first, is_new] = machines.try_emplace(word->machine, member.first);
        if (is_new) continue;
        warnings.push_back("servers " + to_string(first->second) + " and " +
                           to_string(member.first) +
                           " have one machine-id: hosts of one image; empty /etc/machine-id in the "
                           "image, and let systemd-machine-id-setup make a new one on one of them");
    }
    return warnings;
}

Decision decide_step(const View& view, const std::string& fresh_generation) {
    const Word& own = view.own;
    if (!own.generation.empty()) {
        const Opinion opinion = ask_whether_replaced(view.members, own, view.heard);
        if (!opinion.words.empty()) return refuse(opinion.words);
        return {Step::start, "this node is a part of it", {}, {}, {}};
    }
    if (own.has_data || own.serving) {
        return refuse("here are data and no record whose; name their ensemble or move them away");
    }
    if (auto stop = check_words(view)) return *std::move(stop);
    if (const Ticket* ticket = complete_for(view)) {
        if (!names_all(*ticket, view.members)) return refuse_other_members(*ticket);
        if (const Word* other = remembers_otherwise(view, ticket->generation)) {
            return refuse("all members agreed on formation " + ticket->generation +
                          ", but server " + to_string(other->sid) +
                          " has data or a record that are not of it; a person decides");
        }
        return {Step::form, "all members agreed", ticket->generation, *ticket, {}};
    }
    if (auto joins = join_formed(view)) return *std::move(joins);
    if (const auto missing = missing_in(view); !missing.empty()) {
        return wait(subject_of(missing, "has", "have") + " not answered");
    }
    return own.sid == view.issuer() ? issue(view, fresh_generation) : countersign(view);
}

}  // namespace

Decision decide(const Members& members,
                const Word& own,
                const Heard& heard,
                const std::string& fresh_generation) {
    const View view{members, own, heard};
    Decision decision = decide_step(view, fresh_generation);
    decision.warnings = warnings_of(view);
    return decision;
}

std::string words_if_lost(const Members& members, const Word& own, const Heard& heard) {
    const View view{members, own, heard};
    auto decision = may_be_lost(view, own.generation);
    const bool lost = decision && decision->step == Step::refuse;
    return lost ? std::move(decision->words) : std::string();
}

}  // namespace zk::formation
