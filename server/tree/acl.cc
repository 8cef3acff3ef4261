#include "tree/acl.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/numbers.h"

namespace zk::tree {
namespace {

struct IpPattern {
    Bytes address;  ///< 4 or 16 bytes
    std::size_t bits = 0;
};

std::optional<int> parse_decimal(std::string_view text) {
    if (text.starts_with('-')) return std::nullopt;
    return parse_number<int>(text);
}

std::optional<Bytes> parse_ip_address(std::string_view text) {
    if (text.find(':') != std::string_view::npos) {
        // In hexadecimal digits only: "::ffff:10.0.0.1" is none of Apache's.
        if (text.find('.') != std::string_view::npos) return std::nullopt;
        in6_addr address{};
        if (::inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
        return Bytes(reinterpret_cast<const char*>(&address), sizeof address);
    }
    Bytes address;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('.', begin), text.size());
        const std::optional<int> part = parse_decimal(text.substr(begin, end - begin));
        if (!part || *part > 255) return std::nullopt;
        address.push_back(static_cast<char>(*part));
        begin = end + 1;
    }
    if (address.size() != 4) return std::nullopt;
    return address;
}

// "address" or "address/bits".
std::optional<IpPattern> parse_ip_pattern(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::optional<Bytes> address = parse_ip_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpPattern pattern{*address, address->size() * 8};
    if (slash == std::string_view::npos) return pattern;
    const std::optional<int> bits = parse_decimal(text.substr(slash + 1));
    if (!bits || static_cast<std::size_t>(*bits) > pattern.bits) return std::nullopt;
    pattern.bits = static_cast<std::size_t>(*bits);
    return pattern;
}

bool ip_matches(std::string_view pattern_text, std::string_view address_text) {
    const std::optional<IpPattern> pattern = parse_ip_pattern(pattern_text);
    const std::optional<Bytes> address = parse_ip_address(address_text);
    if (!pattern || !address || pattern->address.size() != address->size()) return false;
    const std::size_t whole = pattern->bits / 8;
    if (!std::equal(address->begin(),
                    address->begin() + static_cast<std::ptrdiff_t>(whole),
                    pattern->address.begin())) {
        return false;
    }
    const std::size_t rest = pattern->bits % 8;
    if (rest == 0) return true;
    const auto top = [rest](char byte) { return static_cast<unsigned char>(byte) >> (8 - rest); };
    return top((*address)[whole]) == top(pattern->address[whole]);
}

// Exactly "a:b" once trailing empty parts are dropped; a may be empty, b may not.
bool is_digest_id(std::string_view id) {
    while (!id.empty() && id.back() == ':') id.remove_suffix(1);
    return std::count(id.begin(), id.end(), ':') == 1;
}

bool is_authenticated(const jute::AuthId& id, const AccessRules& rules) {
    if (id.scheme == "digest") return rules.digest;
    return id.scheme != "ip" && id.scheme != "super" && id.scheme != "world" && id.scheme != "auth";
}

bool is_valid_id(const jute::AuthId& id, const AccessRules& rules) {
    if (id.scheme == "world") return id.id == "anyone";
    if (id.scheme == "digest") return rules.digest && is_digest_id(id.id);
    if (id.scheme == "ip") return parse_ip_pattern(id.id).has_value();
    return false;
}

const EVP_MD* digest_of(std::string_view java_name) {
    using Maker = const EVP_MD* (*)();
    static constexpr std::pair<std::string_view, Maker> kDigests[] = {
        {"SHA1", EVP_sha1},
        {"MD5", EVP_md5},
        {"SHA-224", EVP_sha224},
        {"SHA-256", EVP_sha256},
        {"SHA-384", EVP_sha384},
        {"SHA-512", EVP_sha512},
        {"SHA-512/224", EVP_sha512_224},
        {"SHA-512/256", EVP_sha512_256},
        {"SHA3-224", EVP_sha3_224},
        {"SHA3-256", EVP_sha3_256},
        {"SHA3-384", EVP_sha3_384},
        {"SHA3-512", EVP_sha3_512}};
    const auto found = std::find_if(std::begin(kDigests),
                                    std::end(kDigests),
                                    [&](const auto& each) { return each.first == java_name; });
    ZK_ASSERT(found != std::end(kDigests));  // the configuration takes no others
    return found->second();
}

/// Longest serialized list: with the rest of its request it still fits into a txn. "auth"
/// multiplies, each such entry becomes one for every id of the connection.
constexpr std::size_t kFixedBytesMax = limits::kJuteMaxBuffer;

struct ByValue {
    bool operator()(const jute::Acl* a, const jute::Acl* b) const { return *a < *b; }
};

}  // namespace

