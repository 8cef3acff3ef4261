#include "plan/incarnations.h"

#include <algorithm>

namespace zk::plan {
namespace {

void note(Incarnations& newest, ServerId sid, const Incarnation& incarnation) {
    const auto [known, is_new] = newest.try_emplace(sid, incarnation);
    if (!is_new && incarnation.number > known->second.number) known->second = incarnation;
}

std::optional<Incarnation> find(const Incarnations& incarnations, ServerId sid) {
    const auto found = incarnations.find(sid);
    return found == incarnations.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Incarnations newest_incarnations(const std::vector<NodeActual>& actuals) {
    Incarnations newest;
    // A node's own record first: of two of one number it is the one that is there.
    for (const NodeActual& actual : actuals) {
        if (!actual.identity || !actual.identity->incarnation) continue;
        note(newest, actual.id, *actual.identity->incarnation);
    }
    for (const NodeActual& actual : actuals) {
        for (const auto& [sid, incarnation] : actual.remembers) note(newest, sid, incarnation);
    }
    return newest;
}

std::optional<Incarnation> incarnation_of(const NodeActual& actual,
                                          const Incarnations& newest,
                                          const Incarnation& fresh,
                                          bool forms) {
    const auto recorded = actual.identity ? actual.identity->incarnation : std::nullopt;
    if (forms || !actual.data_empty) return recorded;
    const auto known = find(newest, actual.id);
    if (actual.being_made && !supersedes(known, recorded)) return recorded;
    Incarnation next = fresh;
    next.number = std::max(number_of(known), number_of(recorded)) + 1;
    next.number = std::min(next.number, agent_api::kIncarnationMax);
    return next;
}

std::map<ServerId, Incarnations> forgotten(const std::vector<NodeActual>& actuals,
                                           const Incarnations& newest) {
    std::map<ServerId, Incarnations> all;
    for (const NodeActual& actual : actuals) {
        for (const auto& [sid, incarnation] : newest) {
            if (sid == actual.id) continue;
            const auto known = find(actual.remembers, sid);
            if (number_of(known) < incarnation.number) all[actual.id][sid] = incarnation;
        }
    }
    return all;
}

std::string words_if_replaced(const NodeActual& actual, const std::vector<NodeActual>& actuals) {
    if (!actual.identity || (actual.data_empty && !actual.server_running)) return {};
    for (const NodeActual& other : actuals) {
        if (other.id == actual.id) continue;
        const auto told = find(other.remembers, actual.id);
        if (!supersedes(told, actual.identity->incarnation)) continue;
        return "this host was replaced: server " + to_string(actual.id) + " was made anew as " +
               words_of(told) + ", and this host is " + words_of(actual.identity->incarnation) +
               " (node " + to_string(other.id) +
               " remembers it); its server must not run. If the host is to be server " +
               to_string(actual.id) + " again: zkprov wipe " + to_string(actual.id) +
               ", then zkprov replace-node " + to_string(actual.id) +
               "; else switch it off and put the right one in its place";
    }
    return {};
}

}  // namespace zk::plan
