// Flavor apache: what an inventory says of Apache's own server, and what of a node is rendered in another way for it.
// Pure. Internal to this room but for ApacheSettings, which inventory.h names, and the versions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/node_spec.h"
#include "base/result.h"

namespace zk::inventory {

class Section;
class Diagnostics;
struct Inventory;
struct Node;

/// Of `server`, where it says flavor: apache.
struct ApacheSettings {
    std::string tarball;  ///< on this machine, absolute
    std::string sha512;   ///< 128 small hex digits; empty: what the file beside the tarball says
    std::string java = "/usr/bin/java";  ///< on the hosts
    std::string heap = "1000m";          ///< of -Xmx
    std::vector<std::string> jvm_flags;  ///< behind all that zkprov sets
    friend bool operator==(const ApacheSettings&, const ApacheSettings&) = default;
};

/// A release line of Apache's server: what differs between them is data.
struct ApacheLine {
    std::string_view name;        ///< "3.8"
    std::int64_t java_least = 0;  ///< the oldest Java it runs on
};
/// The line of a version ("3.8.4"), or nullptr: zkprov does not know it.
const ApacheLine* apache_line(std::string_view version);
/// "3.7, 3.8 and 3.9".
std::string known_apache_lines();

/// Where Apache's server comes from.
enum class ApacheFrom {
    tarball,  ///< a release that is installed on the hosts, and their Java
    image,    ///< the image of a container, which has all of it
};

/// Reads flavor and what belongs to it from `server`; nothing: the flavor is zkserver, or something is wrong. A relative
/// tarball is looked for in `working_dir`.
std::optional<ApacheSettings> read_apache_settings(Section& server,
                                                   const std::string& working_dir,
                                                   ApacheFrom from,
                                                   Diagnostics& diagnostics);

/// What may stand in jvm_flags: one flag, without what a unit file reads differently.
bool is_jvm_flag(std::string_view text);
/// "512m", "2g": what heap may be.
bool is_heap(std::string_view text);

/// Keys that Apache's server takes from the command line only, as its zoo.cfg gives each property another name.
bool is_property_only(std::string_view key);
/// The words that monitoring needs, of those that Apache's server has.
inline constexpr std::string_view kApacheWords = "srvr,ruok,stat,mntr,conf,isro";

/// How it logs: to stderr. Its conf directory hides the files that a release or an image has for that.
void add_apache_logging(agent_api::NodeSpec& spec);
/// What runs on the host instead of our program: unit, logging, and scripts for operators. `properties`: those of
/// is_property_only.
Result<> add_apache_files(const Inventory& inventory,
                          const std::map<std::string, std::string>& properties,
                          agent_api::NodeSpec& spec);

}  // namespace zk::inventory
