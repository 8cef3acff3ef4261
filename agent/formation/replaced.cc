#include "formation/replaced.h"

#include <cstddef>

namespace zk::formation {
namespace {

using agent_api::Incarnation;

/// Of the same ensemble, and from whom it should come.
bool counts(const Word& word, const Word& own, ServerId from) {
    return word.cluster == own.cluster && word.sid == from && word.generation == own.generation;
}

std::string way_out(const Word& own, const Incarnation& by) {
    const std::string sid = to_string(own.sid);
    return "server " + sid + " of " + own.cluster + " was made anew as " + words_of(by) +
           ", and this host is " + words_of(own.incarnation) +
           ": two servers with one id would vote twice. Switch this host off for good; or, if it "
           "is to be server " +
           sid + " again: zkprov wipe " + sid + ", then zkprov replace-node " + sid;
}

}  // namespace

Opinion ask_whether_replaced(const Members& members, const Word& own, const Heard& heard) {
    std::size_t others = 0;
    std::size_t answered = 0;
    std::size_t say_so = 0;
    std::optional<Incarnation> newest;
    std::string who;
    for (const auto& member : members) {
        const ServerId sid = member.first;
        if (sid != own.sid) ++others;
        const auto found = heard.find(sid);
        if (sid == own.sid || found == heard.end()) continue;
        if (!counts(found->second, own, sid)) continue;
        ++answered;
        const auto told = found->second.remembers.find(own.sid);
        if (told == found->second.remembers.end()) continue;
        if (!supersedes(told->second, own.incarnation)) continue;
        ++say_so;
        who += (who.empty() ? "" : ", ") + to_string(sid);
        if (number_of(newest) < told->second.number) newest = told->second;
    }
    if (say_so * 2 > others) {
        return {Standing::replaced, "servers " + who + " say: " + way_out(own, *newest), true};
    }
    const auto here = heard.find(own.sid);
    if (here != heard.end() && counts(here->second, own, own.sid) && here->second.serving &&
        supersedes(here->second.incarnation, own.incarnation)) {
        return {Standing::taken,
                "at its address answers another: " + way_out(own, *here->second.incarnation),
                true};
    }
    const bool settled = (say_so + others - answered) * 2 <= others;
    return {answered * 2 > others ? Standing::current : Standing::unknown, "", settled};
}

}  // namespace zk::formation
