#include "ssh/kexinit.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/plain_line.h"
#include "ssh/wire.h"

namespace zk::ssh {
namespace {

constexpr std::uint8_t kKexInitMessage = 20;
constexpr std::size_t kCookieBytes = 16;
constexpr std::size_t kPacketBytesMax = 35000;

// Extensions announced in the list of key exchanges.
bool is_marker(const std::string& name) {
    return name.starts_with("ext-info-") || name.starts_with("kex-strict-");
}

std::vector<std::string> split_names(ByteView list) {
    std::vector<std::string> names;
    std::istringstream words{std::string(list)};
    for (std::string name; std::getline(words, name, ',');) {
        if (!name.empty() && !is_marker(name)) names.push_back(plain_line(name));
    }
    return names;
}

// What follows the line "SSH-2.0-...", before which a host may say other lines.
std::optional<ByteView> after_banner(ByteView stream) {
    while (true) {
        const std::size_t end = stream.find('\n');
        if (end == ByteView::npos) return std::nullopt;
        const bool banner = stream.starts_with("SSH-");
        stream.remove_prefix(end + 1);
        if (banner) return stream;
    }
}

bool meet(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
    return std::ranges::find_first_of(ours, theirs) != ours.end();
}

// Whether the cipher that the two agree on brings its own MAC.
bool is_sealed(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
    const auto cipher = std::ranges::find_first_of(ours, theirs);
    return cipher != ours.end() &&
           (cipher->find("-gcm@") != std::string::npos || cipher->starts_with("chacha20-poly1305"));
}

std::string names_or_none(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        if (!text.empty()) text += ", ";
        text += name;
    }
    return text.empty() ? "none" : text;
}

}  // namespace

std::optional<KexInit> find_kexinit(ByteView stream) {
    const auto packets = after_banner(stream);
    if (!packets) return std::nullopt;
    SshReader head(*packets);
    const auto size = head.uint32();
    if (!size || *size > kPacketBytesMax || head.rest().size() < *size) return std::nullopt;
    SshReader packet(head.rest().substr(0, *size));
    const auto padding = packet.byte();
    const auto message = packet.byte();
    if (!padding || message != kKexInitMessage || packet.rest().size() < kCookieBytes) {
        return std::nullopt;
    }
    SshReader lists(packet.rest().substr(kCookieBytes));
    KexInit offer;
    for (auto* names : {&offer.key_exchange,
                        &offer.host_key,
                        &offer.cipher_to_host,
                        &offer.cipher_from_host,
                        &offer.mac_to_host,
                        &offer.mac_from_host}) {
        const auto list = lists.string();
        if (!list) return std::nullopt;
        *names = split_names(*list);
    }
    return offer;
}

std::vector<KexMismatch> kex_mismatches(const KexInit& ours, const KexInit& theirs) {
    struct Kind {
        const char* name;
        std::vector<std::string> KexInit::*names;
        std::vector<std::string> KexInit::*cipher = nullptr;  ///< of a MAC
    };
    constexpr std::array<Kind, 6> kKinds = {
        {{"key exchange", &KexInit::key_exchange},
         {"host key", &KexInit::host_key},
         {"cipher", &KexInit::cipher_to_host},
         {"cipher", &KexInit::cipher_from_host},
         {"MAC", &KexInit::mac_to_host, &KexInit::cipher_to_host},
         {"MAC", &KexInit::mac_from_host, &KexInit::cipher_from_host}}};
    std::vector<KexMismatch> mismatches;
    for (const Kind& kind : kKinds) {
        if (meet(ours.*kind.names, theirs.*kind.names)) continue;
        if (kind.cipher != nullptr && is_sealed(ours.*kind.cipher, theirs.*kind.cipher)) continue;
        if (!mismatches.empty() && mismatches.back().kind == kind.name) continue;
        mismatches.push_back({kind.name, ours.*kind.names, theirs.*kind.names});
    }
    return mismatches;
}

std::string describe(const std::vector<KexMismatch>& mismatches, const std::string& we) {
    std::string text;
    for (const KexMismatch& mismatch : mismatches) {
        if (!text.empty()) text += "; ";
        text += "no " + mismatch.kind + " fits: " + we + " offers " + names_or_none(mismatch.ours) +
                "; the host offers " + names_or_none(mismatch.theirs);
    }
    return text;
}

}  // namespace zk::ssh
