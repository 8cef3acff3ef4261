#include "inventory/section.h"

#include <algorithm>
#include <numeric>

#include "base/nearest_name.h"
#include "base/numbers.h"

namespace zk::inventory {
namespace {

std::string join_names(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

std::string kind_name(const Value& value) {
    switch (value.kind) {
        case Value::Kind::null:
            return "nothing";
        case Value::Kind::scalar:
            return "\"" + value.scalar + "\"";
        case Value::Kind::list:
            return "a list";
        case Value::Kind::map:
            return "a mapping";
    }
    return "?";
}

Section::Section(const Value& value, std::string path, Diagnostics& diagnostics)
    : value_(value), path_(std::move(path)), diagnostics_(diagnostics) {
    if (value.kind == Value::Kind::scalar || value.kind == Value::Kind::list) {
        diagnostics_.error(
            value.mark, path_, "must be a mapping (key: value), found " + kind_name(value));
    }
}

const Value::Entry* Section::entry(std::string_view key) const {
    const auto found = std::ranges::find(value_.entries, key, &Value::Entry::key);
    return found == value_.entries.end() ? nullptr : &*found;
}

const Value* Section::find(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
    const Value::Entry* const found = entry(key);
    return found == nullptr ? nullptr : &found->value;
}

std::optional<std::string> Section::text(std::string_view key) {
    const Value* const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->kind != Value::Kind::scalar || value->scalar.empty()) {
        diagnostics_.error(value->mark, path_of(key), "must be a text, found " + kind_name(*value));
        return std::nullopt;
    }
    return value->scalar;
}

std::optional<std::int64_t> Section::number(std::string_view key,
                                            std::int64_t least,
                                            std::int64_t most) {
    const Value* const value = find(key);
    if (value == nullptr) return std::nullopt;
    const std::string range =
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    if (value->kind != Value::Kind::scalar || value->quoted || !parse_number(value->scalar)) {
        const std::string hint = value->quoted ? " (without quotes)" : "";
        diagnostics_.error(
            value->mark, path_of(key), "must be " + range + hint + ", found " + kind_name(*value));
        return std::nullopt;
    }
    const std::int64_t number = *parse_number(value->scalar);
    if (number < least || number > most) {
        diagnostics_.error(
            value->mark, path_of(key), "must be " + range + ", found " + value->scalar);
        return std::nullopt;
    }
    return number;
}

std::optional<bool> Section::flag(std::string_view key) {
    const Value* const value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->kind == Value::Kind::scalar && !value->quoted) {
        if (value->scalar == "true") return true;
        if (value->scalar == "false") return false;
    }
    diagnostics_.error(
        value->mark, path_of(key), "must be true or false, found " + kind_name(*value));
    return std::nullopt;
}

std::vector<std::string> Section::texts(std::string_view key) {
    const Value* const value = find(key);
    if (value == nullptr) return {};
    if (value->kind != Value::Kind::list) {
        const auto single = text(key);
        return single ? std::vector<std::string>{*single} : std::vector<std::string>{};
    }
    std::vector<std::string> all;
    for (const Value& item : value->items) {
        if (item.kind != Value::Kind::scalar || item.scalar.empty()) {
            diagnostics_.error(
                item.mark, path_of(key), "must be a list of texts, found " + kind_name(item));
            continue;
        }
        all.push_back(item.scalar);
    }
    return all;
}

void Section::refuse(std::string_view key, std::string_view words) {
    refused_.emplace_back(key);
    if (const Value::Entry* const found = entry(key)) {
        diagnostics_.error(
            found->key_mark, path_of(key), "not supported in this version; " + std::string(words));
    }
}

void Section::finish() {
    for (const Value::Entry& each : value_.entries) {
        if (std::ranges::find(known_, each.key) != known_.end()) continue;
        if (std::ranges::find(refused_, each.key) != refused_.end()) continue;
        const std::string meant = nearest_name(each.key, known_);
        diagnostics_.error(each.key_mark,
                           path_of(each.key),
                           meant.empty() ? "unknown key; known here: " + join_names(known_)
                                         : "unknown key; did you mean \"" + meant + "\"?");
    }
}

std::string Section::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

Mark Section::mark_of(std::string_view key) const {
    const Value::Entry* const found = entry(key);
    return found == nullptr ? value_.mark : found->value.mark;
}

}  // namespace zk::inventory
