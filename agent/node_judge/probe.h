// What one look at the server, its process and its files found: all that node_judge decides from.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace zk::node_judge {

/// The file myid as it lies in the data directory now. At most one of both; neither: not looked at.
struct MyIdFile {
    std::optional<ServerId> sid;
    /// Why there is no id, as the rest of a sentence that begins with its path.
    std::string failure;
};

/// A process that listens on a port of the node and is not the node's server.
struct PortHolder {
    std::uint16_t port = 0;
    std::int64_t pid = 0;  ///< 0: not known
    std::string program;
};

struct Probe {
    WallMs wall_ms;

    bool process = false;  ///< it runs
    std::int64_t pid = 0;
    std::uint64_t process_uptime_s = 0;
    std::uint64_t rss_bytes = 0;
    std::uint64_t restarts = 0;
    bool stopped_on_purpose = false;

    bool answered = false;                    ///< somebody said something on its client port
    bool serving = false;                     ///< and that was not "not currently serving requests"
    std::string failure;                      ///< when nobody did: why
    std::map<std::string, std::string> srvr;  ///< as client::parse_srvr gives it, or empty
    std::map<std::string, std::string> mntr;  ///< as client::parse_mntr gives it, or empty
    std::map<std::string, std::string> conf;  ///< as client::parse_conf gives it, or empty

    /// Whether the data directory that `conf` names is this node's; nothing: not known.
    std::optional<bool> own_data_dir;
    MyIdFile myid;
    /// On the client port, or, when nobody answers there, on any of the node's three.
    std::optional<PortHolder> stranger;

    std::optional<Epoch> current_epoch;            ///< of the file in the data directory
    std::optional<std::uint64_t> data_free_bytes;  ///< nothing: not known
    std::optional<std::uint64_t> log_free_bytes;
};

/// A decimal number, or one after "0x"; what is behind a point is left out. Nothing for other text.
std::optional<std::int64_t> number(std::string_view text);
/// The value of `name`, or empty.
std::string_view find(const std::map<std::string, std::string>& values, const std::string& name);

}  // namespace zk::node_judge