bool check_acl(const jute::AclList& list,
               std::int32_t needed,
               const std::vector<jute::AuthId>& auth,
               const AccessRules& rules) {
    if (!rules.checks || list.empty()) return true;
    for (const jute::AuthId& id : auth) {
        if (id.scheme == "super") return true;
    }
    for (const jute::Acl& entry : list) {
        if ((entry.perms & needed) == 0) continue;
        if (entry.id.scheme == "world" && entry.id.id == "anyone") return true;
        if (entry.id.scheme == "digest" && !rules.digest) continue;
        for (const jute::AuthId& id : auth) {
            if (id.scheme != entry.id.scheme) continue;
            if (id.scheme == "ip" ? ip_matches(entry.id.id, id.id) : id.id == entry.id.id)
                return true;
        }
    }
    return false;
}

bool check_acl(const AclRef& list,
               std::int32_t needed,
               const std::vector<jute::AuthId>& auth,
               const AccessRules& rules) {
    return list == nullptr || check_acl(*list, needed, auth, rules);
}

std::optional<jute::AclList> fix_up_acl(const jute::AclList& list,
                                        const std::vector<jute::AuthId>& auth,
                                        const AccessRules& rules) {
    if (list.empty()) return std::nullopt;
    jute::AclList fixed;
    std::size_t bytes = 0;
    const auto add = [&](std::int32_t perms, const jute::AuthId& id) {
        bytes += sizeof perms + 2 * sizeof(std::int32_t) + id.scheme.size() + id.id.size();
        if (bytes <= kFixedBytesMax) fixed.push_back(jute::Acl{perms, id});
    };
    std::set<const jute::Acl*, ByValue> seen;  // a frame has room for tens of thousands
    for (const jute::Acl& entry : list) {
        if (!seen.insert(&entry).second) continue;
        if (entry.id.scheme != "auth") {
            if (!is_valid_id(entry.id, rules)) return std::nullopt;
            add(entry.perms, entry.id);
            continue;
        }
        bool expanded = false;
        for (const jute::AuthId& id : auth) {
            if (!is_authenticated(id, rules)) continue;
            add(entry.perms, id);
            expanded = true;
        }
        if (!expanded || bytes > kFixedBytesMax) return std::nullopt;
    }
    // A larger jute.maxbuffer lets longer lists in; none is shortened.
    if (bytes > kFixedBytesMax) return std::nullopt;
    return fixed;
}

std::string digest_id(std::string_view user_and_password, std::string_view algorithm) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_size = 0;
    const int done = ::EVP_Digest(user_and_password.data(),
                                  user_and_password.size(),
                                  hash,
                                  &hash_size,
                                  digest_of(algorithm),
                                  nullptr);
    ZK_ASSERT(done == 1);
    const std::string user(user_and_password.substr(0, user_and_password.find(':')));
    return user + ":" + encode_base64(ByteView(reinterpret_cast<const char*>(hash), hash_size));
}

std::string ip_id(std::string_view address) {
    const std::string_view plain = address.substr(0, address.find('%'));
    in6_addr bytes{};
    if (::inet_pton(AF_INET6, std::string(plain).c_str(), &bytes) != 1) return std::string(address);
    std::string text;
    if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
        for (int i = 12; i < 16; ++i) {
            text += (text.empty() ? "" : ".") + std::to_string(bytes.s6_addr[i]);
        }
        return text;
    }
    for (int i = 0; i < 16; i += 2) {
        const unsigned part = static_cast<unsigned>(bytes.s6_addr[i]) << 8 | bytes.s6_addr[i + 1];
        text += fmt::format("{}{:x}", text.empty() ? "" : ":", part);
    }
    return text.append(address.substr(plain.size()));
}

}  // namespace zk::tree
