// What must be true of the hosts before the first change.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). An error ends the run with nothing changed; a warning is
// printed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inventory/inventory.h"
#include "plan/node_actual.h"

namespace zk::plan {

/// Least room for data and log: a log file alone grows in steps of 64 MiB, and a snapshot is
/// written beside the old.
inline constexpr std::uint64_t kFreeBytesLeast = 512ULL << 20;
/// Below this, work goes on with a warning.
inline constexpr std::uint64_t kFreeBytesAdvised = 2ULL << 30;
inline constexpr std::int64_t kClockOffsetAdvisedMs = 1000;

struct Finding {
    enum class Level { warning, error };
    Level level = Level::error;
    std::optional<ServerId> node;
    std::string words;  ///< what is wrong and what to do
};

/// What of a node with the other flavor's server: apply leaves it alone, migrate is there for it.
enum class OtherFlavor { refused, expected };

/// Checks every node that answered. `release_arch` is the machine type of the binaries to install.
/// `only`: the one node that is to be changed; of the others, which carry the ensemble meanwhile,
/// only what makes the change unsafe is checked: a full disk there must not keep a voter from
/// coming back.
std::vector<Finding> preflight(const inventory::Inventory& inventory,
                               const std::vector<NodeActual>& actuals,
                               const std::string& release_arch,
                               std::optional<ServerId> only = std::nullopt,
                               OtherFlavor other_flavor = OtherFlavor::refused);

}  // namespace zk::plan
