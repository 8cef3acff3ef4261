// Whether a Host header names this node.
// Pure within a shell's room: text in, answer out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zk::http {

/// True for an IP address, localhost and each of `names`, with or without a port. A browser that was lured sends the name
/// of the page that lured it, and no such page is called by an address.
bool is_own_name(std::string_view host, const std::vector<std::string>& names);

}  // namespace zk::http
