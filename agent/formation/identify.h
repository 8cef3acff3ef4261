// Which server of the inventory is this host, born without a controller?
// Pure. By its own addresses, or by the id that somebody gave it; then whatever this host remembers of itself must agree.
// Never guessed: exactly one answer, or a refusal with the reason and the way out. Rules: docs/PROVISIONING.md 2.4.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace zk::formation {

/// An address of one of this host's interfaces, as inet_ntop writes it.
struct OwnAddress {
    std::string address;
    std::string interface;
    bool loopback = false;
    bool link_local = false;
    bool secondary = false;  ///< a further one, or a virtual one that may move to another host
    bool bridge = false;     ///< of a bridge for containers, which is alike on many hosts
};

/// What the inventory says. Names are looked up by the caller; addresses are spelt as inet_ntop does.
struct Listed {
    std::string cluster;
    std::map<ServerId, std::vector<std::string>> addresses;
};

struct Host {
    std::vector<OwnAddress> addresses;
    std::string machine;          ///< hash of the machine-id; empty: it has none
    std::optional<ServerId> sid;  ///< given by hand, for hosts behind NAT and for containers
};

/// What something on this host says about whose it is. Left empty: it does not say.
struct Claim {
    std::string
        where;  ///< for people: "the record in /var/lib/zkprov", "the data in /var/lib/zookeeper"
    std::string cluster;
    std::optional<ServerId> sid;
    std::string generation;
    std::string machine;
};

struct Identified {
    std::optional<ServerId> sid;
    std::string words;        ///< why, or why not and the way out
    bool may_change = false;  ///< no sid yet, but an address may still come: look again
};

Identified identify(const Listed& listed, const Host& host, const std::vector<Claim>& claims);

}  // namespace zk::formation
