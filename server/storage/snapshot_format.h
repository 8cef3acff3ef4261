// Constants of the snapshot format, shared by its writer and its reader. Byte table: docs/WIRE.md.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zk::storage {

inline constexpr std::int32_t kSnapshotMagic = 0x5a4b534e;  // "ZKSN"
inline constexpr std::int32_t kSnapshotVersion = 2;
inline constexpr std::int64_t kSnapshotDbid = -1;
/// Ends the nodes and follows each checksum. No node has this path: the root's is "".
inline constexpr const char* kSnapshotEnd = "/";
inline constexpr const char* kSnapshotWireSignature = "BenWasHere";
/// Version of the tree digest that this server computes; digests below 2 are text in another form.
inline constexpr std::int32_t kDigestVersion = 2;
/// Bounds a single string or buffer in a snapshot: far above any sane jute.maxbuffer, far below
/// memory.
inline constexpr std::int32_t kSnapshotStringMax = std::int32_t{256} << 20;
/// What may follow the nodes: two checksums, digest section, zxid section of 3.9.
inline constexpr std::size_t kSnapshotTailMax = 4096;

}  // namespace zk::storage
