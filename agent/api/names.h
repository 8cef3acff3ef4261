// Enumerations as words: what JSON, messages and people read.
// Pure. An enumeration of agent_api lists its words once, in enumerator order, as enum_words(E).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace zk::agent_api {

/// An enumeration whose enumerators count from 0 and which has a word for each.
template <class Enum>
concept WordedEnum = requires {
    enum_words(Enum{});
};

/// The word of an enumerator.
template <WordedEnum Enum>
constexpr std::string_view to_string(Enum value) {
    const auto words = enum_words(Enum{});
    const auto index = static_cast<std::size_t>(value);
    return index < words.size() ? words[index] : std::string_view("?");
}

/// Finds the enumerator of a word; false for an unknown one.
template <WordedEnum Enum>
constexpr bool from_word(std::string_view word, Enum& value) {
    const auto words = enum_words(Enum{});
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == word) {
            value = static_cast<Enum>(i);
            return true;
        }
    }
    return false;
}

}  // namespace zk::agent_api
