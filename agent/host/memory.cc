#include "agent_host/memory.h"

#include <algorithm>

#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

constexpr std::size_t kSmallFileMax = 65536;
/// Deeper than any service manager nests them.
constexpr std::size_t kCgroupsMax = 32;

/// The lines of a text, one after the other.
std::optional<std::string_view> next_line(std::string_view& text) {
    if (text.empty()) return std::nullopt;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// "MemTotal:       24684068 kB", behind its name.
std::optional<std::uint64_t> kibibytes(std::string_view text) {
    text = trimmed(text);
    if (!text.ends_with(" kB")) return std::nullopt;
    const auto number = parse_number<std::uint64_t>(trimmed(text.substr(0, text.size() - 3)));
    if (!number || *number > (~0ULL >> 10U)) return std::nullopt;
    return *number << 10U;
}

std::optional<std::uint64_t> number_at(const std::string& path) {
    const auto text = read_file(path, kSmallFileMax);
    if (!text.has_value()) return std::nullopt;
    return parse_number<std::uint64_t>(trimmed(*text));
}

/// Of memory.stat: what the kernel gives up before it ends a process. "file" would count what lies in a tmpfs.
std::optional<std::uint64_t> reclaimable(const std::string& path) {
    const auto text = read_file(path, kSmallFileMax);
    if (!text.has_value()) return std::nullopt;
    std::uint64_t sum = 0;
    std::string_view rest = *text;
    while (const auto line = next_line(rest)) {
        for (const std::string_view name :
             {"inactive_file ", "active_file ", "slab_reclaimable "}) {
            if (!line->starts_with(name)) continue;
            const auto bytes = parse_number<std::uint64_t>(trimmed(line->substr(name.size())));
            sum += bytes.value_or(0);
        }
    }
    return sum;
}

std::optional<MemoryLimit> limit_of(const std::string& root, const std::string& cgroup) {
    const std::string place = root + (cgroup == "/" ? std::string() : cgroup);
    // "max" is no number, and no limit.
    const auto limit = number_at(place + "/memory.max");
    const auto used = number_at(place + "/memory.current");
    const auto back = reclaimable(place + "/memory.stat");
    if (!limit || !used || !back) return std::nullopt;
    return MemoryLimit{cgroup, *limit, *used - std::min(*used, *back)};
}

std::uint64_t left_of(const MemoryLimit& limit) {
    return limit.limit_bytes - std::min(limit.limit_bytes, limit.used_bytes);
}

}  // namespace

HostMemory parse_meminfo(std::string_view text) {
    HostMemory memory;
    while (const auto line = next_line(text)) {
        const std::size_t colon = line->find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line->substr(0, colon);
        if (name == "MemTotal") memory.total_bytes = kibibytes(line->substr(colon + 1));
        if (name == "MemAvailable") memory.available_bytes = kibibytes(line->substr(colon + 1));
    }
    return memory;
}

std::optional<std::uint64_t> parse_stalled_parts(std::string_view text) {
    constexpr std::string_view kField = " avg60=";
    while (const auto line = next_line(text)) {
        if (!line->starts_with("full ")) continue;
        const std::size_t at = line->find(kField);
        if (at == std::string_view::npos) return std::nullopt;
        std::string_view value = line->substr(at + kField.size());
        value = value.substr(0, value.find(' '));
        const std::size_t point = value.find('.');
        if (point == std::string_view::npos || value.size() != point + 3) return std::nullopt;
        const auto whole = parse_number<std::uint64_t>(value.substr(0, point));
        const auto parts = parse_number<std::uint64_t>(value.substr(point + 1));
        if (!whole || !parts || *whole > 100) return std::nullopt;
        return *whole * 100 + *parts;
    }
    return std::nullopt;
}

std::optional<std::string> parse_cgroup(std::string_view text) {
    while (const auto line = next_line(text)) {
        if (!line->starts_with("0::/")) continue;
        const std::string path(line->substr(3));
        // Outside of the namespace of this process it begins with "/..".
        if (path == "/.." || path.starts_with("/../")) return std::nullopt;
        return path;
    }
    return std::nullopt;
}

std::optional<MemoryLimit> tightest_limit(const std::string& root, const std::string& cgroup) {
    std::optional<MemoryLimit> tightest;
    std::string at = cgroup;
    for (std::size_t seen = 0; seen < kCgroupsMax && !at.empty(); ++seen) {
        const auto limit = limit_of(root, at);
        if (limit && (!tightest || left_of(*limit) < left_of(*tightest))) tightest = limit;
        if (at == "/") break;
        at = at.rfind('/') == 0 ? std::string("/") : at.substr(0, at.rfind('/'));
    }
    return tightest;
}

HostMemory read_host_memory(const MemoryPlaces& places) {
    const auto text = read_file(places.proc + "/meminfo", kSmallFileMax);
    return text.has_value() ? parse_meminfo(*text) : HostMemory();
}

std::optional<std::uint64_t> read_stalled_parts(const MemoryPlaces& places) {
    const auto text = read_file(places.proc + "/pressure/memory", kSmallFileMax);
    return text.has_value() ? parse_stalled_parts(*text) : std::nullopt;
}

std::optional<MemoryLimit> read_memory_limit(std::int64_t pid, const MemoryPlaces& places) {
    if (pid <= 0) return std::nullopt;
    const auto text = read_file(places.proc + "/" + std::to_string(pid) + "/cgroup", kSmallFileMax);
    if (!text.has_value()) return std::nullopt;
    const auto cgroup = parse_cgroup(*text);
    return cgroup ? tightest_limit(places.cgroups, *cgroup) : std::nullopt;
}

}  // namespace zk::agent_host
