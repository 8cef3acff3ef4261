// What one of several client loops may have of the limits that a server has.
// Pure.
#pragma once

#include <cstdint>

#include "frontend/frontend.h"

namespace zk::frontend {

/// Settings of loop `number` of so many. What is a limit on all clients together is divided; each loop lets in what the
/// whole server would let in of one client alone.
Settings share_of(const Settings& all, std::uint32_t number, std::uint32_t loops);

}  // namespace zk::frontend
