#include "cli/acl_text.h"

#include <array>

namespace zk::cli {
namespace {

constexpr std::array<std::pair<char, std::int32_t>, 5> kLetters = {{{'c', perms::kCreate},
                                                                    {'d', perms::kDelete},
                                                                    {'r', perms::kRead},
                                                                    {'w', perms::kWrite},
                                                                    {'a', perms::kAdmin}}};

Result<jute::Acl> read_entry(std::string_view entry) {
    const auto first = entry.find(':');
    const auto last = entry.rfind(':');
    if (first == std::string_view::npos || first == last) {
        return Error(Errc::invalid, std::string(entry) + " does not have the form scheme:id:perm");
    }
    jute::Acl acl;
    acl.id.scheme = entry.substr(0, first);
    acl.id.id = entry.substr(first + 1, last - first - 1);
    for (const char letter : entry.substr(last + 1)) {
        std::int32_t bit = 0;
        for (const auto& [known, value] : kLetters) {
            if (known == letter) bit = value;
        }
        if (bit == 0) {
            return Error(Errc::invalid,
                         std::string("Unknown perm type: ") + letter + " in " + std::string(entry) +
                             " (letters of cdrwa)");
        }
        acl.perms |= bit;
    }
    return acl;
}

}  // namespace

Result<jute::AclList> read_acl(std::string_view text) {
    jute::AclList list;
    for (;;) {
        const auto comma = text.find(',');
        ZK_TRY(auto entry, read_entry(text.substr(0, comma)));
        list.push_back(std::move(entry));
        if (comma == std::string_view::npos) return list;
        text = text.substr(comma + 1);
    }
}

std::string perms_text(std::int32_t perms) {
    std::string text;
    for (const auto& [letter, bit] : kLetters) {
        if ((perms & bit) != 0) text += letter;
    }
    return text;
}

}  // namespace zk::cli
