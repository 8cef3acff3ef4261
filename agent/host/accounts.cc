#include "agent_host/accounts.h"

#include <charconv>
#include <string_view>

#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

struct Entry {
    std::string_view name;
    std::uint32_t id = 0;
};

/// Calls `take` with each "name:x:id:..." line until it says stop (true).
template <class Take>
void each_entry(const std::string& path, Take&& take) {
    const auto text = read_file(path);
    if (!text.has_value()) return;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        const std::size_t first = line.find(':');
        if (first == std::string_view::npos) continue;
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        Entry entry;
        entry.name = line.substr(0, first);
        const std::string_view digits = line.substr(second + 1);
        const auto parsed = std::from_chars(digits.begin(), digits.end(), entry.id);
        if (parsed.ec != std::errc()) continue;
        if (take(entry)) return;
    }
}

std::optional<std::uint32_t> id_of(const std::string& path, const std::string& name) {
    std::optional<std::uint32_t> found;
    each_entry(path, [&](const Entry& entry) {
        if (entry.name == name) found = entry.id;
        return found.has_value();
    });
    return found;
}

std::string name_of(const std::string& path, std::uint32_t id) {
    std::string found;
    each_entry(path, [&](const Entry& entry) {
        if (entry.id == id) found = entry.name;
        return !found.empty();
    });
    return found.empty() ? std::to_string(id) : found;
}

/// By name, or the number itself: a container's user need have no name on its host.
std::optional<std::uint32_t> id_or_number(const std::string& path, const std::string& text) {
    if (auto id = id_of(path, text)) return id;
    return parse_number<std::uint32_t>(text);
}

}  // namespace

std::optional<std::uint32_t> user_id(const std::string& name) { return id_of("/etc/passwd", name); }
std::optional<std::uint32_t> group_id(const std::string& name) { return id_of("/etc/group", name); }

std::string owner_name(std::uint32_t uid, std::uint32_t gid) {
    return name_of("/etc/passwd", uid) + ":" + name_of("/etc/group", gid);
}

Result<Owner> resolve_owner(const std::string& owner) {
    Owner result;
    if (owner.empty()) return result;
    const std::size_t colon = owner.find(':');
    const std::string user = owner.substr(0, colon);
    const std::string group = colon == std::string::npos ? user : owner.substr(colon + 1);
    result.uid = id_or_number("/etc/passwd", user);
    if (!result.uid) return Error(Errc::not_found, "there is no user " + user);
    result.gid = id_or_number("/etc/group", group);
    if (!result.gid) return Error(Errc::not_found, "there is no group " + group);
    return result;
}

}  // namespace zk::agent_host
