// The words that a client port takes instead of a ConnectRequest: those of ZooKeeper, and our own:
// `vote`, which tells of an election while there is no leader, and `elec`, which tells of the last ones.
// Pure. A word is only a word before the handshake; other bytes are the length of a frame.
// Source: ZooKeeper FourLetterCommands.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace zk::frontend {

inline constexpr std::array<std::string_view, 20> kFourLetterWords = {
    "conf", "cons", "crst", "dirs", "dump", "elec", "envi", "gtmk", "hash", "isro",
    "mntr", "ruok", "srst", "srvr", "stat", "stmk", "vote", "wchc", "wchp", "wchs"};

inline bool is_four_letter_word(std::string_view word) {
    return std::find(kFourLetterWords.begin(), kFourLetterWords.end(), word) !=
           kFourLetterWords.end();
}

/// Bytes that belong to a word and come behind it.
inline std::size_t argument_bytes(std::string_view word) { return word == "stmk" ? 8 : 0; }

}  // namespace zk::frontend
