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

/// "zk1" -> {"zk1"}; "192.168.6.[137-139]" -> three addresses; "zk[01-03].lan" keeps the leading
/// zeros. At most one bracket. Does not check the addresses themselves: see check_address.
Result<std::vector<std::string>> expand_hosts(std::string_view text);

/// Whether `text` is an IPv4 address or a host name that zoo.cfg can hold; the error says what is
/// wrong. Errors: IPv6 (unsupported in this version), numbers beyond 255, characters no host name
/// has.
Result<> check_address(std::string_view text);

/// True for 127.0.0.0/8 and "localhost".
bool is_loopback(std::string_view address);

}  // namespace zk::inventory
