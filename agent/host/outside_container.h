// A container that somebody else made, and that serves from the data of a node whose server is to run in zkprov's own
// (decisions/0015). Shell. Blocking, bounded. Any thread. Nothing is ever removed: what gives way stays there, stopped, by
// another name where zkprov's container wants its own.
#pragma once

#include <chrono>
#include <optional>

#include "agent_api/container_spec.h"
#include "agent_api/node_facts.h"
#include "base/result.h"

namespace zk::agent_host {

/// Nothing: none runs, or what runs on the data is no server that zkprov's could take the place of. Errors: the engine's.
Result<std::optional<agent_api::OutsideServer>> find_outside_container(
    const agent_api::ContainerSpec& spec,
    std::chrono::milliseconds patience = std::chrono::seconds(20));
/// So that nothing starts it again. Called once more after a crash in between it goes on.
Result<> end_outside_container(const agent_api::ContainerSpec& spec,
                               const agent_api::OutsideContainer& container);
Result<> stop_outside_container(const agent_api::ContainerSpec& spec,
                                const agent_api::OutsideContainer& container);
/// After end_outside_container(): as it was, and running, instead of the node's own.
Result<> bring_back_outside_container(const agent_api::ContainerSpec& spec,
                                      const agent_api::OutsideContainer& container);

}  // namespace zk::agent_host
