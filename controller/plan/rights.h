// Words about what a login may do on a host.
#pragma once

#include <string_view>

namespace zk::plan {

/// For inventories with runtime: docker, to who may speak to the engine and nothing more.
inline constexpr std::string_view kDockerGroupIsNotEnough =
    "to be in the group docker is not enough: zkprov also makes directories of other owners and "
    "the "
    "agents' units; log in as root (ssh.user), or as a user with passwordless sudo";

}  // namespace zk::plan
