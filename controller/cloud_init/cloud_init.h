// What cloud-init is told on a node's first boot: user-data, rendered from the inventory.
// Pure. The same bytes for all nodes unless one is named: each finds out who it is. It carries no secret: the inventory goes
// as far as a node needs it, without how to log in. What the files do on the host: packaging/first-boot.sh.in and
// systemd/zkprov-join.service.in; how to use it: docs/OPERATIONS.md, "Unattended: cloud-init".
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "inventory/inventory.h"

namespace zk::cloud_init {

// Where the bundle (zkprov bundle) comes from.
struct InImage {
    std::string path;         ///< absolute, on the node
    std::string sha256 = {};  ///< of the bundle; empty: whatever lies there
};
struct FromUrl {
    std::string url;     ///< http or https
    std::string sha256;  ///< of the bundle, 64 small hex digits
};
struct Embedded {
    Bytes bundle;
};
using Programs = std::variant<InImage, FromUrl, Embedded>;

/// Several clouds take no user-data beyond this many bytes.
inline constexpr std::size_t kEveryCloudBytesMax = 16384;

struct Wanted {
    Programs programs;
    std::optional<ServerId> node;  ///< whose user-data; without: the same for all
    std::string phone_home;        ///< a URL that is told how the first boot ended; empty: none
    /// As long cloud-init waits for the node to join, at most; joining goes on by itself.
    milliseconds wait = std::chrono::minutes(10);
};

/// The inventory as nodes get it: everything resolved, without `ssh`. Read again it gives the same nodes, so a node renders
/// of itself what the controller renders of it.
std::string inventory_for_nodes(const inventory::Inventory& inventory);

/// The whole text, "#cloud-config" first. Errors (Errc::invalid): transport local; nodes whose agents do not reach each
/// other; a secret among the inventory's values; a path, URL or checksum that is none.
Result<std::string> user_data(const inventory::Inventory& inventory, const Wanted& wanted);

}  // namespace zk::cloud_init
