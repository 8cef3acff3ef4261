// Paths of znodes: which are legal, and their parts. A node knows its name only; paths are made
// from names. Pure. Source: ZooKeeper PathUtils.validatePath, PrepRequestProcessor (sequence
// suffix).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zk::tree {

/// True for a path a node may have: starts with "/", no empty, "." or ".." component, no "/" at the
/// end (except "/"), valid UTF-8, and none of the code points ZooKeeper refuses (controls, private
/// use, surrogates, U+FFF0 and above).
bool validate_path(std::string_view path);

/// Text before the last "/": "/a" for "/a/b", "" (an alias of the root) for "/a" and for "/".
/// REQUIRES: there is a "/".
std::string_view parent_of(std::string_view path);
/// Text after the last "/".
std::string_view name_of(std::string_view path);
/// The namespace of metrics and quotas: "a" for "/a/b", "" for the root.
std::string_view namespace_of(std::string_view path);
/// What clients call the parent: like parent_of, but "/" for the root.
std::string_view event_parent_of(std::string_view path);

/// Ten digits (or a sign and digits) that a sequential create appends.
std::string sequence_suffix(std::int32_t raw_cversion);

/// The nodes every tree has. They cannot be deleted.
inline constexpr std::string_view kRootPath = "/";
inline constexpr std::string_view kSystemPath = "/zookeeper";
inline constexpr std::string_view kQuotaPath = "/zookeeper/quota";
inline constexpr std::string_view kConfigPath = "/zookeeper/config";
bool is_built_in(std::string_view path);
/// True for paths below /zookeeper/, which the tree digest leaves out.
bool is_outside_digest(std::string_view path);

}  // namespace zk::tree
