// Digest of one znode; the tree digest is their sum modulo 2^64.
// Pure. The CRC over path and data is kept with the node, so a change of counters costs 60 bytes of
// CRC. Source: ZooKeeper DigestCalculator, AdHash (version 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "tree/node.h"

namespace zk::tree {

/// CRC of path and data. The root's path counts as empty.
std::uint32_t path_data_crc(std::string_view path, std::optional<ByteView> data);
/// The node's digest, from path_data_crc and its counters.
std::uint32_t node_digest(std::uint32_t path_data_crc, const StatPersisted& stat);

}  // namespace zk::tree
