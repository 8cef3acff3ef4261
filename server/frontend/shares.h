// What one of several client loops may have of the limits that a server has.
// Pure.
#pragma once

#include <cstdint>

#include "frontend/frontend.h"

namespace zk::frontend {

/// Sets jute.maxbuffer (bytes, up to limits::kJuteMaxBufferMost) and raises what must not be below it: two of the largest
/// requests of one connection and of all together, so that one is let in while others are under way, and one node in a
/// multiRead.
void make_room(std::int32_t jute_max_buffer, Settings& settings);

/// Settings of loop `number` of so many. What is a limit on all clients together is divided; each loop lets in what the
/// whole server would let in of one client alone.
Settings share_of(const Settings& all, std::uint32_t number, std::uint32_t loops);

}  // namespace zk::frontend
