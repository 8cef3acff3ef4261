// JSON in the layout of Apache's admin server: objects a member a line, two blanks deeper each, " : " between name and
// value, arrays in one line. Pure. Source: Jackson's DefaultPrettyPrinter, as JsonOutputter uses it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zk::admin {

/// One value, written from front to back. REQUIRES: in an object each value comes behind its name.
class Json {
  public:
    Json& open_object();
    Json& close_object();
    Json& open_array();
    Json& close_array();
    Json& name(std::string_view name);

    Json& text(std::string_view value);
    Json& number(std::int64_t value);
    Json& flag(bool value);
    /// A number as it is to be written, or null.
    Json& raw(std::string_view value);

    Json& text(std::string_view own_name, std::string_view value) {
        return name(own_name).text(value);
    }
    Json& number(std::string_view own_name, std::int64_t value) {
        return name(own_name).number(value);
    }
    Json& flag(std::string_view own_name, bool value) { return name(own_name).flag(value); }
    Json& raw(std::string_view own_name, std::string_view value) {
        return name(own_name).raw(value);
    }

    /// REQUIRES: everything is closed.
    [[nodiscard]] std::string take();

  private:
    struct Level {
        bool object = false;
        std::size_t members = 0;
    };
    void begin_value();
    void new_line();

    std::string text_;
    std::vector<Level> levels_;
    std::size_t depth_ = 0;  ///< objects that are open
    bool named_ = false;     ///< the next value has its name
};

}  // namespace zk::admin
