// Short forms for many nodes: ids "1-3", hosts "192.168.6.[137-139]"; and what counts as an
// address. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace zk::inventory {

/// Most nodes an inventory may name: sids go up to 255 and an ensemble stays far below.
inline constexpr std::size_t kNodesMax = 255;

/// "7" -> {7}; "1-3" -> {1, 2, 3}. Errors: not a number or range, backwards, beyond 1..255.
Result<std::vector<ServerId>> expand_ids(std::string_view text);

/// "zk1" -> {"zk1"}; "192.168.6.[137-139]" -> three addresses; "zk[01-03].lan" keeps the leading zeros; "fd00::[137-139]";
/// "[fd00::137]" is one address. At most one range. Does not check the addresses themselves: see read_address.
Result<std::vector<std::string>> expand_hosts(std::string_view text);

/// An IPv4 or IPv6 address or a host name that zoo.cfg can hold, in the one form that all spellings of it have: names in
/// small letters without a final dot, IPv6 without brackets as RFC 5952 has it, with a zone ("fe80::1%eth0") where the
/// address is link-local. The error says what is wrong: numbers beyond 255, characters no host name has, a port.
Result<std::string> read_address(std::string_view text);

/// "[fd00::137]" for an IPv6 address, as it stands before a port; anything else as it is.
std::string before_port(const std::string& address);

/// True for 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(std::string_view address);

}  // namespace zk::inventory
