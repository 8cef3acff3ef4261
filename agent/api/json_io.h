// Values to JSON and back, by the list of fields each type has. Private to agent_api: others see
// to_json() and parse_payload() only. The controller makes the JSON that people read (reports) by itself.
// Reading is tolerant to what a newer or older program says: unknown members are ignored, missing ones keep their
// default; a member of the wrong type is an error that names it.
#pragma once

#include <charconv>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "agent_api/names.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::agent_api {

namespace json = boost::json;

class JsonWriter {
  public:
    explicit JsonWriter(json::object& out) : out_(out) {}
    template <class T>
    void operator()(std::string_view name, const T& field) {
        if constexpr (requires { field.has_value(); }) {
            if (field) out_[name] = value_of(*field);
        } else {
            out_[name] = value_of(field);
        }
    }

    static json::value value_of(bool value) { return value; }
    static json::value value_of(const std::string& text) { return json::string(text); }
    template <std::signed_integral Int>
    static json::value value_of(Int number) {
        return static_cast<std::int64_t>(number);
    }
    template <std::unsigned_integral Int>
    static json::value value_of(Int number) {
        return static_cast<std::uint64_t>(number);
    }
    static json::value value_of(Zxid zxid) { return zxid.value(); }
    template <class Tag, class Rep>
    static json::value value_of(Id<Tag, Rep> id) {
        return id.value();
    }
    template <WordedEnum Enum>
    static json::value value_of(Enum value) {
        return json::string(to_string(value));
    }
    template <class T>
    static json::value value_of(const std::vector<T>& items) {
        json::array array;
        array.reserve(items.size());
        for (const T& item : items) array.push_back(value_of(item));
        return array;
    }
    template <class T>
    static json::value value_of(const std::set<T>& items) {
        json::array array;
        array.reserve(items.size());
        for (const T& item : items) array.push_back(value_of(item));
        return array;
    }
    /// An object with the ids as names: {"1":…,"2":…}.
    template <class Tag, class Rep, class T>
    static json::value value_of(const std::map<Id<Tag, Rep>, T>& items) {
        json::object object;
        for (const auto& [id, item] : items) object[std::to_string(id.value())] = value_of(item);
        return object;
    }
    template <class Record>
    requires requires(JsonWriter& a, const Record& r) { Record::fields(a, r); }
    static json::value value_of(const Record& record) {
        json::object object;
        JsonWriter writer(object);
        Record::fields(writer, record);
        return object;
    }

  private:
    json::object& out_;
};

/// Remembers the first member that does not fit.
class JsonReader {
  public:
    JsonReader(const json::object& in, std::string& wrong) : in_(in), wrong_(wrong) {}
    template <class T>
    void operator()(std::string_view name, T& field) {
        const json::value* value = in_.if_contains(name);
        if (value == nullptr || value->is_null() || !wrong_.empty()) return;
        if (read(*value, field, wrong_)) return;
        const std::string place(name);
        wrong_ = wrong_.empty() ? place : place + "." + wrong_;
    }

    static bool read(const json::value& value, bool& field, std::string&) {
        if (!value.is_bool()) return false;
        field = value.get_bool();
        return true;
    }
    static bool read(const json::value& value, std::string& field, std::string&) {
        if (!value.is_string()) return false;
        field.assign(value.get_string().data(), value.get_string().size());
        return true;
    }
    template <std::integral Int>
    static bool read(const json::value& value, Int& field, std::string&) {
        if (value.is_int64() && std::in_range<Int>(value.get_int64())) {
            field = static_cast<Int>(value.get_int64());
            return true;
        }
        if (value.is_uint64() && std::in_range<Int>(value.get_uint64())) {
            field = static_cast<Int>(value.get_uint64());
            return true;
        }
        return false;
    }
    static bool read(const json::value& value, Zxid& field, std::string& wrong) {
        std::int64_t number = 0;
        if (!read(value, number, wrong)) return false;
        field = Zxid(number);
        return true;
    }
    template <class Tag, class Rep>
    static bool read(const json::value& value, Id<Tag, Rep>& field, std::string& wrong) {
        Rep number = 0;
        if (!read(value, number, wrong)) return false;
        field = Id<Tag, Rep>(number);
        return true;
    }
    template <WordedEnum Enum>
    static bool read(const json::value& value, Enum& field, std::string&) {
        return value.is_string() && from_word(std::string_view(value.get_string()), field);
    }
    template <class T>
    static bool read(const json::value& value, std::optional<T>& field, std::string& wrong) {
        T inner{};
        if (!read(value, inner, wrong)) return false;
        field = std::move(inner);
        return true;
    }
    template <class T>
    static bool read(const json::value& value, std::vector<T>& field, std::string& wrong) {
        if (!value.is_array()) return false;
        field.clear();
        for (const json::value& item : value.get_array()) {
            T inner{};
            if (!read(item, inner, wrong)) return false;
            field.push_back(std::move(inner));
        }
        return true;
    }
    /// An item that stands there twice is wrong.
    template <class T>
    static bool read(const json::value& value, std::set<T>& field, std::string& wrong) {
        if (!value.is_array()) return false;
        field.clear();
        for (const json::value& item : value.get_array()) {
            T inner{};
            if (!read(item, inner, wrong)) return false;
            if (!field.insert(std::move(inner)).second) return false;
        }
        return true;
    }
    /// Ids in their one spelling only: "01" is none.
    template <class Tag, class Rep, class T>
    static bool read(const json::value& value,
                     std::map<Id<Tag, Rep>, T>& field,
                     std::string& wrong) {
        if (!value.is_object()) return false;
        field.clear();
        for (const auto& member : value.get_object()) {
            const json::string_view key = member.key();
            Rep number = 0;
            const auto end = std::from_chars(key.data(), key.data() + key.size(), number);
            if (end.ec != std::errc() || std::to_string(number) != key) return false;
            if (!read(member.value(), field[Id<Tag, Rep>(number)], wrong)) return false;
        }
        return true;
    }
    template <class Record>
    requires requires(JsonReader& a, Record& r) { Record::fields(a, r); }
    static bool read(const json::value& value, Record& field, std::string& wrong) {
        if (!value.is_object()) return false;
        JsonReader reader(value.get_object(), wrong);
        Record::fields(reader, field);
        return wrong.empty();
    }

  private:
    const json::object& in_;
    std::string& wrong_;
};

template <class T>
std::string write_json(const T& value) {
    return json::serialize(JsonWriter::value_of(value));
}

template <class T>
Result<T> read_json(std::string_view text, std::string_view what) {
    boost::system::error_code code;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), code);
    if (code) return Error(Errc::corrupt, std::string(what) + " is not JSON: " + code.message());
    T result{};
    std::string wrong;
    if (!JsonReader::read(value, result, wrong)) {
        return Error(Errc::corrupt,
                     std::string(what) + ": wrong value" + (wrong.empty() ? "" : " of " + wrong));
    }
    return result;
}

}  // namespace zk::agent_api
