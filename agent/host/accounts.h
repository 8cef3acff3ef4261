// Users and groups by the files /etc/passwd and /etc/group: a static program has no name service
// switch. Shell. Read afresh by each call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace zk::agent_host {

std::optional<std::uint32_t> user_id(const std::string& name);
std::optional<std::uint32_t> group_id(const std::string& name);
/// "user:group" by name, or by number where a number has no name.
std::string owner_name(std::uint32_t uid, std::uint32_t gid);

/// What an agent made for the server: of both only what was not there.
struct MadeAccount {
    std::string user;
    std::uint32_t uid = 0;  ///< of the user
    std::string group;
};

struct Owner {
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
};
/// "user", "user:group", the same in numbers, or "" (nothing). Errc::not_found for unknown names.
Result<Owner> resolve_owner(const std::string& owner);

}  // namespace zk::agent_host
