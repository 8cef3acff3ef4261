#include "tree/path.h"

#include <cstdio>

#include "base/check.h"

namespace zk::tree {
namespace {

// The next code point at `position`, which moves behind it; -1 for bytes that are no UTF-8 or lie
// beyond U+FFFF (Java sees those as surrogates, which no path may have).
std::int32_t next_code_point(std::string_view text, std::size_t& position) {
    const auto byte = [&text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const auto continues = [&byte](std::size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
    const unsigned first = byte(position);
    if (first < 0x80U) {
        position += 1;
        return static_cast<std::int32_t>(first);
    }
    if (first >= 0xc2U && first <= 0xdfU && continues(position + 1)) {
        const unsigned code = (first & 0x1fU) << 6 | (byte(position + 1) & 0x3fU);
        position += 2;
        return static_cast<std::int32_t>(code);
    }
    if (first >= 0xe0U && first <= 0xefU && continues(position + 1) && continues(position + 2)) {
        const unsigned code = (first & 0x0fU) << 12 | (byte(position + 1) & 0x3fU) << 6 |
                              (byte(position + 2) & 0x3fU);
        position += 3;
        return code < 0x800U ? -1 : static_cast<std::int32_t>(code);
    }
    return -1;
}

bool is_refused(std::int32_t code) {
    return code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
           code >= 0xfff0;
}

}  // namespace

bool validate_path(std::string_view path) {
    if (path.empty() || path.front() != '/') return false;
    if (path.size() == 1) return true;
    if (path.back() == '/') return false;
    for (std::size_t begin = 1; begin <= path.size();) {
        std::size_t end = path.find('/', begin);
        if (end == std::string_view::npos) end = path.size();
        const std::string_view component = path.substr(begin, end - begin);
        if (component.empty() || component == "." || component == "..") return false;
        begin = end + 1;
    }
    for (std::size_t position = 0; position < path.size();) {
        if (is_refused(next_code_point(path, position))) return false;
    }
    return true;
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    ZK_ASSERT(slash != std::string_view::npos);
    return path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view namespace_of(std::string_view path) {
    if (path.size() < 2) return {};
    return path.substr(1, path.find('/', 1) - 1);
}

std::string_view event_parent_of(std::string_view path) {
    const std::string_view parent = parent_of(path);
    return parent.empty() ? kRootPath : parent;
}

std::string sequence_suffix(std::int32_t raw_cversion) {
    char text[16];
    std::snprintf(text, sizeof text, "%010d", raw_cversion);
    return text;
}

bool is_built_in(std::string_view path) {
    return path == kRootPath || path == kSystemPath || path == kQuotaPath || path == kConfigPath;
}

bool is_outside_digest(std::string_view path) { return path.starts_with("/zookeeper/"); }

}  // namespace zk::tree
