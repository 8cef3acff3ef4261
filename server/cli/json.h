// What the shell prints with --json: for each command one line with one object, docs/ZKCLI.md. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/json_text.h"
#include "jute/client_protocol.h"

namespace zk::cli {

std::string json_list(const std::vector<std::string>& texts);

/// An object in the order of its members.
class JsonObject {
  public:
    JsonObject& text(std::string_view name, std::string_view value);
    JsonObject& number(std::string_view name, std::int64_t value);
    JsonObject& flag(std::string_view name, bool value);
    /// JSON as it is.
    JsonObject& raw(std::string_view name, std::string_view json);
    /// "data": a string, or null; where the bytes are no UTF-8 "base64" in its place.
    JsonObject& data(const jute::Buffer& bytes);
    [[nodiscard]] std::string str() const { return "{" + members_ + "}"; }

  private:
    std::string members_;
};

/// The counters of a znode that both a client and a snapshot name: zxids and session ids as text in hexadecimal ("0x1a"),
/// times in ms since 1970. `stat`: jute::Stat, tree::StatPersisted.
JsonObject& add_counters(JsonObject& object, const auto& stat) {
    return object.text("czxid", to_string(stat.czxid))
        .text("mzxid", to_string(stat.mzxid))
        .text("pzxid", to_string(stat.pzxid))
        .number("ctime", stat.ctime.value())
        .number("mtime", stat.mtime.value())
        .number("version", stat.version)
        .number("cversion", stat.cversion)
        .number("aversion", stat.aversion)
        .text("ephemeralOwner", to_hex(stat.ephemeral_owner));
}
std::string stat_json(const jute::Stat& stat);
std::string acl_json(const jute::AclList& acl);
std::string event_json(jute::EventKind kind, jute::KeeperState state, const std::string& path);

}  // namespace zk::cli
