#include "formation/identify.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace zk::formation {
namespace {

constexpr std::size_t kShown = 12;  ///< of a list; a screen has room for no more

Identified refused(std::string words) { return {std::nullopt, std::move(words), false}; }

std::string list_of(const std::vector<std::string>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size() && i < kShown; ++i) {
        text += (text.empty() ? "" : ", ") + items[i];
    }
    if (items.size() > kShown) text += " and " + std::to_string(items.size() - kShown) + " more";
    return text.empty() ? "none" : text;
}

/// Why an address says nothing about who the host is; empty: it does.
std::string_view flaw_of(const OwnAddress& own) {
    if (own.loopback) return "loopback";
    if (own.link_local) return "link-local";
    if (own.bridge) return "of a bridge for containers";
    if (own.secondary) return "secondary: it may be a virtual one that moves";
    return {};
}

std::string shown(const OwnAddress& own) {
    const std::string flaw(flaw_of(own));
    return own.address + " on " + own.interface + (flaw.empty() ? "" : " (" + flaw + ")");
}

/// The servers of the inventory whose address this host has for its own, each with that address.
std::map<ServerId, std::string> servers_here(const Listed& listed, const Host& host) {
    std::set<std::string_view> own;
    for (const OwnAddress& address : host.addresses) {
        if (flaw_of(address).empty()) own.insert(address.address);
    }
    std::map<ServerId, std::string> here;
    for (const auto& [sid, addresses] : listed.addresses) {
        for (const std::string& address : addresses) {
            if (own.contains(address)) here.try_emplace(sid, address);
        }
    }
    return here;
}

std::vector<std::string> shown(const std::map<ServerId, std::string>& servers) {
    std::vector<std::string> items;
    for (const auto& [sid, address] : servers) {
        items.push_back("server " + to_string(sid) + " (" + address + ")");
    }
    return items;
}

Identified not_found(const Listed& listed, const Host& host) {
    std::vector<std::string> own;
    for (const OwnAddress& address : host.addresses) {
        if (!address.loopback) own.push_back(shown(address));
    }
    std::map<ServerId, std::string> expected;
    for (const auto& [sid, addresses] : listed.addresses) {
        for (const std::string& address : addresses) {
            std::string& text = expected[sid];
            text += (text.empty() ? "" : " or ") + address;
        }
    }
    return {std::nullopt,
            "no address of this host stands for a server of the inventory; it has " + list_of(own) +
                ", the inventory expects " + list_of(shown(expected)) +
                "; wait for the address, correct the inventory, or say by its id which server "
                "this host is",
            true};
}

Identified by_given_id(const Listed& listed,
                       ServerId given,
                       const std::map<ServerId, std::string>& here) {
    const std::string name = "server " + to_string(given);
    if (!listed.addresses.contains(given)) {
        std::vector<std::string> known;
        for (const auto& server : listed.addresses) known.push_back(to_string(server.first));
        return refused("this host is said to be " + name + ", but the inventory has only servers " +
                       list_of(known) + "; correct the id or the inventory");
    }
    if (!here.empty() && !here.contains(given)) {
        return refused("this host is said to be " + name + ", but has the address of " +
                       list_of(shown(here)) + "; correct the id, or the inventory's addresses");
    }
    return {given, "said by hand to be " + name, false};
}

Identified by_address(const Listed& listed,
                      const Host& host,
                      const std::map<ServerId, std::string>& here) {
    if (here.empty()) return not_found(listed, host);
    if (here.size() > 1) {
        return refused("this host has the addresses of several servers: " + list_of(shown(here)) +
                       "; say by its id which one it is, or correct the inventory");
    }
    return {here.begin()->first, "has the address of " + list_of(shown(here)), false};
}

/// What `claim` says that cannot be true of server `sid` on this host; empty: nothing.
std::string contradiction(const Claim& claim,
                          const Listed& listed,
                          const Host& host,
                          ServerId sid) {
    if (!claim.cluster.empty() && claim.cluster != listed.cluster) {
        return claim.where + " belongs to the cluster " + claim.cluster + ", the inventory is of " +
               listed.cluster + "; correct the inventory, or install this host anew";
    }
    if (claim.sid && *claim.sid != sid) {
        return claim.where + " belongs to server " + to_string(*claim.sid) +
               ", but by the inventory this host is server " + to_string(sid) +
               "; put the disk back where it was, correct the inventory, or install this host anew";
    }
    if (!claim.machine.empty() && !host.machine.empty() && claim.machine != host.machine) {
        return claim.where +
               " was made on another machine (its machine-id differs): a disk that was moved, or "
               "an "
               "image of a host that had run; put the disk back, or install this host anew";
    }
    return {};
}

}  // namespace

Identified identify(const Listed& listed, const Host& host, const std::vector<Claim>& claims) {
    const auto here = servers_here(listed, host);
    Identified found =
        host.sid ? by_given_id(listed, *host.sid, here) : by_address(listed, host, here);
    if (!found.sid) return found;
    const Claim* dated = nullptr;
    for (const Claim& claim : claims) {
        if (std::string words = contradiction(claim, listed, host, *found.sid); !words.empty()) {
            return refused(std::move(words));
        }
        if (claim.generation.empty()) continue;
        if (dated != nullptr && dated->generation != claim.generation) {
            return refused(dated->where + " is of formation " + dated->generation + ", but " +
                           claim.where + " is of formation " + claim.generation +
                           "; put the right disk back, or move away what is not of this ensemble");
        }
        dated = &claim;
    }
    return found;
}

}  // namespace zk::formation
