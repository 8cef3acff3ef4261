#include "cli/json.h"

#include "base/base64.h"
#include "cli/acl_text.h"

namespace zk::cli {
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
    JsonObject object;
    return add_counters(object, stat)
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
