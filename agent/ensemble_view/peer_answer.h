// What a peer's agent says of its node at /v1/status, read as the word of a stranger.
// Pure. Whoever listens at that address may say anything: what comes out of here is bounded, and safe to reckon with.
#pragma once

#include <cstddef>
#include <string_view>

#include "agent_api/node_health.h"
#include "base/result.h"

namespace zk::ensemble_view {

/// A node's page is some kilobytes: 64 changes of role, its reasons, its members.
inline constexpr std::size_t kPeerAnswerBytesMax = 64UL * 1024;

/// The node's health, with the age that it has by itself. Errc::corrupt for other JSON and for words
/// that this version does not know.
Result<agent_api::NodeHealth> read_peer_answer(std::string_view body);

/// Cuts texts, lists and numbers to what a page can show.
void bound(agent_api::NodeHealth& health);

}  // namespace zk::ensemble_view
