// What cloud-init is told on a node's first boot: user-data, rendered from the inventory.
// Pure. The same bytes for all nodes unless one is named: each finds out who it is. It carries no secret: the inventory goes
// as far as a node needs it, without how to log in.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "inventory/inventory.h"

namespace zk::cloud_init {

// Where the bundle (zkprov bundle) comes from.
struct InImage {
    std::string path;  ///< absolute, on the node
};
struct FromUrl {
    std::string url;     ///< http or https
    std::string sha256;  ///< of the bundle, 64 small hex digits
};
struct Embedded {
    Bytes bundle;
};
using Programs = std::variant<InImage, FromUrl, Embedded>;

struct Wanted {
    Programs programs;
    std::optional<ServerId> node;  ///< whose user-data; without: the same for all
    std::string phone_home;        ///< a URL that is told how the first boot ended; empty: none
};

/// The inventory as nodes get it: everything resolved, without `ssh`. Read again it gives the same nodes, so a node renders
/// of itself what the controller renders of it.
std::string inventory_for_nodes(const inventory::Inventory& inventory);

/// The whole text, "#cloud-config" first. Errors (Errc::invalid): transport local; a secret among the inventory's values;
/// a path, URL or checksum that is none.
Result<std::string> user_data(const inventory::Inventory& inventory, const Wanted& wanted);

}  // namespace zk::cloud_init
