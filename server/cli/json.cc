#include "cli/json.h"

#include <cstdio>

#include "base/base64.h"
#include "cli/acl_text.h"

namespace zk::cli {
namespace {

/// How many bytes the character at the start of `bytes` has; 0: it is no UTF-8.
std::size_t character_size(ByteView bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    std::size_t size = 0;
    std::uint32_t value = 0;
    std::uint32_t least = 0;
    if ((first & 0xe0) == 0xc0) {
        size = 2, value = first & 0x1f, least = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
        size = 3, value = first & 0x0f, least = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
        size = 4, value = first & 0x07, least = 0x10000;
    } else {
        return 0;
    }
    if (bytes.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xc0) != 0x80) return 0;
        value = value << 6 | (at(i) & 0x3f);
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least || value > 0x10ffff || surrogate ? 0 : size;
}

}  // namespace

bool is_utf8(ByteView bytes) {
    while (!bytes.empty()) {
        const auto size = character_size(bytes);
        if (size == 0) return false;
        bytes = bytes.substr(size);
    }
    return true;
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    while (!text.empty()) {
        const auto size = character_size(text);
        const char first = text.front();
        if (size == 0) {
            json += "\xef\xbf\xbd";
        } else if (first == '"' || first == '\\') {
            json += std::string("\\") + first;
        } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(first));
            json += escaped;
        } else {
            json += text.substr(0, size);
        }
        text = text.substr(size == 0 ? 1 : size);
    }
    return json + "\"";
}

std::string json_list(const std::vector<std::string>& texts) {
    std::string json = "[";
    for (const auto& text : texts) json += (json.size() > 1 ? "," : "") + json_string(text);
    return json + "]";
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
    if (!members_.empty()) members_ += ",";
    members_ += json_string(name) + ":" + std::string(json);
    return *this;
}
JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
    return raw(name, json_string(value));
}
JsonObject& JsonObject::number(std::string_view name, std::int64_t value) {
    return raw(name, std::to_string(value));
}
JsonObject& JsonObject::flag(std::string_view name, bool value) {
    return raw(name, value ? "true" : "false");
}
JsonObject& JsonObject::data(const jute::Buffer& bytes) {
    if (!bytes) return raw("data", "null");
    return is_utf8(*bytes) ? text("data", *bytes) : text("base64", encode_base64(*bytes));
}

std::string stat_json(const jute::Stat& stat) {
    return JsonObject()
        .text("czxid", to_string(stat.czxid))
        .text("mzxid", to_string(stat.mzxid))
        .text("pzxid", to_string(stat.pzxid))
        .number("ctime", stat.ctime.value())
        .number("mtime", stat.mtime.value())
        .number("version", stat.version)
        .number("cversion", stat.cversion)
        .number("aversion", stat.aversion)
        .text("ephemeralOwner", to_hex(stat.ephemeral_owner))
        .number("dataLength", stat.data_length)
        .number("numChildren", stat.children_count)
        .str();
}

std::string acl_json(const jute::AclList& acl) {
    std::string json = "[";
    for (const auto& entry : acl) {
        if (json.size() > 1) json += ",";
        json += JsonObject()
                    .text("scheme", entry.id.scheme)
                    .text("id", entry.id.id)
                    .text("perms", perms_text(entry.perms))
                    .str();
    }
    return json + "]";
}

std::string event_json(jute::EventKind kind, jute::KeeperState state, const std::string& path) {
    JsonObject event;
    event.text("type", jute::to_string(kind)).text("state", jute::to_string(state));
    if (path.empty()) {
        event.raw("path", "null");
    } else {
        event.text("path", path);
    }
    return JsonObject().raw("event", event.str()).str();
}

}  // namespace zk::cli
