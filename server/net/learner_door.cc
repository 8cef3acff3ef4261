#include "net/learner_door.h"

namespace zk::net {

template <class Predicate>
std::optional<zab::LinkId> LearnerDoor::oldest(Predicate wanted, std::size_t& count) const {
    std::optional<zab::LinkId> first;
    count = 0;
    for (const auto& [id, link] : links_) {
        if (!wanted(link)) continue;
        if (!first) first = id;
        ++count;
    }
    return first;
}

LearnerDoor::Admission LearnerDoor::admit(zab::LinkId id,
                                          const std::string& address,
                                          bool of_member,
                                          Instant now) {
    Admission admission;
    const auto make_room = [&](std::optional<zab::LinkId> link) {
        if (!link) return false;
        admission.close.push_back(*link);
        links_.erase(*link);
        return true;
    };
    const auto stranger = [](const Link& link) { return !link.has_name; };
    const auto foreign = [&](const Link& link) { return stranger(link) && !link.of_member; };
    const auto of_address = [&](const Link& link) {
        return stranger(link) && link.address == address;
    };
    std::size_t count = 0;
    if (const auto first = oldest(of_address, count); count >= limits_.strangers_per_address_max) {
        make_room(first);
    }
    const auto first_stranger = oldest(stranger, count);
    const bool strangers_full = count >= limits_.strangers_max;
    if (strangers_full || links_.size() >= limits_.links_max) {
        const auto first_foreign = oldest(foreign, count);
        // Without a stranger that could go, the place of a nameless one is not worth a learner's.
        if (!make_room(first_foreign ? first_foreign : first_stranger)) return admission;
    }
    links_[id] = {address, of_member, false, now};
    admission.admitted = true;
    return admission;
}

bool LearnerDoor::named(zab::LinkId id) {
    const auto found = links_.find(id);
    if (found == links_.end()) return false;
    if (found->second.has_name) return true;
    if (!found->second.of_member) {
        std::size_t count = 0;
        (void)oldest([](const Link& link) { return link.has_name && !link.of_member; }, count);
        if (count >= limits_.foreign_max) return false;
    }
    found->second.has_name = true;
    return true;
}

void LearnerDoor::gone(zab::LinkId id) { links_.erase(id); }

std::vector<zab::LinkId> LearnerDoor::overdue(Instant now) const {
    std::vector<zab::LinkId> ids;
    for (const auto& [id, link] : links_) {
        if (!link.has_name && now - link.since >= limits_.name_within) ids.push_back(id);
    }
    return ids;
}

}  // namespace zk::net
