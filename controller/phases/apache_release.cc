// OpenSSL's low-level function, as in agent_api/digest.cc.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "phases/apache_release.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <openssl/sha.h>

#include "agent_api/digest.h"
#include "tarball/tarball.h"

namespace zk::phases {
namespace {

constexpr std::size_t kDigestDigits = 128;
constexpr std::uintmax_t kDigestFileBytesMax = 64U << 10;

Error wrong(const std::string& path, const std::string& words) {
    return {Errc::invalid, path + ": " + words};
}

/// Nothing: there is no such file.
Result<std::optional<Bytes>> read_whole(const std::string& path, std::uintmax_t bytes_max) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) return std::optional<Bytes>();
    if (error) return wrong(path, "cannot be looked at: " + error.message());
    if (status.type() != std::filesystem::file_type::regular) return wrong(path, "is no file");
    const auto size = std::filesystem::file_size(path, error);
    if (error) return wrong(path, "cannot be looked at: " + error.message());
    if (size > bytes_max) {
        return wrong(path, "is larger than " + std::to_string(bytes_max >> 10U) + " KiB");
    }
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file || (size > 0 && content.str().empty())) return wrong(path, "cannot be read");
    return std::optional<Bytes>(std::move(content).str());
}

std::string sha512_hex(ByteView bytes) {
    unsigned char digest[SHA512_DIGEST_LENGTH];
    SHA512(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text.push_back(kDigits[byte >> 4U]);
        text.push_back(kDigits[byte & 0xfU]);
    }
    return text;
}

Result<> check_digest(const std::string& path,
                      const std::string& found,
                      const std::string& wanted,
                      const std::string& source) {
    if (found == wanted) return ok();
    return wrong(path,
                 "its SHA-512 is " + found.substr(0, 16) + "..., and " + source + " says " +
                     wanted.substr(0, 16) + "...; fetch the release again, and its .sha512");
}

Result<> check_digests(const inventory::ApacheSettings& settings, ByteView content) {
    const std::string beside = settings.tarball + ".sha512";
    ZK_TRY(const auto text, read_whole(beside, kDigestFileBytesMax));
    if (!text && settings.sha512.empty()) return ok();
    const std::string found = sha512_hex(content);
    if (!settings.sha512.empty()) {
        ZK_CHECK(check_digest(settings.tarball, found, settings.sha512, "the inventory"));
    }
    if (!text) return ok();
    const std::string wanted = sha512_in(*text);
    if (wanted.empty()) {
        return wrong(beside, "holds no SHA-512; fetch it again, or remove it");
    }
    return check_digest(settings.tarball, found, wanted, beside);
}

}  // namespace

std::string sha512_in(const std::string& text) {
    std::string rest = text;
    const auto is_blank = [](unsigned char c) { return std::isspace(c) != 0; };
    const std::size_t colon = text.rfind(':');
    if (colon != std::string::npos) {
        rest = text.substr(colon + 1);
        std::erase_if(rest, is_blank);
    } else {
        rest.erase(rest.begin(), std::ranges::find_if_not(rest, is_blank));
        rest.erase(std::ranges::find_if(rest, is_blank), rest.end());
    }
    std::ranges::transform(
        rest, rest.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool good = rest.size() == kDigestDigits &&
                      rest.find_first_not_of("0123456789abcdef") == std::string::npos;
    return good ? rest : std::string();
}

Result<> take_apache_release(const inventory::ApacheSettings& settings, Release& release) {
    const std::string& path = settings.tarball;
    ZK_TRY(auto content, read_whole(path, tarball::Limits().packed_bytes));
    if (!content) {
        return wrong(path,
                     "there is no such file; fetch the release (apache-zookeeper-X-bin.tar.gz) "
                     "with its .sha512, or correct server.tarball in the inventory");
    }
    ZK_CHECK(check_digests(settings, *content));
    const auto contents = tarball::check(*content);
    if (!contents) {
        return wrong(path,
                     contents.error().words +
                         "; give the -bin tarball of a release of Apache ZooKeeper as it was "
                         "published");
    }
    if (inventory::apache_line(contents->version) == nullptr) {
        return wrong(path,
                     "it holds Apache ZooKeeper " + contents->version + "; zkprov knows " +
                         inventory::known_apache_lines());
    }
    release.version = contents->version;
    release.what = "Apache ZooKeeper " + contents->version;
    release.unpacked_bytes = contents->unpacked_bytes;
    release.server.path = path;
    release.server.content = *std::move(content);
    release.server.sha256 = agent_api::sha256_hex(release.server.content);
    return ok();
}

}  // namespace zk::phases
