// What user-data is refused for: each refusal says why, and the way out. Pure. Internal to this room.
#pragma once

#include "base/result.h"
#include "cloud_init/cloud_init.h"
#include "inventory/inventory.h"

namespace zk::cloud_init {

/// Whether nodes can join by this inventory, and everybody may read it.
Result<> check_inventory(const inventory::Inventory& inventory, const Wanted& wanted);
/// Whether it can be written into a script that fetches or finds it.
Result<> check_programs(const Programs& programs);
/// `what` begins the words: "the bundle's URL". http or https, without a user.
Result<> check_url(std::string_view what, std::string_view url);

}  // namespace zk::cloud_init
