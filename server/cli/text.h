// What the shell prints, in the words and the order of Apache's zkCli.sh. Pure: whoever calls knows the time zone.
// Source: seen of Apache's 3.8.0, line by line (tests/interop/zkcli_test.py compares).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "jute/client_protocol.h"

namespace zk::cli {

/// "Sun Nov 29 19:00:07 UTC 2026"
using WhenText = std::function<std::string(WallMs)>;

/// Eleven lines.
std::string stat_text(const jute::Stat& stat, const WhenText& when);
/// "[a, b]", sorted.
std::string list_text(std::vector<std::string> names);
/// Two lines for each entry.
std::string acl_text(const jute::AclList& acl);
std::string identities_text(const std::vector<jute::ClientInfo>& identities);
/// "WATCHER::" and the event, with a blank line before each. `path` empty: "null".
std::string event_text(jute::EventKind kind, jute::KeeperState state, const std::string& path);
/// As Netty prints bytes: sixteen in a row, in a frame.
std::string hex_dump(ByteView bytes);
/// "<version> host:port,host:port": what clients connect to, from the text of the configuration.
std::string config_for_clients(std::string_view config);

/// Why an operation on `path` failed.
std::string error_text(ErrorCode error, const std::string& path);
/// "KeeperErrorCode = ConnectionLoss for /a"
std::string connection_loss_text(const std::string& path);

}  // namespace zk::cli
