#include "tree/acl.h"

#include <algorithm>
#include <set>

#include <arpa/inet.h>
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

bool is_authenticated(const jute::AuthId& id) {
    return id.scheme != "ip" && id.scheme != "super" && id.scheme != "world" && id.scheme != "auth";
}

bool is_valid_id(const jute::AuthId& id) {
    if (id.scheme == "world") return id.id == "anyone";
    if (id.scheme == "digest") return is_digest_id(id.id);
    if (id.scheme == "ip") return parse_ip_pattern(id.id).has_value();
    return false;
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
               const std::vector<jute::AuthId>& auth) {
    if (list.empty()) return true;
    for (const jute::AuthId& id : auth) {
        if (id.scheme == "super") return true;
    }
    for (const jute::Acl& entry : list) {
        if ((entry.perms & needed) == 0) continue;
        if (entry.id.scheme == "world" && entry.id.id == "anyone") return true;
        for (const jute::AuthId& id : auth) {
            if (id.scheme != entry.id.scheme) continue;
            if (id.scheme == "ip" ? ip_matches(entry.id.id, id.id) : id.id == entry.id.id)
                return true;
        }
    }
    return false;
}

bool check_acl(const AclRef& list, std::int32_t needed, const std::vector<jute::AuthId>& auth) {
    return list == nullptr || check_acl(*list, needed, auth);
}

std::optional<jute::AclList> fix_up_acl(const jute::AclList& list,
                                        const std::vector<jute::AuthId>& auth) {
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
            if (!is_valid_id(entry.id)) return std::nullopt;
            add(entry.perms, entry.id);
            continue;
        }
        bool expanded = false;
        for (const jute::AuthId& id : auth) {
            if (!is_authenticated(id)) continue;
            add(entry.perms, id);
            expanded = true;
        }
        if (!expanded || bytes > kFixedBytesMax) return std::nullopt;
    }
    return fixed;
}

std::string digest_id(std::string_view user_and_password) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_size = 0;
    const int done = ::EVP_Digest(user_and_password.data(),
                                  user_and_password.size(),
                                  hash,
                                  &hash_size,
                                  ::EVP_sha1(),
                                  nullptr);
    ZK_ASSERT(done == 1);
    const std::string user(user_and_password.substr(0, user_and_password.find(':')));
    return user + ":" + encode_base64(ByteView(reinterpret_cast<const char*>(hash), hash_size));
}

}  // namespace zk::tree
