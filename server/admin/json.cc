#include "admin/json.h"

#include "base/check.h"
#include "base/json_text.h"

namespace zk::admin {

void Json::new_line() { text_.append("\n").append(2 * depth_, ' '); }

void Json::begin_value() {
    if (levels_.empty() || named_) {
        named_ = false;
        return;
    }
    Level& level = levels_.back();
    ZK_ASSERT(!level.object);
    text_ += level.members++ == 0 ? " " : ", ";
}

Json& Json::open_object() {
    begin_value();
    text_ += '{';
    levels_.push_back({.object = true});
    ++depth_;
    return *this;
}

Json& Json::close_object() {
    ZK_ASSERT(!levels_.empty() && levels_.back().object && !named_);
    --depth_;
    if (levels_.back().members > 0) {
        new_line();
    } else {
        text_ += ' ';
    }
    text_ += '}';
    levels_.pop_back();
    return *this;
}

Json& Json::open_array() {
    begin_value();
    text_ += '[';
    levels_.push_back({});
    return *this;
}

Json& Json::close_array() {
    ZK_ASSERT(!levels_.empty() && !levels_.back().object);
    text_ += " ]";
    levels_.pop_back();
    return *this;
}

Json& Json::name(std::string_view name) {
    ZK_ASSERT(!levels_.empty() && levels_.back().object && !named_);
    if (levels_.back().members++ > 0) text_ += ',';
    new_line();
    text_.append(json_string(name)).append(" : ");
    named_ = true;
    return *this;
}

Json& Json::text(std::string_view value) { return raw(json_string(value)); }
Json& Json::number(std::int64_t value) { return raw(std::to_string(value)); }
Json& Json::flag(bool value) { return raw(value ? "true" : "false"); }

Json& Json::raw(std::string_view value) {
    begin_value();
    text_ += value;
    return *this;
}

std::string Json::take() {
    ZK_ASSERT(levels_.empty());
    return std::move(text_);
}

}  // namespace zk::admin
