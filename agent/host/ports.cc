#include "agent_host/ports.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <unistd.h>

#include <arpa/inet.h>

#include "agent_host/posix.h"
#include "agent_host/process.h"

namespace zk::agent_host {
namespace {

constexpr std::string_view kListen = "0A";
constexpr std::size_t kTableBytesMax = 256UL << 20;  // 150 bytes a socket; a busy host has many

/// Addresses in /proc/net are 32-bit words in the machine's own order.
std::string address_text(std::string_view hex) {
    unsigned char raw[16] = {};
    const std::size_t words = hex.size() / 8;
    if (words != 1 && words != 4) return {};
    for (std::size_t i = 0; i < words; ++i) {
        std::uint32_t word = 0;
        std::from_chars(hex.data() + i * 8, hex.data() + i * 8 + 8, word, 16);
        std::memcpy(raw + i * 4, &word, 4);
    }
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(words == 1 ? AF_INET : AF_INET6, raw, text, sizeof text);
    const std::string_view mapped = text;
    return std::string(mapped.starts_with("::ffff:") ? mapped.substr(7) : mapped);
}

/// Cheap: a busy host has many lines, and few of listeners.
bool is_listener(std::string_view line) {
    for (int word = 0; word < 3; ++word) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        line.remove_prefix(std::min(line.find(' '), line.size()));
    }
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line.starts_with(kListen);
}

void parse_table(const std::string& table,
                 const std::vector<std::uint16_t>& ports,
                 std::vector<Listener>& found) {
    std::istringstream lines(table);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
        if (!is_listener(line)) continue;
        std::istringstream words(line);
        std::string slot, local, remote, state, skipped;
        Listener listener;
        words >> slot >> local >> remote >> state;
        for (int i = 0; i < 5; ++i) words >> skipped;
        words >> listener.inode;
        const std::size_t colon = local.find(':');
        if (!words || state != kListen || colon == std::string::npos) continue;
        std::from_chars(local.data() + colon + 1, local.data() + local.size(), listener.port, 16);
        if (std::find(ports.begin(), ports.end(), listener.port) == ports.end()) continue;
        listener.address = address_text(std::string_view(local).substr(0, colon));
        found.push_back(std::move(listener));
    }
}

void look_through(const std::filesystem::path& process, std::vector<Listener>& listeners) {
    std::error_code code;
    const std::string pid_text = process.filename().string();
    for (const auto& entry : std::filesystem::directory_iterator(process / "fd", code)) {
        char target[64] = {};
        const ssize_t size = ::readlink(entry.path().c_str(), target, sizeof target - 1);
        if (size <= 0) continue;
        const std::string_view link(target, static_cast<std::size_t>(size));
        if (!link.starts_with("socket:[")) continue;
        std::uint64_t inode = 0;
        std::from_chars(link.data() + 8, link.data() + link.size(), inode);
        for (Listener& listener : listeners) {
            if (listener.inode != inode || listener.pid != 0) continue;
            std::from_chars(pid_text.data(), pid_text.data() + pid_text.size(), listener.pid);
            if (const auto info = process_info(listener.pid)) listener.program = info->name;
        }
    }
}

}  // namespace

Result<std::vector<Listener>> listeners_on(const std::vector<std::uint16_t>& ports,
                                           std::int64_t expected) {
    std::vector<Listener> found;
    ZK_TRY(const Bytes v4, read_file("/proc/net/tcp", kTableBytesMax));
    parse_table(v4, ports, found);
    if (const auto v6 = read_file("/proc/net/tcp6", kTableBytesMax); v6.has_value())
        parse_table(*v6, ports, found);
    if (expected != 0) look_through("/proc/" + std::to_string(expected), found);
    const auto is_known = [](const Listener& listener) { return listener.pid != 0; };
    if (std::all_of(found.begin(), found.end(), is_known)) return found;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", code)) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos) {
            look_through(entry.path(), found);
        }
    }
    return found;
}

bool is_in_the_way(const Listener& listener, const std::string& address, bool any_address) {
    return any_address || listener.address == "0.0.0.0" || listener.address == "::" ||
           listener.address == address;
}

}  // namespace zk::agent_host
